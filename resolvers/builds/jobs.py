"""The job that runs a build: its phases, its log, and its end."""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from resolvers import events
from resolvers.builds import build, context_file, log
from resolvers.builds.build import JOB, BuildRecord
from resolvers.builds.builder import Builder, BuildFailed, Task
from resolvers.builds.built import Built
from resolvers.builds.ending import end
from resolvers.builds.phases import ENDED, Phase
from resolvers.builds.provenance.attaching import to_attach
from resolvers.builds.tokens import pull_token, push_token
from resolvers.builds.triggers import remote
from resolvers.builds.waiting import wait_for_turn
from resolvers.context import Site
from resolvers.job_kinds import HOUR, MINUTE, JobStopped, Lane, Run, job
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.statements import execute, fetch, placeholders
from storage.transactions import transaction
from storage.uninterrupted import settled

logger = logging.getLogger("quayside.builds")

LOOK_S: Final = 0.5
"""How often a build looks whether it is to end."""
ATTEMPTS: Final = 3
BATCH: Final = 100
MASK: Final = "********"
SECRET_LENGTH: Final = 6
"""Values of arguments of so many characters do not appear in logs; shorter ones are words like any."""
UNEXPECTED: Final = "The build ended for a reason that is not its own; the log of the server says more."
_STEP: Final = re.compile(r"(?:\[\d+/\d+\] )?STEP (\d{1,6})/(\d{1,6}): ")
"""How buildah begins a line that shows an instruction."""
_ENDED = [phase.value for phase in ENDED]


class _Over(Exception):
    """The build has ended meanwhile: it was cancelled, or its repository was deleted."""


def _is_on(site: Site) -> bool:
    return site.has("BUILD_SUPPORT")


@job(
    JOB,
    "Builds an image from a Dockerfile, and pushes it.",
    lane=Lane.BUILD,
    timeout_s=24 * HOUR,
    retries=ATTEMPTS - 1,
    per_namespace=2,
    goes_on_when_read_only=False,
    needs=_is_on,
)
async def run_build(run: Run) -> str | None:
    """Run the build that the job is for, unless it has ended; a process that died left it to this one."""
    found = await build.by_id(run.payload["build_id"])
    builder = run.tools.builder
    if found is None or found.phase in ENDED or builder is None:
        return None
    place = (await repository.by_ids([found.repository_id])).get(found.repository_id)
    if place is None:
        return None
    await wait_for_turn(run, found, place.namespace_id)
    return await _Running(run, builder, found, place).see_through()


class _Running:
    """A build that this process runs. It is the `Reporter` of its builder."""

    def __init__(self, run: Run, builder: Builder, found: BuildRecord, place: RepositoryRecord) -> None:
        self._run = run
        self._context = run.tools.context
        self._builder = builder
        self._build = found
        self._place = place
        self._log: log.LogWriter | None = None
        self._arguments = found.arguments(run.tools.context.secrets)
        # A value of several lines, such as a key, is printed line by line.
        lines = {line.strip() for text in self._arguments.values() for line in text.splitlines()}
        known = {*self._arguments.values(), *lines}
        # The longest first: one may be a part of another.
        self._secrets = sorted((text for text in known if len(text) >= SECRET_LENGTH), key=len, reverse=True)

    async def see_through(self) -> str | None:
        """Build, and write down what came of it; a sentence for the list of jobs."""
        self._log = await log.LogWriter.open(self._build.id)
        try:
            built = await self._watched()
        except _Over:
            await self._close_log()
            return None
        except JobStopped:
            await self._close_log()
            raise
        except BuildFailed as failure:
            # It may repeat what the Dockerfile has, and is for more readers than the log.
            error = self._shown(str(failure))
            await self._end(Phase.ERROR, error=error)
            return f"The build failed: {error}"
        except Exception:
            logger.exception("a build failed", extra={"build": self._build.uuid})
            if self._run.job is not None and self._run.job.attempts < ATTEMPTS:
                raise
            await self._end(Phase.INTERNALERROR, error=UNEXPECTED)
            return UNEXPECTED
        await self._end(Phase.COMPLETE, digest=built.digest)
        return f"Built {built.digest}."

    async def _watched(self) -> Built:
        """Work, until somebody else ends the build or its job; nothing of it runs any more afterwards."""
        working = asyncio.create_task(self._work())
        try:
            while not working.done():
                self._run.check()
                await self._require_under_way()
                await asyncio.wait({working}, timeout=LOOK_S)
            return await working
        finally:
            working.cancel()
            await settled(asyncio.wait({working}))

    async def _close_log(self) -> None:
        """Write down that the build was cancelled, if it was, since nobody writes to its log any more."""
        assert self._log is not None
        found = await build.by_id(self._build.id)
        if found is not None and found.phase is Phase.CANCELLED:
            await self._log.write([found.phase.value], log.PHASE)
            await log.archive(found.id)

    async def _require_under_way(self) -> None:
        found = await build.by_id(self._build.id)
        if found is None or found.phase in ENDED:
            raise _Over

    async def _work(self) -> Built:
        await self.enter(Phase.BUILD_SCHEDULED)
        file_id = self._build.context_file_id
        file = await context_file.by_id(file_id) if file_id is not None else None
        source = await remote.source_of(self._context, self._build)
        if self._build.archive_url is None and file is None and source is None:
            raise BuildFailed("The uploaded context is gone.")
        task = self._task(file.digest if file else None)
        if source is not None:
            task = replace(task, git=source[0], note_hosts=source[1])
            # Who lost the right since the trigger was connected learns it before the work, not after it.
            await task.push_token()
        return await self._builder.build(task, self)

    def _task(self, archive_digest: str | None) -> Task:
        found, place = self._build, self._place
        return Task(
            uuid=found.uuid,
            repository_id=place.id,
            path=place.path,
            tags=found.tags,
            dockerfile=found.dockerfile_path.lstrip("/"),
            context=found.context_path.lstrip("/"),
            archive_url=found.archive_url,
            archive_digest=archive_digest,
            push_token=lambda: push_token(self._context, found, place.path),
            pull_token=lambda path: pull_token(self._context, found, path),
            attest=lambda built: to_attach(self._context, place, found.id, built),
            arguments=self._arguments,
        )

    async def enter(self, phase: Phase) -> None:
        """Note a phase, in the row, the log and as an event of its beginning."""
        await settled(self._enter(phase))

    async def _enter(self, phase: Phase) -> None:
        assert self._log is not None
        now = now_ms()
        async with transaction("build.enter"):
            changed = await execute(
                "UPDATE build SET phase = ?, started_at_ms = COALESCE(started_at_ms, ?), waits_because = NULL"
                f" WHERE id = ? AND phase NOT IN ({placeholders(_ENDED)})",
                *(phase.value, now, self._build.id, *_ENDED),
            )
            if not changed:
                raise _Over
            await self._log.write([phase.value], log.PHASE)
            if phase is Phase.BUILD_SCHEDULED and self._build.started_at_ms is None:
                await self._record("build_start")

    async def tell(self, lines: Sequence[str]) -> None:
        """Append lines to the log, without the values of arguments, and note which instruction runs."""
        await settled(self._tell(lines))

    async def _tell(self, lines: Sequence[str]) -> None:
        assert self._log is not None
        await self._log.write([self._shown(line) for line in lines])
        steps = [found for line in lines if (found := _STEP.match(line))]
        if steps:
            counts = {"command": int(steps[-1][1]), "commands": int(steps[-1][2])}
            await execute(
                "UPDATE build SET counts = ? WHERE id = ?", orjson.dumps(counts).decode(), self._build.id
            )

    def _shown(self, line: str) -> str:
        """A line without the values of arguments, in a form that both databases keep."""
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        return line.replace("\0", "")[: log.MAXIMUM_LINE]

    async def _record(self, kind: str) -> None:
        place = self._place
        await events.record(
            self._context,
            kind,
            build.about(self._build),
            namespace_id=place.namespace_id,
            repository_id=place.id,
        )

    async def _end(self, phase: Phase, *, digest: str | None = None, error: str | None = None) -> None:
        await end(
            self._context, self._place, self._build, phase, digest=digest, error=error, writer=self._log
        )


@job(
    "build.archive_logs",
    "Compresses the logs of builds that were ended by others, such as cancelled ones.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def archive_logs(run: Run) -> str:
    """Archive logs of builds that ended some minutes ago, when nobody writes to them any more."""
    number = 0
    while True:
        rows = await fetch(
            "SELECT b.id FROM build b WHERE b.ended_at_ms < ?"
            " AND EXISTS (SELECT 1 FROM build_log_line l WHERE l.build_id = b.id) ORDER BY b.id LIMIT ?",
            *(now_ms() - 10 * MINUTE * 1000, BATCH),
        )
        for row in rows:
            await log.archive(row["id"])
            number += 1
            await run.progress(number)
        if len(rows) < BATCH:
            return f"{number} logs were compressed."
