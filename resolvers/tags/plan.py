"""Changes of many tags at once, looked at before they are made.

`prepare` works out what would happen and keeps it as a plan: who may apply it, until when, and a fingerprint
of the outcome. `apply` works it out again, by the same function and with the repository locked, and acts only
if the outcome is still the same. Locked tags stand in a plan as refused, and are left alone.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from resolvers import events
from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.errors import Conflict, NotFound, TooMany, UserError
from resolvers.manifests import manifest
from resolvers.repositories.repository import RepositoryRecord, lock_writable, require, require_writable
from resolvers.tags import event as tag_event
from resolvers.tags import immutability
from resolvers.tags.event import Entry
from resolvers.tags.outcome import (
    PlanArguments,
    PlanInputs,
    PlanItem,
    PlanKind,
    TagAction,
    TagSelection,
    outcome,
    read,
)
from resolvers.tags.tag import InitialState, end, initial_state
from storage.clock import now_ms
from storage.models.plan import Plan
from storage.statements import Row, batches, decode_json, execute, fetch, fetch_one, insert_many, placeholders
from storage.transactions import transaction

LIFETIME_MS = 15 * 60_000
PRUNE_BATCH = 500
"""So many plans that are too old are removed as one is made."""


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with what it does, by name. `is_stale` if that is no longer what was looked at."""

    uuid: str
    kind: PlanKind
    expires_at_ms: int
    items: tuple[PlanItem, ...]
    is_applied: bool = False
    is_stale: bool = False


async def prepare(context: Context, path: str, kind: PlanKind, arguments: PlanArguments) -> PlanRecord:
    """Work out a change of many tags, without making it. Requires `repo:write`.

    Raises `TooMany` for more than 10,000 tags, `Invalid`, `NotFound`, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, record)
    account = context.viewer.require_account()
    items = outcome(context, kind, arguments, await read(record, kind, arguments))
    await _require_content(kind, items, field="to")
    expires_at_ms = now_ms() + LIFETIME_MS
    async with transaction("plan.prepare"):
        await execute(
            "DELETE FROM plan WHERE id IN (SELECT id FROM plan WHERE expires_at_ms < ? LIMIT ?)",
            now_ms(),
            PRUNE_BATCH,
        )
        plan = await Plan.create(
            uuid=str(uuid.uuid4()),
            kind=kind.value,
            account_id=account.id,
            arguments={"repository_id": record.id} | _dumped(arguments),
            fingerprint=_fingerprint(items),
            expires_at_ms=expires_at_ms,
        )
    return PlanRecord(plan.uuid, kind, expires_at_ms, items)


async def plan(context: Context, record: RepositoryRecord, identity: str) -> PlanRecord | None:
    """A plan of the viewer for an authorized repository, worked out again; None for any other."""
    row = await _stored(context, record, identity)
    if row is None or row["expires_at_ms"] <= now_ms():
        return None
    kind, arguments = PlanKind(row["kind"]), _loaded(row["arguments"])
    try:
        items = outcome(context, kind, arguments, await read(record, kind, arguments))
    except UserError:
        # What was asked for can no longer be done at all, so that a new plan would do nothing.
        return PlanRecord(row["uuid"], kind, row["expires_at_ms"], (), is_stale=True)
    is_stale = _fingerprint(items) != row["fingerprint"]
    return PlanRecord(row["uuid"], kind, row["expires_at_ms"], items, is_stale=is_stale)


async def apply(context: Context, path: str, kind: PlanKind, identity: str) -> PlanRecord:
    """Make the change that a plan of the viewer describes, all of it or nothing. Requires `repo:write`.

    A plan is applied once. Raises `NotFound` for a plan that is not theirs, of another kind or repository,
    `Conflict` for one that is too old, or whose outcome has changed or can no longer be, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, record)
    unknown = NotFound(f"There is no plan '{identity[:64]}' of yours for this.", field="plan")
    row = await _stored(context, record, identity)
    if row is None or row["kind"] != kind.value:
        raise unknown
    if row["expires_at_ms"] <= now_ms():
        raise Conflict("The plan is more than 15 minutes old. Make a new one.", field="plan")
    arguments = _loaded(row["arguments"])
    try:
        inputs, items = await _recompute(context, record, kind, arguments, row["fingerprint"])
    except Conflict as error:
        # Whoever has just applied the plan has changed the tags by it, and there is no such plan any more.
        if await _stored(context, record, identity) is None:
            raise unknown from error
        raise
    chosen = [item for item in items if not item.is_locked]
    now = now_ms()
    states = await _initial_states(context, record, kind, chosen, now)
    new_spans = _spans(record, kind, chosen, states, now)
    entries = await _events(context, record, kind, chosen, states)
    async with transaction("plan.apply"):
        await lock_writable(context, record)
        if not await execute("DELETE FROM plan WHERE id = ?", row["id"]):
            raise unknown
        # All was worked out before the lock, so that others wait for statements only; it must still hold.
        if await _reread(record, kind, arguments) != inputs:
            raise _stale()
        await _require_content(kind, chosen, field="plan")
        await _write(kind, chosen, new_spans, now)
        await events.write(entries)
    return PlanRecord(row["uuid"], kind, row["expires_at_ms"], items, is_applied=True)


def _stale() -> Conflict:
    return Conflict("The tags have changed since the plan was made. Make a new one.", field="plan")


async def _recompute(
    context: Context, record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments, fingerprint: str
) -> tuple[PlanInputs, tuple[PlanItem, ...]]:
    """What a plan does now, and what that depends on. Raises `Conflict` if it is not what was looked at."""
    inputs = await _reread(record, kind, arguments)
    try:
        items = outcome(context, kind, arguments, inputs)
    except TooMany as error:
        raise _stale() from error
    if _fingerprint(items) != fingerprint:
        raise _stale()
    return inputs, items


async def _reread(record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments) -> PlanInputs:
    """What the outcome of a plan depends on now. Raises `Conflict` if it can no longer be asked for."""
    try:
        return await read(record, kind, arguments)
    except UserError as error:
        # The plan is all that the caller named, so no other field can be to blame.
        raise Conflict(
            f"The plan can no longer be carried out: {_reason(error)} Make a new one.", field="plan"
        ) from error


def _reason(error: UserError) -> str:
    return "its manifest is gone." if isinstance(error, NotFound) else error.message


async def _require_content(kind: PlanKind, items: Sequence[PlanItem], *, field: str) -> None:
    """Raise `NotFound` if a rollback leads to what the collector took while the window was shorter."""
    if kind is not PlanKind.ROLLBACK:
        return
    ids = sorted({item.after_id for item in items if item.after_id})
    for batch in batches(ids):
        await manifest.require_content(batch, field=field)


async def _stored(context: Context, record: RepositoryRecord, identity: str) -> Row | None:
    """The viewer's plan for a repository, whatever its age."""
    account = context.viewer.require_account()
    row = await fetch_one("SELECT * FROM plan WHERE uuid = ? AND account_id = ?", identity, account.id)
    if row is None:
        return None
    row["arguments"] = decode_json(row["arguments"])
    return row if row["arguments"]["repository_id"] == record.id else None


def _dumped(arguments: PlanArguments) -> dict[str, Any]:
    return dict(orjson.loads(orjson.dumps(arguments)))


def _loaded(stored: dict[str, Any]) -> PlanArguments:
    values = {key: value for key, value in stored.items() if key != "repository_id"}
    return PlanArguments(**(values | {"selection": TagSelection(**values["selection"])}))


def _fingerprint(items: Sequence[PlanItem]) -> str:
    return hashlib.sha256(orjson.dumps(items)).hexdigest()


_SPAN_COLUMNS = (
    "repository_id",
    "name",
    "manifest_id",
    "started_at_ms",
    "ended_at_ms",
    "is_reversion",
    "is_immutable",
    "is_expiration",
)


async def _initial_states(
    context: Context, record: RepositoryRecord, kind: PlanKind, items: Sequence[PlanItem], now: int
) -> dict[str, InitialState]:
    """What is given to the tags that point elsewhere, by name."""
    policies = await immutability.policies_of(context, record)
    return {
        item.name: initial_state(context, policies, item.name, now, {})
        for item in items
        if item.action in {TagAction.CREATE, TagAction.MOVE}
    }


def _spans(
    record: RepositoryRecord,
    kind: PlanKind,
    items: Sequence[PlanItem],
    states: Mapping[str, InitialState],
    now: int,
) -> list[tuple[Any, ...]]:
    """The rows of `_SPAN_COLUMNS` that begin."""
    rows = []
    for item in items:
        if item.name not in states:
            continue
        is_immutable = states[item.name].is_immutable
        # What is locked stays, also of cosign's, when what it is about expires.
        expires_at_ms = None if is_immutable else item.expires_at_ms
        rows.append(
            (
                record.id,
                item.name,
                item.after_id,
                max(now, item.started_at_ms or now),
                expires_at_ms,
                kind is PlanKind.ROLLBACK,
                is_immutable,
                expires_at_ms is not None,
            )
        )
    return rows


async def _write(
    kind: PlanKind, items: Sequence[PlanItem], new_spans: Sequence[tuple[Any, ...]], now: int
) -> None:
    """Make the changes, in statements of at most 500 rows."""
    expiring = [item for item in items if item.action is TagAction.EXPIRE]
    await _expire([item for item in expiring if item.expires_at_ms is not None])
    await _expire([item for item in expiring if item.expires_at_ms is None])
    ended = [item.span_id for item in items if item.span_id and item.action is not TagAction.EXPIRE]
    for batch in batches(ended):
        await end(batch, now)
    targets = sorted({item.after_id for item in items if item.after_id}) if kind is PlanKind.ROLLBACK else []
    for batch in batches(targets):
        await manifest.undelete(f"id IN ({placeholders(batch)})", *batch)
    await insert_many("tag", _SPAN_COLUMNS, new_spans)


async def _events(
    context: Context,
    record: RepositoryRecord,
    kind: PlanKind,
    items: Sequence[PlanItem],
    states: Mapping[str, InitialState],
) -> events.Entries:
    """The events of each tag, the same as when it is changed alone."""
    digests = await _digests([identity for item in items for identity in (item.before_id, item.after_id)])
    entries = [
        entry
        for item in items
        if not item.is_consequence
        for entry in _entries(context, record, kind, item, digests, states)
    ]
    return await events.prepare(
        context,
        entries,
        namespace_id=record.namespace_id,
        repository_id=record.id,
    )


async def _expire(items: Sequence[PlanItem]) -> None:
    """Let the spans of items end when they say, which is never for all of them or for none."""
    for batch in batches(items):
        spans = [item.span_id for item in batch]
        # Expirations that were clamped differ from tag to tag.
        cases = " ".join(["WHEN ? THEN CAST(? AS BIGINT)"] * len(batch))
        moments = [value for item in batch for value in (item.span_id, item.expires_at_ms)]
        await execute(
            f"UPDATE tag SET ended_at_ms = CASE id {cases} END, is_expiration = ?"
            f" WHERE id IN ({placeholders(spans)})",
            *moments,
            batch[0].expires_at_ms is not None,
            *spans,
        )


async def _digests(ids: Sequence[int | None]) -> dict[int | None, str]:
    wanted = sorted({identity for identity in ids if identity is not None})
    found: dict[int | None, str] = {}
    for batch in batches(wanted):
        rows = await fetch(
            "SELECT id, COALESCE(deleted_digest, digest) AS digest FROM manifest"
            f" WHERE id IN ({placeholders(batch)})",
            *batch,
        )
        found |= {row["id"]: row["digest"] for row in rows}
    return found


def _entries(
    context: Context,
    record: RepositoryRecord,
    kind: PlanKind,
    item: PlanItem,
    digests: Mapping[int | None, str],
    states: Mapping[str, InitialState],
) -> list[Entry]:
    if item.action is TagAction.DELETE:
        return [tag_event.deleted(context, record, item.name)]
    if item.action is TagAction.EXPIRE:
        return [
            tag_event.expiration_changed(
                context, record, item.name, item.expires_at_ms, item.old_expires_at_ms
            )
        ]
    return tag_event.created_or_moved(
        context,
        record,
        item.name,
        digests[item.after_id],
        original=digests.get(item.before_id),
        is_reversion=kind is PlanKind.ROLLBACK,
        policy=states[item.name].policy,
    )
