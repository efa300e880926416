"""A client of another registry: what it has, by the OCI Distribution API, without writing there.

    async with open_registry(outbound, parse_location("quay.io/team/app")) as registry:
        found = await registry.manifest("team/app", "latest")
        async with aclosing(registry.blob("team/app", digest, size=size)) as pieces:
            async for piece in pieces: ...

Everything is bounded (`RegistryLimits`), every address is judged by the guard of outbound requests, and what
comes is checked: digests, sizes, forms. Failures are `UpstreamFailure`, by kind. Blobs are never held in
memory. One client is for one registry and one account; it may be used by many tasks at once.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from resolvers.manifests.document import MANIFEST_MEDIA_TYPES, OCI_INDEX
from resolvers.names import REPOSITORY, TAG
from resolvers.outbound.client import Answer, Outbound
from resolvers.outbound.proxies import DIRECT, Proxies
from resolvers.outbound.tls import VERIFIED, Tls
from resolvers.outbound.transport import Limits
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.blob import Transfer
from resolvers.upstreams.errors import UpstreamInvalid, UpstreamRefused, UpstreamUnknown
from resolvers.upstreams.limits import DEFAULT, RegistryLimits
from resolvers.upstreams.links import next_page
from resolvers.upstreams.location import Location
from resolvers.upstreams.memory import memory_of
from resolvers.upstreams.pace import CLOCK, Clock
from resolvers.upstreams.session import Session, Wanted
from storage.blobs.base import DigestInvalid
from storage.blobs.digest import Hasher, parse_digest

ACCEPT = ", ".join(sorted(MANIFEST_MEDIA_TYPES))
"""Every form of manifest that is stored. A registry converts to an old one for who asks for less."""

TAGS_PER_PAGE = 1000
_SPARE_CONNECTIONS = 2
"""Connections beyond the requests under way: for tokens, and for the end of redirects."""


class Access(StrEnum):
    """How a registry received a request for its API version."""

    OPEN = "OPEN"
    """It answered, with the credentials if there are any."""

    CHALLENGED = "CHALLENGED"
    """There are no credentials, and it asks for some, or for a token: what is public may still be read."""


@dataclass(frozen=True, slots=True)
class UpstreamManifest:
    """A manifest as it came. Its digest is computed, by the algorithm that was asked or told."""

    digest: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """What a registry says of a manifest without sending it."""

    digest: str
    media_type: str
    size: int | None


@dataclass(frozen=True, slots=True)
class UpstreamReferrer:
    """A manifest that refers to another one."""

    digest: str
    media_type: str
    size: int
    artifact_type: str | None


@asynccontextmanager
async def open_registry(
    outbound: Outbound,
    location: Location,
    *,
    credentials: Credentials | None = None,
    tls: Tls = VERIFIED,
    proxy: Proxies = DIRECT,
    limits: RegistryLimits = DEFAULT,
    clock: Clock = CLOCK,
) -> AsyncIterator["Registry"]:
    """A client of the registry of a location, closed at the end. Nothing is asked yet.

    Clients with the same account share what the registry told: its tokens, and when it wants no requests.

    If certificates are not verified, and the registry does not speak TLS, it is asked by plain HTTP, as other
    tools do. Raises `Invalid` for `tls` with authorities that are no certificates.
    """
    connections = Limits(connections=limits.at_once + _SPARE_CONNECTIONS)
    async with outbound.client(connections, tls=tls, proxies=proxy) as client:
        may_fall_back = location.scheme == "https" and not tls.verify
        yield Registry(
            Session(
                client,
                location,
                credentials,
                limits,
                clock=clock,
                memory=memory_of(outbound, (location.url, credentials, tls, proxy, clock)),
                may_fall_back=may_fall_back,
            )
        )


class Registry:
    """One registry. Names are those of its repositories in full (`Location.name`)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._without_referrers: set[str] = set()

    @property
    def location(self) -> Location:
        """The registry, with the path for which it was opened."""
        return self._session.location

    @property
    def session(self) -> Session:
        """By which it is asked, for what else it has beside content."""
        return self._session

    async def ping(self) -> Access:
        """Ask whether the registry is one, and whether it accepts the credentials.

        Raises `UpstreamRefused` if not.
        """
        try:
            await self._session.ask(Wanted("/v2/", bare=self._session.is_anonymous))
        except UpstreamRefused as refused:
            if self._session.is_anonymous and refused.status == 401:
                return Access.CHALLENGED
            raise
        return Access.OPEN

    async def tags(self, name: str) -> AsyncIterator[list[str]]:
        """The tags of a repository, page by page, in the order of the registry."""
        wanted = Wanted(f"/v2/{_repository(name)}/tags/list?n={TAGS_PER_PAGE}", scope=_scope(name))
        async for answer in self.pages(wanted, self._session.limits.list_bytes):
            found = self.parsed(answer).get("tags") or []
            if not isinstance(found, list) or not all(
                isinstance(tag, str) and TAG.fullmatch(tag) for tag in found
            ):
                raise self.nonsense(f"the tags of {name}")
            if found:
                yield found

    async def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """The digest of a manifest, by tag or digest. Raises `UpstreamUnknown`.

        Registries that count pulls do not count this. One that does not tell the digest is asked for all.
        """
        try:
            answer = await self._session.ask(self._manifest(name, reference, "HEAD"))
        except UpstreamInvalid as failure:
            if failure.status != 405:
                raise
            return await self._whole_head(name, reference)
        digest = answer.headers.get("docker-content-digest", "")
        if not _is_digest(digest):
            return await self._whole_head(name, reference)
        if _is_digest(reference) and digest != reference:
            raise self.nonsense(f"another digest than that of the manifest {reference}")
        length = answer.headers.get("content-length", "")
        return ManifestHead(digest, _media_type(answer), int(length) if length.isdigit() else None)

    async def _whole_head(self, name: str, reference: str) -> ManifestHead:
        found = await self.manifest(name, reference)
        return ManifestHead(found.digest, found.media_type, len(found.body))

    async def manifest(self, name: str, reference: str) -> UpstreamManifest:
        """A manifest, by tag or digest, with its bytes as they came. Raises `UpstreamUnknown`."""
        wanted = self._manifest(name, reference, "GET")
        answer = await self._session.ask(wanted, max_bytes=self._session.limits.manifest_bytes)
        told = answer.headers.get("docker-content-digest", "")
        expected = [digest for digest in (reference, told) if _is_digest(digest)]
        for digest in expected:
            if _digest(answer.body, digest) != digest:
                raise self.nonsense(f"bytes with another digest than that of the manifest {digest}")
        digest = expected[0] if expected else _digest(answer.body, "sha256:")
        return UpstreamManifest(digest, _media_type(answer) or self._said_type(answer), answer.body)

    def blob(
        self,
        name: str,
        digest: str,
        *,
        size: int | None = None,
        start: int = 0,
        hasher: Hasher | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a blob from `start` on, in pieces; close the iterator if it is not read to its end.

        A connection that breaks is followed by another, from the byte that is wanted next. Size and digest
        are checked, the digest only after the last piece: nothing may count before. With a `start` it is
        checked if `hasher` has the bytes before, and is otherwise left to the caller.
        """
        path = f"/v2/{_repository(name)}/blobs/{_named(digest)}"
        if hasher is None and start == 0:
            hasher = Hasher(digest.partition(":")[0])
        transfer = Transfer(
            self._session,
            path,
            _scope(name),
            digest=digest,
            size=size,
            start=start,
            hasher=hasher,
        )
        return transfer.pieces()

    async def referrers(
        self, name: str, digest: str, *, tags: Container[str] | None = None
    ) -> list[UpstreamReferrer]:
        """The manifests that refer to one; for registries that do not know by the tag schema.

        `tags` are those of the repository, if they are known: they spare a registry without an API of
        referrers, which is asked for it once, requests for tags that are not there.

        Source: OCI Distribution 1.1, "Listing Referrers" and "Referrers Tag Schema".
        """
        wanted = Wanted(
            f"/v2/{_repository(name)}/referrers/{_named(digest)}", accept=OCI_INDEX, scope=_scope(name)
        )
        found: dict[str, UpstreamReferrer] = {}
        if name in self._without_referrers:
            return list((await self._tagged_referrers(name, digest, tags)).values())
        async for answer in self.pages(wanted, self._session.limits.manifest_bytes, missing=True):
            if answer.status == 404 or _media_type(answer) != OCI_INDEX:
                self._without_referrers.add(name)
                return list((await self._tagged_referrers(name, digest, tags)).values())
            found |= self._referrers(self.parsed(answer))
        return list(found.values())

    async def _tagged_referrers(
        self, name: str, digest: str, tags: Container[str] | None
    ) -> dict[str, UpstreamReferrer]:
        if tags is not None and _referrers_tag(digest) not in tags:
            return {}
        try:
            tagged = await self.manifest(name, _referrers_tag(digest))
        except UpstreamUnknown:
            return {}
        if tagged.media_type != OCI_INDEX:
            return {}
        return self._referrers(self._parsed(tagged.body))

    def _referrers(self, index: dict[str, Any]) -> dict[str, UpstreamReferrer]:
        """The entries of an index of referrers, by digest."""
        found = {}
        try:
            for entry in index.get("manifests") or []:
                parse_digest(entry["digest"])
                artifact_type = entry.get("artifactType")
                found[entry["digest"]] = UpstreamReferrer(
                    entry["digest"],
                    str(entry["mediaType"]),
                    int(entry["size"]),
                    None if artifact_type is None else str(artifact_type),
                )
        except (DigestInvalid, LookupError, TypeError, ValueError, AttributeError) as error:
            raise self.nonsense("an index that is none") from error
        return found

    async def pages(self, wanted: Wanted, max_bytes: int, *, missing: bool = False) -> AsyncIterator[Answer]:
        """The answers of a list, as their links lead on."""
        path: str | None = wanted.path
        seen: set[str] = set()
        while path is not None:
            if path in seen or len(seen) >= self._session.limits.pages:
                raise self.nonsense("a list without an end")
            seen.add(path)
            page = replace(wanted, path=path)
            answer = await self._session.ask(page, max_bytes=max_bytes, missing=missing)
            yield answer
            path = next_page(answer.headers.get("link", ""), path, self._session.location.url)

    @staticmethod
    def _manifest(name: str, reference: str, method: str) -> Wanted:
        path = f"/v2/{_repository(name)}/manifests/{_named(reference)}"
        return Wanted(path, method=method, accept=ACCEPT, scope=_scope(name))

    def _said_type(self, answer: Answer) -> str:
        """The media type that a manifest says it has, where the answer does not."""
        return str(self._parsed(answer.body).get("mediaType") or "")

    def parsed(self, answer: Answer) -> dict[str, Any]:
        """The JSON object of an answer. Raises `UpstreamInvalid`."""
        return self._parsed(answer.body)

    def _parsed(self, body: bytes) -> dict[str, Any]:
        try:
            value = orjson.loads(body)
        except ValueError as error:
            raise self.nonsense("what is no JSON") from error
        if not isinstance(value, dict):
            raise self.nonsense("what is no JSON object")
        return value

    def nonsense(self, what: str) -> UpstreamInvalid:
        """The error for an answer that cannot be right."""
        return UpstreamInvalid(f"{self._session.server} answered {what}.")


def _repository(name: str) -> str:
    """The name of a repository as a part of a path. Raises `UpstreamUnknown` for what cannot be one."""
    if not REPOSITORY.fullmatch(name):
        raise UpstreamUnknown(f"No repository can be called {name[:255]!r}.")
    return name


def _named(reference: str) -> str:
    """A tag or a digest as a part of a path. Raises `UpstreamUnknown` for what cannot be one."""
    if not (TAG.fullmatch(reference) or _is_digest(reference)):
        raise UpstreamUnknown(f"Neither a tag nor a digest can be {reference[:255]!r}.")
    return reference


def _scope(name: str) -> str:
    return f"repository:{name}:pull"


def _referrers_tag(digest: str) -> str:
    """The tag below which clients keep the index of referrers where a registry does not."""
    algorithm, _, hexadecimal = digest.partition(":")
    return f"{algorithm[:32]}-{hexadecimal[:64]}"


def _media_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_digest(text: str) -> bool:
    try:
        parse_digest(text)
    except DigestInvalid:
        return False
    return True


def _digest(body: bytes, like: str) -> str:
    """The digest of bytes by the algorithm of another digest."""
    hasher = Hasher(like.partition(":")[0])
    hasher.update(body)
    return hasher.digest
