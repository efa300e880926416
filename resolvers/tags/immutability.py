"""Immutability policies: rules that lock tags of a namespace or a repository.

A policy locks tags when they are created or moved, and existing tags when it is created or changed: those
whose whole names fit its pattern, or all others. It never unlocks: a tag stays locked until an administrator
of the repository unlocks it. Tags with an expiration are skipped unless IMMUTABLE_TAGS_CAN_EXPIRE is on.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.needs import ADMINISTER_NAMESPACE
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid
from resolvers.job_kinds import Lane, Run, checkpoint, job, progress
from resolvers.patterns import compile_pattern, fits_whole
from resolvers.repositories.policies import Place, Policies
from resolvers.repositories.regimes import Regime, require_free
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.conditions import is_active
from storage.jobs import enqueue
from storage.models.policy import ImmutabilityPolicy
from storage.statements import Row, fetch, placeholders
from storage.transactions import lock_row, transaction

BATCH = 500
APPLY = "immutability.apply"
"""Kind of the job that locks existing tags."""


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy: locks names that `tag_pattern` fits as a whole; the others if not `tag_pattern_matches`."""

    id: int
    uuid: str
    namespace_id: int
    repository_id: int | None
    tag_pattern: str
    tag_pattern_matches: bool
    created_at_ms: int


POLICIES = Policies(
    PolicyRecord, "immutability_policy", name="immutability policy", need=ADMINISTER_NAMESPACE
)


def first_match(policies: Sequence[PolicyRecord], name: str) -> PolicyRecord | None:
    """The first policy that locks a tag of this name, None if none does."""
    return next((policy for policy in policies if _matches(policy, name)), None)


def _matches(policy: PolicyRecord, name: str) -> bool:
    return fits_whole(policy.tag_pattern, name) is policy.tag_pattern_matches


async def policies_of(context: Context, repository: RepositoryRecord) -> list[PolicyRecord]:
    """The policies that apply to a repository: its own and its namespace's; none without IMMUTABLE_TAGS."""
    if not context.site.has("IMMUTABLE_TAGS"):
        return []
    return await POLICIES.holding_in(namespace_id=repository.namespace_id, repository_id=repository.id)


@dataclass(frozen=True, slots=True)
class Locks:
    """What the policies of a repository lock, before the job that locks existing tags has come to them too.

    Without `may_expire` (IMMUTABLE_TAGS_CAN_EXPIRE), tags with an expiration are left out.
    """

    policies: Sequence[PolicyRecord] = ()
    may_expire: bool = False

    def hold(self, name: str, ended_at_ms: int | None) -> bool:
        """Whether a policy locks an active tag, given its expiration."""
        return (self.may_expire or ended_at_ms is None) and first_match(self.policies, name) is not None


async def locks_of(context: Context, repository: RepositoryRecord) -> Locks:
    """What the policies of a repository lock; one statement."""
    policies = await policies_of(context, repository)
    return Locks(policies, context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE"))


async def locks_of_each(
    context: Context, namespace_id: int, repository_ids: Sequence[int]
) -> dict[int, Locks]:
    """The same for some repositories of a namespace; one statement for all."""
    policies: list[PolicyRecord] = []
    if context.site.has("IMMUTABLE_TAGS"):
        policies = await POLICIES.where(
            "p.namespace_id = ? AND (p.repository_id IS NULL"
            f" OR p.repository_id IN ({placeholders(repository_ids)}))",
            namespace_id,
            *repository_ids,
        )
    may_expire = context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    shared = [one for one in policies if one.repository_id is None]
    own: dict[int | None, list[PolicyRecord]] = {}
    for one in policies:
        own.setdefault(one.repository_id, []).append(one)
    return {identity: Locks([*shared, *own.get(identity, ())], may_expire) for identity in repository_ids}


async def _place(context: Context, owner: Owner) -> Place:
    place = await POLICIES.place(context, owner)
    if not context.site.has("IMMUTABLE_TAGS"):
        raise Invalid("Immutable tags are not enabled on this registry.", field="owner")
    return place


async def _refuse_duplicate(place: Place, pattern: str, matches: bool, *, but: int = 0) -> None:
    if await POLICIES.has_equal(place, {"tag_pattern": pattern, "tag_pattern_matches": matches}, but=but):
        raise AlreadyExists("The owner has a policy with this pattern already.", field="tagPattern")


async def create(
    context: Context, owner: Owner, *, tag_pattern: str, tag_pattern_matches: bool = True
) -> PolicyRecord:
    """Create a policy and lock the existing tags that match. Requires `org:admin` or `repo:admin`.

    A job locks them where there are many tags. Raises `Invalid` for a malformed pattern, `AlreadyExists` for
    a duplicate, `NotFound`.
    """
    place = await _place(context, owner)
    compile_pattern(tag_pattern, field="tagPattern")
    async with transaction("immutability.create"):
        # Before the row of a repository, and also where that is the place: an organization becomes a cache
        # under the same lock.
        await lock_row("account", place.namespace_id)
        await place.lock()
        await require_free(place.namespace_id, Regime.LOCKS, field="owner")
        await _refuse_duplicate(place, tag_pattern, tag_pattern_matches)
        made = await ImmutabilityPolicy.create(
            uuid=str(uuid.uuid4()),
            namespace_id=place.namespace_id,
            repository_id=place.repository_id,
            tag_pattern=tag_pattern,
            tag_pattern_matches=tag_pattern_matches,
            created_at_ms=now_ms(),
        )
        record = await POLICIES.require(place, made.uuid)
        await _record_event(context, "create_immutability_policy", place, record)
        await _lock_existing(context, record)
    return record


async def update(
    context: Context,
    owner: Owner,
    identity: str,
    *,
    tag_pattern: str | None = None,
    tag_pattern_matches: bool | None = None,
) -> PolicyRecord:
    """Change a policy and lock the existing tags that match now; None keeps a value. Raises as `create`."""
    place = await _place(context, owner)
    async with transaction("immutability.update"):
        await place.lock()
        before = await POLICIES.require(place, identity)
        pattern = before.tag_pattern if tag_pattern is None else tag_pattern
        matches = before.tag_pattern_matches if tag_pattern_matches is None else tag_pattern_matches
        if pattern != before.tag_pattern:
            compile_pattern(pattern, field="tagPattern")
        if (pattern, matches) != (before.tag_pattern, before.tag_pattern_matches):
            await _refuse_duplicate(place, pattern, matches, but=before.id)
        await POLICIES.change(before, {"tag_pattern": pattern, "tag_pattern_matches": matches})
        record = await POLICIES.require(place, identity)
        await _record_event(context, "update_immutability_policy", place, record)
        await _lock_existing(context, record)
    return record


async def delete(context: Context, owner: Owner, identity: str) -> PolicyRecord:
    """Delete a policy; the tags that it locked stay locked. Requires as `create`. Raises `NotFound`."""
    place = await _place(context, owner)
    async with transaction("immutability.delete"):
        await place.lock()
        record = await POLICIES.require(place, identity)
        await POLICIES.remove(record)
        await _record_event(context, "delete_immutability_policy", place, record)
    return record


async def _record_event(context: Context, kind: str, place: Place, record: PolicyRecord) -> None:
    await events.record(
        context,
        kind,
        policy_metadata(record) | place.metadata,
        namespace_id=place.namespace_id,
        repository_id=place.repository_id,
    )


def policy_metadata(record: PolicyRecord) -> dict[str, Any]:
    """Metadata about a policy in events."""
    return {
        "policy_uuid": record.uuid,
        "tag_pattern": record.tag_pattern,
        "tag_pattern_matches": record.tag_pattern_matches,
    }


async def _lock_existing(context: Context, record: PolicyRecord) -> None:
    """Lock the existing tags that match a policy: few at once, and all of them in a job.

    The job runs in either case, because a concurrent push may have read the policies before this one.
    """
    may_expire = context.site.has("IMMUTABLE_TAGS_CAN_EXPIRE")
    few = await fetch(
        "SELECT t.id FROM repository r JOIN tag t ON t.repository_id = r.id"
        f" WHERE {_scope(record)} AND t.ended_at_ms IS NULL LIMIT {BATCH + 1}",
        record.repository_id or record.namespace_id,
    )
    if len(few) <= BATCH:
        await lock_tags(context, record, may_expire=may_expire)
    await enqueue(
        APPLY,
        {"policy_id": record.id, "may_expire": may_expire},
        delay_ms=1_000,
        namespace_id=record.namespace_id,
    )


def _scope(record: PolicyRecord) -> str:
    return "r.namespace_id = ?" if record.repository_id is None else "r.id = ?"


@job(
    APPLY,
    "Locks the tags that fit an immutability policy.",
    lane=Lane.LONG,
    per_namespace=1,
    goes_on_when_read_only=False,
)
async def run_apply(run: Run) -> None:
    """Apply the policy that the job is for."""
    await apply(run.tools.context, run.payload["policy_id"], may_expire=run.payload["may_expire"])


async def apply(context: Context, policy_id: int, *, may_expire: bool) -> None:
    """Lock the tags that match a policy, in short transactions. Idempotent; nothing for a deleted policy."""
    record = await POLICIES.stored(policy_id)
    if record is not None:
        await lock_tags(context, record, may_expire=may_expire)


async def lock_tags(context: Context, record: PolicyRecord, *, may_expire: bool) -> None:
    """Lock the tags that match a policy, in batches of one repository, each with one event."""
    repositories = await fetch(
        "SELECT r.id, r.name, r.namespace_id, n.name AS namespace FROM repository r"
        # In order of id, as copies lock repositories too, so that the two cannot deadlock.
        f" JOIN account n ON n.id = r.namespace_id WHERE {_scope(record)} ORDER BY r.id",
        record.repository_id or record.namespace_id,
    )
    for place, repository in enumerate(repositories):
        await progress(place, len(repositories))
        last: str | None = ""
        while last is not None:
            checkpoint()
            last = await _lock_batch(context, record, repository, after=last, may_expire=may_expire)


async def _lock_batch(
    context: Context, record: PolicyRecord, repository: Row, *, after: str, may_expire: bool
) -> str | None:
    """Lock matches among the tags after a name. Returns the last name read (keyset), None at the end."""
    active = is_active("tag") if may_expire else "ended_at_ms IS NULL"
    moment = [now_ms()] if may_expire else []
    rows = await fetch(
        f"SELECT id, name FROM tag WHERE repository_id = ? AND name > ? AND {active} AND NOT is_immutable"
        f" ORDER BY name LIMIT {BATCH}",
        *(repository["id"], after, *moment),
    )
    chosen = [row["id"] for row in rows if _matches(record, row["name"])]
    if chosen:
        async with transaction("immutability.lock"):
            # Serializes with writers that have read `is_immutable` and are about to end or expire a tag.
            await lock_row("repository", repository["id"])
            locked = await fetch(
                # Checked again: a tag that ended meanwhile is history and is not locked.
                f"UPDATE tag SET is_immutable = ? WHERE id IN ({placeholders(chosen)}) AND {active}"
                " AND NOT is_immutable RETURNING name",
                *(True, *chosen, *moment),
            )
            await _record_locks(context, record, repository, sorted(row["name"] for row in locked))
    return rows[-1]["name"] if len(rows) == BATCH else None


async def _record_locks(
    context: Context, record: PolicyRecord, repository: Row, names: Sequence[str]
) -> None:
    if not names:
        return
    one = len(names) == 1
    place = {"namespace": repository["namespace"], "repo": repository["name"]}
    await events.record(
        context,
        "tag_made_immutable_by_policy" if one else "tags_made_immutable_by_policy",
        policy_metadata(record)
        | place
        | ({"tag": names[0]} if one else {"count": len(names), "tags": list(names)}),
        namespace_id=repository["namespace_id"],
        repository_id=repository["id"],
    )
