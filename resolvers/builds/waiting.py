"""Builds that wait: for a machine that can build, or for an earlier build of the same repository."""

import asyncio
from typing import Final

from resolvers.builds.build import JOB, BuildRecord
from resolvers.builds.builder import Builder
from resolvers.builds.phases import ENDED, Phase
from resolvers.job_kinds import JobStopped, Run
from storage.election import hold_lease, is_lease_held
from storage.statements import decode_json, execute, fetch, fetch_one, placeholders

LEASE: Final = "build-worker"
"""Held by some process that can build, as long as there is one."""
LEASE_MS: Final = 30_000
PATIENCE_S: Final = 2.0
"""How long a build waits for an earlier one before it makes room for builds of other repositories."""
LOOK_S: Final = 0.5
EARLIER: Final = "An earlier build of the repository comes first."


async def may_claim(builder: Builder, holder: str) -> bool:
    """Whether this process may take builds. Where none can, those that wait are told why this one cannot."""
    # One that is under way may be another process's that died.
    phases = [phase.value for phase in Phase if phase not in ENDED]
    ordered = await fetch_one(
        f"SELECT 1 AS one FROM build WHERE phase IN ({placeholders(phases)}) LIMIT 1", *phases
    )
    if ordered is None:
        return False
    reason = await builder.why_not()
    if reason is None:
        await hold_lease(LEASE, holder, duration_ms=LEASE_MS)
        return True
    if not await is_lease_held(LEASE):
        await execute(
            "UPDATE build SET waits_because = ? WHERE phase = ?"
            " AND (waits_because IS NULL OR waits_because <> ?)",
            *(reason[:500], Phase.WAITING.value, reason[:500]),
        )
    return False


async def wait_for_turn(run: Run, build: BuildRecord, namespace_id: int) -> None:
    """Wait until no earlier build of the repository is to be made, so that the last one sets the tags last.

    Raises `JobStopped` when that takes long: the job is given back, and its slot is free for others.
    """
    for _ in range(round(PATIENCE_S / LOOK_S)):
        run.check()
        if not await _follows_another(build, namespace_id):
            return
        await execute(
            "UPDATE build SET waits_because = ? WHERE id = ? AND phase = ? AND waits_because IS NULL",
            *(EARLIER, build.id, Phase.WAITING.value),
        )
        await asyncio.sleep(LOOK_S)
    raise JobStopped


async def _follows_another(build: BuildRecord, namespace_id: int) -> bool:
    # The jobs of a namespace are few, whatever number of builds the repository has had.
    rows = await fetch(
        "SELECT payload FROM job WHERE kind = ? AND state IN ('waiting', 'running') AND namespace_id = ?",
        *(JOB, namespace_id),
    )
    ordered = [decode_json(row["payload"])["build_id"] for row in rows]
    earlier = [build_id for build_id in ordered if build_id < build.id]
    return bool(earlier) and bool(
        await fetch_one(
            f"SELECT 1 AS one FROM build WHERE repository_id = ? AND id IN ({placeholders(earlier)})",
            *(build.repository_id, *earlier),
        )
    )
