"""Builds that nobody runs any more although they have not ended: their job is over."""

from typing import Final

from resolvers.builds import build
from resolvers.builds.ending import end
from resolvers.builds.phases import ENDED, Phase
from resolvers.context import Context
from resolvers.job_kinds import MINUTE, Run, job
from resolvers.repositories import repository
from storage.statements import Row, fetch, placeholders

BATCH: Final = 100
LOST: Final = "The build was given up: each process that tried it ended before it was through."
_UNDER_WAY: Final = [phase.value for phase in Phase if phase not in ENDED]


@job(
    "build.end_lost",
    "Ends builds whose processes died too often, or whose jobs were cancelled.",
    every_s=MINUTE,
    goes_on_when_read_only=False,
)
async def end_lost(run: Run) -> str:
    """End the builds whose job is over: cancelled with it, else for a reason that is not their own."""
    number = 0
    while rows := await fetch(
        "SELECT b.id, j.state FROM build b LEFT JOIN job j ON j.id = b.job_id"
        " LEFT JOIN build_trigger t ON t.id = b.trigger_id"
        f" WHERE b.phase IN ({placeholders(_UNDER_WAY)}) AND {build.ALIVE}"
        " AND (j.id IS NULL OR j.state NOT IN ('waiting', 'running')) ORDER BY b.id LIMIT ?",
        *(*_UNDER_WAY, BATCH),
    ):
        for row in rows:
            await _end(run.tools.context, row)
            number += 1
            await run.progress(number)
    return f"{number} builds were ended."


async def _end(context: Context, row: Row) -> None:
    found = await build.by_id(row["id"])
    place = (await repository.by_ids([found.repository_id])).get(found.repository_id) if found else None
    if found is None:
        return
    is_cancelled = row["state"] == "cancelled"
    phase, error = (Phase.CANCELLED, None) if is_cancelled else (Phase.INTERNALERROR, LOST)
    await end(context, place, found, phase, error=error)
