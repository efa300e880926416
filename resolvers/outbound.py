"""Requests to addresses that users name, which must not reach what only this machine can reach.

A host is resolved once, every address that it has is judged, and the connection goes to one of the judged
addresses: a name that resolves differently the next moment gains nothing. Redirects are judged like the
first address. Only the operator opens private addresses, by naming hosts or networks in the settings.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from resolvers.addresses import Address, Network, is_public
from resolvers.errors import Invalid, Upstream

MAX_REDIRECTS = 3
TIMEOUT_S = 10.0
MAX_BYTES = 1 << 20

REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What another server said. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Outbound:
    """Sends requests for one installation. Holds no connection, so it need not be closed.

    `allowed` are the host names, addresses and networks that the operator opened although they are private.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    async def check(self, url: str) -> None:
        """Judge a URL without asking it.

        A host that the operator opened need not be found yet, since a request looks for it again: it may be
        known only later, or only to the machine that sends. Raises `Invalid` if the URL may not be asked,
        `Upstream` for any other host that is unknown.
        """
        parts = split_url(url)
        host = _host(parts)
        if self.is_allowed(host):
            return
        try:
            await self._addresses(host, parts.port or DEFAULT_PORTS[parts.scheme])
        except OSError as error:
            raise Upstream(f"The host {host} cannot be found.") from error

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """GET a URL. Raises as `request`."""
        return await self.request("GET", url, headers=headers, max_bytes=max_bytes, timeout_s=timeout_s)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = MAX_BYTES,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Send one request and read the answer, following redirects of GET and HEAD alone.

        `timeout_s` bounds the whole, redirects included. Raises `Invalid` for a URL that may not be asked,
        `Upstream` when the server cannot be reached, is slow, or answers more than `max_bytes`.
        """
        follows = MAX_REDIRECTS if method in {"GET", "HEAD"} else 0
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = await self._once(method, url, dict(headers or {}), content, max_bytes)
                    target = answer.headers.get("location")
                    if answer.status not in REDIRECTS or target is None or not follows:
                        return answer
                    follows -= 1
                    following = urljoin(url, target)
                    if urlsplit(following).scheme == "http" != urlsplit(url).scheme:
                        raise Upstream(f"{_shown(url)} leads to an address without TLS.")
                    if origin_of(urlsplit(following)) != origin_of(urlsplit(url)):
                        # What was meant for one server is not shown to another.
                        headers = None
                    url = following
        except TimeoutError as error:
            raise Upstream(f"{_shown(url)} did not answer within {timeout_s:g} seconds.") from error
        except (httpx.HTTPError, OSError) as error:
            raise Upstream(f"{_shown(url)} cannot be reached.") from error

    async def _once(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, max_bytes: int
    ) -> Answer:
        parts = split_url(url)
        host, port = _host(parts), parts.port or DEFAULT_PORTS[parts.scheme]
        addresses = await self._addresses(host, port)
        # A certificate is still judged by the name: only where the connection goes is fixed.
        literal = f"[{host}]" if ":" in host else host
        authority = literal if parts.port is None else f"{literal}:{port}"
        named = {"Host": authority, "Accept-Encoding": "identity"} | headers
        extensions = {"sni_hostname": host}
        failure: httpx.HTTPError | None = None
        # No proxy of the environment: it would resolve the name again. The time limit is the caller's.
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=None) as client:  # noqa: S113
            for address in addresses:
                pinned = _pinned(parts, address, port)
                try:
                    async with client.stream(
                        method, pinned, headers=named, content=content, extensions=extensions
                    ) as response:
                        body = await _read(response, max_bytes)
                        return Answer(response.status_code, dict(response.headers), body, url)
                except httpx.ConnectError as error:
                    failure = error
        assert failure is not None
        raise failure

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reading the certificates takes longer than a request, so it is done once.
        return httpx.create_ssl_context()

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a host. Raises `Invalid` if one may not be asked, `OSError` without any."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        texts = dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found)
        addresses = [ipaddress.ip_address(text) for text in texts]
        if self.is_allowed(host):
            return addresses
        for address in addresses:
            if not is_public(address) and not any(address in network for network in self._networks):
                raise Invalid(f"The host {host} is not on the public internet.")
        return addresses

    def is_allowed(self, host: str) -> bool:
        """Whether the operator opened a host, given as a name or as an address."""
        name = host.lower().rstrip(".")
        if name in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def split_url(url: str) -> SplitResult:
    """The parts of a URL that may be asked: http or https, with a host, without a user. Raises `Invalid`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid("That is not a URL.") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        raise Invalid("A URL must begin with http:// or https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise Invalid("A URL must not hold a user name or a password.")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise Invalid("A URL must not hold spaces.")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        # This also judges the labels of a plain name, of which resolving fails with the same error.
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise Invalid("A URL must name a host.") from error


def _pinned(parts: SplitResult, address: Address, port: int) -> str:
    literal = f"[{address}]" if address.version == 6 else str(address)
    return parts._replace(netloc=f"{literal}:{port}", fragment="").geturl()


def origin_of(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL, the port also where it is the default one (RFC 6454 section 4)."""
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > max_bytes:
            raise Upstream(f"{response.url.host} answered more than {max_bytes} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def _shown(url: str) -> str:
    """The server of a URL, for a message; never its path or query, which may hold secrets."""
    try:
        return urlsplit(url).hostname or "The server"
    except ValueError:
        return "The server"
