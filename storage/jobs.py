"""Durable jobs: enqueued in the transaction of their cause, claimed under a lease, retried a bounded number
of times. A handler may run twice and must not mind.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from storage.clock import now_ms
from storage.statements import decode_json, execute, fetch, fetch_one, is_postgres, placeholders
from storage.transactions import transaction

MAXIMUM_ATTEMPTS = 5
LEASE_MS = 60_000
RETRY_DELAY_MS = 5_000
"""Before the second attempt; doubled before each further one."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this process holds until its lease runs out."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    holder: str


async def enqueue(kind: str, payload: dict[str, Any], *, delay_ms: int = 0) -> int:
    """Add a job, in the open transaction if there is one; its id."""
    now = now_ms()
    rows = await fetch(
        "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms)"
        " VALUES (?, ?, 'waiting', ?, 0, ?) RETURNING id",
        kind,
        orjson.dumps(payload).decode(),
        now + delay_ms,
        now,
    )
    return int(rows[0]["id"])


async def enqueue_recurring(kind: str, *, every_ms: int) -> bool:
    """Add a job without payload unless one of its kind was added in the last `every_ms`; whether it was."""
    async with transaction("job.enqueue_recurring"):
        recent = await fetch_one(
            "SELECT id FROM job WHERE kind = ? AND created_at_ms > ? LIMIT 1", kind, now_ms() - every_ms
        )
        if recent is None:
            await enqueue(kind, {})
        return recent is None


_DUE = (
    "(state = 'waiting' AND run_at_ms <= ? OR state = 'running' AND lease_until_ms < ?)"
    " ORDER BY run_at_ms, id LIMIT 1"
)


async def claim(holder: str, kinds: list[str]) -> ClaimedJob | None:
    """Take the oldest due job of one of `kinds`, also one whose holder let its lease run out.

    A job that brought down its process in every attempt is given up like one that failed.
    """
    if not kinds:
        return None
    now = now_ms()
    due_of_kinds = f"SELECT id FROM job WHERE kind IN ({placeholders(kinds)}) AND {_DUE}"
    if await fetch_one(due_of_kinds, *kinds, now, now) is None:
        # Looking costs no lock, and most looks find nothing.
        return None
    async with transaction("job.claim"):
        await execute(
            "UPDATE job SET state = 'failed', error = ?, finished_at_ms = ?, lease_until_ms = NULL"
            " WHERE state = 'running' AND lease_until_ms < ? AND attempts >= ?",
            "the process ended during each attempt",
            now,
            now,
            MAXIMUM_ATTEMPTS,
        )
        skip_locked = " FOR UPDATE SKIP LOCKED" if is_postgres() else ""
        due = await fetch_one(due_of_kinds + skip_locked, *kinds, now, now)
        if due is None:
            return None
        await execute(
            "UPDATE job SET state = 'running', attempts = attempts + 1, lease_holder = ?, lease_until_ms = ?"
            " WHERE id = ?",
            holder,
            now + LEASE_MS,
            due["id"],
        )
        row = await fetch_one("SELECT * FROM job WHERE id = ?", due["id"])
    assert row is not None
    return ClaimedJob(row["id"], row["kind"], decode_json(row["payload"]), row["attempts"], holder)


async def extend(job: ClaimedJob) -> bool:
    """Hold the lease for longer; False when another process has taken the job meanwhile."""
    return bool(
        await execute(
            "UPDATE job SET lease_until_ms = ? WHERE id = ? AND lease_holder = ? AND state = 'running'",
            now_ms() + LEASE_MS,
            job.id,
            job.holder,
        )
    )


async def finish(job: ClaimedJob) -> None:
    """Mark a job as done."""
    await execute(
        "UPDATE job SET state = 'done', finished_at_ms = ?, lease_until_ms = NULL, error = NULL"
        " WHERE id = ? AND lease_holder = ?",
        now_ms(),
        job.id,
        job.holder,
    )


async def fail(job: ClaimedJob, error: str) -> bool:
    """Record a failure. True when the job will be tried again, False when its attempts are used up."""
    retry = job.attempts < MAXIMUM_ATTEMPTS
    now = now_ms()
    await execute(
        "UPDATE job SET state = ?, error = ?, run_at_ms = ?, finished_at_ms = ?, lease_until_ms = NULL"
        " WHERE id = ? AND lease_holder = ?",
        "waiting" if retry else "failed",
        error[:4000],
        now + RETRY_DELAY_MS * 2 ** (job.attempts - 1),
        None if retry else now,
        job.id,
        job.holder,
    )
    return retry


async def forget_done(before_ms: int, *, limit: int = 500) -> int:
    """Delete at most `limit` jobs that were done before the given time; how many were."""
    return await execute(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE state = 'done' AND finished_at_ms < ? LIMIT ?)",
        before_ms,
        limit,
    )


async def hold_lease(name: str, holder: str, *, duration_ms: int) -> bool:
    """Take or keep a named lease: how processes elect one among them. False while another holds it.

    It is renewed when a third of it has passed, so that asking often costs a read and no write.
    """
    now = now_ms()
    held = await fetch_one("SELECT holder, expires_at_ms FROM lease WHERE name = ?", name)
    if held is not None and held["expires_at_ms"] >= now:
        if held["holder"] != holder:
            return False
        if held["expires_at_ms"] - now > duration_ms * 2 // 3:
            return True
    async with transaction("lease.hold"):
        return bool(
            await execute(
                "INSERT INTO lease (name, holder, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET holder = excluded.holder, expires_at_ms = excluded.expires_at_ms"
                " WHERE lease.holder = excluded.holder OR lease.expires_at_ms < ?",
                name,
                holder,
                now + duration_ms,
                now,
            )
        )


async def release_lease(name: str, holder: str) -> None:
    """Give a lease back, so that another process need not wait for it to run out."""
    await execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, holder)
