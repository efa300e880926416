"""Pull and push statistics: counts by day and kind of actor, and by manifest and tag.

A pull is a manifest that was sent. A HEAD, or a GET of what the client has already (304), counts as a check.
Pulls are written in batches after they were answered. A push is counted in its own transaction: exactly once,
and only if it commits.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from resolvers.access.permissions import require_administrator
from resolvers.access.registry_tokens import RegistryGrant
from resolvers.access.viewer import AccountKind
from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.job_kinds import DAY, Lane, Run, checkpoint, job
from storage.activity import (
    DailyCount,
    DailyKey,
    PullCount,
    TagKey,
    add_daily,
    add_manifest_pulls,
    add_tag_pulls,
)
from storage.audit import AuditRow, append_many
from storage.clock import DAY_MS as DAY_MS  # noqa: PLC0414 (schema imports it here)
from storage.clock import now_ms
from storage.events import EventRow, append
from storage.statements import execute, fetch, placeholders
from storage.transactions import transaction

MAX_DAYS = 365
KEEP_DAYS = 400
PRUNE_BATCH = 500


class ActorKind(StrEnum):
    """Who pulls or pushes: a user with a password, a robot, a token of a user, or an anonymous client."""

    USER = "user"
    ROBOT = "robot"
    TOKEN = "token"  # noqa: S105
    ANONYMOUS = "anonymous"


TOKEN_KINDS = frozenset({"access_token", "app_token"})


class Pull(NamedTuple):
    """A successful request for a manifest. `tag` is None for a request by digest, `life` that of the tag."""

    repository_id: int
    namespace_id: int
    path: str
    manifest_id: int
    digest: str
    media_type: str
    tag: str | None
    is_check: bool
    grant: RegistryGrant
    ip: str | None
    user_agent: str | None
    request_id: str | None
    at_ms: int
    life: int = 0


def _actor(account_id: int, *, is_robot: bool, credential_kind: str | None) -> ActorKind:
    if not account_id:
        return ActorKind.ANONYMOUS
    if is_robot:
        return ActorKind.ROBOT
    return ActorKind.TOKEN if credential_kind in TOKEN_KINDS else ActorKind.USER


def _actor_of(grant: RegistryGrant) -> ActorKind:
    # Only robots have a plus in their name, and only users can have a token.
    return _actor(grant.account_id, is_robot="+" in grant.subject, credential_kind=grant.credential_kind)


async def record_pulls(pulls: Sequence[Pull]) -> None:
    """Count at most 500 pulls and checks, and write audit entries and events of the pulls; one transaction.

    Each pull has its own audit entry. Pulls that differ only in time share one event with a `count`, so that
    live subscribers are not flooded. The number of statements does not grow with the pulls (no N+1).
    """
    days: defaultdict[DailyKey, DailyCount] = defaultdict(DailyCount)
    manifests: defaultdict[int, PullCount] = defaultdict(PullCount)
    tags: defaultdict[TagKey, PullCount] = defaultdict(PullCount)
    groups: defaultdict[_GroupKey, list[Pull]] = defaultdict(list)
    for pull in pulls:
        groups[_group_key(pull)].append(pull)
    for group in groups.values():
        first, latest, number = group[0], max(pull.at_ms for pull in group), len(group)
        actor = _actor_of(first.grant)
        daily = days[DailyKey(first.repository_id, first.namespace_id, first.at_ms // DAY_MS, actor.value)]
        if first.is_check:
            daily.checks += number
            continue
        daily.pulls += number
        manifests[first.manifest_id].add(number, latest)
        if first.tag is not None:
            tags[TagKey(first.repository_id, first.tag, first.life)].add(number, latest)
    pulled = [group for group in groups.values() if not group[0].is_check]
    token_metadata = await _token_metadata(group[0].grant for group in pulled)
    # Everything is prepared before the transaction, to keep its locks short.
    metadata = [_metadata(group[0], token_metadata) for group in pulled]
    event_rows = [_event_row(group, item) for group, item in zip(pulled, metadata, strict=True)]
    entries = [_audit_row(pull, item) for group, item in zip(pulled, metadata, strict=True) for pull in group]
    # So that the order of ids in the log is also the order of time.
    entries.sort(key=attrgetter("created_at_ms"))
    async with transaction("pulls.record"):
        await add_daily(days)
        await add_manifest_pulls(manifests)
        await add_tag_pulls(tags)
        if pulled:
            await append_many(entries)
            await append(*event_rows)


class _GroupKey(NamedTuple):
    """What pulls that share an event have in common."""

    repository_id: int
    manifest_id: int
    tag: str | None
    life: int
    is_check: bool
    day: int
    account_id: int
    credential_kind: str | None
    credential_id: int
    ip: str | None
    user_agent: str | None


def _group_key(pull: Pull) -> _GroupKey:
    grant = pull.grant
    return _GroupKey(
        pull.repository_id,
        pull.manifest_id,
        pull.tag,
        pull.life,
        pull.is_check,
        pull.at_ms // DAY_MS,
        grant.account_id,
        grant.credential_kind,
        grant.credential_id,
        pull.ip,
        pull.user_agent,
    )


def _metadata(pull: Pull, token_metadata: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """The metadata of an event `pull_repo`; its keys are those of the table of event kinds."""
    namespace, _, name = pull.path.partition("/")
    metadata: dict[str, Any] = {
        "repo": name,
        "namespace": namespace,
        "user-agent": pull.user_agent,
        "mediaType": pull.media_type,
        "manifest_digest": pull.digest,
    }
    if pull.tag is not None:
        metadata["tag"] = pull.tag
    grant = pull.grant
    if grant.account_id:
        metadata["robot" if "+" in grant.subject else "username"] = grant.subject
    if grant.credential_kind == "access_token":
        metadata |= token_metadata.get(grant.credential_id, {})
    return metadata


async def _token_metadata(grants: Iterable[RegistryGrant]) -> dict[int, dict[str, Any]]:
    """Metadata about the access tokens of some pulls, by token id."""
    ids = {grant.credential_id for grant in grants if grant.credential_kind == "access_token"}
    if not ids:
        return {}
    rows = await fetch(
        "SELECT t.id AS oauth_token_id, a.client_id AS oauth_token_application_id,"
        " a.name AS oauth_token_application FROM access_token t"
        f" LEFT JOIN application a ON a.id = t.application_id WHERE t.id IN ({placeholders([*ids])})",
        *ids,
    )
    return {row["oauth_token_id"]: row for row in rows}


def _audit_row(pull: Pull, metadata: dict[str, Any]) -> AuditRow:
    return AuditRow(
        "pull_repo",
        metadata,
        pull.namespace_id,
        pull.repository_id,
        pull.grant.account_id or None,
        pull.ip,
        pull.at_ms,
    )


def _event_row(group: Sequence[Pull], metadata: dict[str, Any]) -> EventRow:
    pull = group[0]
    grant = pull.grant
    return EventRow(
        kind="pull_repo",
        metadata=metadata if len(group) == 1 else metadata | {"count": len(group)},
        namespace_id=pull.namespace_id,
        repository_id=pull.repository_id,
        performer_id=grant.account_id or None,
        credential_kind=grant.credential_kind,
        credential_id=grant.credential_id or None,
        ip=pull.ip,
        request_id=pull.request_id,
    )


async def count_push(context: Context, *, repository_id: int, namespace_id: int) -> None:
    """Count the push of a manifest, in the open transaction."""
    viewer = context.viewer
    account = viewer.account
    actor = _actor(
        account.id if account else 0,
        is_robot=account is not None and account.kind is AccountKind.ROBOT,
        credential_kind=viewer.credential.kind,
    )
    key = DailyKey(repository_id, namespace_id, now_ms() // DAY_MS, actor.value)
    await add_daily({key: DailyCount(pushes=1)})


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of pulls, checks and pushes."""

    pulls: int = 0
    checks: int = 0
    pushes: int = 0


@dataclass(frozen=True, slots=True)
class DayRecord:
    """Counts of one day by kind of actor; absent kinds are zero. `day` is days since the Unix epoch, UTC."""

    day: int
    by_actor: Mapping[ActorKind, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """The sum over all kinds of actor."""
        every = self.by_actor.values()
        return Counts(
            sum(counts.pulls for counts in every),
            sum(counts.checks for counts in every),
            sum(counts.pushes for counts in every),
        )


def check_days(days: int) -> None:
    """Raise `BadRequest` unless `days` is from 1 to `MAX_DAYS`."""
    if not 1 <= days <= MAX_DAYS:
        raise BadRequest(f"The number of days must be from 1 to {MAX_DAYS}.", field="days")


async def of_repositories(ids: Collection[int], days: int) -> dict[int, list[DayRecord]]:
    """The activity of each repository in the last `days` days, newest first, without gaps."""
    return await _activity("repository_id", ids, days)


async def of_namespace(context: Context, namespace_id: int, days: int) -> list[DayRecord]:
    """The activity of all repositories of a namespace, deleted ones included, newest day first, without gaps.

    Requires `org:admin`; `user:admin` suffices for the viewer's own namespace.
    """
    await require_administrator(context.looking, namespace_id)
    check_days(days)
    return (await _activity("namespace_id", [namespace_id], days))[namespace_id]


async def _activity(column: str, ids: Collection[int], days: int) -> dict[int, list[DayRecord]]:
    today = now_ms() // DAY_MS
    rows = await fetch(
        f"SELECT {column} AS id, day, actor_kind, CAST(SUM(pulls) AS BIGINT) AS pulls,"
        " CAST(SUM(checks) AS BIGINT) AS checks, CAST(SUM(pushes) AS BIGINT) AS pushes FROM daily_activity"
        f" WHERE {column} IN ({placeholders([*ids])}) AND day > ? AND day <= ?"
        f" GROUP BY {column}, day, actor_kind",
        *ids,
        today - days,
        today,
    )
    found: defaultdict[tuple[int, int], dict[ActorKind, Counts]] = defaultdict(dict)
    for row in rows:
        counts = Counts(row["pulls"], row["checks"], row["pushes"])
        found[row["id"], row["day"]][ActorKind(row["actor_kind"])] = counts
    return {
        identity: [DayRecord(day, found.get((identity, day), {})) for day in range(today, today - days, -1)]
        for identity in ids
    }


@dataclass(frozen=True, slots=True)
class PullsRecord:
    """The number of pulls, and the time of the last one in milliseconds; None for never."""

    pulls: int = 0
    last_pulled_at_ms: int | None = None


async def of_manifests(ids: Sequence[int]) -> dict[int, PullsRecord]:
    """The pulls of each manifest, in one statement; manifests without pulls are left out."""
    rows = await fetch(
        "SELECT manifest_id AS id, pulls, last_pulled_at_ms FROM manifest_pulls"
        f" WHERE manifest_id IN ({placeholders(ids)})",
        *ids,
    )
    return {row["id"]: PullsRecord(row["pulls"], row["last_pulled_at_ms"]) for row in rows}


async def of_tags(keys: Sequence[tuple[int, str, int]]) -> dict[tuple[int, str, int], PullsRecord]:
    """The pulls of tags by repository id, name and life, in one statement; tags without are left out."""
    rows = await fetch(
        "SELECT repository_id, name, life, pulls, last_pulled_at_ms FROM tag_pulls"
        f" WHERE (repository_id, name) IN (VALUES {', '.join(['(CAST(? AS BIGINT), ?)'] * len(keys))})",
        *(value for key in keys for value in key[:2]),
    )
    return {
        (row["repository_id"], row["name"], row["life"]): PullsRecord(row["pulls"], row["last_pulled_at_ms"])
        for row in rows
    }


@job(
    "activity.prune",
    "Removes counts of pulls that nothing shows any more.",
    every_s=DAY,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def run_prune(run: Run) -> None:
    """Do what `prune` does."""
    await prune()


async def prune() -> None:
    """Delete old days, and counts of deleted manifests and repositories, in short batches."""
    day = now_ms() // DAY_MS - KEEP_DAYS
    await _delete("daily_activity", "id", f"day < {day}")
    await _delete("manifest_pulls", "manifest_id", "manifest_id NOT IN (SELECT id FROM manifest)")
    await _delete("tag_pulls", "id", "repository_id NOT IN (SELECT id FROM repository)")


async def _delete(table: str, key: str, condition: str) -> None:
    removed = PRUNE_BATCH
    while removed == PRUNE_BATCH:
        checkpoint()
        removed = await execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?)",
            PRUNE_BATCH,
        )
