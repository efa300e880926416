"""Routes of `/v2`: a table, and the match of a path.

Source: OCI Distribution 1.1, "Endpoints"; `/v2/auth` is the token service, `/v2/_catalog` and `/v1` Docker's.

A repository name may contain slashes, and components like ``manifests`` or ``tags``. So a path is matched
from its end, where every route has a fixed number of segments; the rest is the name. The raw path is matched
before it is decoded, so that `%2F` is not a separator.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from quayside.registry.errors import OciCode, RegistryError


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `pattern` has ``<name>`` for a repository and at most one more segment in angle brackets."""

    name: str
    methods: frozenset[str]
    pattern: str


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request, its repository name and last segment: decoded, not validated, empty if none."""

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
    _route("ping", "GET HEAD", "/v1/_ping"),
    _route("search", "GET HEAD", "/v1/search"),
)
"""All routes, those of pulls first. Routes may share a name, which selects the handler."""

_PATTERNS = tuple(
    # The greedy group for the name makes the rest match as late as possible.
    (route, re.compile(re.sub("<[a-z]+>", "([^/]+)", route.pattern.replace("<name>", "(.*)")), re.DOTALL))
    for route in ROUTES
)


def match_route(method: str, raw_path: bytes) -> Match:
    """Return the route of a request. `raw_path` is percent-encoded and has no query.

    Raises RegistryError UNSUPPORTED: 404 for an unknown path, 405 with `Allow` for another method.
    """
    path = raw_path.decode("latin-1")
    allowed: set[str] = set()
    for route, pattern in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if method in route.methods:
            name, argument, *_ = (*match.groups(), "", "")
            return Match(route, unquote(name), unquote(argument))
        allowed |= route.methods
    if not allowed:
        raise RegistryError(OciCode.UNSUPPORTED, "no such address", status=404)
    raise RegistryError(OciCode.UNSUPPORTED, headers={"Allow": ", ".join(sorted(allowed))})


ARGUMENTS = {"manifest": "reference", "blob": "digest", "referrers": "digest", "upload": "upload"}
"""The name of the last segment of a path, by route."""

MAX_DETAIL_CHARACTERS = 255


def detail_of(match: Match | None, path: str) -> dict[str, str]:
    """What an error is about, if it does not say it itself: what the request named."""
    if match is None or not match.name:
        return {"path": path[:MAX_DETAIL_CHARACTERS]}
    about = {"name": match.name}
    if match.route.name in ARGUMENTS:
        about[ARGUMENTS[match.route.name]] = match.argument
    return {key: value[:MAX_DETAIL_CHARACTERS] for key, value in about.items()}
