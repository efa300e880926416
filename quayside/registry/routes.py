"""The addresses of `/v2`: a table of rows, and which row a path belongs to.

Source: OCI Distribution 1.1, "Endpoints"; `/v2/auth` is the token service, `/v2/_catalog` Docker's.

A repository name may hold slashes, and components that spell ``manifests`` or ``tags``. So a path is read
from its end, where every row has a fixed number of segments, and the rest is the name: the last match wins.
The raw path is split before it is decoded, so that `%2F` is never taken for a slash between segments.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from quayside.registry.errors import OciCode, RegistryError


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `pattern` has ``<name>`` for a repository and at most one more segment in brackets."""

    name: str
    methods: frozenset[str]
    pattern: str


@dataclass(frozen=True, slots=True)
class Match:
    """The row of a request, its repository name and last segment: decoded, unchecked, empty if none."""

    route: Route
    name: str
    argument: str


def _route(name: str, methods: str, pattern: str) -> Route:
    return Route(name, frozenset(methods.split()), pattern)


ROUTES = (
    _route("manifest", "GET HEAD PUT DELETE", "/v2/<name>/manifests/<reference>"),
    _route("blob", "GET HEAD DELETE", "/v2/<name>/blobs/<digest>"),
    _route("uploads", "POST", "/v2/<name>/blobs/uploads/"),
    _route("uploads", "POST", "/v2/<name>/blobs/uploads"),
    _route("upload", "GET HEAD PATCH PUT DELETE", "/v2/<name>/blobs/uploads/<upload>"),
    _route("tags", "GET HEAD", "/v2/<name>/tags/list"),
    _route("referrers", "GET HEAD", "/v2/<name>/referrers/<digest>"),
    _route("base", "GET HEAD", "/v2/"),
    _route("base", "GET HEAD", "/v2"),
    _route("catalog", "GET HEAD", "/v2/_catalog"),
    _route("token", "GET HEAD POST", "/v2/auth"),
)
"""Every address, those of a pull first. Two rows may share a name; a handler is found by it."""

_PREFIX = "/v2/<name>/"
_NAMED = tuple(
    (route, tuple(None if segment.startswith("<") else segment for segment in tail))
    for route in ROUTES
    if route.pattern.startswith(_PREFIX)
    for tail in (route.pattern.removeprefix(_PREFIX).split("/"),)
)
_PLAIN = {route.pattern: route for route in ROUTES if not route.pattern.startswith(_PREFIX)}


def match_route(method: str, raw_path: bytes) -> Match:
    """Return the row for a request. `raw_path` is percent-encoded and has no query.

    Raises RegistryError UNSUPPORTED: 404 for an unknown address, 405 with `Allow` for another method.
    """
    path = raw_path.decode("latin-1")
    plain = _PLAIN.get(path)
    candidates = [Match(plain, "", "")] if plain else _named_matches(path.split("/"))
    for match in candidates:
        if method in match.route.methods:
            return match
    if not candidates:
        raise RegistryError(OciCode.UNSUPPORTED, "no such address", status=404)
    allowed = frozenset[str]().union(*(match.route.methods for match in candidates))
    raise RegistryError(OciCode.UNSUPPORTED, headers={"Allow": ", ".join(sorted(allowed))})


def _named_matches(segments: list[str]) -> list[Match]:
    matches: list[Match] = []
    if segments[:2] != ["", "v2"]:
        return matches
    for route, tail in _NAMED:
        name = segments[2 : -len(tail)]
        if name and all(
            given == wanted or (wanted is None and given)
            for given, wanted in zip(segments[-len(tail) :], tail, strict=True)
        ):
            argument = segments[-1] if tail[-1] is None else ""
            matches.append(Match(route, unquote("/".join(name)), unquote(argument)))
    return matches
