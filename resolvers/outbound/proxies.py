"""HTTP proxies that a user names for requests to one server, and which hosts are asked without them."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from resolvers.errors import Invalid
from resolvers.outbound.addresses import Network
from resolvers.outbound.urls import DEFAULT_PORTS, ascii_host, split_url

_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private")
_LOCAL_SUFFIXES = tuple(f".{name}" for name in (*_LOCAL_NAMES, "home.arpa", "svc", "consul"))


@dataclass(frozen=True, slots=True)
class Proxy:
    """The address of a proxy without credentials, and these apart, which no text of it shows."""

    url: str
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def has_tls(self) -> bool:
        """Whether the proxy itself is asked by TLS."""
        return self.url.startswith("https:")


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy is asked for `http` and for `https` addresses, and the hosts that are asked directly.

    An entry of `no_proxy` is a host name, which includes all below it, an address, a network, or `*` for
    all; one with a port counts for that port alone.
    """

    http: Proxy | None = None
    https: Proxy | None = None
    no_proxy: tuple[str, ...] = ()

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy by which a URL is asked, None for directly."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        if proxy is None:
            return None
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS[parts.scheme]
        return None if any(_is_meant(entry, host, port) for entry in self.no_proxy) else proxy

    @property
    def urls(self) -> list[str]:
        """The addresses of the proxies, to be judged before they are saved."""
        return [proxy.url for proxy in (self.http, self.https) if proxy is not None]


DIRECT = Proxies()


def parse_proxies(http_proxy: str | None, https_proxy: str | None, no_proxy: str | None) -> Proxies:
    """The proxies of a configuration, as the environment variables of these names have them.

    Raises `Invalid`, with the name of the field.
    """
    return Proxies(
        http=_parse_proxy(http_proxy, "http_proxy"),
        https=_parse_proxy(https_proxy, "https_proxy"),
        no_proxy=tuple(
            entry.strip().lower() for entry in (no_proxy or "").replace(",", " ").split() if entry.strip()
        ),
    )


def is_local_name(host: str) -> bool:
    """Whether a name is by its form one of a private network: a single label, or below a local suffix."""
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_LOCAL_SUFFIXES)


def _parse_proxy(text: str | None, name: str) -> Proxy | None:
    """One proxy; `host:port` alone is one without TLS."""
    if text is None or not text.strip():
        return None
    address = text.strip() if "://" in text else f"http://{text.strip()}"
    try:
        parts = urlsplit(address)
        user, password = parts.username, parts.password
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="")
        ascii_host(split_url(bare.geturl()))
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
    except (Invalid, ValueError):
        is_bare = False
    if not is_bare:
        raise Invalid(
            f"{name}: must be http://host:port or https://host:port, with user:password@ before the host"
            " if the proxy asks for them.",
            field=name,
        )
    credentials = None if user is None else (unquote(user), unquote(password or ""))
    return Proxy(bare.geturl(), credentials)


def _is_meant(entry: str, host: str, port: int) -> bool:
    """Whether an entry of `no_proxy` names this host and port."""
    if entry == "*":
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        entry = name
    network = _network(entry.strip("[]"))
    if network is not None:
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    name = entry.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
