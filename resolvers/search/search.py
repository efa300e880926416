"""Search by a part of a name or description over everything that the viewer may see, best match first.

Repositories and accounts use trigram indexes; texts without three letters or digits in a row match only the
beginning of names. Teams and robots are scanned: they are few, those of the viewer's organizations, except
for those who see all. At most `WINDOW` matches of each kind are ranked; of repositories the most pulled.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers.access.index_ranges import GrantCount, count_grants_and_owned
from resolvers.access.permissions import account_role
from resolvers.access.roles import AccountRole
from resolvers.access.scopes import organization_cap
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts import account, team
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.team import TeamRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories import repository
from resolvers.repositories.popularity import pulls_of, since_day
from resolvers.repositories.repository import RepositoryRecord
from resolvers.search import repositories as repository_search
from resolvers.search.parts import (
    ALWAYS,
    CONTAINS,
    WINDOW,
    Part,
    index_match,
    limited,
    name_matches,
    points_of,
)
from storage.conditions import exists
from storage.search import account_names, contains, has_trigrams, normalised
from storage.statements import Row

MAX_PER_KIND = WINDOW


class SearchKind(StrEnum):
    """The kinds of search results."""

    REPOSITORY = "repository"
    ORGANIZATION = "organization"
    USER = "user"
    TEAM = "team"
    ROBOT = "robot"


WEIGHTS = {
    SearchKind.REPOSITORY: 4,
    SearchKind.ORGANIZATION: 1,
    SearchKind.USER: 1,
    SearchKind.TEAM: 2,
    SearchKind.ROBOT: 1,
}


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A result. The score is the points of the match (0 to 1) times the weight of the kind, so up to 4."""

    score: float
    item: RepositoryRecord | AccountRecord | TeamRecord


def _repositories(context: Context, text: str, grants: GrantCount) -> list[Part]:
    return repository_search.candidates(context.viewer, grants, text)


def _accounts(kind: AccountKind) -> Callable[[Context, str, GrantCount], list[Part]]:
    def candidates(context: Context, text: str, _: GrantCount) -> list[Part]:
        chosen = Part(f"a.kind = ? AND a.kind <> 'robot' AND {exists('a')}", (kind.value,))
        matches = name_matches(text, "a.name", "account a")
        if kind is AccountKind.USER and not context.site.has("PARTIAL_USER_AUTOCOMPLETE"):
            matches = matches[:1]
        elif has_trigrams(text):
            matches.append(index_match(CONTAINS, account_names(text)))
        return [
            limited(f"a.id AS id, {points} AS points", source, (condition, chosen))
            for points, source, condition in matches
        ]

    return candidates


_MEMBERSHIPS = (
    "SELECT x.organization_id FROM team x JOIN team_member m ON m.team_id = x.id WHERE m.account_id = ?"
)


def _teams(context: Context, text: str, _: GrantCount) -> list[Part]:
    """Teams of the viewer's organizations; all teams for those who see all."""
    viewer = context.viewer
    if viewer.account is None or (organization_cap(viewer.scopes) is None and not viewer.sees_all):
        return []
    own = Part(f"t.organization_id IN ({_MEMBERSHIPS})", (viewer.account.id,))
    seen = ALWAYS if viewer.sees_all else own
    points = points_of("t.name", text)
    part, value = contains("t.name", text)
    return [
        Part(
            f"SELECT * FROM (SELECT t.id AS id, {points.sql} AS points FROM team t"
            f" JOIN account n ON n.id = t.organization_id AND {exists('n')}"
            f" WHERE {seen.sql} AND {part} ORDER BY points DESC, id LIMIT {WINDOW}) one_match",
            (*points.values, *seen.values, value),
        )
    ]


def _robot_owners(viewer: Viewer) -> Part | None:
    """SQL condition on robots that the viewer may see: their own, and those of their organizations.

    Superusers with full access and read-only ones see all; None if the viewer may see none.
    """
    if viewer.account is None:
        return None
    if viewer.sees_all:
        return ALWAYS
    if organization_cap(viewer.scopes) is not None:
        return Part(f"(x.owner_id = ? OR x.owner_id IN ({_MEMBERSHIPS}))", (viewer.account.id,) * 2)
    if account_role(viewer, viewer.account.id) is AccountRole.ADMIN:
        return Part("x.owner_id = ?", (viewer.account.id,))
    return None


def _robots(context: Context, text: str, _: GrantCount) -> list[Part]:
    owners = _robot_owners(context.viewer)
    if owners is None:
        return []
    # Only a text with a plus matches the full name; otherwise a namespace would match all its robots.
    name = "a.name" if "+" in text else "substr(a.name, length(n.name) + 2)"
    points = points_of(name, text)
    part, value = contains(name, text)
    return [
        Part(
            f"SELECT * FROM (SELECT a.id AS id, {points.sql} AS points FROM robot x"
            f" JOIN account a ON a.id = x.account_id AND {exists('a')}"
            f" JOIN account n ON n.id = x.owner_id AND {exists('n')}"
            f" WHERE {owners.sql} AND {part} ORDER BY points DESC, id LIMIT {WINDOW}) one_match",
            (*points.values, *owners.values, value),
        )
    ]


CANDIDATES: dict[SearchKind, Callable[[Context, str, GrantCount], list[Part]]] = {
    SearchKind.REPOSITORY: _repositories,
    SearchKind.ORGANIZATION: _accounts(AccountKind.ORGANIZATION),
    SearchKind.USER: _accounts(AccountKind.USER),
    SearchKind.TEAM: _teams,
    SearchKind.ROBOT: _robots,
}
"""Functions by kind that give SQL of the ids and points of matches; an id may occur several times."""


def _ranked(kind: SearchKind, candidates: Sequence[Part]) -> Part:
    """The matches of one kind: each id once, with its best points, popularity and last change."""
    union = " UNION ALL ".join(candidate.sql for candidate in candidates)
    values = tuple(value for candidate in candidates for value in candidate.values)
    popularity, modified = "0", "0"
    since: tuple[Any, ...] = ()
    if kind is SearchKind.REPOSITORY:
        popularity = pulls_of("b.id")
        modified = "COALESCE((SELECT MAX(g.started_at_ms) FROM tag g WHERE g.repository_id = b.id), 0)"
        since = (since_day(),)
    return Part(
        f"SELECT '{kind.value}' AS kind, b.id AS id, b.points * {WEIGHTS[kind]} AS points,"
        f" {popularity} AS popularity, {modified} AS modified_at_ms"
        f" FROM (SELECT id, MAX(points) AS points FROM ({union}) matched GROUP BY id) b",
        (*since, *values),
    )


_ORDER = (
    Term("c.points", "points", descending=True),
    Term("c.popularity", "popularity", descending=True),
    Term("c.modified_at_ms", "modified_at_ms", descending=True),
    Term("c.kind", "kind", kind=str),
    Term("c.id", "id"),
)


async def search(
    context: Context, text: str, page: Page, *, kinds: Sequence[SearchKind] | None = None, per_kind: int
) -> Slice[SearchRecord]:
    """Results that match the text and that the viewer may see, best first, at most `per_kind` of each kind.

    An empty text finds repositories only, and only if no other kind is requested. Raises `Invalid`.
    """
    if not 1 <= per_kind <= MAX_PER_KIND:
        raise Invalid(f"'perKind' must be between 1 and {MAX_PER_KIND}, not {per_kind}.", field="per_kind")
    text = normalised(text).lower()
    wanted = list(dict.fromkeys(kinds if kinds is not None else SearchKind))
    if not text and wanted != [SearchKind.REPOSITORY]:
        wanted = []
    grants = (
        await count_grants_and_owned(context.viewer) if SearchKind.REPOSITORY in wanted else GrantCount(0)
    )
    parts = [
        _ranked(kind, candidates)
        for kind in wanted
        if (candidates := CANDIDATES[kind](context, text, grants))
    ]
    if not parts:
        return Slice([], [], has_next=False, has_previous=page.after is not None)
    union = " UNION ALL ".join(part.sql for part in parts)
    best = "points DESC, popularity DESC, modified_at_ms DESC, id"
    rows = await paginate(
        Query(
            "c.kind, c.id, c.points, c.popularity, c.modified_at_ms",
            f"(SELECT u.*, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY {best}) AS place"
            f" FROM ({union}) u) c",
            _ORDER,
            ("c.place <= ?",),
            (*(value for part in parts for value in part.values), per_kind),
        ),
        page,
        maximum=context.max_first,
    )
    return await _with_items(rows)


async def _with_items(rows: Slice[Row]) -> Slice[SearchRecord]:
    """The page with its records, one statement per table (no N+1); rows deleted meanwhile are left out."""
    found = {
        by_ids: await by_ids([row["id"] for row in rows.items if TABLES[row["kind"]] is by_ids])
        for by_ids in dict.fromkeys(TABLES.values())
    }

    def record(row: Row) -> SearchRecord | None:
        item = found[TABLES[row["kind"]]].get(row["id"])
        return SearchRecord(row["points"] / 100, item) if item is not None else None

    return rows.of_found(record)


TABLES: dict[str, Callable[[list[int]], Awaitable[dict[int, Any]]]] = {
    SearchKind.REPOSITORY: repository.by_ids,
    SearchKind.ORGANIZATION: account.by_ids,
    SearchKind.USER: account.by_ids,
    SearchKind.TEAM: team.by_ids,
    SearchKind.ROBOT: account.by_ids,
}
"""Functions by kind that read records by id."""
