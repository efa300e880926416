"""Which job runs a mirror: claimed under the lock of its row, gone on with after a kill, and ended."""

from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.context import Context
from resolvers.mirrors import history, mirror, queue
from resolvers.mirrors.history import MirrorRunRecord, Tally
from resolvers.mirrors.mirror import MirrorRecord
from resolvers.mirrors.schedule import (
    RUN_LIMIT_S,
    MirrorStatus,
    Timing,
    after_run,
    is_due,
    retry_delay_ms,
)
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.statements import execute, fetch_one
from storage.transactions import lock_and_read, transaction

INTERRUPTED = "The run was ended before it was through."


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mirror that a job runs, with the record of the run."""

    mirror: MirrorRecord
    place: RepositoryRecord
    run: MirrorRunRecord


async def claim(context: Context, mirror_id: int, job_id: int | None) -> Claimed | None:
    """Begin a run of a mirror, or go on with the one that a killed process left; None if none is due."""
    async with transaction("mirror.claim"):
        found = await _locked(context, mirror_id)
        if found is None:
            return None
        record, place = found
        if record.status is MirrorStatus.SYNCING:
            run = await history.last(record.id)
            if run is None or run.ended_at_ms is not None or not await _may_take(run, job_id):
                return None
            await history.take_over(run.id, job_id)
            return Claimed(record, place, run)
        now = now_ms()
        if not is_due(record.timing, record.status, is_enabled=record.is_enabled, now=now):
            return None
        run = await history.begin(record.id, job_id)
        await execute(
            "UPDATE repository_mirror SET status = ?, claimed_until_ms = ? WHERE id = ?",
            *(MirrorStatus.SYNCING.value, now + RUN_LIMIT_S * 1000, record.id),
        )
        message = f"The mirror of {record.source} runs."
        await tell(context, place, "repo_mirror_sync_started", "start", message, tags=_rule(record))
    return Claimed(record, place, run)


def _rule(record: MirrorRecord) -> str:
    return ",".join(record.tag_patterns)


async def _locked(context: Context, mirror_id: int) -> tuple[MirrorRecord, RepositoryRecord] | None:
    """A mirror, its row locked, and its repository; None if either is gone."""
    if await lock_and_read("repository_mirror", mirror_id, "id") is None:
        return None
    record = await mirror.stored(context, mirror_id)
    place = (await repository.by_ids([record.repository_id])).get(record.repository_id) if record else None
    return (record, place) if record and place else None


async def _may_take(run: MirrorRunRecord, job_id: int | None) -> bool:
    """Whether a job may go on with a run: it is its own, or that of one that has ended."""
    return run.job_id == job_id or not await is_alive(run.job_id)


async def is_alive(job_id: int | None) -> bool:
    """Whether the job of a run does it, or will go on with it."""
    row = await fetch_one("SELECT state FROM job WHERE id = ?", job_id or 0)
    return row is not None and row["state"] in {"waiting", "running"}


async def finish(
    context: Context, claimed: Claimed, tally: Tally, outcome: MirrorStatus, message: str
) -> MirrorStatus:
    """End a run, and say when the mirror runs again. What came of it: CANCEL if it was told to stop."""
    run, place = claimed.run, claimed.place
    async with transaction("mirror.finish"):
        found = await _locked(context, claimed.mirror.id)
        if found is None:
            return MirrorStatus.CANCEL
        record, _ = found
        newest = await history.last(record.id)
        is_current = newest is not None and newest.id == run.id
        if is_current and record.status is MirrorStatus.CANCEL:
            outcome = MirrorStatus.CANCEL
        await history.end(run.id, tally, outcome, message)
        if is_current and record.status in (MirrorStatus.SYNCING, MirrorStatus.CANCEL):
            await _settle(record, outcome, place.namespace_id)
        has_failed = outcome is not MirrorStatus.SUCCESS
        await tell(
            context,
            place,
            "repo_mirror_sync_failed" if has_failed else "repo_mirror_sync_success",
            "finish",
            message,
            tags=",".join(one.tag for one in tally.failures) or _rule(record),
        )
    return outcome


async def _settle(record: MirrorRecord, outcome: MirrorStatus, namespace_id: int) -> None:
    """Write what holds for a mirror after its run; one that is tried again is ordered."""
    timing = after_run(record.timing, outcome, now_ms())
    if outcome is MirrorStatus.CANCEL and record.timing.retries_remaining > 0:
        # Its schedule was changed after it was cancelled.
        timing = record.timing
    await write(record.id, outcome, timing)
    is_retried = outcome is MirrorStatus.FAIL and timing.retries_remaining < record.timing.retries_remaining
    if is_retried and record.is_enabled:
        await queue.order(record.id, namespace_id, delay_ms=retry_delay_ms(timing.retries_remaining))


async def write(mirror_id: int, status: MirrorStatus, timing: Timing) -> None:
    """Write the state of a mirror that does not run."""
    await execute(
        "UPDATE repository_mirror SET status = ?, sync_starts_at_ms = ?, retries_remaining = ?,"
        " claimed_until_ms = NULL WHERE id = ?",
        *(status.value, timing.starts_at_ms, timing.retries_remaining, mirror_id),
    )


async def tell(
    context: Context, place: RepositoryRecord, kind: str, verb: str, message: str, **more: Any
) -> None:
    """Record an event about a run, or about a tag of it."""
    about = {"verb": verb, "namespace": place.namespace_name, "repo": place.name, "message": message}
    async with transaction("mirror.tell"):
        await events.record(
            context, kind, about | more, namespace_id=place.namespace_id, repository_id=place.id
        )
