"""Client of this registry's own `/v2`, by which builds fetch base images and push what they made.

A build uses the same door as everybody: rights, quotas, immutability, events and counters are those of `/v2`.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

import orjson

from quayside.builds.layout import Layout
from resolvers.attestations.referrer import Referrer
from resolvers.builds.builder import BuildFailed
from resolvers.errors import QuaysideError
from resolvers.manifests.document import MANIFEST_MEDIA_TYPES
from resolvers.outbound.client import Answer, Client, Outbound
from resolvers.outbound.transport import Limits
from resolvers.upstreams.registry import UpstreamManifest

ACCEPT = ", ".join(sorted(MANIFEST_MEDIA_TYPES))
LIMITS = Limits(time_s=6 * 3600, stall_s=60, response_bytes=8 * 1024 * 1024)

TOKEN_S: Final = 60.0
"""How long a token is used before another is asked for, which looks at rights anew."""

Token = Callable[[], Awaitable[str]]


class Refused(BuildFailed):
    """The registry would not do what it was asked, and has not done it."""

    is_final = True


class OwnRegistry:
    """One repository of this registry, with the right to what its tokens grant."""

    def __init__(self, client: Client, url: str, path: str, token: Token) -> None:
        self._client = client
        self._base = f"{url}/v2/{quote(path)}"
        self._path = path
        self._renew = token
        self._current: tuple[float, str] | None = None

    async def _token(self) -> str:
        """A token, which serves for some requests: to make one takes longer than most of them."""
        now = time.monotonic()
        if self._current is None or now - self._current[0] > TOKEN_S:
            self._current = now, await self._renew()
        return self._current[1]

    async def manifest(self, name: str, reference: str) -> UpstreamManifest:
        """A manifest of the repository, whose `name` is known. Raises `BuildFailed`."""
        del name
        answer = await self._ask("GET", f"/manifests/{reference}", {"Accept": ACCEPT}, {200})
        headers = answer.headers
        digest = headers.get("docker-content-digest", reference)
        return UpstreamManifest(digest, headers.get("content-type", ""), answer.body)

    async def blob(self, name: str, digest: str, *, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of a blob, in pieces. Whoever reads them checks the digest."""
        del name
        headers = {"Authorization": f"Bearer {await self._token()}"}
        limits = Limits(time_s=LIMITS.time_s, stall_s=LIMITS.stall_s, response_bytes=size or 2**50)
        url = f"{self._base}/blobs/{digest}"
        async with self._client.stream("GET", url, headers=headers, limits=limits) as answer:
            if answer.status != 200:
                raise BuildFailed(f"The registry answered {answer.status} for a layer of {self._path}.")
            async for piece in answer.pieces:
                yield piece

    async def push(self, layout: Layout, tags: Sequence[str], referrers: Sequence[Referrer]) -> None:
        """Push the image of a layout with what refers to it, and set tags to it at once.

        Referrers come first: no tag ever stands for an image that lacks one. Where the registry refuses the
        image they are deleted, but not where no answer came, since it may have taken it. Raises
        `BuildFailed`.
        """
        for descriptor in layout.blobs():
            digest = descriptor["digest"]
            await self._push_blob(digest, descriptor["size"], layout.read(digest))
        query = "&".join(f"tag={quote(tag)}" for tag in tags)
        attached = list[Referrer]()
        try:
            for each in referrers:
                await self.attach(each)
                attached.append(each)
            await self._put(f"{layout.digest}?{query}", layout.media_type, layout.body)
        except Refused:
            for each in attached:
                with contextlib.suppress(BuildFailed):
                    await self._ask("DELETE", f"/manifests/{each.digest}", {}, {202})
            raise

    async def attach(self, referrer: Referrer) -> None:
        """Push what refers to an image, which need not be there yet. Raises `BuildFailed`."""
        for digest, content in referrer.blobs.items():
            await self._push_blob(digest, len(content), content)
        await self._put(referrer.digest, referrer.media_type, referrer.body)

    async def _put(self, reference: str, media_type: str, body: bytes) -> None:
        await self._ask("PUT", f"/manifests/{reference}", {"Content-Type": media_type}, {201}, content=body)

    async def _push_blob(self, digest: str, size: int, content: bytes | AsyncIterator[bytes]) -> None:
        found = await self._ask("HEAD", f"/blobs/{digest}", {}, {200, 404})
        if found.status == 200:
            return
        await self._ask(
            "POST",
            f"/blobs/uploads/?digest={quote(digest)}",
            {"Content-Length": str(size), "Content-Type": "application/octet-stream"},
            {201},
            content=content,
        )

    async def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        expected: set[int],
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> Answer:
        url = self._base + path
        headers = headers | {"Authorization": f"Bearer {await self._token()}"}
        try:
            answer = await self._client.request(method, url, headers=headers, content=content)
        except QuaysideError as error:
            raise BuildFailed(f"The registry could not be asked: {error.message}") from error
        if answer.status not in expected:
            failure = Refused if 400 <= answer.status < 500 else BuildFailed
            raise failure(f"The registry answered {answer.status} for {self._path}: {_said(answer)}")
        return answer


def _said(answer: Answer) -> str:
    """The sentences of an answer's errors, as the protocol has them."""
    try:
        errors = orjson.loads(answer.body)["errors"]
        return " ".join(str(error.get("message") or error["code"]) for error in errors)[:500]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no reason was given."


@asynccontextmanager
async def open_own(url: str, path: str, token: Token) -> AsyncIterator[OwnRegistry]:
    """A client of a repository at the address of this registry, which the operator named or is our own."""
    host = urlsplit(url).hostname or ""
    async with _outbound(host).client(LIMITS) as client:
        yield OwnRegistry(client, url, path, token)


@lru_cache(maxsize=4)
def _outbound(host: str) -> Outbound:
    """What may ask a host. It is kept, since it has read the certificates of all authorities."""
    return Outbound([host])
