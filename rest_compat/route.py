"""Rows: what a documented operation is, apart from its GraphQL document, and which row a request means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, StrEnum
from typing import Any, NamedTuple
from urllib.parse import unquote

from rest_compat.problems import Problem, ProblemKey


class Unset(Enum):
    """The type of `UNSET`, which stands for "nothing given" where null is a value."""

    UNSET = "unset"

    def __bool__(self) -> bool:
        return False


UNSET = Unset.UNSET


class Check(StrEnum):
    """What is judged before the values of a request."""

    BODY = "BODY"
    LOGIN = "LOGIN"
    ACCESS = "ACCESS"


@dataclass(frozen=True)
class Route:
    """One documented operation. Its document is found by name: `listRepoTags` → `ListRepoTags`.

    `path` is below `/api/v1`, with the parameter names of the reference, except for `external` rows, which
    give the full path: those are listed by discovery and served elsewhere.
    """

    operation: str
    method: str
    path: str
    scope: str | None = None
    _: KW_ONLY
    status: int = 200
    """The documented success status."""
    observed: int | None = None
    """The success status of a live system, where it differs."""
    body: Any = UNSET
    """A literal answer."""
    null_answer: Any = UNSET
    """The answer when the value marked `@body` is null; 404 without it."""
    check: Check = Check.BODY
    scope_enforced: bool = False
    """A token without the row's scope is refused before anything else. Elsewhere the scope is documentation
    and the resolvers are the judge, since many operations accept more than they document."""
    writable: bool = False
    """ACCESS also asks that the repository's state is NORMAL."""
    optional_body: bool = False
    any_of: tuple[str, ...] = ()
    """Parameters of which at least one must be given, and not be false or empty."""
    strict: bool = False
    """Unknown keys of the request body are refused."""
    flags: tuple[str, ...] = ()
    """The features that must be on; otherwise the route does not exist."""
    open: bool = False
    """Answers anonymous callers, writes included, even where anonymous access is off."""
    fresh_login: bool = False
    """Needs a recent sign-in; published by discovery, enforced by the resolver."""
    internal: bool = False
    """Listed by discovery only when internal operations are asked for."""
    external: bool = False
    location: str | None = None
    """Template of the Location header, below `/api/v1`; path values win over keys of the answer."""
    problems: Mapping[ProblemKey, Problem] = field(default_factory=dict)
    """Exceptions to the error table."""
    document: str | None = None
    native: Callable[..., Any] | None = None
    """Answers from the door's own tables instead of the schema; `None` as its result is 404."""

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
    """The row that a request means, or, without one, the methods its path would accept."""

    route: Route | None
    values: Mapping[str, str]
    allowed: tuple[str, ...]


_PLACES = {
    "repository": r"[^/]+?(?:(?:/|%2[Ff])[^/]+)+",
    "manifestref": r"[A-Za-z0-9_+.%-]+(?::|%3[Aa])[A-Fa-f0-9]+",
}


def pattern(path: str) -> re.Pattern[str]:
    """A documented path as an expression over raw paths, both spellings of a final slash included.

    `{repository}` takes two or more segments, which a client may join with `%2F`; `{manifestref}` takes a
    digest; any other parameter takes one segment.
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
    """Finds the row of a request by its raw path, so that `%2F` inside a value keeps its meaning."""

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
        """`path` is raw (still percent-encoded) and starts below the prefix with a slash.

        A pattern that fits but lacks the method does not end the search: `…/tag/logs` may be a tag or the
        logs of a repository that is called `tag`.
        """
        allowed: dict[str, None] = {}
        for expression, methods in self._entries.get(path[1:].split("/", 1)[0], ()):
            if (found := expression.match(path)) is None:
                continue
            if (route := methods.get(method)) is not None:
                return Match(route, {name: unquote(text) for name, text in found.groupdict().items()}, ())
            allowed.update(dict.fromkeys(methods))
        return Match(None, {}, tuple(sorted(allowed)))
