"""Tags: each row is a span `[start, end)` of a tag's history, the time machine.

Moving or deleting a tag ends its span and keeps it as history; moving and restoring write a new span.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from resolvers import events, spans
from resolvers.access.needs import Need
from resolvers.access.permissions import repository_role
from resolvers.access.roles import RepositoryRole
from resolvers.changes import UNSET, Unset
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Immutable, Invalid, NotFound
from resolvers.event_kinds import TOLD_BY_PUSH
from resolvers.expiration import clamp_expiration, expiration_of_label
from resolvers.manifests import control, cosign, liveness, manifest
from resolvers.manifests.control import Control
from resolvers.names import check_tag
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from resolvers.repositories.regimes import Regime, require_free
from resolvers.repositories.repository import RepositoryRecord, require
from resolvers.repositories.writing import lock_writable, require_no_cache, require_writable
from resolvers.spans import next_start
from resolvers.tags import event as tag_event
from resolvers.tags import immutability
from resolvers.tags.event import Entry
from resolvers.tags.filter import TagFilter, conditions_of
from resolvers.tags.immutability import PolicyRecord
from storage.clock import now_ms
from storage.conditions import is_active
from storage.models.tag import Tag
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class TagRecord:
    """One span of a tag's history. An end that has not happened is an expiration.

    `is_expiration` is true for an end that was set in advance, false for one by a move or a deletion;
    `has_ended` for an end that stays, even if the clock goes back. `pusher_id` is the account that pointed
    it there, None if that is not known. `life` is how often the tag was made again after it had ended.
    `confirmed_at_ms` is when the upstream of a pull-through cache had it so, None for a tag that was pushed.
    """

    id: int
    repository_id: int
    name: str
    manifest_id: int
    started_at_ms: int
    ended_at_ms: int | None
    is_reversion: bool
    is_immutable: bool
    is_expiration: bool
    has_ended: bool
    pusher_id: int | None
    life: int
    confirmed_at_ms: int | None

    def is_active(self, moment_ms: int) -> bool:
        """Whether the span goes on at a time, as `storage.conditions.is_active` says in SQL."""
        return not self.has_ended and (self.ended_at_ms is None or self.ended_at_ms > moment_ms)


COLUMNS = Columns(TagRecord, "t")
ACTIVE = is_active("t")


async def tags(
    context: Context, repository: RepositoryRecord, chosen: TagFilter, page: Page
) -> Slice[TagRecord]:
    """Spans of an authorized repository, newest first, then by name."""
    conditions = ["t.repository_id = ?"]
    arguments: list[Any] = [repository.id]
    for condition, values in conditions_of(chosen):
        conditions.append(condition)
        arguments += values
    order = (
        Term("t.started_at_ms", "started_at_ms", descending=True),
        Term("t.name", "name", kind=str),
        Term("t.id", "id", descending=True),
    )
    rows = await paginate(
        Query(COLUMNS.sql, "tag t", order, tuple(conditions), tuple(arguments)),
        page,
        maximum=context.max_first,
    )
    return rows.of(COLUMNS.record)


async def active_tag(repository_id: int, name: str) -> TagRecord | None:
    """The active span of a tag, None if there is no such tag now."""
    last = await last_span(repository_id, name)
    return last if last is not None and last.is_active(now_ms()) else None


async def last_span(repository_id: int, name: str) -> TagRecord | None:
    """The last span of a tag, the only one that may go on; None if there never was such a tag."""
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM tag t WHERE t.repository_id = ? AND t.name = ?"
        " ORDER BY t.started_at_ms DESC, t.id DESC LIMIT 1",
        repository_id,
        name,
    )
    return COLUMNS.record(row) if row else None


async def by_ids(ids: Sequence[int]) -> dict[int, TagRecord]:
    """Spans by id, in one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {COLUMNS} FROM tag t WHERE t.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: COLUMNS.record(row) for row in rows}


async def active_of_manifests(
    context: Context, manifest_ids: Sequence[int], page: Page
) -> dict[int, Slice[TagRecord]]:
    """One page of the active tags of each of some authorized manifests, by name; one statement."""
    order = (Term("t.name", "name", kind=str), Term("t.id", "id"))
    found = await paginate_each(
        Query(COLUMNS.sql, "tag t", order, (ACTIVE,), (now_ms(),)),
        "t.manifest_id",
        manifest_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: rows.of(COLUMNS.record) for identity, rows in found.items()}


async def last_started(repository_ids: Sequence[int]) -> dict[int, int]:
    """The latest start of a tag in each repository, in milliseconds; one statement.

    Repositories that never had a tag are left out.
    """
    if not repository_ids:
        return {}
    rows = await fetch(
        # One index lookup for each repository, however long its history is.
        "SELECT r.id AS id, (SELECT MAX(t.started_at_ms) FROM tag t WHERE t.repository_id = r.id) AS last"
        f" FROM repository r WHERE r.id IN ({placeholders(repository_ids)})",
        *repository_ids,
    )
    return {row["id"]: row["last"] for row in rows if row["last"] is not None}


@dataclass(frozen=True, slots=True)
class InitialState:
    """Lock and expiration that a new span starts with; `policy` is the one that locks it, if any."""

    is_immutable: bool = False
    expires_at_ms: int | None = None
    policy: PolicyRecord | None = None


def initial_state(
    context: Context,
    policies: Sequence[PolicyRecord],
    name: str,
    started_at_ms: int,
    asked: Control,
    *,
    chosen_ms: int | Unset | None = UNSET,
) -> InitialState:
    """The lock (by what the image asks for, or by a policy) and the expiration of a new span.

    A lock wins over the expiration that the image asks for, unless IMMUTABLE_TAGS_CAN_EXPIRE is on. The
    expiration `chosen_ms`, or None for none, is one that the caller sets: it wins over what the image asks
    for, and is not returned.
    """
    can_expire = context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    has_locks = context.site.has("IMMUTABLE_TAGS")
    is_asked = has_locks and asked.is_immutable and (can_expire or chosen_ms is UNSET or chosen_ms is None)
    policy = immutability.first_match(policies, name) if has_locks and not is_asked else None
    is_immutable = is_asked or policy is not None
    if is_immutable and not can_expire:
        return InitialState(is_immutable=True, policy=policy)
    expires_at_ms = expiration_of_label(asked.expires_after, started_at_ms) if chosen_ms is UNSET else None
    return InitialState(is_immutable, expires_at_ms, policy)


async def point(
    context: Context,
    repository: RepositoryRecord,
    name: str,
    manifest_id: int,
    digest: str,
    *,
    is_reversion: bool = False,
    asked: Control | None = None,
    chosen_ms: int | Unset | None = UNSET,
    is_push: bool = False,
) -> InitialState | None:
    """Create a tag or move it to a manifest, in the open transaction, with the repository's row locked.

    The one way by which a tag comes to point to something, plans aside, so that what the image asks for its
    tags (`control`) holds for all: it is read here unless given as `asked`. `chosen_ms` is the expiration
    that the caller will set, or None for none, in place of the one that the image asks for. `is_push`: the
    caller records a push, whose audit entry names the tag.

    Returns the lock and expiration of the new span; None for a tag that points there already, which keeps its
    span and has its expiration by the image renewed. Raises `Immutable` for a tag that is locked to another
    manifest, `NotWritable` in a cache whose upstream does not set it.
    """
    require_no_cache(context, repository)
    now = now_ms()
    if asked is None:
        asked = await control.of_manifest(manifest_id)
    last = await last_span(repository.id, name)
    current = last if last is not None and last.is_active(now) else None
    if current is not None and current.manifest_id == manifest_id and not is_reversion:
        if chosen_ms is UNSET:
            await _renew_expiration(context, repository, current, asked, now)
        return None
    original: str | None = None
    if current is not None:
        _refuse_immutable(context, current, "overwrite")
        row = await fetch_one("SELECT digest FROM manifest WHERE id = ?", current.manifest_id)
        original = row["digest"] if row else None
    started_at_ms, life = now, 0
    if last is not None:
        # What is restored is the tag that it was; what is made is a new one of that name.
        life = last.life if current is not None or is_reversion else last.life + 1
        started_at_ms = next_start(now, last.started_at_ms, last.ended_at_ms if current is None else None)
        if not last.has_ended:
            await end([last.id], now)
    policies = await immutability.policies_of(context, repository)
    given = initial_state(context, policies, name, started_at_ms, asked, chosen_ms=chosen_ms)
    await Tag.create(
        repository_id=repository.id,
        name=name,
        manifest_id=manifest_id,
        started_at_ms=started_at_ms,
        ended_at_ms=given.expires_at_ms,
        is_reversion=is_reversion,
        is_immutable=given.is_immutable,
        is_expiration=given.expires_at_ms is not None,
        pusher_id=context.account_id,
        life=life,
    )
    await cosign.end_with_subjects(
        [(name, manifest_id), (name, current.manifest_id if current else None)], now
    )
    await cosign.expire_with_subject(repository.id, name, now)
    entries = tag_event.created_or_moved(
        context,
        repository,
        name,
        digest,
        original=original,
        is_reversion=is_reversion,
        policy=given.policy,
    )
    await _record(context, repository, entries, without_entry=TOLD_BY_PUSH if is_push else ())
    return given


async def _renew_expiration(
    context: Context, repository: RepositoryRecord, tag: TagRecord, asked: Control, now: int
) -> None:
    """Postpone the expiration of a tag that was set again to its image, as the image asks for."""
    expires_at_ms = expiration_of_label(asked.expires_after, now)
    if expires_at_ms is None or tag.ended_at_ms is None:
        return
    expires_at_ms = clamp_expiration(expires_at_ms, tag.started_at_ms)
    # A later end was set by an account, which overrules the label.
    if expires_at_ms > tag.ended_at_ms:
        await _expire(context, repository, tag, expires_at_ms)


async def end(ids: Sequence[int], moment_ms: int) -> None:
    """End at most 500 spans for good, in the open transaction."""
    await spans.end(f"id IN ({placeholders(ids)})", *ids, moment_ms=moment_ms)


async def end_tags(tags: Sequence[tuple[int, str, int]], moment_ms: int) -> None:
    """End at most 500 tags for good, with the cosign tags that end with them.

    Each is the id of its span, its name and its manifest. In the open transaction, with the repository's row
    locked.
    """
    await end([span for span, _, _ in tags], moment_ms)
    await cosign.end_with_subjects([(name, manifest_id) for _, name, manifest_id in tags], moment_ms)


def _refuse_immutable(context: Context, tag: TagRecord, verb: str) -> None:
    if tag.is_immutable and context.site.has("IMMUTABLE_TAGS"):
        raise Immutable(f"Cannot {verb} immutable tag '{tag.name}'", field="tag")


async def _record(
    context: Context,
    repository: RepositoryRecord,
    entries: Sequence[Entry],
    *,
    without_entry: Collection[str] = (),
) -> None:
    await events.write(
        await events.prepare(
            context,
            entries,
            namespace_id=repository.namespace_id,
            repository_id=repository.id,
            without_entry=without_entry,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChanges:
    """Changes of a tag; what is `UNSET` stays as it is.

    `manifest_digest` creates or moves the tag; `expires_at_ms` sets the expiration, None removes it;
    `is_immutable` locks or unlocks.
    """

    manifest_digest: str | Unset = UNSET
    expires_at_ms: int | Unset | None = UNSET
    is_immutable: bool | Unset = UNSET


def _chosen(context: Context, changes: TagChanges) -> int | Unset | None:
    """The expiration that the caller chose; none for a tag to be locked, if locked tags cannot expire."""
    if changes.is_immutable is True and not context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE"):
        return changes.expires_at_ms if changes.expires_at_ms is not UNSET else None
    return changes.expires_at_ms


async def update(context: Context, path: str, name: str, changes: TagChanges) -> TagRecord | None:
    """Apply all changes to a tag or none. Requires `repo:write`, and `repo:admin` to unlock.

    They win over what the image asks for its tags.

    Returns the active tag; None if there were no changes and there is no such tag. Raises `NotFound` for an
    unknown tag or manifest, `Immutable`, `Invalid`, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, record)
    check_tag(name)
    async with transaction("tag.update"):
        await lock_writable(context, record)
        # Unlock first and lock last, so that every change applies to the new span.
        if changes.is_immutable is False:
            await _change_immutability(context, record, name, False)
        if changes.manifest_digest is not UNSET:
            manifest_id = await require_alive(record, changes.manifest_digest)
            made = await point(
                context,
                record,
                name,
                manifest_id,
                changes.manifest_digest,
                chosen_ms=_chosen(context, changes),
            )
            if changes.is_immutable is False and made and made.is_immutable and made.policy is None:
                # The image asks for a lock, which the caller does not want.
                await _change_immutability(context, record, name, False)
        if changes.expires_at_ms is not UNSET:
            await _change_expiration(context, record, name, changes.expires_at_ms)
        if changes.is_immutable is True:
            await _change_immutability(context, record, name, True)
    return await active_tag(record.id, name)


WITH_PARENTS = (
    "WITH RECURSIVE above (id) AS ({} UNION SELECT p.id FROM above a JOIN manifest m ON m.id = a.id"
    " JOIN repository r ON r.id = m.repository_id"
    " JOIN manifest_child c ON c.namespace_id = r.namespace_id AND c.digest = m.digest"
    " JOIN manifest p ON p.id = c.manifest_id AND p.repository_id = m.repository_id)"
)
"""SQL prefix, a recursive CTE `above`: the selected manifests and all indexes above them, at any depth."""


async def require_alive(record: RepositoryRecord, digest: str) -> int:
    """The id of a manifest that a tag can be set to. Raises `NotFound` for an unknown or dead one."""
    row = await fetch_one(
        # Dead: had tags, all of them ended, and so had every index that lists it.
        f"{WITH_PARENTS.format('SELECT id FROM manifest WHERE repository_id = ? AND digest = ?')}"
        " SELECT id FROM manifest WHERE repository_id = ? AND digest = ? AND EXISTS (SELECT 1 FROM above a"
        " WHERE NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = a.id) OR EXISTS"
        f" (SELECT 1 FROM tag t WHERE t.manifest_id = a.id AND {ACTIVE}))",
        *(record.id, digest) * 2,
        now_ms(),
    )
    if row is None:
        raise NotFound(field="manifestDigest")
    return int(row["id"])


async def _require_active(record: RepositoryRecord, name: str) -> TagRecord:
    tag = await active_tag(record.id, name)
    if tag is None:
        raise NotFound(field="tag")
    return tag


async def _change_expiration(
    context: Context, record: RepositoryRecord, name: str, expires_at_ms: int | None
) -> None:
    tag = await _require_active(record, name)
    if expires_at_ms is not None:
        if expires_at_ms <= now_ms():
            raise Invalid("The expiration must be in the future.", field="expiresAt")
        if tag.is_immutable and not context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE"):
            raise Immutable(f"Cannot set expiration on immutable tag '{name}'", field="expiresAt")
        expires_at_ms = clamp_expiration(expires_at_ms, tag.started_at_ms)
    await _expire(context, record, tag, expires_at_ms)


async def _expire(
    context: Context, record: RepositoryRecord, tag: TagRecord, expires_at_ms: int | None
) -> None:
    await execute(
        "UPDATE tag SET ended_at_ms = ?, is_expiration = ? WHERE id = ?",
        expires_at_ms,
        expires_at_ms is not None,
        tag.id,
    )
    await cosign.end_with_subjects([(tag.name, tag.manifest_id)], now_ms())
    entry = tag_event.expiration_changed(context, record, tag.name, expires_at_ms, tag.ended_at_ms)
    await _record(context, record, [entry])


async def _change_immutability(
    context: Context, record: RepositoryRecord, name: str, is_immutable: bool
) -> None:
    if not context.site.has("IMMUTABLE_TAGS"):
        raise Invalid("Immutable tags are not enabled on this registry.", field="isImmutable")
    tag = await _require_active(record, name)
    expires = tag.ended_at_ms is not None and not context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    if is_immutable and expires:
        raise Invalid(
            f"Cannot make tag '{name}' immutable: remove its expiration first.", field="isImmutable"
        )
    if is_immutable:
        await require_free(record.namespace_id, Regime.LOCKS, field="isImmutable")
    if not is_immutable and tag.is_immutable:
        role = await repository_role(context.viewer, record.ref)
        if role is not RepositoryRole.ADMIN:
            raise context.viewer.refusal(Need(RepositoryRole.ADMIN))
    await execute("UPDATE tag SET is_immutable = ? WHERE id = ?", is_immutable, tag.id)
    entry = tag_event.immutability_changed(
        context, record, name, is_locked=is_immutable, was_locked=tag.is_immutable
    )
    await _record(context, record, [entry])


async def delete(context: Context, path: str, name: str) -> TagRecord:
    """End a tag now; its history stays. Requires `repo:write`.

    Raises `NotFound`, `Immutable`, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, record)
    async with transaction("tag.delete"):
        await lock_writable(context, record)
        tag = await _require_active(record, name)
        _refuse_immutable(context, tag, "delete")
        now = now_ms()
        await end_tags([(tag.id, name, tag.manifest_id)], now)
        await _record(context, record, [tag_event.deleted(context, record, name)])
    return replace(tag, ended_at_ms=max(now, tag.started_at_ms), is_expiration=False, has_ended=True)


async def _require_kept(record: RepositoryRecord, manifest_id: int) -> None:
    """Raise `NotFound` for a manifest that is garbage but not yet collected.

    In the open transaction, with the repository's row locked.
    """
    # Without the grace period: a recent push does not extend the window of history.
    cutoffs = replace(liveness.Cutoffs.at(now_ms(), record.tag_expiration_s), recent_ms=liveness.NO_PUSH_MS)
    if await liveness.find_garbage([manifest_id], cutoffs):
        raise NotFound(
            f"The last tag of this manifest ended more than {record.tag_expiration_s} seconds ago, which is"
            " longer than its namespace keeps history.",
            field="manifestDigest",
        )


async def restore(context: Context, path: str, name: str, manifest_digest: str) -> TagRecord:
    """Set a tag back to an earlier manifest, marked as a reversion. Requires `repo:write`.

    Also works for manifests that were deleted or whose tags have all ended, within the window for which the
    namespace keeps history. Raises `NotFound`, `Immutable`, `Invalid`, `NotWritable`.
    """
    record = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, record)
    check_tag(name)
    async with transaction("tag.restore"):
        await lock_writable(context, record)
        manifest_id = await manifest.find_or_undelete(record.id, manifest_digest)
        if manifest_id is None:
            raise NotFound("The repository has no such manifest.", field="manifestDigest")
        await _require_kept(record, manifest_id)
        await point(context, record, name, manifest_id, manifest_digest, is_reversion=True)
    return await _require_active(record, name)
