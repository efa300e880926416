"""Enqueues runs of auto-prune policies: for a namespace as a whole, or for one of its repositories."""

from typing import Final

from resolvers.job_kinds import HOUR
from storage.clock import now_ms
from storage.jobs import enqueue_once
from storage.statements import decode_json, fetch, fetch_one

SCHEDULE: Final = "prune.schedule"
"""Kind of the job that enqueues these runs every `EVERY_S` seconds."""
EVERY_S: Final = HOUR
RUN: Final = "prune.run"
"""Kind of the job that deletes what the policies of a namespace, or of one repository, select."""
AFTER: Final = "after"
"""What the payload of a run that does the rest of another adds: where it begins."""
LOOK_AT: Final = 500
"""Most waiting runs of a namespace among which the rest of an earlier one is looked for."""
DELAY_MS: Final = 10_000
"""How long a run waits after a change, so that several changes share one run."""


async def policy_changed(namespace_id: int, repository_id: int | None) -> None:
    """Run the policies of a namespace or of one repository soon, in the transaction of their change.

    A run that waits already does for both.
    """
    await enqueue_once(
        RUN,
        {"namespace_id": namespace_id, "repository_id": repository_id},
        delay_ms=DELAY_MS,
        namespace_id=namespace_id,
    )


async def namespace_is_due(namespace_id: int) -> None:
    """Run the policies of a namespace now, unless that run waits already, or the rest of an earlier one."""
    rows = await fetch(
        f"SELECT payload FROM job WHERE state = 'waiting' AND kind = ? AND namespace_id = ? LIMIT {LOOK_AT}",
        RUN,
        namespace_id,
    )
    if not any(AFTER in decode_json(row["payload"]) for row in rows):
        payload = {"namespace_id": namespace_id, "repository_id": None}
        await enqueue_once(RUN, payload, namespace_id=namespace_id)


async def goes_on(namespace_id: int, repository_id: int | None, after: int) -> None:
    """Let another run do the rest of one, the repositories after an id, once other namespaces had a turn."""
    payload = {"namespace_id": namespace_id, "repository_id": repository_id, AFTER: after}
    await enqueue_once(RUN, payload, namespace_id=namespace_id)


async def next_run_ms(namespace_id: int) -> int:
    """When the policies of a namespace run next, about: a run that waits, or the next of the schedule."""
    now = now_ms()
    row = await fetch_one(
        "SELECT (SELECT MIN(run_at_ms) FROM job WHERE state = 'waiting' AND kind = ? AND namespace_id = ?)"
        " AS waits, (SELECT MAX(created_at_ms) FROM job WHERE kind = ?) AS scheduled",
        RUN,
        namespace_id,
        SCHEDULE,
    )
    waits, scheduled = (row["waits"], row["scheduled"]) if row else (None, None)
    moments = [one for one in (waits, None if scheduled is None else scheduled + EVERY_S * 1000) if one]
    return max(now, min(moments, default=now))
