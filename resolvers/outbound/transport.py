"""The httpx transport of outbound requests: guards where connections go (SSRF) and how much they may use.

httpcore, below httpx, keeps the pool of connections and speaks TLS and HTTP. It asks its network backend for
each new connection. The backend here resolves the host, judges every address, and connects to a judged one:
nothing resolves the name a second time, so that DNS rebinding gains nothing. The name is still what TLS
verifies and what the field Host says. A redirect to another host needs another connection, which is judged in
the same way, whoever follows the redirect.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpcore
import httpx

from resolvers.errors import Upstream
from resolvers.outbound.destinations import Destinations

KEEP_ALIVE_S = 5.0
"""How long an idle connection is kept, as in httpx: shorter than what servers usually wait."""

DEADLINE = "deadline"
"""The request extension that says when its time ends, on the clock of the event loop."""

_REPEATABLE = frozenset({"GET", "HEAD"})
_LOST = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one client may use.

    `time_s` bounds one request as a whole: waiting for a connection, sending the body, redirects, and reading
    the response to its end. `response_bytes` bounds the body of a response, as it is transferred. `redirects`
    is how many are followed, `connections` how many are open at once; further requests wait for one.
    """

    time_s: float = 10.0
    response_bytes: int = 1 << 20
    redirects: int = 3
    connections: int = 4


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over pooled connections that go only to allowed destinations. Close it after use.

    Bodies are streamed in both directions. Proxies of the environment are not used: they would resolve names
    again. Raises, when sending and when the response is read, `Invalid` for a host that may not be asked, and
    `Upstream` for a server that cannot be reached, is slow, or sends too much. Errors of the request's own
    body are raised as they are.
    """

    def __init__(self, destinations: Destinations, limits: Limits, tls: ssl.SSLContext) -> None:
        self._limits = limits
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.connections,
            max_keepalive_connections=limits.connections,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=_GuardedBackend(destinations),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Its body has been sent and the head of the response read when this returns."""
        deadline = request.extensions.get(DEADLINE)
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self._limits.time_s
        exchange = _Exchange(request.url.raw_host.decode(), deadline, self._limits)
        body = _RequestBody(request)
        with exchange.errors(body):
            async with asyncio.timeout_at(deadline):
                response = await self._send(request, body)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseBody(response, exchange),
            extensions=response.extensions,
        )

    async def _send(self, request: httpx.Request, body: "_RequestBody") -> httpcore.Response:
        """Send a request, again if it was lost on a reused connection, which the server may close anytime.

        Only requests that change nothing are sent again (RFC 9110 section 9.2.2), and not streamed bodies.
        """
        is_repeatable = request.method in _REPEATABLE and isinstance(request.stream, httpx.ByteStream)
        connects = 0

        async def trace(event: str, _: Any) -> None:
            nonlocal connects
            connects += event == "connection.connect_tcp.started"

        while True:
            before = connects
            sent = httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=body,
                extensions=request.extensions | {"trace": trace},
            )
            try:
                return await self._pool.handle_async_request(sent)
            except _LOST:
                if connects > before or not is_repeatable:
                    raise

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for the pool, to judged addresses only. Raises `Invalid` for others."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the signature is the library's)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that answers."""
        try:
            addresses = await self._destinations.resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError("The host has no address.")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await self._sockets.sleep(seconds)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request and its response: the server, the end of their time, and what they may use."""

    server: str
    deadline: float
    limits: Limits

    @contextmanager
    def errors(self, body: "_RequestBody | None" = None) -> Iterator[None]:
        """Raise failures of the connection as `Upstream`; those of the request's body as they are."""
        try:
            yield
        except _FAILURES as error:
            if body is not None and error is body.failure:
                raise
            if isinstance(error, TimeoutError):
                raise Upstream(
                    f"{self.server} did not answer within {self.limits.time_s:g} seconds."
                ) from error
            raise Upstream(f"{self.server} cannot be reached.") from error


class _RequestBody:
    """The body of a request, piece by piece. `failure` is what the caller's iterator raised."""

    def __init__(self, request: httpx.Request) -> None:
        # The library makes asynchronous streams of bytes and of asynchronous iterators.
        self._pieces = cast(httpx.AsyncByteStream, request.stream)
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except Exception as error:
            self.failure = error
            raise


class _ResponseBody(httpx.AsyncByteStream):
    """The body of a response, counted, within the time of its exchange."""

    def __init__(self, response: httpcore.Response, exchange: _Exchange) -> None:
        self._response = response
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._response.aiter_stream()
        size = 0
        while True:
            with self._exchange.errors():
                async with asyncio.timeout_at(self._exchange.deadline):
                    piece = await anext(pieces, None)
            if piece is None:
                return
            size += len(piece)
            if size > self._exchange.limits.response_bytes:
                raise Upstream(
                    f"{self._exchange.server} answered more than"
                    f" {self._exchange.limits.response_bytes} bytes."
                )
            yield piece

    async def aclose(self) -> None:
        """Give the connection back; one whose response was not read to its end is closed."""
        await self._response.aclose()
