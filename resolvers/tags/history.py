"""History of tags: the changes of one tag, and the difference between two times."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.conditions import is_active, is_over, was_active
from storage.statements import Row, fetch, placeholders


class TagChangeKind(StrEnum):
    """What happened to a tag."""

    CREATED = "created"
    MOVED = "moved"
    REVERTED = "reverted"
    DELETED = "deleted"
    EXPIRED = "expired"


class TagDifferenceKind(StrEnum):
    """How a tag differs between two times."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class TagChange:
    """One change of a tag. The ids are those of the manifest after and before it; None if there was none."""

    name: str
    kind: TagChangeKind
    at_ms: int
    manifest_id: int | None
    previous_manifest_id: int | None


@dataclass(frozen=True, slots=True)
class TagDifference:
    """A tag whose manifest differs between two times; an id is None where the tag did not exist."""

    name: str
    kind: TagDifferenceKind
    before_id: int | None
    after_id: int | None


_CHANGES = f"""(
SELECT t.id AS span, t.name AS name, t.manifest_id AS manifest_id, 0 AS is_end, t.started_at_ms AS at_ms,
  t.is_reversion AS is_reversion, t.is_expiration AS is_expiration
FROM tag t WHERE t.repository_id = ? AND t.name = ?
UNION ALL
SELECT t.id, t.name, t.manifest_id, 1, t.ended_at_ms, t.is_reversion, t.is_expiration
FROM tag t WHERE t.repository_id = ? AND t.name = ? AND {is_over("t")} AND NOT EXISTS (
  SELECT 1 FROM tag n WHERE n.repository_id = t.repository_id AND n.name = t.name
  AND n.started_at_ms = t.ended_at_ms AND n.id > t.id)
) c"""


async def history(context: Context, repository: RepositoryRecord, name: str, page: Page) -> Slice[TagChange]:
    """The changes of one tag of an authorized repository, newest first; at most two statements (no N+1)."""
    order = (
        Term("c.at_ms", "at_ms", descending=True),
        Term("c.span", "span", descending=True),
        Term("c.is_end", "is_end", descending=True),
    )
    values = (repository.id, name, repository.id, name, now_ms())
    rows = await paginate(Query("c.*", _CHANGES, order, (), values), page, maximum=context.max_first)
    previous = await _previous(repository, name, [row for row in rows.items if not row["is_end"]])
    return rows.of(lambda row: _change(row, previous.get(row["span"])))


async def _previous(repository: RepositoryRecord, name: str, begun: list[Row]) -> dict[int, int]:
    """The manifest of the span that ended when each of `begun` started, by the id of the later span."""
    if not begun:
        return {}
    moments = [row["at_ms"] for row in begun]
    ended = await fetch(
        "SELECT id, manifest_id, ended_at_ms FROM tag WHERE repository_id = ? AND name = ?"
        f" AND ended_at_ms IN ({placeholders(moments)}) ORDER BY id",
        repository.id,
        name,
        *moments,
    )
    return {
        row["span"]: one["manifest_id"]
        for row in begun
        for one in ended
        if one["ended_at_ms"] == row["at_ms"] and one["id"] < row["span"]
    }


def _change(row: Row, previous: int | None) -> TagChange:
    if row["is_end"]:
        kind = TagChangeKind.EXPIRED if row["is_expiration"] else TagChangeKind.DELETED
        return TagChange(row["name"], kind, row["at_ms"], None, row["manifest_id"])
    if row["is_reversion"]:
        kind = TagChangeKind.REVERTED
    else:
        kind = TagChangeKind.CREATED if previous is None else TagChangeKind.MOVED
    return TagChange(row["name"], kind, row["at_ms"], row["manifest_id"], previous)


_AT = (
    "(SELECT a.manifest_id FROM tag a WHERE a.repository_id = ? AND a.name = n.name AND {}"
    " ORDER BY a.started_at_ms DESC, a.id DESC LIMIT 1)"
)
_THEN = _AT.format(was_active("a"))
_DIFFERENCE = f"""(
SELECT n.name AS name, {_THEN} AS before_id, {_THEN} AS after_id FROM (
  SELECT t.name FROM tag t WHERE t.repository_id = ? AND t.started_at_ms > ? AND t.started_at_ms <= ?
  UNION SELECT t.name FROM tag t WHERE t.repository_id = ? AND t.ended_at_ms > ? AND t.ended_at_ms <= ?
) n) d"""
_DIFFERENCE_TO_NOW = f"""(
SELECT n.name AS name, {_THEN} AS before_id, {_AT.format(is_active("a"))} AS after_id FROM (
  SELECT t.name FROM tag t WHERE t.repository_id = ? AND t.started_at_ms > ?
  UNION SELECT t.name FROM tag t WHERE t.repository_id = ? AND t.ended_at_ms > ? AND {is_over("t")}
) n) d"""
"""Up to what tags point to now, also if the clock went back behind their last changes."""


async def difference(
    context: Context, repository: RepositoryRecord, from_ms: int, to_ms: int | None, page: Page
) -> Slice[TagDifference]:
    """The tags of an authorized repository whose manifest differs between two times, by name.

    Costs O(changes in between), not O(tags). `to_ms` is now by default. Raises `Invalid`.
    """
    now, here = now_ms(), repository.id
    if from_ms > (now if to_ms is None else to_ms):
        raise Invalid("from: must not be after 'to'.", field="from")
    before = (here, from_ms, from_ms)
    values: tuple[int, ...]
    if to_ms is None:
        values = (*before, here, now, here, from_ms, here, from_ms, now)
    else:
        values = (*before, here, to_ms, to_ms, *(here, from_ms, to_ms) * 2)
    rows = await paginate(
        Query(
            "d.name, d.before_id, d.after_id",
            _DIFFERENCE_TO_NOW if to_ms is None else _DIFFERENCE,
            (Term("d.name", "name", kind=str),),
            ("COALESCE(d.before_id, 0) <> COALESCE(d.after_id, 0)",),
            values,
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(_difference)


def _difference(row: Row) -> TagDifference:
    values: dict[str, Any] = dict(row)
    if values["before_id"] is None:
        kind = TagDifferenceKind.ADDED
    else:
        kind = TagDifferenceKind.REMOVED if values["after_id"] is None else TagDifferenceKind.MOVED
    return TagDifference(kind=kind, **values)
