"""Runs of the mirrors of organizations: which repositories there are, and a mirror for each, which then runs.

A repository that is there already follows from its first run on; one that the other registry lists no more
stays, and rests. What a killed process left is done again: everything here may be done twice.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from resolvers import events
from resolvers.access.credentials import account_viewer
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import account
from resolvers.accounts.account import AccountRecord
from resolvers.context import Context, Site
from resolvers.errors import Conflict, DatabaseUnavailable, Invalid, QuaysideError
from resolvers.job_kinds import MINUTE, Lane, Run, job
from resolvers.mirrors import claims, organization, queue, release
from resolvers.mirrors.connection import registry_of
from resolvers.mirrors.organization import OrganizationMirrorRecord
from resolvers.mirrors.queue import DISCOVER, RELEASE
from resolvers.mirrors.rule import select
from resolvers.mirrors.schedule import RETRIES, UNDER_WAY, MirrorStatus, after_run, is_due, retry_delay_ms
from resolvers.names import check_repository
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.upstreams import catalog
from resolvers.upstreams.limits import DEFAULT
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import lock_and_read, transaction

MAX_REPOSITORIES: Final = 1_000
"""Most repositories that one organization follows; one whose filters fit more is told to narrow them."""
LIMITS: Final = replace(DEFAULT, pages=1_000)
_PAGE: Final = 500
_CANCELLED: Final = "The run was cancelled."


class _Ended(Exception):
    """The run was cancelled, or the organization is no mirror any more."""


def _is_on(site: Site) -> bool:
    return site.has("ORG_MIRROR")


@job(
    DISCOVER,
    "Looks which repositories the mirror of an organization has to follow, and lets their mirrors run.",
    # Not among transfers, which may take all slots for hours.
    lane=Lane.NETWORK,
    timeout_s=30 * MINUTE,
    per_namespace=1,
    needs=_is_on,
    goes_on_when_read_only=False,
)
async def discover(run: Run) -> str | None:
    """Do the run that the job is for, unless that was done or cancelled meanwhile."""
    context = run.tools.context
    job_id = run.job.id if run.job else None
    record = await claim(context, run.payload["organization_mirror_id"], job_id)
    if record is None:
        return None
    outcome = MirrorStatus.FAIL
    try:
        message = await _follow_all(context, record, run)
        outcome = MirrorStatus.SUCCESS
    except _Ended:
        message = _CANCELLED
    except DatabaseUnavailable:
        raise
    except QuaysideError as error:
        message = error.message
    return await finish(context, record, job_id, outcome, message)


@job(
    RELEASE,
    "Makes ordinary repositories of those whose organization is a mirror no longer.",
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def release_all(run: Run) -> str:
    """Go on with what removing the mirror of an organization has begun."""
    number = await release.release(run.tools.context, run.payload["organization_id"])
    return f"{number} repositories are ordinary ones."


async def order_due(context: Context) -> int:
    """Order the runs that are due, and end those whose job is gone; how many are due."""
    number, after, now = 0, 0, now_ms()
    while True:
        rows = await fetch(
            "SELECT o.id, o.organization_id, o.status, o.job_id FROM organization_mirror o"
            f" JOIN account n ON n.id = o.organization_id WHERE o.id > ? AND {exists('n')}"
            " AND (o.status IN (?, ?)"
            " OR o.sync_starts_at_ms <= ? AND o.retries_remaining > 0 AND o.is_enabled)"
            f" ORDER BY o.id LIMIT {_PAGE}",
            *(after, MirrorStatus.SYNC_NOW.value, MirrorStatus.SYNCING.value, now),
        )
        for row in rows:
            if row["status"] != MirrorStatus.SYNCING.value:
                await queue.order_discovery(row["id"], row["organization_id"])
                number += 1
            elif not await claims.is_alive(row["job_id"]):
                record = await organization.stored(context, row["id"])
                if record is not None and record.status is MirrorStatus.SYNCING:
                    await finish(context, record, row["job_id"], MirrorStatus.FAIL, claims.INTERRUPTED)
        if len(rows) < _PAGE:
            return number
        after = rows[-1]["id"]


async def claim(context: Context, mirror_id: int, job_id: int | None) -> OrganizationMirrorRecord | None:
    """Begin a run, or go on with the one that a killed process left; None if none is due."""
    async with transaction("organization_mirror.claim"):
        record = await _locked(context, mirror_id)
        if record is None:
            return None
        is_new = record.status is not MirrorStatus.SYNCING
        if is_new:
            if not is_due(record.timing, record.status, is_enabled=record.is_enabled, now=now_ms()):
                return None
        elif record.job_id != job_id and await claims.is_alive(record.job_id):
            return None
        await execute(
            "UPDATE organization_mirror SET status = ?, job_id = ? WHERE id = ?",
            *(MirrorStatus.SYNCING.value, job_id, record.id),
        )
        if is_new:
            await _tell(context, record, "org_mirror_sync_started", f"The repositories of {record.source}.")
    return replace(record, job_id=job_id)


async def _locked(context: Context, mirror_id: int) -> OrganizationMirrorRecord | None:
    if await lock_and_read("organization_mirror", mirror_id, "id") is None:
        return None
    return await organization.stored(context, mirror_id)


async def finish(
    context: Context,
    claimed: OrganizationMirrorRecord,
    job_id: int | None,
    outcome: MirrorStatus,
    message: str,
) -> str:
    """End a run, and say when the next one begins. What came of it: CANCEL if it was told to stop."""
    async with transaction("organization_mirror.finish"):
        record = await _locked(context, claimed.id)
        if record is None or record.job_id != job_id:
            return _CANCELLED
        if record.status is not MirrorStatus.SYNCING:
            outcome, message = MirrorStatus.CANCEL, _CANCELLED
        timing = after_run(record.timing, outcome, now_ms())
        if outcome is MirrorStatus.CANCEL and record.timing.retries_remaining > 0:
            # Its schedule was changed, or it was told to run, after it was cancelled.
            timing, outcome = record.timing, record.status
        await execute(
            "UPDATE organization_mirror SET status = ?, sync_starts_at_ms = ?, retries_remaining = ?,"
            " message = ?, job_id = NULL WHERE id = ?",
            *(outcome.value, timing.starts_at_ms, timing.retries_remaining, message, record.id),
        )
        is_retried = (
            outcome is MirrorStatus.FAIL and timing.retries_remaining < record.timing.retries_remaining
        )
        if is_retried and record.is_enabled:
            delay = retry_delay_ms(timing.retries_remaining)
            await queue.order_discovery(record.id, record.organization_id, delay_ms=delay)
        is_good = outcome is MirrorStatus.SUCCESS
        await _tell(
            context, record, "org_mirror_sync_success" if is_good else "org_mirror_sync_failed", message
        )
    return f"{outcome.value}: {message}"


async def _tell(context: Context, record: OrganizationMirrorRecord, kind: str, message: str) -> None:
    owner = (await account.by_ids([record.organization_id])).get(record.organization_id)
    name = owner.name if owner else ""
    about = {"namespace": name, "message": message}
    await events.record(context, kind, about, namespace_id=record.organization_id)


async def _follow_all(context: Context, record: OrganizationMirrorRecord, run: Run) -> str:
    """Find the repositories, and order a run of each one's mirror. Raises `_Ended`, `QuaysideError`."""
    owner = (await account.by_ids([record.organization_id])).get(record.organization_id)
    if owner is None:
        raise _Ended
    actor = await _acting(context, record)
    names = await _listed(context, record)
    problems = 0
    for number, name in enumerate(names):
        problems += not await _follow(actor, owner, record, name)
        await run.progress(number + 1, len(names))
    left_out = f", {problems} of which cannot be mirrored" if problems else ""
    return f"{record.source} has {len(names)} repositories that fit{left_out}."


async def _acting(context: Context, record: OrganizationMirrorRecord) -> Context:
    """The context of the robot. Raises `Conflict` if it cannot act, or the secrets cannot be read."""
    record.connection.require_readable()
    viewer = None if record.robot_id is None else await account_viewer(record.robot_id, site=context.site)
    if viewer is None:
        raise Conflict("The robot of the mirror is gone or disabled; name another one.")
    return replace(context, viewer=viewer)


async def _listed(context: Context, record: OrganizationMirrorRecord) -> Sequence[str]:
    """The names of the repositories that fit, each once. Raises `Upstream`, and `Conflict` for too many."""
    found: set[str] = set()
    async with registry_of(
        context.site.outbound, record.location, record.connection, limits=LIMITS
    ) as registry:
        async for page in catalog.repositories(registry, record.catalog, record.namespace):
            found |= set(select(record.patterns, page))
            if len(found) > MAX_REPOSITORIES:
                raise Conflict(
                    f"More than {MAX_REPOSITORIES} repositories fit; narrow the filters, or follow them from"
                    " several organizations."
                )
    return sorted(found)


async def _follow(actor: Context, owner: AccountRecord, record: OrganizationMirrorRecord, name: str) -> bool:
    """Let one repository follow, and its mirror run; whether it can. Raises `_Ended`."""
    async with transaction("organization_mirror.follow"):
        row = await lock_and_read("organization_mirror", record.id, "status", "job_id")
        # One that was cancelled and told to run again does so by another job.
        if row is None or (row["status"], row["job_id"]) != (MirrorStatus.SYNCING.value, record.job_id):
            raise _Ended
        now = now_ms()
        await execute(
            "INSERT INTO discovered_repository (organization_mirror_id, name, discovered_at_ms, seen_at_ms)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (organization_mirror_id, name)"
            " DO UPDATE SET seen_at_ms = excluded.seen_at_ms",
            *(record.id, name, now, now),
        )
        problem, mirror_id = None, None
        try:
            place = await _place(actor, owner, record, name)
            mirror_id = await _mirror(record, place, name)
        except (Conflict, Invalid) as error:
            problem = error.message
        await execute(
            "UPDATE discovered_repository SET mirror_id = ?, problem = ?"
            " WHERE organization_mirror_id = ? AND name = ?",
            *(mirror_id, problem, record.id, name),
        )
        if mirror_id is not None:
            await _order(mirror_id, owner.id)
    return problem is None


async def _place(
    actor: Context, owner: AccountRecord, record: OrganizationMirrorRecord, name: str
) -> RepositoryRecord:
    """The repository of a name, in which the robot may write. Raises `Conflict`, `Invalid`."""
    check_repository(name)
    if not repository.allows_name(actor, name):
        raise Invalid("A repository may not have a slash in its name here.")
    place = await repository.find(f"{owner.name}/{name}")
    if place is None:
        identity = await repository.insert(
            actor,
            owner,
            name,
            record.visibility,
            state=RepositoryState.ORG_MIRROR,
            role=RepositoryRole.WRITE,
        )
        return (await repository.by_ids([identity]))[identity]
    if place.state not in {RepositoryState.NORMAL, RepositoryState.ORG_MIRROR}:
        raise Conflict(f"There is a repository of this name, in the state {place.state.value}.")
    assert actor.viewer.account is not None
    await permission.let_write(actor, place, actor.viewer.account.name)
    if place.state is RepositoryState.NORMAL:
        return await repository.put_state(actor, place, RepositoryState.ORG_MIRROR)
    return place


async def _mirror(record: OrganizationMirrorRecord, place: RepositoryRecord, name: str) -> int:
    """The mirror of a repository; the id of its row. What holds for all of the organization is not in it."""
    row = await fetch_one("SELECT id FROM repository_mirror WHERE repository_id = ?", place.id)
    if row is not None:
        return int(row["id"])
    values = {
        "repository_id": place.id,
        "source": f"{record.source}/{name}",
        "verifies_tls": True,
        "accepts_unsigned": False,
        "tag_patterns": '["*"]',
        "architectures": "[]",
        "is_enabled": False,
        "follows_deletions": False,
        "sync_interval_s": 0,
        "tag_timeout_s": record.tag_timeout_s,
        "status": MirrorStatus.NEVER_RUN.value,
        "retries_remaining": RETRIES,
        "created_at_ms": now_ms(),
    }
    made = await fetch_one(
        f"INSERT INTO repository_mirror ({', '.join(values)}) VALUES ({', '.join('?' for _ in values)})"
        " RETURNING id",
        *values.values(),
    )
    assert made is not None
    return int(made["id"])


async def _order(mirror_id: int, organization_id: int) -> None:
    """Let the mirror of a repository run once, with retries, unless it runs or is about to."""
    ordered = await execute(
        "UPDATE repository_mirror SET status = ?, sync_starts_at_ms = ?, retries_remaining = ?"
        f" WHERE id = ? AND status NOT IN ({placeholders([*UNDER_WAY])})",
        *(MirrorStatus.SYNC_NOW.value, now_ms(), RETRIES, mirror_id, *(one.value for one in UNDER_WAY)),
    )
    if ordered:
        await queue.order_now(mirror_id, organization_id)
