"""Requests to one registry: authorized, at its pace, and sent again when that may help."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Answer, Client, Stream
from resolvers.outbound.transport import Limits, Untrusted
from resolvers.outbound.urls import origin_of, server_of
from resolvers.upstreams.authorization import Authorization, Credentials
from resolvers.upstreams.errors import (
    UpstreamFailure,
    UpstreamInvalid,
    UpstreamLimited,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamUnknown,
    saying,
)
from resolvers.upstreams.limits import MIB, RegistryLimits
from resolvers.upstreams.location import Location
from resolvers.upstreams.memory import Memory
from resolvers.upstreams.pace import Clock, Pace, parse_retry_after

REDIRECTS = 5
"""How many are followed: from the registry to its store, and perhaps on to a network of caches."""

_KINDS: Mapping[int, type[UpstreamFailure]] = {
    401: UpstreamRefused,
    403: UpstreamRefused,
    404: UpstreamUnknown,
    410: UpstreamUnknown,
}

_ERROR_BYTES = 1 << 16
_SCHEME_S = 600.0
"""How long it is remembered that a registry does not speak TLS."""
_USER_AGENT = "quayside"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request: a path of the API, what is accepted, and the scope that a token for it must have.

    One that is `bare` shows neither token nor password, whatever the registry wants. `header` is shown
    instead of a token, at paths that belong to no API of registries and ask for nothing.
    """

    path: str
    method: str = "GET"
    accept: str = "*/*"
    scope: str = ""
    first_byte: int = 0
    bare: bool = False
    header: str | None = field(default=None, repr=False)


class Session:
    """The connections to one registry, with what it was told and has asked for."""

    def __init__(
        self,
        client: Client,
        location: Location,
        credentials: Credentials | None,
        limits: RegistryLimits,
        *,
        clock: Clock,
        memory: Memory,
        may_fall_back: bool,
    ) -> None:
        self.location = location
        self.limits = limits
        self.pace = Pace(limits, clock, memory)
        self.server = server_of(location.url)
        self._client = client
        self._url = location.url
        self._credentials = credentials
        self.clock = clock
        self._memory = memory
        self._authorization: Authorization | None = None
        self._beginning = asyncio.Lock()
        self._may_fall_back = may_fall_back
        self._short = Limits(
            time_s=limits.request_s,
            stall_s=limits.stall_s,
            response_bytes=max(limits.list_bytes, limits.manifest_bytes),
            redirects=REDIRECTS,
        )

    @property
    def is_anonymous(self) -> bool:
        """Whether there are no credentials."""
        return self._credentials is None

    @property
    def credentials(self) -> Credentials | None:
        """The account in whose name the registry is asked."""
        return self._credentials

    async def ask(self, wanted: Wanted, *, max_bytes: int = MIB, missing: bool = False) -> Answer:
        """The whole answer to a request. Raises `UpstreamFailure`; `missing` lets a 404 through."""
        async with self.pace.turn():
            tried = 0
            while True:
                tried += 1
                try:
                    return await self._ask_once(wanted, max_bytes, missing)
                except (UpstreamLimited, UpstreamUnavailable) as failure:
                    await self.before_next(tried, failure)

    async def _ask_once(self, wanted: Wanted, max_bytes: int, missing: bool) -> Answer:
        async with self.opened(wanted, self._short, missing=missing) as response:
            return Answer(
                response.status, response.headers, await self._read(response, max_bytes), response.url
            )

    async def _read(self, response: Stream, max_bytes: int) -> bytes:
        pieces, size = [], 0
        async with aclosing(self.pieces(response)) as coming:
            async for piece in coming:
                size += len(piece)
                if size > max_bytes:
                    raise UpstreamInvalid(f"{self.server} answered more than {max_bytes} bytes.")
                pieces.append(piece)
        return b"".join(pieces)

    async def pieces(self, response: Stream) -> AsyncGenerator[bytes, None]:
        """The body of an answer. Raises `UpstreamUnavailable` when it breaks off."""
        try:
            async for piece in response.pieces:
                yield piece
        except Upstream as error:
            raise UpstreamUnavailable(error.message) from error

    async def before_next(self, tried: int, failure: UpstreamFailure) -> None:
        """Wait before a request is sent again. Raises the failure if it was sent often enough.

        What one request is told to wait, all wait.
        """
        wanted_s = failure.retry_after_s or None  # Who says "at once" is not asked all the more.
        if wanted_s is None and isinstance(failure, UpstreamLimited):
            wanted_s = self.pace.delay(tried)
        if wanted_s is not None:
            self.pace.hold(wanted_s)
        is_last = tried >= self.limits.tries or isinstance(failure.__cause__, Untrusted)
        if is_last or (wanted_s or 0) > self.limits.wait_s:
            raise failure
        if wanted_s is None:
            await self.pace.back_off(tried)

    @asynccontextmanager
    async def opened(self, wanted: Wanted, limits: Limits, *, missing: bool = False) -> AsyncIterator[Stream]:
        """The answer to a request that is sent once, and a second time if it wants a (new) token.

        Raises `UpstreamFailure` for any other than a good one; `missing` lets a 404 through.
        """
        async with AsyncExitStack() as stack:
            # What is done with the answer raises as it is, so that it stays out of the block that translates.
            yield await self._open(stack, wanted, limits, missing)

    async def _open(self, stack: AsyncExitStack, wanted: Wanted, limits: Limits, missing: bool) -> Stream:
        await self._wait()
        authorization = await self._authorized()
        is_asked = not wanted.bare and wanted.header is None
        header = await authorization.header(wanted.scope) if is_asked else wanted.header
        response = await self._send(stack, wanted, limits, header)
        if response.status == 401 and is_asked and self._is_registry(response.url):
            body = await self._error_body(response)
            await stack.aclose()
            shown = await authorization.answer(
                response.headers.get("www-authenticate", ""), wanted.scope, header
            )
            if shown is None:
                raise self._failure(response, body)
            response = await self._send(stack, wanted, limits, shown)
        if response.status in {200, 206} or (missing and response.status == 404):
            return response
        raise self._failure(response, await self._error_body(response))

    def _is_registry(self, url: str) -> bool:
        """Whether an answer is the registry's own: another server, where it led, has nothing to ask for."""
        return origin_of(urlsplit(url)) == origin_of(urlsplit(self._url))

    async def _send(
        self, stack: AsyncExitStack, wanted: Wanted, limits: Limits, header: str | None
    ) -> Stream:
        headers = {"Accept": wanted.accept, "User-Agent": _USER_AGENT}
        if wanted.first_byte:
            headers["Range"] = f"bytes={wanted.first_byte}-"
        if header is not None:
            headers["Authorization"] = header
        return await self._request(stack, wanted.method, self._url + wanted.path, headers, limits)

    async def _request(
        self, stack: AsyncExitStack, method: str, url: str, headers: Mapping[str, str], limits: Limits
    ) -> Stream:
        """The head of an answer, redirects followed, whatever its status. The stack closes it."""
        try:
            return await stack.enter_async_context(
                self._client.stream(method, url, headers=headers, limits=limits)
            )
        except Invalid as error:
            raise UpstreamInvalid(error.message) from error
        except Upstream as error:
            raise UpstreamUnavailable(error.message) from error

    async def _wait(self) -> None:
        left_s = await self.pace.wait()
        if left_s:
            raise UpstreamLimited(
                f"{self.server} wants no request for another {left_s:.0f} seconds.", retry_after_s=left_s
            )

    async def _authorized(self) -> Authorization:
        """What is known of the registry's authorization, once it is known how it is asked at all.

        A registry whose certificate is not verified may be one without TLS.
        """
        async with self._beginning:
            if self._authorization is None:
                if self._may_fall_back:
                    await self._choose_scheme()
                self._authorization = Authorization(
                    self._url,
                    self._credentials,
                    self._fetch_token,
                    clock=self.clock,
                    memory=self._memory,
                )
            return self._authorization

    async def _choose_scheme(self) -> None:
        if self._memory.url_until > self.clock.now():
            self._url = self._memory.url
            return
        try:
            await self._probe(self._url)
        except UpstreamUnavailable as unavailable:
            plain = self._url.replace("https:", "http:", 1)
            try:
                await self._probe(plain)
            except UpstreamFailure:
                raise unavailable from None
            self._url = plain
        self._memory.url, self._memory.url_until = self._url, self.clock.now() + _SCHEME_S

    async def _probe(self, url: str) -> None:
        async with AsyncExitStack() as stack:
            headers = {"User-Agent": _USER_AGENT}
            # Reading the answer leaves the connection for the next request.
            await self._error_body(await self._request(stack, "GET", f"{url}/v2/", headers, self._short))

    async def _fetch_token(self, url: str, headers: Mapping[str, str]) -> bytes:
        """What a realm answers. It may be another server, but its failures are those of the registry."""
        async with AsyncExitStack() as stack:
            response = await self._request(
                stack, "GET", url, {**headers, "User-Agent": _USER_AGENT}, self._short
            )
            if response.status != 200:
                failure = self._failure(response, await self._error_body(response))
                if isinstance(failure, UpstreamRefused) and response.status == 401:
                    failure.is_of_login = self._credentials is not None
                raise failure
            return await self._read(response, _ERROR_BYTES)

    async def _error_body(self, response: Stream) -> bytes:
        """The beginning of what a registry says of a failure."""
        body = b""
        try:
            async with aclosing(self.pieces(response)) as coming:
                async for piece in coming:
                    body += piece
                    if len(body) > _ERROR_BYTES:
                        break
        except UpstreamUnavailable:
            return b""
        return body

    @staticmethod
    def _failure(response: Stream, body: bytes) -> UpstreamFailure:
        """The error for a status."""
        status = response.status
        said = f"{server_of(response.url)} answered {status}{saying(body)}"
        retry_after_s = parse_retry_after(response.headers.get("retry-after"))
        if status == 429:
            return UpstreamLimited(said, status=status, retry_after_s=retry_after_s)
        if status >= 500 or status in {408, 425}:
            return UpstreamUnavailable(said, status=status, retry_after_s=retry_after_s)
        return _KINDS.get(status, UpstreamInvalid)(said, status=status)
