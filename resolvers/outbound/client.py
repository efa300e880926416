"""Requests to addresses that users name, which must not reach what only this machine can reach (SSRF guard).

Whoever asks another server opens a client for that use, with limits that fit it:

    async with outbound.client(Limits(response_bytes=4096)) as client:
        answer = await client.get(url)

Every connection, also that of a redirect, goes where `resolvers.outbound.destinations` allows. Only the
operator opens private addresses, by naming hosts or networks in the settings.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpcore
import httpx

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.destinations import Destinations
from resolvers.outbound.proxies import DIRECT, Proxies
from resolvers.outbound.tls import VERIFIED, Tls, context_of
from resolvers.outbound.transport import (
    DEADLINE,
    LIMITS,
    GuardedBackend,
    GuardedTransport,
    Limits,
    Untrusted,
)
from resolvers.outbound.urls import DEFAULT_PORTS, ascii_host, origin_of, server_of, split_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
FOLLOWED = frozenset({"GET", "HEAD"})
DEFAULT_LIMITS = Limits()

MAX_DISCARDED_BYTES = 1 << 16
"""How much of a redirect's body is read to keep its connection; a longer one costs more than a new one."""

MAX_CONTEXTS = 64
"""How many ways to verify certificates are kept ready; each holds the certificates of all authorities."""

_CARRIED = frozenset({"accept", "range", "user-agent"})
"""What a redirect to another server may show: what is asked for, and by which program."""

_DEFAULT_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # so that a limit on what is transferred is one on what is read
    "User-Agent": f"python-httpx/{httpx.__version__}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read. Names of headers are in lower case; `url` is where redirects led."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A response that is being read: `pieces` are its body, once. The rest is as in `Answer`."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]
    url: str


class Outbound:
    """Opens clients for one installation. Holds no connection, so it need not be closed.

    `allowed` are the host names, addresses and networks that the operator opened although they are private.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._destinations = Destinations(allowed)
        self._contexts: dict[Tls, ssl.SSLContext] = {}

    def is_allowed(self, host: str) -> bool:
        """Whether the operator opened a host, given as a name or as an address."""
        return self._destinations.is_allowed(host)

    async def check(self, url: str) -> None:
        """Judge a URL without asking it.

        A host that the operator opened need not be found yet, since a request looks for it again: it may be
        known only later, or only to the machine that sends. Raises `Invalid` if the URL may not be asked,
        `Upstream` for any other host that is unknown.
        """
        parts = split_url(url)
        host = ascii_host(parts)
        if self.is_allowed(host):
            return
        try:
            async with asyncio.timeout(DEFAULT_LIMITS.time_s):
                await self._destinations.resolve(host, parts.port or DEFAULT_PORTS[parts.scheme])
        except OSError as error:
            raise Upstream(f"The host {host} cannot be found.") from error

    async def connect(self, host: str, port: int, *, timeout_s: float) -> httpcore.AsyncNetworkStream:
        """A connection for a protocol of its own; whoever asks for it closes it.

        Raises `Invalid` for a host that may not be asked, `Upstream` for one that cannot be reached.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await GuardedBackend(self._destinations).connect_tcp(host, port)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, OSError) as error:
            raise Upstream(f"{host} cannot be reached.") from error

    @asynccontextmanager
    async def client(
        self, limits: Limits = DEFAULT_LIMITS, *, tls: Tls = VERIFIED, proxies: Proxies = DIRECT
    ) -> AsyncIterator["Client"]:
        """A client for one use, with connections of its own, which are closed at the end.

        `tls` counts for the servers; a proxy with TLS is always verified. Raises `Invalid` for `tls` with
        authorities that are no certificates.
        """
        async with GuardedTransport(
            self._destinations,
            limits,
            self._context(tls),
            proxies=proxies,
            proxy_tls=self._context(Tls(extra_cas=tls.extra_cas)),
        ) as transport:
            yield Client(transport, limits)

    def _context(self, tls: Tls) -> ssl.SSLContext:
        # Reading the certificates takes longer than a request, so it is done once.
        if tls not in self._contexts:
            while len(self._contexts) >= MAX_CONTEXTS:
                del self._contexts[next(iter(self._contexts))]
            self._contexts[tls] = context_of(tls)
        return self._contexts[tls]


class Client:
    """Sends requests, several at once if need be, and keeps connections for the next. Has no cookies."""

    def __init__(self, transport: GuardedTransport, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a URL. Raises as `stream`."""
        return await self.request("GET", url, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        limits: Limits | None = None,
    ) -> Answer:
        """Send one request and read the whole answer. Raises as `stream`."""
        async with self.stream(method, url, headers=headers, content=content, limits=limits) as response:
            body = b"".join([piece async for piece in response.pieces])
            return Answer(response.status, response.headers, body, response.url)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        limits: Limits | None = None,
    ) -> AsyncIterator[Stream]:
        """Send one request and read the answer piece by piece, following redirects of GET and HEAD alone.

        `content` may be an asynchronous iterator, which is sent as it goes, in chunks unless `headers` holds
        its `Content-Length`, and never sent twice. `limits` are those of this request; how many connections
        there may be is said by those of the client. Raises, also while `pieces` are read, `Invalid` for a URL
        that may not be asked, `Upstream` when the server cannot be reached or exceeds the limits.
        """
        limits = limits or self._limits
        deadline = asyncio.get_running_loop().time() + limits.time_s
        is_followed = method in FOLLOWED and (content is None or isinstance(content, bytes))
        follows = limits.redirects if is_followed else 0
        while True:
            request = _request(method, url, headers, content, {DEADLINE: deadline, LIMITS: limits})
            async with aclosing(await self._transport.handle_async_request(request)) as response:
                target = response.headers.get("location")
                if response.status_code not in REDIRECTS or target is None or not follows:
                    # The body stays as it was sent: unpacking it could exceed any limit.
                    yield Stream(response.status_code, dict(response.headers), response.aiter_raw(), url)
                    return
                await _discard(response)
            follows -= 1
            following = _redirected(url, target)
            if origin_of(split_url(following)) != origin_of(split_url(url)):
                # What was meant for one server is not shown to another.
                headers = {name: text for name, text in (headers or {}).items() if name.lower() in _CARRIED}
            url = following


def _request(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    content: bytes | AsyncIterable[bytes] | None,
    extensions: dict[str, Any],
) -> httpx.Request:
    """The request for a URL that a user named. Raises `Invalid`, or `Upstream` for an impossible address."""
    parts = split_url(url)
    host = ascii_host(parts)
    literal = f"[{host}]" if ":" in host else host
    authority = literal if parts.port is None else f"{literal}:{parts.port}"
    fields = httpx.Headers(_DEFAULT_HEADERS)
    fields.update(headers)
    try:
        return httpx.Request(
            method,
            parts._replace(netloc=authority, fragment="").geturl(),
            headers=fields,
            content=content,
            extensions=extensions,
        )
    except httpx.InvalidURL as error:
        raise Upstream(f"{server_of(url)} cannot be reached.") from error


def _redirected(url: str, target: str) -> str:
    """Where a redirect leads. Raises `Invalid` for what is no URL, `Untrusted` for one that gives up TLS."""
    try:
        following = urljoin(url, target)
    except ValueError as error:
        raise Invalid("That is not a URL.") from error
    if split_url(following).scheme == "http" != split_url(url).scheme:
        raise Untrusted(f"{server_of(url)} leads to an address without TLS.")
    return following


async def _discard(response: httpx.Response) -> None:
    """Read what comes with a redirect, so that its connection serves the next request."""
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > MAX_DISCARDED_BYTES:
            return
