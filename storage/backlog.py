"""How much is to be done: the jobs of a kind that are not over, and those that were given up."""

from dataclasses import dataclass

from storage.jobs import is_dead
from storage.statements import fetch, shared_now


@dataclass(frozen=True, slots=True)
class Backlog:
    """Numbers of jobs of one kind, and when the oldest that waits was added.

    What a process left that is gone waits as well, until another one takes it.
    """

    waiting: int
    running: int
    failed: int
    oldest_ms: int | None


async def backlog(kind: str) -> Backlog:
    """What there is of a kind, in two statements."""
    rows = await fetch(
        "SELECT c.state, c.number, o.created_at_ms FROM (SELECT state, COUNT(*) AS number, MIN(id) AS oldest"
        " FROM job WHERE state IN ('waiting', 'failed') AND kind = ? GROUP BY state) c"
        " JOIN job o ON o.id = c.oldest",
        kind,
    )
    held = await fetch(
        f"SELECT created_at_ms, CASE WHEN {is_dead(shared_now())} THEN 1 ELSE 0 END AS is_dead FROM job"
        " WHERE state = 'running' AND kind = ?",
        kind,
    )
    of = {row["state"]: row for row in rows}
    times = [row["created_at_ms"] for row in held if row["is_dead"]]
    running = len(held) - len(times)
    waiting = len(times)
    if "waiting" in of:
        waiting += int(of["waiting"]["number"])
        times.append(of["waiting"]["created_at_ms"])
    failed = int(of["failed"]["number"]) if "failed" in of else 0
    return Backlog(waiting, running, failed, min(times, default=None))
