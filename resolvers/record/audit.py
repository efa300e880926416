"""The audit log of a namespace, of a repository or of the whole registry: lists, daily counts, pruning.

Entries are written together with their events. Lists use keyset pagination on an index, so that a page costs
the same for fifty entries and for five million. Counts by day come from a roll-up, and from the log for
entries that are not rolled up yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.access.permissions import repository_role
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.account import by_ids, by_name
from resolvers.accounts.namespace import Owner, require_administered
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.job_kinds import HOUR, MINUTE, Lane, Run, checkpoint, job
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import by_ids as repositories_by_ids
from resolvers.repositories.repository import repository
from storage import events
from storage.clock import DAY_MS as DAY_MS  # noqa: PLC0414 (schema imports it here)
from storage.clock import now_ms
from storage.models.site import SiteSetting
from storage.site_settings import site_setting
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

MAX_SUMMARY_DAYS = 31
ROLLED_UP_TO = "audit_rolled_up_to_ms"
SETTLED_AFTER_MS = 2 * 60_000
"""All entries older than this are committed, since no transaction stays open so long."""
ROLL_UP_SPAN_MS = 10 * 60_000
PRUNE_BATCH = 500


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry of the audit log."""

    id: int
    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None
    repository_id: int | None
    performer_id: int | None
    ip: str | None
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Conditions on entries: an interval `[since, until)`, the last day by default; a performer; kinds."""

    since_ms: int | None = None
    until_ms: int | None = None
    performer: str | None = None
    kinds: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class AuditLog:
    """An authorized query for entries, and its interval.

    `place` is the owner's column and id, None for the whole registry.
    """

    since_ms: int
    until_ms: int
    conditions: tuple[str, ...] = field(repr=False)
    values: tuple[Any, ...] = field(repr=False)
    place: tuple[str, int] | None = field(repr=False)
    performer_id: int | None = field(repr=False)
    kinds: tuple[str, ...] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditCount:
    """The number of entries of a kind on one day, in days since the Unix epoch, UTC."""

    kind: str
    day: int
    entries: int


async def audit_log(context: Context, chosen: AuditFilter, owner: Owner | None = None) -> AuditLog | None:
    """The log of a namespace or a repository, by default of the viewer's own namespace.

    Requires `org:admin` (`user:admin` suffices for the viewer's own namespace) or `repo:admin`. None if there
    is no such repository. Raises `BadRequest` for an interval that ends before it starts.
    """
    place = await _place(context, owner or Owner())
    return await _chosen(place, chosen) if place else None


async def whole_log(context: Context, chosen: AuditFilter) -> AuditLog:
    """The log of the whole registry, also what belongs to no namespace. For those who see the site.

    Raises `BadRequest` for an interval that ends before it starts.
    """
    context.viewer.require_site_view()
    return await _chosen(None, chosen)


async def _chosen(place: tuple[str, int] | None, chosen: AuditFilter) -> AuditLog:
    now = now_ms()
    since = chosen.since_ms if chosen.since_ms is not None else now - DAY_MS
    # By default the end is a day ahead, so that pages read later include new entries.
    until = chosen.until_ms if chosen.until_ms is not None else now + DAY_MS
    if until < since:
        raise BadRequest("The end of the interval must not be before its start.", field="endsAt")
    performer_id = None
    if chosen.performer is not None:
        performer = await by_name(chosen.performer)
        # No id is negative; 0 is what the roll-up holds for entries without a performer.
        performer_id = performer.id if performer else -1
    return log_of(place, since, until, performer_id, chosen.kinds)


def log_of(
    place: tuple[str, int] | None,
    since_ms: int,
    until_ms: int,
    performer_id: int | None = None,
    kinds: Sequence[str] | None = None,
) -> AuditLog:
    """The log of `place`, a column and an id, or of the registry. The caller has authorized the request."""
    conditions = ["l.created_at_ms >= ?", "l.created_at_ms < ?"]
    values = [since_ms, until_ms]
    if place is not None:
        conditions.append(f"l.{place[0]} = ?")
        values.append(place[1])
    if performer_id is not None:
        conditions.append("l.performer_id = ?")
        values.append(performer_id)
    chosen = None if kinds is None else tuple(kinds)
    if chosen is not None:
        conditions.append(_of_kinds("l.kind", chosen))
    return AuditLog(
        since_ms, until_ms, tuple(conditions), (*values, *(chosen or ())), place, performer_id, chosen
    )


def _of_kinds(column: str, kinds: Sequence[str]) -> str:
    """The condition that a column holds one of some kinds, whose values follow; no kinds fit nothing."""
    return f"{column} IN ({placeholders(kinds)})" if kinds else "1 = 0"


async def _place(context: Context, owner: Owner) -> tuple[str, int] | None:
    if owner.repository is not None:
        record = await repository(context.looking, owner.repository, RepositoryRole.ADMIN)
        return ("repository_id", record.id) if record else None
    found = await require_administered(context.looking, owner.namespace, field="namespace")
    return "namespace_id", found.id


_COLUMNS = Columns(AuditRecord, "l")
_ORDER = (
    Term("l.created_at_ms", "created_at_ms", descending=True),
    Term("l.id", "id", descending=True),
)


async def entries(context: Context, log: AuditLog, page: Page) -> Slice[AuditRecord]:
    """The entries of a log, newest first."""
    query = Query(_COLUMNS.sql, "audit_log l", _ORDER, log.conditions, log.values)
    rows = await paginate(query, page, maximum=context.max_first)
    return rows.of(_COLUMNS.record)


async def by_id(context: Context, entry_id: int) -> AuditRecord | None:
    """One entry, for whoever may read the log of its repository, its namespace or the registry.

    None if there is none such. Raises `Unauthenticated`, `Forbidden`.
    """
    row = await fetch_one(f"SELECT {_COLUMNS} FROM audit_log l WHERE l.id = ?", entry_id)
    if row is None:
        return None
    record = _COLUMNS.record(row)
    if context.viewer.sees_site:
        return record
    if record.repository_id is not None:
        place = (await repositories_by_ids([record.repository_id])).get(record.repository_id)
        if place and await repository_role(context.viewer, place.ref) is RepositoryRole.ADMIN:
            return record
    owner = (await by_ids([record.namespace_id])).get(record.namespace_id) if record.namespace_id else None
    if owner is None:
        raise context.viewer.refusal(ADMINISTER_OWN_NAMESPACE)
    await require_administered(context, owner.name, field="id")
    return record


async def summary(log: AuditLog) -> list[AuditCount]:
    """The number of entries by day and kind, newest day first, then by kind; at most 31 days.

    Two statements: whole rolled-up days come from the roll-up, the rest from the log. Raises `BadRequest` for
    a longer interval.
    """
    if log.until_ms - log.since_ms > (MAX_SUMMARY_DAYS + 1) * DAY_MS:
        raise BadRequest("Invalid date range for logs", field="startsAt")
    first_day = -(-log.since_ms // DAY_MS)
    begins = first_day * DAY_MS
    ends = await _rolled_up_to()
    if log.until_ms < ends:
        ends = log.until_ms // DAY_MS * DAY_MS
    ends = max(begins, ends)
    equal = {} if log.place is None else dict([log.place])
    if log.performer_id is not None:
        equal["performer_id"] = log.performer_id
    chosen = "".join(f" AND {column} = ?" for column in equal)
    who: tuple[Any, ...] = tuple(equal.values())
    if log.kinds is not None:
        chosen, who = f"{chosen} AND {_of_kinds('kind', log.kinds)}", (*who, *log.kinds)
    # Before the first whole day and after the roll-up; each is one range of the index. Each part is summed by
    # itself, in the order of its index, so that few rows are left to be sorted.
    rest = (
        f" UNION ALL SELECT kind, created_at_ms / {DAY_MS}, COUNT(*) FROM audit_log"
        f" WHERE created_at_ms >= ? AND created_at_ms < ?{chosen} GROUP BY 1, 2"
    )
    rows = await fetch(
        "SELECT kind, day, SUM(entries) AS entries FROM ("
        "SELECT kind, day, SUM(entries) AS entries FROM audit_daily"
        f" WHERE day >= ? AND day < ?{chosen} GROUP BY day, kind"
        f"{rest}{rest}) counted GROUP BY kind, day ORDER BY day DESC, kind",
        *(first_day, -(-ends // DAY_MS), *who),
        *(log.since_ms, min(begins, log.until_ms), *who),
        *(max(ends, log.since_ms), log.until_ms, *who),
    )
    return [AuditCount(row["kind"], int(row["day"]), int(row["entries"])) for row in rows]


async def _rolled_up_to() -> int:
    return int(await site_setting(ROLLED_UP_TO) or 0)


@job(
    "audit.roll_up",
    "Counts the entries of the audit log by day and kind.",
    every_s=MINUTE,
    goes_on_when_read_only=True,
)
async def run_roll_up(run: Run) -> None:
    """Do what `roll_up` does."""
    await roll_up()


async def roll_up() -> None:
    """Roll up the committed entries since the last run, in steps of ten minutes, each one transaction.

    Idempotent: the position is moved in the same transaction, by compare and set.
    """
    now = now_ms()
    target = now - SETTLED_AFTER_MS
    if await site_setting(ROLLED_UP_TO) is None:
        oldest = await fetch_one("SELECT MIN(created_at_ms) AS oldest FROM audit_log")
        start = oldest["oldest"] if oldest and oldest["oldest"] is not None else target
        await SiteSetting.create(name=ROLLED_UP_TO, value=str(min(start, target)))
    if await _rolled_up_to() > now:
        await _count_again(now // DAY_MS)
    while await _roll_up_step(target):
        checkpoint()


async def _count_again(day: int) -> None:
    """Roll up the entries of a day and those after it anew: the clock went back behind what is rolled up.

    Otherwise nothing would count the entries that are written before the clock comes there again.
    """
    async with transaction("audit.count_again"):
        if await execute(
            "UPDATE site_setting SET value = ? WHERE name = ? AND value = ?",
            str(day * DAY_MS),
            ROLLED_UP_TO,
            str(await _rolled_up_to()),
        ):
            await execute("DELETE FROM audit_daily WHERE day >= ?", day)


async def _roll_up_step(target: int) -> bool:
    async with transaction("audit.roll_up"):
        since = await _rolled_up_to()
        until = min(since + ROLL_UP_SPAN_MS, target)
        if until <= since:
            return False
        moved = await execute(
            "UPDATE site_setting SET value = ? WHERE name = ? AND value = ?",
            str(until),
            ROLLED_UP_TO,
            str(since),
        )
        if not moved:
            # A concurrent process has done this step.
            return True
        await execute(
            "INSERT INTO audit_daily (namespace_id, repository_id, performer_id, kind, day, entries)"
            " SELECT COALESCE(namespace_id, 0), COALESCE(repository_id, 0), COALESCE(performer_id, 0), kind,"
            f" created_at_ms / {DAY_MS}, COUNT(*) FROM audit_log"
            " WHERE created_at_ms >= ? AND created_at_ms < ?"
            " GROUP BY 1, 2, 3, 4, 5"
            " ON CONFLICT (namespace_id, day, repository_id, performer_id, kind)"
            " DO UPDATE SET entries = audit_daily.entries + excluded.entries",
            since,
            until,
        )
        following = await fetch_one(
            "SELECT MIN(created_at_ms) AS next FROM audit_log WHERE created_at_ms >= ?", until
        )
        if following and following["next"] is not None and following["next"] > until:
            # Skip an interval without entries.
            skip = str(min(following["next"], target))
            await execute("UPDATE site_setting SET value = ? WHERE name = ?", skip, ROLLED_UP_TO)
    return True


@job(
    "audit.prune",
    "Removes what the setting LOG_RETENTION does not keep.",
    every_s=HOUR,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def run_prune(run: Run) -> None:
    """Prune up to the beginning of the time that the log is kept for; nothing if that has no end."""
    if run.tools.log_retention_s:
        await prune(now_ms() - run.tools.log_retention_s * 1000)


async def prune(before_ms: int) -> None:
    """Delete entries, events and counts older than a time in milliseconds, in short batches."""
    while await events.prune(before_ms, limit=PRUNE_BATCH):
        checkpoint()
    removed = PRUNE_BATCH
    while removed == PRUNE_BATCH:
        checkpoint()
        removed = await execute(
            "DELETE FROM audit_log WHERE id IN"
            " (SELECT id FROM audit_log WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT ?)",
            before_ms,
            PRUNE_BATCH,
        )
    day, removed = before_ms // DAY_MS, PRUNE_BATCH
    while removed == PRUNE_BATCH:
        removed = await execute(
            "DELETE FROM audit_daily WHERE id IN (SELECT id FROM audit_daily WHERE day < ? LIMIT ?)",
            day,
            PRUNE_BATCH,
        )
