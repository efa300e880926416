"""The queue of durable jobs: enqueued in the transaction of their cause, claimed under a lease, tried again.

    waiting ──claim──> running ──finish──> done
       ^                  ├──fail────────> waiting (with back-off), or failed after the last attempt
       └──give_back───────┤
    cancelled <──cancel───┴──cancelled

A handler may run twice and must not mind. The lease of a running job is short and extended every few seconds
by the process that runs it (`extend`), so that the jobs of a killed process are soon claimed by another.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from storage.clock import SKEW_MS, is_recent, now_ms
from storage.statements import (
    INSERT_BATCH,
    Row,
    batches,
    decode_json,
    execute,
    fetch,
    fetch_one,
    is_postgres,
    placeholders,
    shared_now,
)
from storage.transactions import lock_and_read, once_committed, transaction

MAXIMUM_ATTEMPTS: Final = 5
LEASE_MS: Final = 12_000
"""How long after its last sign of life a process loses its jobs; six signs fit in."""
RETRY_DELAY_MS: Final = 5_000
"""Before the second attempt; doubled before each further one."""
LONGEST_RETRY_DELAY_MS: Final = 3_600_000
ERROR_LENGTH: Final = 4_000
_WAITS: Final = "state = 'waiting' AND kind = ? AND namespace_id = ? AND payload = ?"
"""Finds the jobs that wait and are equal to one: their payloads were written alike."""
CLAIM_LOCK: Final = 0x71756A6F
"""The PostgreSQL advisory lock under which limits are counted; SQLite has its write lock for that."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this process holds until its lease runs out."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    holder: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one kind over all processes: how many run at once, how many of them for one namespace."""

    at_once: int | None = None
    per_namespace: int | None = None
    attempts: int = MAXIMUM_ATTEMPTS


NO_LIMITS: Final = Limits()


async def enqueue(
    kind: str,
    payload: dict[str, Any],
    *,
    delay_ms: int = 0,
    namespace_id: int | None = None,
    is_awaited: bool = False,
) -> int:
    """Add a job, in the open transaction if there is one; its id.

    `namespace_id` is the account for whose namespace it works, so that namespaces share the slots fairly. Who
    runs jobs in this process looks at once for one that `is_awaited`; for others in a second.
    """
    now = now_ms()
    rows = await fetch(
        "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms, namespace_id)"
        " VALUES (?, ?, 'waiting', ?, 0, ?, ?) RETURNING id",
        kind,
        orjson.dumps(payload).decode(),
        now + delay_ms,
        now,
        namespace_id,
    )
    if is_awaited:
        once_committed(_wake)
    return int(rows[0]["id"])


_woken: Final[set[Callable[[], None]]] = set()


def _wake() -> None:
    for each in tuple(_woken):
        each()


@contextlib.contextmanager
def woken(call: Callable[[], None]) -> Iterator[None]:
    """Have something called whenever this process has added a job that is awaited, while the block runs."""
    _woken.add(call)
    try:
        yield
    finally:
        _woken.discard(call)


async def enqueue_many(
    kind: str, jobs: Sequence[tuple[dict[str, Any], int]]
) -> list[tuple[int, dict[str, Any]]]:
    """Add many jobs, given with their namespaces, in the open transaction; their ids and payloads."""
    now = now_ms()
    added: list[tuple[int, dict[str, Any]]] = []
    for batch in batches(jobs, INSERT_BATCH):
        rows = await fetch(
            "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms, namespace_id) VALUES "
            + ", ".join(["(?, ?, 'waiting', ?, 0, ?, ?)"] * len(batch))
            + " RETURNING id, payload",
            *(
                value
                for payload, namespace_id in batch
                for value in (kind, orjson.dumps(payload).decode(), now, now, namespace_id)
            ),
        )
        added += [(int(row["id"]), decode_json(row["payload"])) for row in rows]
    return added


async def enqueue_once(kind: str, payload: dict[str, Any], *, delay_ms: int = 0, namespace_id: int) -> bool:
    """Add a job for a namespace unless an equal one waits; whether it was added.

    One that waits is kept from starting before the open transaction ends, so that it sees what that writes.
    """
    async with transaction("job.enqueue_once"):
        equal = await fetch(
            f"SELECT id FROM job WHERE {_WAITS} ORDER BY id LIMIT 1"
            + (" FOR UPDATE" if is_postgres() else ""),
            *(kind, namespace_id, orjson.dumps(payload).decode()),
        )
        if equal:
            return False
        await enqueue(kind, payload, delay_ms=delay_ms, namespace_id=namespace_id)
    return True


async def hasten(kind: str, payload: dict[str, Any], *, namespace_id: int) -> None:
    """Let jobs equal to `payload` that wait for a later time begin now."""
    now = now_ms()
    await execute(
        f"UPDATE job SET run_at_ms = ? WHERE {_WAITS} AND run_at_ms > ?",
        *(now, kind, namespace_id, orjson.dumps(payload).decode(), now),
    )


async def enqueue_recurring(kind: str, *, every_ms: int) -> bool:
    """Add a job without payload unless one of its kind was added in the last `every_ms`; whether it was."""
    if await _was_added_lately(kind, every_ms):
        return False
    async with transaction("job.enqueue_recurring"):
        await _exclude_claims()
        if await _was_added_lately(kind, every_ms):
            return False
        await enqueue(kind, {})
    return True


async def enqueue_alone(kind: str) -> bool:
    """Add a job without payload unless one of its kind waits or runs; whether it was added."""
    async with transaction("job.enqueue_alone"):
        await _exclude_claims()
        if await open_states(kind):
            return False
        await enqueue(kind, {})
    return True


async def open_states(kind: str) -> frozenset[str]:
    """In which of the states `waiting` and `running` there are jobs of a kind."""
    rows = await fetch(
        "SELECT DISTINCT state FROM job WHERE state IN ('waiting', 'running') AND kind = ?", kind
    )
    return frozenset(row["state"] for row in rows)


async def _was_added_lately(kind: str, every_ms: int) -> bool:
    # Ids grow with time, so that the index on them finds the last.
    row = await fetch_one("SELECT created_at_ms FROM job WHERE kind = ? ORDER BY id DESC LIMIT 1", kind)
    return row is not None and is_recent(row["created_at_ms"], now_ms(), every_ms)


async def _exclude_claims() -> int:
    """Let no other process count or claim jobs before the open transaction ends. Returns `shared_now`."""
    if not is_postgres():
        return now_ms()
    (row,) = await fetch(f"SELECT pg_advisory_xact_lock(?) AS held, {shared_now()} AS now", CLAIM_LOCK)
    return int(row["now"])


_NOTED_AT = "COALESCE(started_at_ms, created_at_ms)"
_NOW = "CAST(? AS BIGINT)"


def _is_due(now: str = _NOW) -> str:
    """SQL condition: the time of a job has come, or would have soon when the clock was not yet put back.

    Takes the time twice.
    """
    return (
        f"(run_at_ms <= {now} OR {_NOTED_AT} > {now} + {SKEW_MS}"
        f" AND run_at_ms <= {_NOTED_AT} + {LONGEST_RETRY_DELAY_MS})"
    )


def is_dead(now: str = _NOW) -> str:
    """SQL condition: the lease of a job has run out, or is from before the clock was put back.

    Takes the time twice.
    """
    return f"(lease_until_ms < {now} OR lease_until_ms > {now} + {LEASE_MS + SKEW_MS})"


async def claim(
    holder: str, kinds: Collection[str], *, limits: Mapping[str, Limits] | None = None
) -> ClaimedJob | None:
    """Take a due job of one of `kinds`, also one whose holder let its lease run out.

    The namespace goes first for which fewest of these kinds run, then the one that waited longest since the
    start of its last job; the registry's own jobs go before all. Of one namespace the oldest job goes first.
    Kinds and namespaces at their limit are passed over. A job that brought down its process in every attempt
    is given up like one that failed.
    """
    if not kinds:
        return None
    limits = limits or {}
    names = list(kinds)
    if not await fetch(
        # Looking costs no lock, and most looks find nothing.
        f"SELECT id FROM job WHERE kind IN ({placeholders(names)})"
        f" AND (state = 'waiting' AND {_is_due(shared_now())}"
        f" OR state = 'running' AND {is_dead(shared_now())}) LIMIT 1",
        *names,
    ):
        return None
    async with transaction("job.claim"):
        now = await _exclude_claims()
        await _take_from_the_dead(names, limits, now)
        row = await _next(names, limits, now)
        if row is None:
            return None
        await execute(
            "UPDATE job SET state = 'running', attempts = attempts + 1, lease_holder = ?, lease_until_ms = ?,"
            " started_at_ms = ?, progress_done = NULL, progress_total = NULL WHERE id = ?",
            *(holder, now + LEASE_MS, now, row["id"]),
        )
    return ClaimedJob(row["id"], row["kind"], decode_json(row["payload"]), row["attempts"] + 1, holder)


async def _take_from_the_dead(kinds: list[str], limits: Mapping[str, Limits], now: int) -> None:
    """Let the jobs wait again whose lease ran out; end those that were to be cancelled or tried too often."""
    rows = await fetch(
        "SELECT id, kind, attempts, cancel_requested_at_ms FROM job"
        f" WHERE state = 'running' AND {is_dead()} AND kind IN ({placeholders(kinds)})"
        + (" FOR UPDATE SKIP LOCKED" if is_postgres() else ""),
        *(now, now, *kinds),
    )
    for row in rows:
        if row["cancel_requested_at_ms"] is not None:
            await _end(row["id"], "cancelled", now)
        elif row["attempts"] >= limits.get(row["kind"], NO_LIMITS).attempts:
            await _end(row["id"], "failed", now, error="the process ended during each attempt")
        else:
            await _wait(row["id"], run_at_ms=now, error="the process ended during the attempt")


async def _next(kinds: list[str], limits: Mapping[str, Limits], now: int) -> Row | None:
    """The job to run next, locked; None if nothing is due or all that is due is at a limit."""
    of_kind: dict[str, int] = {}
    of_namespace: dict[int, int] = {}
    of_both: dict[tuple[str, int], int] = {}
    for row in await fetch(
        "SELECT kind, namespace_id, COUNT(*) AS number FROM job WHERE state = 'running'"
        f" AND kind IN ({placeholders(kinds)}) GROUP BY kind, namespace_id",
        *kinds,
    ):
        kind, namespace, number = row["kind"], row["namespace_id"] or 0, row["number"]
        of_kind[kind] = of_kind.get(kind, 0) + number
        of_namespace[namespace] = of_namespace.get(namespace, 0) + number
        of_both[kind, namespace] = number

    def is_open(kind: str, namespace: int | None) -> bool:
        limit = limits.get(kind, NO_LIMITS)
        if limit.at_once is not None and of_kind.get(kind, 0) >= limit.at_once:
            return False
        if limit.per_namespace is None or namespace is None:
            return True
        return of_both.get((kind, namespace), 0) < limit.per_namespace

    def order(row: Row) -> tuple[int, ...]:
        namespace = row["namespace_id"]
        busy = (of_namespace.get(namespace, 0), row["started_at_ms"] or 0) if namespace else (-1, 0)
        return (*busy, row["run_at_ms"], row["id"])

    # One row for each queue, which is the due jobs of a kind for a namespace.
    queues = await fetch(
        "SELECT q.*, (SELECT MAX(s.started_at_ms) FROM job s WHERE s.namespace_id = q.namespace_id)"
        " AS started_at_ms FROM (SELECT kind, namespace_id, MIN(run_at_ms) AS run_at_ms, MIN(id) AS id"
        f" FROM job WHERE state = 'waiting' AND kind IN ({placeholders(kinds)}) AND {_is_due()}"
        " GROUP BY kind, namespace_id) q",
        *(*kinds, now, now),
    )
    for queue in sorted((row for row in queues if is_open(row["kind"], row["namespace_id"])), key=order):
        namespace = queue["namespace_id"]
        found = await fetch_one(
            "SELECT id, kind, payload, attempts FROM job WHERE state = 'waiting' AND kind = ?"
            f" AND namespace_id {'IS NULL' if namespace is None else '= ?'} AND {_is_due()}"
            " ORDER BY run_at_ms, id LIMIT 1" + (" FOR UPDATE SKIP LOCKED" if is_postgres() else ""),
            *(queue["kind"], *([] if namespace is None else [namespace]), now, now),
        )
        if found is not None:
            return found
    return None


async def extend(holder: str) -> dict[int, bool]:
    """Hold all jobs of a process for longer: each that is still its own, and whether it is to be cancelled.

    What is missing was taken over by another process, since this one was silent for too long.
    """
    rows = await fetch(
        f"UPDATE job SET lease_until_ms = {shared_now()} + {LEASE_MS}"
        " WHERE lease_holder = ? AND state = 'running'"
        " RETURNING id, cancel_requested_at_ms",
        holder,
    )
    return {row["id"]: row["cancel_requested_at_ms"] is not None for row in rows}


async def report(job: ClaimedJob, done: int, total: int | None = None) -> None:
    """Note how far a running job has come: `done` of `total` steps."""
    await execute(
        "UPDATE job SET progress_done = ?, progress_total = ?"
        " WHERE id = ? AND lease_holder = ? AND state = 'running'",
        *(done, total, job.id, job.holder),
    )


async def finish(job: ClaimedJob, result: str | None = None) -> None:
    """Mark a job as done, with a sentence on what came of it."""
    await execute(
        "UPDATE job SET state = 'done', finished_at_ms = ?, lease_until_ms = NULL, error = NULL, result = ?"
        " WHERE id = ? AND lease_holder = ? AND state = 'running'",
        *(now_ms(), result, job.id, job.holder),
    )


async def fail(job: ClaimedJob, error: str, *, attempts: int = MAXIMUM_ATTEMPTS) -> bool:
    """Record a failure. True when the job will be tried again.

    False when its `attempts` are used up, it is to be cancelled, or another process has it.
    """
    async with transaction("job.fail"):
        row = await _held(job)
        if row is None:
            return False
        now = now_ms()
        if row["cancel_requested_at_ms"] is not None:
            await _end(job.id, "cancelled", now, error=error)
        elif job.attempts >= attempts:
            await _end(job.id, "failed", now, error=error)
        else:
            delay = min(RETRY_DELAY_MS * 2 ** (job.attempts - 1), LONGEST_RETRY_DELAY_MS)
            await _wait(job.id, run_at_ms=now + delay, error=error)
            return True
    return False


async def give_back(job: ClaimedJob) -> None:
    """Let a job wait again as if it had not been claimed: its process stops before the job is through."""
    async with transaction("job.give_back"):
        row = await _held(job)
        if row is None:
            return
        if row["cancel_requested_at_ms"] is not None:
            await _end(job.id, "cancelled", now_ms())
        else:
            await _wait(job.id, run_at_ms=now_ms(), error=None)
            await execute("UPDATE job SET attempts = attempts - 1 WHERE id = ?", job.id)


async def cancelled(job: ClaimedJob) -> None:
    """Mark a job as cancelled, which has stopped since somebody asked for that."""
    async with transaction("job.cancelled"):
        if await _held(job) is not None:
            await _end(job.id, "cancelled", now_ms())


async def cancel(job_id: int) -> bool:
    """Cancel a waiting job, or ask for the end of a running one; False if there is no such job any more."""
    async with transaction("job.cancel"):
        row = await lock_and_read("job", job_id, "state")
        if row is None or row["state"] not in {"waiting", "running"}:
            return False
        now = now_ms()
        if row["state"] == "waiting":
            await _end(job_id, "cancelled", now)
        await execute(
            "UPDATE job SET cancel_requested_at_ms = COALESCE(cancel_requested_at_ms, ?) WHERE id = ?",
            *(now, job_id),
        )
    return True


async def retry(job_id: int) -> bool:
    """Let a job that failed or was cancelled wait again, as if new; False if it is none such."""
    return bool(
        await execute(
            "UPDATE job SET state = 'waiting', attempts = 0, run_at_ms = ?, finished_at_ms = NULL,"
            " lease_holder = NULL, lease_until_ms = NULL, cancel_requested_at_ms = NULL,"
            " progress_done = NULL, progress_total = NULL WHERE id = ? AND state IN ('failed', 'cancelled')",
            *(now_ms(), job_id),
        )
    )


async def forget_ended(before_ms: int, *, states: Iterable[str], limit: int = 500) -> int:
    """Delete at most `limit` jobs that ended in one of `states` before the given time; how many were."""
    names = list(states)
    return await execute(
        "DELETE FROM job WHERE id IN"
        f" (SELECT id FROM job WHERE state IN ({placeholders(names)}) AND finished_at_ms < ? LIMIT ?)",
        *(*names, before_ms, limit),
    )


async def _held(job: ClaimedJob) -> Row | None:
    """Lock a job that its holder still runs, and read it; None if another has it or it has ended."""
    row = await lock_and_read("job", job.id, "state", "lease_holder", "attempts", "cancel_requested_at_ms")
    is_held = row is not None and row["state"] == "running" and row["lease_holder"] == job.holder
    # The same process may have claimed it anew, having been silent for too long.
    return row if is_held and row is not None and row["attempts"] == job.attempts else None


async def _end(job_id: int, state: str, now: int, *, error: str | None = None) -> None:
    await execute(
        "UPDATE job SET state = ?, finished_at_ms = ?, lease_until_ms = NULL, error = COALESCE(?, error)"
        " WHERE id = ?",
        *(state, now, error[:ERROR_LENGTH] if error else None, job_id),
    )


async def _wait(job_id: int, *, run_at_ms: int, error: str | None) -> None:
    await execute(
        "UPDATE job SET state = 'waiting', run_at_ms = ?, lease_holder = NULL, lease_until_ms = NULL,"
        " error = COALESCE(?, error) WHERE id = ?",
        *(run_at_ms, error[:ERROR_LENGTH] if error else None, job_id),
    )
