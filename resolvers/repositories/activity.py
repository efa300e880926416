"""How much is pulled and pushed: counted by day and kind of actor, for each manifest and each tag.

A pull is a manifest that was sent; what only asks for it (HEAD, or GET of what the client has already) is a
check. Pulls are written in batches some time after they were answered; a push counts itself in its own
transaction, so that it is counted once and only if it happened.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from resolvers.access.permissions import account_role, namespace_role
from resolvers.access.registry_tokens import RegistryGrant
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.context import Context
from resolvers.errors import BadRequest
from storage.activity import (
    DailyCount,
    DailyKey,
    PullCount,
    add_daily,
    add_manifest_pulls,
    add_tag_pulls,
)
from storage.audit import AuditRow, append_many
from storage.clock import now_ms
from storage.events import EventRow, append
from storage.statements import execute, fetch, placeholders
from storage.transactions import transaction

DAY_MS = 86_400_000
LONGEST_DAYS = 365
KEEP_DAYS = 400
PRUNE_BATCH = 500


class ActorKind(StrEnum):
    """Who pulls or pushes: a user by password, a robot, a token that stands for a user, or nobody known."""

    USER = "user"
    ROBOT = "robot"
    TOKEN = "token"  # noqa: S105
    ANONYMOUS = "anonymous"


TOKEN_KINDS = frozenset({"access_token", "app_token"})


class Pull(NamedTuple):
    """A manifest that was asked for and found. `tag` is None if it was asked for by its digest."""

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
    """Count pulls and checks, and tell of the pulls in the audit log and the events, in one transaction.

    Each pull has an entry in the audit log. Pulls that are alike but for their moment share an event, which
    says how many they are: whoever looks on wants to know, and not to be told a thousand times.
    It takes the same number of statements for any number of pulls, of which there may be 500.
    """
    days: defaultdict[DailyKey, DailyCount] = defaultdict(DailyCount)
    manifests: defaultdict[int, PullCount] = defaultdict(PullCount)
    tags: defaultdict[tuple[int, str], PullCount] = defaultdict(PullCount)
    alike: defaultdict[_Alike, list[Pull]] = defaultdict(list)
    for pull in pulls:
        alike[_alike(pull)].append(pull)
    for group in alike.values():
        first, latest, number = group[0], max(pull.at_ms for pull in group), len(group)
        actor = _actor_of(first.grant)
        daily = days[DailyKey(first.repository_id, first.namespace_id, first.at_ms // DAY_MS, actor.value)]
        if first.is_check:
            daily.checks += number
            continue
        daily.pulls += number
        manifests[first.manifest_id].add(number, latest)
        if first.tag is not None:
            tags[first.repository_id, first.tag].add(number, latest)
    told = [group for group in alike.values() if not group[0].is_check]
    facts = await _token_facts(group[0].grant for group in told)
    # All is prepared before the transaction, which others wait for.
    metadata = [_metadata(group[0], facts) for group in told]
    happened = [_event_row(group, item) for group, item in zip(told, metadata, strict=True)]
    entries = [_audit_row(pull, item) for group, item in zip(told, metadata, strict=True) for pull in group]
    # Whoever reads the log in the order in which it was written finds the moments in order too.
    entries.sort(key=attrgetter("created_at_ms"))
    async with transaction("pulls.record"):
        await add_daily(days)
        await add_manifest_pulls(manifests)
        await add_tag_pulls(tags)
        if told:
            await append_many(entries)
            await append(*happened)


class _Alike(NamedTuple):
    """What pulls have in common that are told of together."""

    repository_id: int
    manifest_id: int
    tag: str | None
    is_check: bool
    day: int
    account_id: int
    credential_kind: str | None
    credential_id: int
    ip: str | None
    user_agent: str | None


def _alike(pull: Pull) -> _Alike:
    grant = pull.grant
    return _Alike(
        pull.repository_id,
        pull.manifest_id,
        pull.tag,
        pull.is_check,
        pull.at_ms // DAY_MS,
        grant.account_id,
        grant.credential_kind,
        grant.credential_id,
        pull.ip,
        pull.user_agent,
    )


def _metadata(pull: Pull, facts: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """What an entry `pull_repo` tells, by the keys of the table of kinds."""
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
        metadata |= facts.get(grant.credential_id, {})
    return metadata


async def _token_facts(grants: Iterable[RegistryGrant]) -> dict[int, dict[str, Any]]:
    """What entries tell of the access tokens by which something was pulled, by the token."""
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
    """What was counted."""

    pulls: int = 0
    checks: int = 0
    pushes: int = 0


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What happened on a day, counted since the epoch in UTC, by kind of actor; absent kinds did nothing."""

    day: int
    by_actor: Mapping[ActorKind, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """What all of them did."""
        every = self.by_actor.values()
        return Counts(
            sum(counts.pulls for counts in every),
            sum(counts.checks for counts in every),
            sum(counts.pushes for counts in every),
        )


def check_days(days: int) -> None:
    """Raise `BadRequest` unless so many days can be asked for."""
    if not 1 <= days <= LONGEST_DAYS:
        raise BadRequest(f"The number of days must be from 1 to {LONGEST_DAYS}.", field="days")


async def of_repositories(ids: Collection[int], days: int) -> dict[int, list[DayRecord]]:
    """What happened in each repository in the last so many days, newest first, without gaps."""
    return await _activity("repository_id", ids, days)


async def of_namespace(context: Context, namespace_id: int, days: int) -> list[DayRecord]:
    """What happened in all repositories of a namespace, deleted ones too, newest day first, without gaps.

    Requires `org:admin`, for one's own namespace also `user:admin` alone.
    """
    is_own = account_role(context.viewer, namespace_id) is AccountRole.ADMIN
    if not is_own and await namespace_role(context.viewer, namespace_id) is not TeamRole.ADMIN:
        raise context.viewer.refusal()
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
    """How often something was pulled, and when last; None for never."""

    pulls: int = 0
    last_pulled_at_ms: int | None = None


async def of_manifests(ids: Sequence[int]) -> dict[int, PullsRecord]:
    """The pulls of each manifest that had any, in one statement."""
    rows = await fetch(
        "SELECT manifest_id AS id, pulls, last_pulled_at_ms FROM manifest_pulls"
        f" WHERE manifest_id IN ({placeholders(ids)})",
        *ids,
    )
    return {row["id"]: PullsRecord(row["pulls"], row["last_pulled_at_ms"]) for row in rows}


async def of_tags(keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], PullsRecord]:
    """The pulls by name of each tag that had any, by repository and name, in one statement."""
    rows = await fetch(
        "SELECT repository_id, name, pulls, last_pulled_at_ms FROM tag_pulls"
        f" WHERE (repository_id, name) IN (VALUES {', '.join(['(CAST(? AS BIGINT), ?)'] * len(keys))})",
        *(value for key in keys for value in key),
    )
    return {
        (row["repository_id"], row["name"]): PullsRecord(row["pulls"], row["last_pulled_at_ms"])
        for row in rows
    }


async def prune() -> None:
    """Remove days that nobody can ask for any more, and counts of what is gone, in short batches."""
    day = now_ms() // DAY_MS - KEEP_DAYS
    await _delete("daily_activity", "id", f"day < {day}")
    await _delete("manifest_pulls", "manifest_id", "manifest_id NOT IN (SELECT id FROM manifest)")
    await _delete("tag_pulls", "id", "repository_id NOT IN (SELECT id FROM repository)")


async def _delete(table: str, key: str, condition: str) -> None:
    removed = PRUNE_BATCH
    while removed == PRUNE_BATCH:
        removed = await execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?)",
            PRUNE_BATCH,
        )
