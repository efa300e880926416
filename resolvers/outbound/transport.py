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
from resolvers.outbound.proxies import DIRECT, Proxies, Proxy

KEEP_ALIVE_S = 5.0
"""How long an idle connection is kept, as in httpx: shorter than what servers usually wait."""

DEADLINE = "deadline"
"""The request extension that says when its time ends, on the clock of the event loop."""

LIMITS = "limits"
"""The request extension with limits of its own; those of the client hold without it."""

_REPEATABLE = frozenset({"GET", "HEAD"})
_LOST = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one client may use.

    `time_s` bounds one request as a whole: waiting for a connection, sending the body, redirects, and reading
    the response to its end. `stall_s` bounds each wait within it: for the head of the response, and for each
    piece of its body, so that a long transfer may take its time but not fall silent. `response_bytes` bounds
    the body of a response, as it is transferred. `redirects` is how many are followed, `connections` how many
    are open at once; further requests wait for one.
    """

    time_s: float = 10.0
    stall_s: float | None = None
    response_bytes: int = 1 << 20
    redirects: int = 3
    connections: int = 4


class Untrusted(Upstream):
    """The server shows a certificate that is not trusted, or gives up TLS: asking again is no use."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over pooled connections that go only to allowed destinations. Close it after use.

    Bodies are streamed in both directions. Proxies of the environment are not used: they would resolve names
    again. A proxy that the use names is judged like any other host, and so is what is asked through it, as
    far as this machine can tell. Raises, when sending and when the response is read, `Invalid` for a host
    that may not be asked, and `Upstream` for a server that cannot be reached, is slow, or sends too much.
    Errors of the request's own body are raised as they are.
    """

    def __init__(
        self,
        destinations: Destinations,
        limits: Limits,
        tls: ssl.SSLContext,
        *,
        proxies: Proxies = DIRECT,
        proxy_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._destinations = destinations
        self._limits = limits
        self._tls = tls
        self._proxies = proxies
        self._proxy_tls = proxy_tls or tls
        self._pools: dict[Proxy | None, httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Its body has been sent and the head of the response read when this returns."""
        limits = request.extensions.get(LIMITS, self._limits)
        deadline = request.extensions.get(DEADLINE)
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + limits.time_s
        proxy = self._proxies.proxy_for(str(request.url))
        has_tls_proxy = proxy is not None and proxy.has_tls
        exchange = _Exchange(request.url.raw_host.decode(), deadline, limits, has_tls_proxy)
        body = _RequestBody(request)
        with exchange.errors(body):
            async with exchange.waiting():
                if proxy is not None:
                    await self._destinations.judge_behind_proxy(exchange.server, request.url.port or 443)
                response = await self._send(request, body, self._pool(proxy))
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseBody(response, exchange),
            extensions=response.extensions,
        )

    def _pool(self, proxy: Proxy | None) -> httpcore.AsyncConnectionPool:
        """The connections by way of a proxy, or the direct ones."""
        if proxy not in self._pools:
            self._pools[proxy] = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._limits.connections,
                max_keepalive_connections=self._limits.connections,
                keepalive_expiry=KEEP_ALIVE_S,
                network_backend=GuardedBackend(self._destinations),
                proxy=None
                if proxy is None
                else httpcore.Proxy(
                    proxy.url,
                    auth=proxy.credentials,
                    ssl_context=self._proxy_tls if proxy.has_tls else None,
                ),
            )
        return self._pools[proxy]

    @staticmethod
    async def _send(
        request: httpx.Request, body: "_RequestBody", pool: httpcore.AsyncConnectionPool
    ) -> httpcore.Response:
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
                return await pool.handle_async_request(sent)
            except _LOST:
                if connects > before or not is_repeatable:
                    raise

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()


class GuardedBackend(httpcore.AsyncNetworkBackend):
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
    has_tls_proxy: bool = False

    def waiting(self) -> asyncio.Timeout:
        """The time of one wait, up to the deadline."""
        stall_s = self.limits.stall_s
        if stall_s is None:
            return asyncio.timeout_at(self.deadline)
        return asyncio.timeout_at(min(self.deadline, asyncio.get_running_loop().time() + stall_s))

    @contextmanager
    def errors(self, body: "_RequestBody | None" = None) -> Iterator[None]:
        """Raise failures of the connection as `Upstream`; those of the request's body as they are."""
        try:
            yield
        except _FAILURES as error:
            if body is not None and error is body.failure:
                raise
            if isinstance(error, TimeoutError):
                seconds = min(self.limits.time_s, self.limits.stall_s or self.limits.time_s)
                raise Upstream(f"{self.server} did not answer within {seconds:g} seconds.") from error
            if _is_untrusted(error):
                which = f"{self.server}, or the proxy before it," if self.has_tls_proxy else self.server
                raise Untrusted(f"{which} shows a certificate that is not trusted.") from error
            if isinstance(error, httpcore.ProxyError):
                raise Upstream(
                    f"The proxy does not lead to {self.server}; it answered {_code(error)}."
                ) from error
            raise Upstream(f"{self.server} cannot be reached.") from error


def _code(error: httpcore.ProxyError) -> str:
    """The status with which a proxy refused; its own words are not shown."""
    return str(error).partition(" ")[0][:3] or "nothing"


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a certificate that was refused is behind an error of the connection."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


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
                async with self._exchange.waiting():
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
