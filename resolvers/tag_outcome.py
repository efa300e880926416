"""What a change of many tags does to each of them: read what it depends on, then derive, changing nothing."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers import immutability
from resolvers.context import Context
from resolvers.errors import Invalid, TooMany
from resolvers.repository import RepositoryRecord
from resolvers.tag import COLUMNS, clamp_expiration, contains, require_alive
from storage.clock import now_ms
from storage.statements import Row, fetch

LARGEST = 10_000
"""The most tags that one plan changes."""
SCANNED = 5_000


class PlanKind(StrEnum):
    """What a plan does."""

    DELETE = "tags.delete"
    EXPIRE = "tags.expire"
    MOVE = "tags.move"
    ROLLBACK = "repository.rollback"


class TagAction(StrEnum):
    """What happens to one tag."""

    CREATE = "create"
    MOVE = "move"
    DELETE = "delete"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class TagSelection:
    """Which active tags: all conditions must hold. `name_pattern` is an expression in RE2 syntax."""

    name_contains: str | None = None
    name_pattern: str | None = None
    older_than_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlanArguments:
    """What was asked for. `expires_at_ms` None removes expirations; `to_ms` is the moment of a rollback."""

    selection: TagSelection = TagSelection()
    expires_at_ms: int | None = None
    manifest_digest: str | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlanItem:
    """What happens to one tag: the active span and its start, and the manifests before and after, if any."""

    name: str
    action: TagAction
    span_id: int | None
    started_at_ms: int | None
    before_id: int | None
    after_id: int | None
    expires_at_ms: int | None
    old_expires_at_ms: int | None
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What an outcome depends on: rows of spans that are active now and, for a rollback, were active then."""

    current: list[Row]
    earlier: list[Row]
    target_id: int | None = None


async def read(record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments) -> Facts:
    """Read what the outcome of a plan depends on. Raises `Invalid`, and `NotFound` for a manifest."""
    if kind is PlanKind.ROLLBACK:
        return await _read_moments(record, arguments.to_ms or 0)
    target = None
    if kind is PlanKind.MOVE:
        target = await require_alive(record, arguments.manifest_digest or "")
    expires_at_ms = arguments.expires_at_ms
    if kind is PlanKind.EXPIRE and expires_at_ms is not None and expires_at_ms <= now_ms():
        raise Invalid("The expiration must be in the future.", field="expiresAt")
    return Facts(await _read_selected(record, arguments.selection), [], target)


async def _read_selected(record: RepositoryRecord, selection: TagSelection) -> list[Row]:
    """The active tags that a selection means, by name; reading ends when they are too many."""
    conditions = ["t.repository_id = ?", "(t.ended_at_ms IS NULL OR t.ended_at_ms > ?)"]
    values: list[Any] = [record.id, now_ms()]
    if selection.name_contains:
        condition, pattern = contains(selection.name_contains)
        conditions.append(condition)
        values.append(pattern)
    if selection.older_than_ms is not None:
        conditions.append("t.started_at_ms < ?")
        values.append(selection.older_than_ms)
    expression = None
    if selection.name_pattern is not None:
        expression = immutability.compile_pattern(selection.name_pattern, field="namePattern")
    found: list[Row] = []
    last = ""
    while len(found) <= LARGEST:
        rows = await fetch(
            f"SELECT {COLUMNS} FROM tag t WHERE {' AND '.join(conditions)} AND t.name > ?"
            " ORDER BY t.name, t.started_at_ms, t.id LIMIT ?",
            *values,
            last,
            SCANNED,
        )
        found += [row for row in rows if expression is None or expression.search(row["name"])]
        if len(rows) < SCANNED:
            break
        last = rows[-1]["name"]
    return found


_CHANGED_SINCE = (
    f"SELECT {COLUMNS} FROM tag t WHERE t.repository_id = ? AND t.started_at_ms <= ?"
    " AND (t.ended_at_ms IS NULL OR t.ended_at_ms > ?) AND t.name IN ("
    "SELECT s.name FROM tag s WHERE s.repository_id = ? AND s.started_at_ms > ?"
    " UNION SELECT e.name FROM tag e WHERE e.repository_id = ? AND e.ended_at_ms > ? AND e.ended_at_ms <= ?)"
    " ORDER BY t.name, t.started_at_ms, t.id"
)


async def _read_moments(record: RepositoryRecord, to_ms: int) -> Facts:
    """Where the tags that changed since a moment pointed then, and where they point now."""
    now = now_ms()
    if to_ms > now:
        raise Invalid("The moment lies in the future.", field="to")
    if to_ms < now - record.tag_expiration_s * 1000:
        raise Invalid(
            f"The moment lies outside of the {record.tag_expiration_s} seconds for which the namespace keeps"
            " history.",
            field="to",
        )
    changed = (record.id, to_ms, record.id, to_ms, now)
    return Facts(
        current=await fetch(_CHANGED_SINCE, record.id, 2**62, now, *changed),
        earlier=await fetch(_CHANGED_SINCE, record.id, to_ms, to_ms, *changed),
    )


def outcome(context: Context, kind: PlanKind, arguments: PlanArguments, facts: Facts) -> tuple[PlanItem, ...]:
    """What a plan does to each tag, by name: the one function behind looking and acting. Raises `TooMany`."""
    # Of two spans of one name, which only a clock that went back leaves, the later one counts.
    current = {row["name"]: row for row in facts.current}
    if kind is PlanKind.ROLLBACK:
        earlier = {row["name"]: row for row in facts.earlier}
        items = [
            _rolled_back(context, name, current.get(name), earlier.get(name))
            for name in sorted(current.keys() | earlier.keys())
        ]
    else:
        items = [_changed(context, kind, arguments, facts.target_id, row) for row in current.values()]
    found = tuple(item for item in items if item is not None)
    if len(found) > LARGEST:
        raise TooMany(
            f"A plan changes at most {LARGEST:,} tags; narrow it down.",
            field="to" if kind is PlanKind.ROLLBACK else "filter",
        )
    return found


def _changed(
    context: Context, kind: PlanKind, arguments: PlanArguments, target_id: int | None, row: Row
) -> PlanItem | None:
    """What deleting, moving or expiring does to an active tag; None if it is so already."""
    is_locked = bool(row["is_immutable"]) and context.site.has("IMMUTABLE_TAGS")
    if kind is PlanKind.DELETE:
        return _item(row, TagAction.DELETE, is_locked)
    if kind is PlanKind.MOVE:
        is_there = row["manifest_id"] == target_id
        return None if is_there else _item(row, TagAction.MOVE, is_locked, after_id=target_id)
    expires_at_ms = arguments.expires_at_ms
    if expires_at_ms is not None:
        expires_at_ms = clamp_expiration(expires_at_ms, row["started_at_ms"])
    if expires_at_ms == row["ended_at_ms"]:
        return None
    is_locked = is_locked and not context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    return _item(row, TagAction.EXPIRE, is_locked, after_id=row["manifest_id"], expires_at_ms=expires_at_ms)


def _rolled_back(context: Context, name: str, before: Row | None, after: Row | None) -> PlanItem | None:
    """What a rollback does to a tag; None if it points there already."""
    if before is None:
        assert after is not None  # The name came from one of them.
        return PlanItem(name, TagAction.CREATE, None, None, None, after["manifest_id"], None, None, False)
    is_locked = bool(before["is_immutable"]) and context.site.has("IMMUTABLE_TAGS")
    if after is None:
        return _item(before, TagAction.DELETE, is_locked)
    if after["manifest_id"] == before["manifest_id"]:
        return None
    return _item(before, TagAction.MOVE, is_locked, after_id=after["manifest_id"])


def _item(
    row: Row,
    action: TagAction,
    is_locked: bool,
    *,
    after_id: int | None = None,
    expires_at_ms: int | None = None,
) -> PlanItem:
    return PlanItem(
        name=row["name"],
        action=action,
        span_id=row["id"],
        started_at_ms=row["started_at_ms"],
        before_id=row["manifest_id"],
        after_id=after_id,
        expires_at_ms=expires_at_ms,
        old_expires_at_ms=row["ended_at_ms"],
        is_locked=is_locked,
    )
