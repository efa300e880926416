"""Jobs of mirrors: one looks every minute which are due, and one runs a mirror."""

from resolvers.context import Context, Site
from resolvers.job_kinds import MINUTE, Lane, Run, job, progress
from resolvers.mirrors import claims, discovery, history, mirror, queue
from resolvers.mirrors.history import Tally
from resolvers.mirrors.queue import SCHEDULE, SYNC
from resolvers.mirrors.schedule import RUN_LIMIT_S, MirrorStatus, aligned
from resolvers.mirrors.sync import Sync
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState
from storage.clock import SKEW_MS, now_ms
from storage.conditions import exists
from storage.statements import execute, fetch

PAGE = 500
_SOURCE = (
    "(repository_mirror m JOIN repository r ON r.id = m.repository_id"
    " JOIN account n ON n.id = r.namespace_id)"
)
_ALIVE = f"{exists('r')} AND {exists('n')}"


def _is_on(site: Site) -> bool:
    return site.has("REPO_MIRROR") or site.has("ORG_MIRROR")


@job(
    SCHEDULE,
    "Orders the runs of mirrors whose time has come.",
    every_s=MINUTE,
    needs=_is_on,
    goes_on_when_read_only=False,
)
async def enqueue_due(run: Run) -> str:
    """Order the runs that are due, and end those whose job is gone."""
    ended = await end_lost(run.tools.context)
    await bring_forward()
    number = await order_due() + await discovery.order_due(run.tools.context)
    return f"{number} mirrors are due, {ended} runs were lost."


@job(
    SYNC,
    "Fetches what a mirror lacks of its source.",
    lane=Lane.TRANSFER,
    # The run ends itself in time; this ends one that hangs.
    timeout_s=RUN_LIMIT_S + 10 * MINUTE,
    per_namespace=2,
    needs=_is_on,
    goes_on_when_read_only=False,
)
async def run_mirror(run: Run) -> str | None:
    """Run the mirror that the job is for, unless that was done or cancelled meanwhile."""
    context, mirror_id = run.tools.context, run.payload["mirror_id"]
    claimed = await claims.claim(context, mirror_id, run.job.id if run.job else None)
    return None if claimed is None else await Sync(context, claimed).run(run)


_RUN_AHEAD = {
    "repository_mirror": (
        "SELECT x.ended_at_ms FROM mirror_run x WHERE x.mirror_id = m.id ORDER BY x.id DESC LIMIT 1"
    ),
    "organization_mirror": (
        "SELECT max(d.seen_at_ms) FROM discovered_repository d WHERE d.organization_mirror_id = m.id"
    ),
}
"""When the last run of a mirror was, by its table. One ahead of now was before the clock was put back."""


async def bring_forward() -> None:
    """Let mirrors whose next time was set by a clock that ran ahead run within their interval.

    A start that somebody chose stays, however far ahead it is: what ran last did so before now.
    """
    now = now_ms()
    for table, last in _RUN_AHEAD.items():
        rows = await fetch(
            f"SELECT m.id, m.sync_starts_at_ms AS at_ms, m.sync_interval_s FROM {table} m"
            " WHERE m.sync_interval_s > 0 AND (m.sync_starts_at_ms - ?) / 1000 > m.sync_interval_s"
            f" AND ({last}) > ? ORDER BY m.id LIMIT {PAGE}",
            *(now, now + SKEW_MS),
        )
        for row in rows:
            await execute(
                f"UPDATE {table} SET sync_starts_at_ms = ? WHERE id = ? AND sync_starts_at_ms = ?",
                *(aligned(row["at_ms"], row["sync_interval_s"], now), row["id"], row["at_ms"]),
            )


async def order_due() -> int:
    """Order a run of each mirror whose time has come; how many there are."""
    number, after, now = 0, 0, now_ms()
    while True:
        rows = await fetch(
            f"SELECT m.id, r.namespace_id FROM {_SOURCE} WHERE m.id > ? AND (m.status = ? OR m.is_enabled"
            " AND m.sync_starts_at_ms <= ? AND m.retries_remaining > 0 AND m.status <> ? AND r.state = ?)"
            f" AND {_ALIVE} ORDER BY m.id LIMIT {PAGE}",
            *(after, MirrorStatus.SYNC_NOW.value, now),
            *(MirrorStatus.SYNCING.value, RepositoryState.MIRROR.value),
        )
        for row in rows:
            await queue.order(row["id"], row["namespace_id"])
            await progress(number)
            number += 1
        if len(rows) < PAGE:
            return number
        after = rows[-1]["id"]


async def end_lost(context: Context) -> int:
    """End the runs that no job does any more: it was cancelled, or its process died too often."""
    rows = await fetch(
        f"SELECT x.id, x.mirror_id FROM mirror_run x JOIN {_SOURCE} ON m.id = x.mirror_id"
        f" WHERE x.ended_at_ms IS NULL AND {_ALIVE} ORDER BY x.id LIMIT {PAGE}"
    )
    number = 0
    for row in rows:
        run = await history.by_id(row["id"])
        record = await mirror.stored(context, row["mirror_id"])
        if run is None or record is None or run.ended_at_ms is not None:
            continue
        is_late = run.started_at_ms + (RUN_LIMIT_S + 15 * MINUTE) * 1000 < now_ms()
        if not is_late and await claims.is_alive(run.job_id):
            continue
        place = (await repository.by_ids([record.repository_id])).get(record.repository_id)
        if place is not None:
            claimed = claims.Claimed(record, place, run)
            await claims.finish(context, claimed, Tally.of(run), MirrorStatus.FAIL, claims.INTERRUPTED)
            number += 1
    return number
