"""Routes: each documented operation apart from its GraphQL document; and the router."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, StrEnum
from typing import Any, NamedTuple
from urllib.parse import unquote

from rest_compat.problems import Problem, ProblemKey


class Unset(Enum):
    """The type of `UNSET`, which means "no value" where null is a value."""

    UNSET = "unset"

    def __bool__(self) -> bool:
        return False


UNSET = Unset.UNSET


class Check(StrEnum):
    """What is checked before the values of a request: nothing, sign-in, or access to the repository."""

    BODY = "BODY"
    LOGIN = "LOGIN"
    ACCESS = "ACCESS"


@dataclass(frozen=True)
class Route:
    """One documented operation. Its document is found by name: `listRepoTags` → `ListRepoTags`.

    `path` is below `/api/v1`, with the parameter names of the reference. `external` routes have a full path:
    discovery lists them, another part of quayside serves them.
    """

    operation: str
    method: str
    path: str
    scope: str | None = None
    _: KW_ONLY
    status: int = 200
    """The documented success status."""
    observed: int | None = None
    """The success status of a live Quay, where it differs."""
    otherwise: tuple[str, int] | None = None
    """A key of the mutation's payload, and the success status where it is false."""
    body: Any = UNSET
    """A constant answer."""
    null_answer: Any = UNSET
    """The answer if the value marked `@body` is null; without it, 404."""
    check: Check = Check.BODY
    scope_enforced: bool = False
    """Refuse tokens without the route's scope before anything else. Otherwise the scope is documentation and
    resolvers decide, since many operations accept more than they document."""
    full_access: bool = False
    """Refuse all but superusers with full access, although the schema also lets others do it."""
    site_view: bool = False
    """Refuse all but superusers, read-only ones too, although the schema also shows others a part of it."""
    writable: bool = False
    """ACCESS also requires that the repository's state is NORMAL."""
    optional_body: bool = False
    any_of: tuple[str, ...] = ()
    """At least one of these parameters must be given, and not be false or empty."""
    strict: bool = False
    """Unknown keys of the request body are refused."""
    flags: tuple[str, ...] = ()
    """Features that must be enabled; otherwise the route does not exist."""
    open: bool = False
    """Serve anonymous callers, writes included, even if anonymous access is off."""
    basic: bool = False
    """Accept user name and password (HTTP Basic) as well, also those of robots and tokens."""
    fresh_login: bool = False
    """Needs a recent sign-in: discovery publishes it, the resolver enforces it."""
    internal: bool = False
    """Listed by discovery only with `internal=true`."""
    external: bool = False
    location: str | None = None
    """Template of the Location header, below `/api/v1`, from path values and, second, keys of the answer."""
    parts_of: str | None = None
    """The key of a list that may have thousands of items. It is put together from parts, with the parameters
    `limit` and `next_page`, so that other requests are answered in between."""
    problems: Mapping[ProblemKey, Problem] = field(default_factory=dict)
    """Exceptions to the error table."""
    document: str | None = None
    native: Callable[..., Any] | None = None
    """A function that answers from tables of rest_compat instead of the schema; its `None` is 404."""

    @property
    def document_name(self) -> str:
        return self.document or self.operation[0].upper() + self.operation[1:]

    @property
    def path_names(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))

    def status_for(self, mode: str) -> int:
        """The success status under `documented` or `observed`."""
        return self.observed if mode == "observed" and self.observed is not None else self.status


class Match(NamedTuple):
    """The route of a request; without one, the methods that the path accepts."""

    route: Route | None
    values: Mapping[str, str]
    allowed: tuple[str, ...]


_PLACES = {
    "repository": r"[^/]+?(?:(?:/|%2[Ff])[^/]+)+",
    "manifestref": r"[A-Za-z0-9_+.%-]+(?::|%3[Aa])[A-Fa-f0-9]+",
}


def pattern(path: str) -> re.Pattern[str]:
    """A regular expression for a documented path over raw paths, with or without a final slash.

    `{repository}` matches two or more segments, which a client may join with `%2F`; `{manifestref}` a digest;
    any other parameter one segment.
    """
    parts = re.split(r"{(\w+)}", path.rstrip("/"))
    return re.compile(
        "".join(
            re.escape(part) if index % 2 == 0 else f"(?P<{part}>{_PLACES.get(part, '[^/]+')})"
            for index, part in enumerate(parts)
        )
        + "/?$"
    )


def rank(path: str) -> tuple[int, int, int]:
    """Sort key: the most literal path first, then fewer repository names, then the longer path."""
    segments = path.strip("/").split("/")
    literal = sum(not segment.startswith("{") for segment in segments)
    return -literal, path.count("{repository}"), -len(segments)


class Router:
    """Finds the route of a request by its raw path, so that `%2F` stays part of a value."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._entries: dict[str, list[tuple[re.Pattern[str], dict[str, Route]]]] = {}
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = paths.setdefault(route.path.rstrip("/"), {})
            if route.method in methods:
                raise ValueError(
                    f"{route.operation} and {methods[route.method].operation} are the same request."
                )
            methods[route.method] = route
        for path in sorted(paths, key=rank):
            first = path.strip("/").split("/", 1)[0]
            self._entries.setdefault(first, []).append((pattern(path), paths[path]))

    def match(self, method: str, path: str) -> Match:
        """`path` is raw (percent-encoded), without the prefix, and starts with a slash.

        A pattern that matches but lacks the method does not end the search: `…/tag/logs` may be a tag, or the
        logs of a repository named `tag`.
        """
        allowed: dict[str, None] = {}
        for expression, methods in self._entries.get(path[1:].split("/", 1)[0], ()):
            if (found := expression.match(path)) is None:
                continue
            if (route := methods.get(method)) is not None:
                return Match(route, {name: unquote(text) for name, text in found.groupdict().items()}, ())
            allowed.update(dict.fromkeys(methods))
        return Match(None, {}, tuple(sorted(allowed)))
