"""Redirect URIs of OAuth clients: one spelling for each, so that two are the same only if they are equal.

A token goes wherever this module says, so what is not plainly understood is refused: user info, fragments,
backslashes, dot segments, control characters, other schemes than http and https, hosts that are no names.
RFC 6749 §3.1.2, RFC 3986 §6.2.2 (normalisation), RFC 9700 §2.1 (exact match).
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlencode, urlsplit

from resolvers.errors import Invalid

LENGTH = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(r"[!$&-;=?-Z_a-z~%\[\]]+")
"""Printable ASCII without white space, quotes, `#`, `<`, `>`, `\\`, `^`, `` ` `` and braces."""
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*"
)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_FORBIDDEN_BYTES = frozenset({*range(0x20), 0x7F, ord("\\"), ord("/")})
"""What may not hide behind percent-encoding in a path: servers disagree on what it means there."""


def normalise(uri: str) -> str:
    """The one spelling of a redirect URI. Raises `Invalid` for one that no token is sent to."""
    if not 0 < len(uri) <= LENGTH or not _ALLOWED.fullmatch(uri):
        raise _refused("is empty, too long or has characters that do not belong into an address")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise _refused("is not an address") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not uri[len(scheme) :].startswith("://"):
        raise _refused("does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("names a user")
    host = _host(parts)
    suffix = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    path = _percent(parts.path or "/", _FORBIDDEN_BYTES)
    if not path.startswith("/") or any(segment in (".", "..") for segment in path.split("/")):
        raise _refused("has dot segments")
    query = f"?{_percent(parts.query, frozenset())}" if parts.query else ""
    return f"{scheme}://{host}{suffix}{path}{query}"


def matches(uri: str, registered: str) -> bool:
    """Whether a URI is the registered one. False if either is one that no token is sent to."""
    try:
        return normalise(uri) == normalise(registered)
    except Invalid:
        return False


def with_query(uri: str, **parameters: str | None) -> str:
    """A normalised URI with more query parameters; those that are None are left out."""
    more = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{more}" if more else uri


def origin(uri: str) -> str:
    """Scheme, host and port of a normalised URI."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc:
        try:
            return f"[{ipaddress.IPv6Address(host)}]"
        except ValueError as error:
            raise _refused("has a malformed host") from error
    if not _HOST.fullmatch(host) or parts.netloc.endswith(":"):
        raise _refused("has a malformed host")
    return host


def _percent(text: str, forbidden: frozenset[int]) -> str:
    """Percent-encoding in its one spelling: unreserved characters plain, the others in capital letters."""

    def spell(found: re.Match[str]) -> str:
        if found[1] is None:
            raise _refused("has a percent sign that encodes nothing")
        code = int(found[1], 16)
        if code in forbidden:
            raise _refused("hides a character that does not belong into a path")
        return chr(code) if _UNRESERVED.fullmatch(chr(code)) else f"%{code:02X}"

    return _PERCENT.sub(spell, text)


def _refused(why: str) -> Invalid:
    return Invalid(f"The redirect URI {why}.", field="redirectUri")
