"""Search of repositories by a part of their name or description.

Public repositories and the viewer's private ones are searched separately: an index over both would find
arbitrarily many rows that the viewer may not see. Before an index is used, the most pulled repositories and
the viewer's private ones are scanned. If enough of them match, the index would only add matches that rank no
higher.
"""

from resolvers.access.index_ranges import MAX_BY_ROW, GrantCount, grant_condition, private_ids
from resolvers.access.permissions import has_grants
from resolvers.access.viewer import Viewer
from resolvers.search.parts import (
    ALWAYS,
    BEGINS,
    CONTAINS,
    DESCRIBED,
    EXACT,
    WINDOW,
    Part,
    limited,
    points_of,
)
from storage.conditions import exists
from storage.search import (
    DESCRIPTION,
    begins,
    contains,
    contains_as_indexed,
    has_trigrams,
    in_order,
    repositories,
)
from storage.statements import keyset_condition, nested_loop

SCAN_LIMIT = 500
"""Repositories that are scanned before an index is used; `MAX_BY_ROW` of a namespace."""

_SCAN_COLUMNS = (
    f"r.id, r.namespace_id, r.name, {DESCRIPTION} AS description, r.popularity_level, r.deleted_at_ms"
)
_ALIVE = Part(
    # A subquery, since a planner may run a join before LIMIT cuts off the ordered rows.
    f"{exists('r')} AND (SELECT {exists('n')} FROM account n WHERE n.id = r.namespace_id)"
)
_NAMESPACE = "(SELECT o.id FROM account o WHERE o.name = ?)"


def candidates(viewer: Viewer, grants: GrantCount, text: str) -> list[Part]:
    """SQL of the ids and points of repositories that match the text and that the viewer may see."""
    namespace, slash, name = text.partition("/")
    # The part before a slash may be a namespace; a name may contain slashes too.
    searches: list[tuple[str, str | None]] = [(text, None), (name, namespace)]
    found: list[Part] = []
    for part, owner in searches if slash else searches[:1]:
        found.append(_matches("public", part, owner, ALWAYS))
        if viewer.sees_all:
            found.append(_matches("private", part, owner, ALWAYS))
        elif not has_grants(viewer):
            continue
        elif grants.is_searchable and contains_as_indexed(part):
            found.append(_scan_private(part, owner, viewer))
        else:
            own = _scan_private(part, owner, viewer, limit=SCAN_LIMIT)
            found.append(_matches("private", part, owner, Part(*grant_condition(viewer)), own))
    return found


def _matches(visibility: str, part: str, owner: str | None, seen: Part, *more: Part) -> Part:
    """Matches among public or private repositories; `more` adds scans."""
    place = _exceeds_scan(visibility, part, owner)
    scanned = (_scan_most_pulled(visibility, part, owner, seen), *more)
    values = [value for one in (place, *scanned) for value in one.values]
    pieces = ["SELECT id, points FROM first"]
    for points, found in _in_indexes(visibility, part, owner, seen):
        # Skipped if `WINDOW` better matches are known: the index may match nearly all repositories.
        limit = (
            f"SELECT CASE WHEN COUNT(DISTINCT id) < {WINDOW} AND (SELECT is_much FROM place)"
            f" THEN {WINDOW} ELSE 0 END"
            f" FROM first WHERE points >= {points}"
        )
        pieces.append(f"SELECT * FROM ({found.sql} LIMIT ({limit})) found")
        values += found.values
    first = " UNION ALL ".join(one.sql for one in scanned)
    every = " UNION ALL ".join(pieces)
    before = f"place AS MATERIALIZED (SELECT {place.sql} AS is_much), first AS MATERIALIZED ({first})"
    return Part(f"SELECT * FROM (WITH {before} {every}) matches", tuple(values))


def _exceeds_scan(visibility: str, part: str, owner: str | None) -> Part:
    """SQL: whether there are more repositories than a scan reads; of the whole registry always true."""
    if owner is None or not contains_as_indexed(part):
        return ALWAYS
    condition, order = _most_pulled(visibility, owner)
    rows = f"SELECT r.id FROM repository r WHERE {condition.sql} AND {exists('r')} {order}"
    counted = f"(SELECT COUNT(*) FROM ({rows} LIMIT {MAX_BY_ROW + 1}) counted)"
    return Part(f"{counted} > {MAX_BY_ROW}", condition.values)


def _in_indexes(visibility: str, part: str, owner: str | None, seen: Part) -> list[tuple[int, Part]]:
    """Matches that indexes find: points and SQL of each kind."""

    def match(points: int, source: str, conditions: tuple[Part, ...], order: str = "") -> tuple[int, Part]:
        return points, limited(f"r.id AS id, {points} AS points", source, (*conditions, _ALIVE, seen), order)

    of_visibility = Part(f"r.visibility = '{visibility}'")
    if not part:
        condition, order = _most_pulled(visibility, owner)
        return [match(DESCRIBED, "repository r", (condition,), order)]
    column, text = ("r.name", part) if owner is None else ("r.path", f"{owner}/{part}")
    prefix, bounds = begins(column, text)
    found = [
        match(EXACT, "repository r", (of_visibility, Part(f"{in_order(column)} = ?", (text,)))),
        match(BEGINS, "repository r", (of_visibility, Part(prefix, bounds)), f"ORDER BY {in_order(column)}"),
    ]
    if has_trigrams(part):
        for points, where in ((CONTAINS, "name"), (DESCRIBED, "description")):
            index = repositories(visibility, where, part)
            found.append(match(points, index.source, (Part(index.condition, index.values), _of(owner))))
    return found


def _of(owner: str | None) -> Part:
    return ALWAYS if owner is None else Part(f"r.namespace_id = {_NAMESPACE}", (owner,))


def _most_pulled(visibility: str, owner: str | None) -> tuple[Part, str]:
    """Condition and order of an index range: most pulled first, in a namespace newest first."""
    if owner is None:
        return Part(f"r.visibility = '{visibility}'"), "ORDER BY r.popularity_level DESC, r.id DESC"
    equal = (("r.namespace_id", _NAMESPACE), ("r.visibility", f"'{visibility}'"))
    condition, order = keyset_condition(equal, "r.id", is_after=False)
    columns = ", ".join(f"{column} DESC" for column in order.split(", "))
    return Part(condition, (owner,) * condition.count("?")), f"ORDER BY {columns}"


def _scan_most_pulled(visibility: str, part: str, owner: str | None, seen: Part) -> Part:
    """The best matches among the most pulled repositories, or among the newest of a namespace."""
    condition, order = _most_pulled(visibility, owner)
    rows = (
        f"SELECT {_SCAN_COLUMNS} FROM repository r WHERE {condition.sql} AND {exists('r')}"
        f" {order} LIMIT {SCAN_LIMIT if owner is None else MAX_BY_ROW}"
    )
    return _best_of(part, Part(rows, condition.values), (seen,))


def _scan_private(part: str, owner: str | None, viewer: Viewer, *, limit: int | None = None) -> Part:
    """The best matches among the viewer's private repositories, or among the first `limit` of them."""
    ids = private_ids(limit)
    rows = nested_loop(ids, _SCAN_COLUMNS, "repository r", "r.id = found.id")
    return _best_of(part, Part(rows, (viewer.require_account().id,) * ids.count("?")), (_of(owner),))


def _best_of(part: str, rows: Part, conditions: tuple[Part, ...]) -> Part:
    """The best matches among a few repositories, by a scan."""
    points, fits = _fit(part)
    where = (fits, _ALIVE, *conditions)
    return Part(
        f"SELECT * FROM (SELECT r.id AS id, {points.sql} AS points FROM ({rows.sql}) r"
        f" WHERE {' AND '.join(one.sql for one in where)}"
        f" ORDER BY points DESC, r.popularity_level DESC, r.id DESC LIMIT {WINDOW}) best",
        (*points.values, *rows.values, *(value for one in where for value in one.values)),
    )


def _fit(part: str) -> tuple[Part, Part]:
    """SQL of the points of a repository `r`, and of the condition that it matches, for a scan."""
    if not part:
        return Part(str(DESCRIBED)), ALWAYS
    if not has_trigrams(part):
        return points_of("r.name", part), Part(*begins("r.name", part))
    in_name, value = contains("r.name", part)
    in_description, _ = contains(DESCRIPTION, part)
    described = Part(f"CASE WHEN {in_name} THEN {CONTAINS} ELSE {DESCRIBED} END", (value,))
    fits = Part(f"({in_name} OR {in_description})", (value, value))
    return points_of("r.name", part, otherwise=described), fits
