"""Redirect URIs of OAuth clients: normalisation and exact comparison.

A token is sent to a URI that this module accepts, so it refuses all that parsers disagree on: user info,
fragments, backslashes, dot segments, control characters, schemes other than http and https, malformed hosts.
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
"""Bytes that a path may not percent-encode: servers disagree on their meaning."""


def normalise(uri: str) -> str:
    """The normalised redirect URI. Raises `Invalid` for one that tokens must not be sent to."""
    if not 0 < len(uri) <= LENGTH or not _ALLOWED.fullmatch(uri):
        raise _refused(f"must have 1 to {LENGTH} characters, only those allowed in a URI, and no fragment")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise _refused("must be a URI") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not uri[len(scheme) :].startswith("://"):
        raise _refused("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("must not contain user info before the host")
    host = _host(parts)
    suffix = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    path = _percent(parts.path or "/", _FORBIDDEN_BYTES)
    if not path.startswith("/") or any(segment in (".", "..") for segment in path.split("/")):
        raise _refused("must not have dot segments in the path")
    query = f"?{_percent(parts.query, frozenset())}" if parts.query else ""
    return f"{scheme}://{host}{suffix}{path}{query}"


def matches(uri: str, registered: str) -> bool:
    """Whether a URI equals the registered one, both normalised. False if `normalise` refuses either."""
    try:
        return normalise(uri) == normalise(registered)
    except Invalid:
        return False


def with_query(uri: str, **parameters: str | None) -> str:
    """Add query parameters to a normalised URI, except those that are None."""
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
            raise _refused("must have a valid host") from error
    if not _HOST.fullmatch(host) or parts.netloc.endswith(":"):
        raise _refused("must have a valid host")
    return host


def _percent(text: str, forbidden: frozenset[int]) -> str:
    """Normalise percent-encoding: unreserved characters decoded, the others in upper-case hex."""

    def spell(found: re.Match[str]) -> str:
        if found[1] is None:
            raise _refused("must encode a percent sign as %25")
        code = int(found[1], 16)
        if code in forbidden:
            raise _refused("must not percent-encode a slash, backslash or control character in the path")
        return chr(code) if _UNRESERVED.fullmatch(chr(code)) else f"%{code:02X}"

    return _PERCENT.sub(spell, text)


def _refused(why: str) -> Invalid:
    return Invalid(f"redirect URI: {why}.", field="redirectUri")
