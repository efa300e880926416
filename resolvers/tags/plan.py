"""Plans: bulk changes of tags with a dry run and optimistic concurrency.

`prepare` computes the outcome without writing it, and stores a plan with a fingerprint of the outcome.
`apply` computes it again with the same function and writes it only if the fingerprint still matches.
Immutable tags are listed in a plan as refused, and not changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from resolvers import events, spans
from resolvers.access.roles import RepositoryRole
from resolvers.changes import UNSET
from resolvers.context import Context
from resolvers.errors import Conflict, NotFound, TooMany, UserError
from resolvers.manifests import control, cosign, manifest
from resolvers.repositories.repository import RepositoryRecord, require
from resolvers.repositories.writing import lock_writable, require_no_cache, require_writable
from resolvers.spans import next_start
from resolvers.tags import event as tag_event
from resolvers.tags import immutability, kept_plan
from resolvers.tags.event import Entry
from resolvers.tags.kept_plan import KeptPlan
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
from storage.statements import Row, batches, execute, fetch, insert_many, placeholders
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with its items by name. `is_stale` if the outcome has changed since it was made."""

    uuid: str
    kind: PlanKind
    expires_at_ms: int
    items: tuple[PlanItem, ...]
    is_applied: bool = False
    is_stale: bool = False


async def prepare(context: Context, path: str, kind: PlanKind, arguments: PlanArguments) -> PlanRecord:
    """Make a plan: a dry run of a change of many tags. Requires `repo:write`.

    Raises `TooMany` for more than 10,000 tags, `Invalid`, `NotFound`, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    _require_may(context, record, kind)
    context.viewer.require_account()
    items = outcome(context, kind, arguments, await read(record, kind, arguments))
    await _require_content(kind, items, field="to")
    kept = await kept_plan.keep(context, kind.value, {"repository_id": record.id} | _dumped(arguments), items)
    return PlanRecord(kept.uuid, kind, kept.expires_at_ms, items)


async def plan(context: Context, record: RepositoryRecord, identity: str) -> PlanRecord | None:
    """A plan of the viewer for an authorized repository, computed again; None if unknown or expired."""
    kept = await _stored(context, record, identity)
    if kept is None or not kept.is_open:
        return None
    kind, arguments = PlanKind(kept.kind), _loaded(kept.arguments)
    try:
        items = outcome(context, kind, arguments, await read(record, kind, arguments))
    except UserError:
        # The arguments are no longer valid, such as a manifest that was deleted.
        return PlanRecord(kept.uuid, kind, kept.expires_at_ms, (), is_stale=True)
    is_stale = kept_plan.fingerprint(items) != kept.fingerprint
    return PlanRecord(kept.uuid, kind, kept.expires_at_ms, items, is_stale=is_stale)


async def apply(context: Context, path: str, kind: PlanKind, identity: str) -> PlanRecord:
    """Apply a plan of the viewer, once, all of it or nothing. Requires `repo:write`.

    Raises `NotFound` for an unknown plan or one of another account, kind or repository, `Conflict` for one
    that was applied, that expired or whose outcome has changed, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    _require_may(context, record, kind)
    unknown = NotFound(f"You have no plan '{identity[:64]}' of this kind for this repository.", field="plan")
    kept = await _stored(context, record, identity)
    if kept is None or kept.kind != kind.value:
        raise unknown
    kept_plan.require_open(kept)
    arguments = _loaded(kept.arguments)
    try:
        inputs, items = await _recompute(context, record, kind, arguments, kept.fingerprint)
    except Conflict as error:
        # A concurrent request that applied the plan has changed the tags.
        again = await _stored(context, record, identity)
        if again is not None and again.fingerprint == kept_plan.APPLIED:
            raise kept_plan.applied() from error
        raise
    chosen = [item for item in items if not item.is_locked]
    now = now_ms()
    states = await _initial_states(context, record, chosen, now)
    entries = await _events(context, record, kind, chosen, states)
    async with transaction("plan.apply"):
        await lock_writable(context, record)
        await kept_plan.mark_applied(kept)
        # Computed before the lock, to hold it for statements only. Equal inputs prove that it still holds.
        if await _reread(record, kind, arguments) != inputs:
            raise kept_plan.stale()
        await _require_content(kind, chosen, field="plan")
        last = await _last_spans(record, chosen, inputs, now)
        new_spans = _spans(record, kind, chosen, states, now, last, context.account_id)
        await _write(kind, chosen, new_spans, now)
        by_image = [(item.name, item.after_id) for item in chosen if _is_by_image(item, states)]
        await cosign.end_with_subjects(by_image, now)
        await events.write(entries)
    return PlanRecord(kept.uuid, kind, kept.expires_at_ms, items, is_applied=True)


async def _recompute(
    context: Context, record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments, fingerprint: str
) -> tuple[PlanInputs, tuple[PlanItem, ...]]:
    """The inputs and items of a plan now. Raises `Conflict` if the fingerprint differs."""
    inputs = await _reread(record, kind, arguments)
    try:
        items = outcome(context, kind, arguments, inputs)
    except TooMany as error:
        raise kept_plan.stale() from error
    if kept_plan.fingerprint(items) != fingerprint:
        raise kept_plan.stale()
    return inputs, items


def _require_may(context: Context, record: RepositoryRecord, kind: PlanKind) -> None:
    """Raise `NotWritable` unless a plan is for this repository: in a cache, one that moves no tags."""
    require_writable(context, record)
    if kind in (PlanKind.MOVE, PlanKind.ROLLBACK):
        require_no_cache(context, record)


async def _reread(record: RepositoryRecord, kind: PlanKind, arguments: PlanArguments) -> PlanInputs:
    """The inputs of a plan now. Raises `Conflict` if its arguments are no longer valid."""
    try:
        return await read(record, kind, arguments)
    except UserError as error:
        # The caller named the plan only, so that no other field can be named.
        raise Conflict(
            f"The plan can no longer be applied: {_reason(error)} Make a new one.", field="plan"
        ) from error


def _reason(error: UserError) -> str:
    return "its manifest is gone." if isinstance(error, NotFound) else error.message


async def _require_content(kind: PlanKind, items: Sequence[PlanItem], *, field: str) -> None:
    """Raise `NotFound` if a rollback needs a manifest whose content was garbage collected."""
    if kind is not PlanKind.ROLLBACK:
        return
    ids = sorted({item.after_id for item in items if item.after_id})
    for batch in batches(ids):
        await manifest.require_content(batch, field=field)


async def _stored(context: Context, record: RepositoryRecord, identity: str) -> KeptPlan | None:
    """The viewer's plan for a repository, whatever its age."""
    kept = await kept_plan.find(context, identity)
    if kept is None or kept.kind not in set(PlanKind) or kept.arguments["repository_id"] != record.id:
        return None
    return kept


def _dumped(arguments: PlanArguments) -> dict[str, Any]:
    return dict(orjson.loads(orjson.dumps(arguments)))


def _loaded(stored: dict[str, Any]) -> PlanArguments:
    values = {key: value for key, value in stored.items() if key != "repository_id"}
    return PlanArguments(**(values | {"selection": TagSelection(**values["selection"])}))


_SPAN_COLUMNS = (
    "repository_id",
    "name",
    "manifest_id",
    "started_at_ms",
    "ended_at_ms",
    "is_reversion",
    "is_immutable",
    "is_expiration",
    "pusher_id",
    "life",
)


async def _initial_states(
    context: Context, record: RepositoryRecord, items: Sequence[PlanItem], now: int
) -> dict[str, InitialState]:
    """Lock and expiration of each new span, by tag name."""
    policies = await immutability.policies_of(context, record)
    made = {
        item: item.after_id
        for item in items
        if item.after_id is not None and item.action in {TagAction.CREATE, TagAction.MOVE}
    }
    asked = await control.of_manifests(made.values())
    return {
        item.name: initial_state(
            context,
            policies,
            item.name,
            next_start(now, item.started_at_ms, None),
            asked[image],
            chosen_ms=UNSET if item.is_up_to_image and item.expires_at_ms is None else item.expires_at_ms,
        )
        for item, image in made.items()
    }


def _is_by_image(item: PlanItem, states: Mapping[str, InitialState]) -> bool:
    """Whether a new span has the expiration that its image asks for."""
    return item.name in states and states[item.name].expires_at_ms is not None


def _spans(
    record: RepositoryRecord,
    kind: PlanKind,
    items: Sequence[PlanItem],
    states: Mapping[str, InitialState],
    now: int,
    last: Mapping[str, Row],
    pusher_id: int | None,
) -> list[tuple[Any, ...]]:
    """The new spans, as rows of `_SPAN_COLUMNS`."""
    rows = []
    for item in items:
        if item.name not in states:
            continue
        state, before = states[item.name], last[item.name]
        # A locked tag does not expire, not even a cosign tag with its subject, unless its image asks for it.
        expires_at_ms = state.expires_at_ms or (None if state.is_immutable else item.expires_at_ms)
        rows.append(
            (
                record.id,
                item.name,
                item.after_id,
                next_start(now, item.started_at_ms, None if item.span_id else before["ended_at_ms"]),
                expires_at_ms,
                kind is PlanKind.ROLLBACK,
                state.is_immutable,
                expires_at_ms is not None,
                pusher_id,
                # A plan moves a tag, or brings back the tag that it was.
                before["life"],
            )
        )
    return rows


async def _last_spans(
    record: RepositoryRecord, items: Sequence[PlanItem], inputs: PlanInputs, now: int
) -> dict[str, Row]:
    """The end and the life of the last span of each tag that gets a new one, by name.

    In the open transaction. Spans that have expired are settled first.
    """
    found = {row["name"]: row for row in inputs.current}
    for batch in batches([item.name for item in items if item.action is TagAction.CREATE]):
        condition = f"repository_id = ? AND name IN ({placeholders(batch)})"
        await spans.end(condition, record.id, *batch, moment_ms=now)
        rows = await fetch(
            "SELECT name, MAX(ended_at_ms) AS ended_at_ms, MAX(life) AS life FROM tag"
            f" WHERE {condition} GROUP BY name",
            record.id,
            *batch,
        )
        found |= {row["name"]: row for row in rows}
    return found


async def _write(
    kind: PlanKind, items: Sequence[PlanItem], new_spans: Sequence[tuple[Any, ...]], now: int
) -> None:
    """Write the changes, in statements of at most 500 rows."""
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
    """The events of each tag, the same as those of a change of that tag alone."""
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
    """Set the ends of the spans of some items; `expires_at_ms` is None for all of them or for none."""
    for batch in batches(items):
        spans = [item.span_id for item in batch]
        # Clamped expirations differ from tag to tag.
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
