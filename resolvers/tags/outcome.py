"""The outcome of a plan for each tag: `read` its inputs, then compute it with `outcome`. Writes nothing."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from resolvers.context import Context
from resolvers.errors import Invalid, TooMany
from resolvers.expiration import clamp_expiration
from resolvers.manifests import cosign
from resolvers.patterns import compile_pattern
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags.filter import TagFilter, conditions_of
from resolvers.tags.tag import ACTIVE, COLUMNS, require_alive
from storage.clock import now_ms
from storage.conditions import NO_END_MS, is_over, was_active
from storage.statements import Row, fetch, placeholders

MAX_TAGS = 10_000
"""Most tags that one plan changes."""
SCAN_BATCH = 5_000


class PlanKind(StrEnum):
    """The kind of change that a plan makes."""

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
    """Conditions on active tags, all of which must hold. `name_pattern` is an expression in RE2 syntax.

    `names` are whole names; those that no active tag has are left out.
    """

    names: Sequence[str] | None = None
    name_contains: str | None = None
    name_pattern: str | None = None
    older_than_ms: int | None = None
    unpulled_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlanArguments:
    """Arguments of a plan. `expires_at_ms` None removes expirations; `to_ms` is the time of a rollback."""

    selection: TagSelection = TagSelection()
    expires_at_ms: int | None = None
    manifest_digest: str | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlanItem:
    """The change of one tag: its active span and start, and the manifests before and after, if any.

    `is_consequence` marks a cosign tag that was not selected but changes with the tags of its subject;
    `is_up_to_image` a new span that gets the lifetime for which its image asks, from when it is made.
    """

    name: str
    action: TagAction
    span_id: int | None
    started_at_ms: int | None
    before_id: int | None
    after_id: int | None
    expires_at_ms: int | None
    old_expires_at_ms: int | None
    is_locked: bool
    is_consequence: bool = False
    is_up_to_image: bool = False


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """All that an outcome depends on. Equal inputs give equal outcomes, which `apply` relies on.

    `current` are spans that are active now; `earlier`, for a rollback, those active then. `cosign_tags` are
    about their manifests; `subjects` are the manifests of selected cosign tags, by name. `end_counts` are
    numbers of ordinary tags by (manifest, end in milliseconds).
    """

    current: list[Row]
    earlier: list[Row]
    target_id: int | None = None
    cosign_tags: list[Row] = field(default_factory=list)
    subjects: dict[str, int] = field(default_factory=dict)
    end_counts: dict[tuple[int, int], int] = field(default_factory=dict)


async def read(record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments) -> PlanInputs:
    """Read the inputs of a plan. Raises `Invalid`, and `NotFound` for an unknown manifest."""
    return await _with_cosign_tags(record, await _read_chosen(record, kind, arguments))


async def _read_chosen(record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments) -> PlanInputs:
    if kind is PlanKind.ROLLBACK:
        return await _read_rollback(record, arguments.to_ms or 0)
    target = None
    if kind is PlanKind.MOVE:
        target = await require_alive(record, arguments.manifest_digest or "")
    expires_at_ms = arguments.expires_at_ms
    if kind is PlanKind.EXPIRE and expires_at_ms is not None and expires_at_ms <= now_ms():
        raise Invalid("The expiration must be in the future.", field="expiresAt")
    return PlanInputs(await _read_selected(record, kind, arguments, target), [], target)


async def _with_cosign_tags(record: RepositoryRecord, inputs: PlanInputs) -> PlanInputs:
    """The inputs, completed with the cosign tags of the manifests of the selected tags."""
    now = now_ms()
    rows = inputs.current + inputs.earlier
    ids = {row["manifest_id"] for row in rows} | ({inputs.target_id} if inputs.target_id else set())
    cosign_tags = await cosign.active_tags(sorted(ids), now)
    subjects = await cosign.ids_of_subjects(record.id, {row["name"] for row in rows})
    known = {row["subject_id"] for row in cosign_tags} | set(subjects.values())
    return replace(
        inputs,
        cosign_tags=cosign_tags,
        subjects=subjects,
        end_counts=await cosign.count_ends(sorted(known), now),
    )


def _conditions(record: RepositoryRecord, selection: TagSelection) -> tuple[list[str], list[Any]]:
    """The conditions of a selection that the database checks, with their values."""
    conditions = ["t.repository_id = ?"]
    values: list[Any] = [record.id]
    chosen = TagFilter(
        name_contains=selection.name_contains,
        is_active=True,
        unpulled_since_ms=selection.unpulled_since_ms,
    )
    for condition, given in conditions_of(chosen):
        conditions.append(condition)
        values += given
    if selection.older_than_ms is not None:
        conditions.append("t.started_at_ms < ?")
        values.append(selection.older_than_ms)
    if selection.names is not None:
        conditions.append(f"t.name IN ({placeholders(selection.names)})" if selection.names else "1 = 0")
        values += selection.names
    return conditions, values


async def _read_selected(
    record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments, target_id: int | None
) -> list[Row]:
    """The selected active tags that would change, by name; stops reading beyond `MAX_TAGS`.

    Selected cosign tags are included even if they would not change, so that they do not follow their subject.
    """
    selection = arguments.selection
    conditions, values = _conditions(record, selection)
    expression = None
    if selection.name_pattern is not None:
        expression = compile_pattern(selection.name_pattern, field="namePattern")
    changing: dict[str, Row] = {}
    staying: dict[str, Row] = {}
    last = ""
    while len(changing) <= MAX_TAGS:
        rows = await fetch(
            f"SELECT {COLUMNS} FROM tag t WHERE {' AND '.join(conditions)} AND t.name > ?"
            " ORDER BY t.name, t.started_at_ms, t.id LIMIT ?",
            *values,
            last,
            SCAN_BATCH,
        )
        for row in rows:
            name = row["name"]
            if expression is not None and not expression.search(name):
                continue
            if not _is_unchanged(kind, arguments, target_id, row):
                changing[name] = row
            elif cosign.subject_of(name):
                staying[name] = row
        if len(rows) < SCAN_BATCH:
            break
        last = rows[-1]["name"]
    return [row for _, row in sorted((staying | changing).items())]


_CHANGED_SINCE = (
    f"SELECT {COLUMNS}, t.would_expire_at_ms FROM tag t WHERE t.repository_id = ? AND {{}} AND t.name IN ("
    "SELECT s.name FROM tag s WHERE s.repository_id = ? AND s.started_at_ms > ?"
    f" UNION SELECT e.name FROM tag e WHERE e.repository_id = ? AND e.ended_at_ms > ? AND {is_over('e')})"
    " ORDER BY t.name, t.started_at_ms, t.id"
)
_CHANGED_NOW, _CHANGED_THEN = (_CHANGED_SINCE.format(which) for which in (ACTIVE, was_active("t")))


async def _read_rollback(record: RepositoryRecord, to_ms: int) -> PlanInputs:
    """The spans, then and now, of the tags that changed since a time."""
    now = now_ms()
    if to_ms > now:
        raise Invalid("to: must not be in the future.", field="to")
    if to_ms < now - record.tag_expiration_s * 1000:
        raise Invalid(
            f"to: must be within the last {record.tag_expiration_s} seconds; the namespace keeps no older"
            " history.",
            field="to",
        )
    changed = (record.id, to_ms, record.id, to_ms, now)
    return PlanInputs(
        current=await fetch(_CHANGED_NOW, record.id, now, *changed),
        earlier=await fetch(_CHANGED_THEN, record.id, to_ms, to_ms, *changed),
    )


def outcome(
    context: Context, kind: PlanKind, arguments: PlanArguments, inputs: PlanInputs
) -> tuple[PlanItem, ...]:
    """The change of each tag, by name. Used to show a plan (dry run) and to apply it. Raises `TooMany`."""
    current = {row["name"]: row for row in inputs.current}
    if kind is PlanKind.ROLLBACK:
        earlier = {row["name"]: row for row in inputs.earlier}
        items = [
            _roll_back(context, name, current.get(name), earlier.get(name), now_ms())
            for name in sorted(current.keys() | earlier.keys())
        ]
    else:
        items = [_change(context, kind, arguments, inputs.target_id, row) for row in current.values()]
    changes = [item for item in items if item is not None]
    found = tuple(_with_consequences(kind, changes, inputs, current.keys()))
    if len(found) > MAX_TAGS:
        raise TooMany(
            f"A plan changes at most {MAX_TAGS:,} tags; select fewer.",
            field="to" if kind is PlanKind.ROLLBACK else "filter",
        )
    return found


def _change(
    context: Context, kind: PlanKind, arguments: PlanArguments, target_id: int | None, row: Row
) -> PlanItem | None:
    """The item of deleting, moving or expiring an active tag; None if that changes nothing."""
    if _is_unchanged(kind, arguments, target_id, row):
        return None
    is_locked = bool(row["is_immutable"]) and context.site.has("IMMUTABLE_TAGS")
    if kind is PlanKind.DELETE:
        return _item(row, TagAction.DELETE, is_locked)
    if kind is PlanKind.MOVE:
        item = _item(row, TagAction.MOVE, is_locked, after_id=target_id)
        return replace(item, is_up_to_image=True)
    expires_at_ms = _expiration_of(arguments, row)
    is_locked = is_locked and not context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    return _item(row, TagAction.EXPIRE, is_locked, after_id=row["manifest_id"], expires_at_ms=expires_at_ms)


def _is_unchanged(kind: PlanKind, arguments: PlanArguments, target_id: int | None, row: Row) -> bool:
    """Whether a move or an expiration would leave an active tag as it is."""
    if kind is PlanKind.MOVE:
        return bool(row["manifest_id"] == target_id)
    return kind is PlanKind.EXPIRE and bool(row["ended_at_ms"] == _expiration_of(arguments, row))


def _expiration_of(arguments: PlanArguments, row: Row) -> int | None:
    """The requested expiration, clamped for a tag."""
    if arguments.expires_at_ms is None:
        return None
    return clamp_expiration(arguments.expires_at_ms, row["started_at_ms"])


def _roll_back(
    context: Context, name: str, before: Row | None, after: Row | None, now: int
) -> PlanItem | None:
    """The item of a rollback of a tag, with its old expiration if still to come; None if nothing changes.

    In place of an expiration that has passed the image is asked for one; a tag that had none has none again.
    """
    until = _unexpired(after, max(now, before["started_at_ms"] if before else now)) if after else None
    if before is None:
        assert after is not None  # The name comes from one of both.
        made = PlanItem(name, TagAction.CREATE, None, None, None, after["manifest_id"], until, None, False)
        return replace(made, is_up_to_image=until is None and _expiration_then(after) is not None)
    is_locked = bool(before["is_immutable"]) and context.site.has("IMMUTABLE_TAGS")
    if after is None:
        return _item(before, TagAction.DELETE, is_locked)
    if after["manifest_id"] == before["manifest_id"]:
        return None
    item = _item(before, TagAction.MOVE, is_locked, after_id=after["manifest_id"], expires_at_ms=until)
    return replace(item, is_up_to_image=until is None and _expiration_then(after) is not None)


def _expiration_then(row: Row) -> int | None:
    """The expiration that a span had, whatever ended it."""
    expiration: int | None = row["ended_at_ms"] if row["is_expiration"] else row["would_expire_at_ms"]
    return expiration


def _unexpired(row: Row, moment_ms: int) -> int | None:
    """The expiration that a span had; None unless it is after `moment_ms`."""
    expiration = _expiration_then(row)
    return expiration if expiration is not None and expiration > moment_ms else None


def _with_consequences(
    kind: PlanKind, items: Sequence[PlanItem], inputs: PlanInputs, selected: Collection[str]
) -> list[PlanItem]:
    """Add the cosign tags that end with the last ordinary tag of their subject; see `end_with_subjects`.

    Selected cosign tags get what the plan says instead. A rollback restores a state, so it ends no cosign tag
    as a consequence.
    """
    ends, changed = _last_ends(items, inputs)
    found = [
        replace(item, expires_at_ms=_expiration(ends.get(inputs.subjects[item.name])))
        if inputs.subjects.get(item.name) in ends and item.action in {TagAction.CREATE, TagAction.MOVE}
        else item
        for item in items
    ]
    is_rollback = kind is PlanKind.ROLLBACK
    chosen = {item.name for item in items} if is_rollback else selected
    for row in inputs.cosign_tags:
        end = ends.get(row["subject_id"])
        if row["subject_id"] not in changed or row["name"] in chosen or (end is None and is_rollback):
            continue
        if end is None:
            item = _item(row, TagAction.DELETE, False)
        elif _expiration(end) != row["ended_at_ms"]:
            # The clamped expiration of an old subject tag may lie before the start of this tag.
            until = _expiration(max(end, row["started_at_ms"]))
            item = _item(row, TagAction.EXPIRE, False, after_id=row["manifest_id"], expires_at_ms=until)
        else:
            continue
        found.append(replace(item, is_consequence=True))
    return sorted(found, key=lambda item: item.name)


def _last_ends(items: Sequence[PlanItem], inputs: PlanInputs) -> tuple[dict[int, int], set[int | None]]:
    """After the change: the end of the last ordinary tag by manifest; and the manifests whose tags change."""
    end_counts, changed = Counter(inputs.end_counts), set()
    for item in items:
        if item.is_locked or cosign.subject_of(item.name):
            continue
        if item.before_id is not None:
            end_counts[item.before_id, item.old_expires_at_ms or NO_END_MS] -= 1
        if item.after_id is not None:
            end_counts[item.after_id, item.expires_at_ms or NO_END_MS] += 1
        changed |= {item.before_id, item.after_id}
    ends: dict[int, int] = {}
    for subject, moment in +end_counts:
        ends[subject] = max(moment, ends.get(subject, 0))
    return ends, changed


def _expiration(end: int | None) -> int | None:
    return None if end == NO_END_MS else end


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
