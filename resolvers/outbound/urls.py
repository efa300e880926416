"""URLs that users name: which may be asked, and their parts."""

from urllib.parse import SplitResult, urlsplit

from resolvers.errors import Invalid

DEFAULT_PORTS = {"http": 80, "https": 443}


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


def ascii_host(parts: SplitResult) -> str:
    """The host of a URL as it is resolved (IDNA). Raises `Invalid` for a name with impossible labels."""
    host = parts.hostname or ""
    try:
        # This also judges the labels of a plain name, of which resolving fails with the same error.
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise Invalid("A URL must name a host.") from error


def origin_of(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL, the port also where it is the default one (RFC 6454 section 4)."""
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


def server_of(url: str) -> str:
    """The server of a URL, for a message; never its path or query, which may hold secrets."""
    try:
        return urlsplit(url).hostname or "The server"
    except ValueError:
        return "The server"
