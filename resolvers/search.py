"""Search: what the viewer may see, by a part of its name or description, the best first.

Whatever is looked for, an index answers: of texts without three letters or digits in a row, only names that
begin with them are found. Of each kind of match the first 500 are weighed against each other.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers import account, repository, team
from resolvers.access.permissions import account_role, visible_repositories
from resolvers.access.roles import AccountRole
from resolvers.access.scopes import organization_cap
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.popularity import since_day
from resolvers.repository import RepositoryRecord
from resolvers.team import TeamRecord
from storage.search import (
    Found,
    account_names,
    begins,
    cleaned,
    contains,
    has_trigrams,
    repository_descriptions,
    repository_names,
)
from storage.statements import Row

WINDOW = 500
MAX_PER_KIND = 100


class SearchKind(StrEnum):
    """What can be found."""

    REPOSITORY = "repository"
    ORGANIZATION = "organization"
    USER = "user"
    TEAM = "team"
    ROBOT = "robot"


EXACT, BEGINS, CONTAINS, DESCRIBED = 100, 95, 80, 50
"""How well a text fits, in hundredths: it is the name, begins it, is in it, is in the description."""

WEIGHTS = {
    SearchKind.REPOSITORY: 4,
    SearchKind.ORGANIZATION: 1,
    SearchKind.USER: 1,
    SearchKind.TEAM: 2,
    SearchKind.ROBOT: 1,
}


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """What was found, and its score: how well the text fits times the weight of the kind, up to 4."""

    score: float
    item: RepositoryRecord | AccountRecord | TeamRecord


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of SQL with its values."""

    sql: str
    values: tuple[Any, ...]


def _limited(columns: str, source: str, conditions: Sequence[_Part], order: str = "") -> _Part:
    where = " AND ".join(part.sql for part in conditions)
    return _Part(
        f"SELECT * FROM (SELECT {columns} FROM {source} WHERE {where} {order} LIMIT {WINDOW}) one_match",
        tuple(value for part in conditions for value in part.values),
    )


def _named(text: str, column: str, source: str) -> list[tuple[int, str, _Part]]:
    """What the indexes of names say, as points, source and condition."""
    prefix, bounds = begins(column, text)
    return [(EXACT, source, _Part(f"{column} = ?", (text,))), (BEGINS, source, _Part(prefix, bounds))]


def _indexed(points: int, found: Found) -> tuple[int, str, _Part]:
    return points, found.source, _Part(found.condition, found.values)


def _repositories(context: Context, text: str) -> list[_Part]:
    seen = _Part(*_tupled(visible_repositories(context.viewer, include_public=True)))
    alive = _Part("r.deleted_at_ms IS NULL AND n.deleted_at_ms IS NULL", ())
    namespace, slash, name = text.partition("/")
    # The text before a slash may be a namespace; a name may hold slashes as well.
    looked_for = [(text, _Part("1 = 1", ()))]
    if slash:
        looked_for.append((name, _Part("n.name = ?", (namespace,))))
    found: list[_Part] = []
    for part, owned in looked_for:
        order = ""
        if part:
            matches = _named(part, "r.name", "repository r")
        else:
            matches, order = [(DESCRIBED, "repository r", _Part("1 = 1", ()))], "ORDER BY r.id DESC"
        if has_trigrams(part):
            matches.append(_indexed(CONTAINS, repository_names(part)))
            matches.append(_indexed(DESCRIBED, repository_descriptions(part)))
        found += [
            _limited(
                f"r.id AS id, {points} AS points",
                f"{source} JOIN account n ON n.id = r.namespace_id",
                (condition, owned, alive, seen),
                order,
            )
            for points, source, condition in matches
        ]
    return found


def _tupled(condition: tuple[str, list[Any]]) -> tuple[str, tuple[Any, ...]]:
    return condition[0], tuple(condition[1])


def _accounts(kind: AccountKind) -> Callable[[Context, str], list[_Part]]:
    def candidates(context: Context, text: str) -> list[_Part]:
        chosen = _Part("a.kind = ? AND a.kind <> 'robot' AND a.deleted_at_ms IS NULL", (kind.value,))
        matches = _named(text, "a.name", "account a")
        if kind is AccountKind.USER and not context.site.has("PARTIAL_USER_AUTOCOMPLETE"):
            matches = matches[:1]
        elif has_trigrams(text):
            matches.append(_indexed(CONTAINS, account_names(text)))
        return [
            _limited(f"a.id AS id, {points} AS points", source, (condition, chosen))
            for points, source, condition in matches
        ]

    return candidates


_MEMBERSHIPS = (
    "SELECT x.organization_id FROM team x JOIN team_member m ON m.team_id = x.id WHERE m.account_id = ?"
)


def _fitting(name: str, text: str) -> _Part:
    """How well the text fits a name that holds it, for the few rows of the viewer's own namespaces."""
    prefix, bounds = begins(name, text)
    return _Part(
        f"CASE WHEN {name} = ? THEN {EXACT} WHEN {prefix} THEN {BEGINS} ELSE {CONTAINS} END", (text, *bounds)
    )


def _teams(context: Context, text: str) -> list[_Part]:
    """The teams of the organizations that the viewer is in."""
    viewer = context.viewer
    if viewer.account is None or organization_cap(viewer.scopes) is None:
        return []
    points = _fitting("t.name", text)
    part, value = contains("t.name", text)
    return [
        _Part(
            f"SELECT * FROM (SELECT t.id AS id, {points.sql} AS points FROM team t"
            " JOIN account n ON n.id = t.organization_id AND n.deleted_at_ms IS NULL"
            f" WHERE t.organization_id IN ({_MEMBERSHIPS}) AND {part} LIMIT {WINDOW}) one_match",
            (*points.values, viewer.account.id, value),
        )
    ]


def _robot_owners(viewer: Viewer) -> _Part | None:
    """Whose robots the viewer sees: the viewer's own, and those of the organizations that they are in."""
    if viewer.account is None:
        return None
    if organization_cap(viewer.scopes) is not None:
        return _Part(f"(x.owner_id = ? OR x.owner_id IN ({_MEMBERSHIPS}))", (viewer.account.id,) * 2)
    if account_role(viewer, viewer.account.id) is AccountRole.ADMIN:
        return _Part("x.owner_id = ?", (viewer.account.id,))
    return None


def _robots(context: Context, text: str) -> list[_Part]:
    owners = _robot_owners(context.viewer)
    if owners is None:
        return []
    # Whose robots they are is asked with a plus; otherwise a namespace would be found as all of its robots.
    name = "a.name" if "+" in text else "substr(a.name, length(n.name) + 2)"
    points = _fitting(name, text)
    part, value = contains(name, text)
    return [
        _Part(
            f"SELECT * FROM (SELECT a.id AS id, {points.sql} AS points FROM robot x"
            " JOIN account a ON a.id = x.account_id AND a.deleted_at_ms IS NULL"
            " JOIN account n ON n.id = x.owner_id AND n.deleted_at_ms IS NULL"
            f" WHERE {owners.sql} AND {part} LIMIT {WINDOW}) one_match",
            (*points.values, *owners.values, value),
        )
    ]


CANDIDATES: dict[SearchKind, Callable[[Context, str], list[_Part]]] = {
    SearchKind.REPOSITORY: _repositories,
    SearchKind.ORGANIZATION: _accounts(AccountKind.ORGANIZATION),
    SearchKind.USER: _accounts(AccountKind.USER),
    SearchKind.TEAM: _teams,
    SearchKind.ROBOT: _robots,
}
"""By kind, what gives the ids and points of what a text may mean, one row or several for each."""


def _ranked(kind: SearchKind, candidates: Sequence[_Part]) -> _Part:
    """The matches of one kind, each once, in their order: how well they fit, how much they are used."""
    union = " UNION ALL ".join(candidate.sql for candidate in candidates)
    values = tuple(value for candidate in candidates for value in candidate.values)
    popularity, modified = "0", "0"
    since: tuple[Any, ...] = ()
    if kind is SearchKind.REPOSITORY:
        popularity = (
            "CAST(COALESCE((SELECT SUM(d.pulls) FROM daily_activity d"
            " WHERE d.repository_id = b.id AND d.day > ?), 0) AS BIGINT)"
        )
        modified = "COALESCE((SELECT MAX(g.started_at_ms) FROM tag g WHERE g.repository_id = b.id), 0)"
        since = (since_day(),)
    return _Part(
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
    """What the viewer may see and the text fits, the best first, at most `per_kind` of each kind.

    Without text only repositories are found, and they only if nothing else is asked for. Raises `Invalid`.
    """
    if not 1 <= per_kind <= MAX_PER_KIND:
        raise Invalid(f"'perKind' must be between 1 and {MAX_PER_KIND}, not {per_kind}.", field="per_kind")
    text = cleaned(text).lower()
    wanted = list(dict.fromkeys(kinds if kinds is not None else SearchKind))
    if not text and wanted != [SearchKind.REPOSITORY]:
        wanted = []
    parts = [_ranked(kind, candidates) for kind in wanted if (candidates := CANDIDATES[kind](context, text))]
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
    """The page with its items, in a statement for each table; what is gone meanwhile is left out."""
    found = {
        by_ids: await by_ids([row["id"] for row in rows.items if TABLES[row["kind"]] is by_ids])
        for by_ids in dict.fromkeys(TABLES.values())
    }
    items, cursors = [], []
    for row, cursor in zip(rows.items, rows.cursors, strict=True):
        item = found[TABLES[row["kind"]]].get(row["id"])
        if item is not None:
            items.append(SearchRecord(row["points"] / 100, item))
            cursors.append(cursor)
    return Slice(items, cursors, rows.has_next, rows.has_previous, rows.query)


TABLES: dict[str, Callable[[list[int]], Awaitable[dict[int, Any]]]] = {
    SearchKind.REPOSITORY: repository.by_ids,
    SearchKind.ORGANIZATION: account.by_ids,
    SearchKind.USER: account.by_ids,
    SearchKind.TEAM: team.by_ids,
    SearchKind.ROBOT: account.by_ids,
}
"""What reads the items of a kind."""
