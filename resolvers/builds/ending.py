"""Ending of a build, whoever finds that it is over: the process that ran it, or one that missed it."""

from typing import Final

from resolvers.builds import build, log
from resolvers.builds.build import SBOM_JOB, BuildRecord
from resolvers.builds.phases import ENDED, Phase
from resolvers.builds.triggers import outcome
from resolvers.context import Context
from resolvers.manifests import examination
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.statements import execute, placeholders
from storage.transactions import transaction

_ENDED: Final = [phase.value for phase in ENDED]
_SBOM_DELAY_MS: Final = 5_000
"""By then a small image is scanned."""


async def end(
    context: Context,
    place: RepositoryRecord | None,
    found: BuildRecord,
    phase: Phase,
    *,
    digest: str | None = None,
    error: str | None = None,
    writer: log.LogWriter | None = None,
) -> None:
    """End a build, unless it has ended: its row, its log, the event, and what its trigger counts.

    `writer` is whoever writes its log. What is of a repository that is being deleted goes with it, untold.
    """
    async with transaction("build.end"):
        changed = await execute(
            "UPDATE build SET phase = ?, ended_at_ms = ?, digest = ?, error = ?, waits_because = NULL"
            f" WHERE id = ? AND phase NOT IN ({placeholders(_ENDED)})",
            *(phase.value, now_ms(), digest, error, found.id, *_ENDED),
        )
        if not changed or place is None:
            return
        writer = writer or await log.LogWriter.open(found.id)
        if error is not None:
            await writer.write([error], log.ERROR)
        await writer.write([phase.value], log.PHASE)
        await build.record_end(context, place, found, phase, digest=digest, error=error)
        await outcome.note_end(context, place, found, phase)
        if digest is not None and examination.is_on(context.site):
            payload = {"build_id": found.id}
            await enqueue(SBOM_JOB, payload, delay_ms=_SBOM_DELAY_MS, namespace_id=place.namespace_id)
    await log.archive(found.id)
