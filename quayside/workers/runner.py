"""The job runner of a process: claims what is due, lane by lane, and sees each job to its end.

Every process that runs jobs has one. A process that dies leaves its jobs, whose leases run out within
seconds, to the others; a handler may run twice and must not mind. One process, elected by a lease, enqueues
what comes again and again.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from quayside.http.metrics import Metrics
from quayside.settings.settings import Settings
from quayside.workers.child import ChildFailed, InChild
from quayside.workers.execution import Attempt, InProcess, Reason, Stopped, StopSignal, describe, supervise
from quayside.workers.feeder import Feeder
from quayside.workers.tools import kinds_of, tools_of
from resolvers.builds.waiting import may_claim
from resolvers.job_kinds import LANES, MIB, JobKind, Lane, Run
from resolvers.notifications.deliveries import JOB as DELIVER
from resolvers.readonly import is_read_only
from storage.blobs import BlobStore
from storage.database import Database
from storage.election import hold_lease, release_lease
from storage.jobs import (
    ClaimedJob,
    cancelled,
    claim,
    enqueue_recurring,
    extend,
    fail,
    finish,
    give_back,
    woken,
)

logger = logging.getLogger("quayside.jobs")

LEASE_NAME = "job-scheduler"
LEASE_DURATION_MS = 15_000
IDLE_S = 1.0
"""How long a process waits before it looks for jobs again, unless one of its own ends or one is awaited."""
HEARTBEAT_S = 2.0
"""How often a process extends its hold on its jobs, and learns which of them are to be cancelled."""
TIDY_S = 600.0
"""How often a process that runs builds looks for what others have left that are gone."""
STOP_GRACE_S = 10.0
"""How long jobs under way may take to finish once the process is told to stop; then they are given back."""
POOL_SIZE: Final = sum(rules.connections or rules.slots for rules in LANES.values()) + 1
"""Connections to PostgreSQL that as many jobs can use as work at once, and the feeder.

Few are open while few are used.
"""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    job: ClaimedJob
    kind: JobKind
    stop: StopSignal
    task: asyncio.Task[None]


class Runner:
    """Runs jobs until stopped. `only` names one kind or group; `kinds` are all of this site if not given.

    It has a database of its own, so that a long list of jobs never waits for, or holds up, requests.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        blobs: BlobStore,
        metrics: Metrics | None = None,
        *,
        only: str | None = None,
        kinds: Mapping[str, JobKind] | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._tools = tools_of(settings, blobs)
        self._metrics = metrics
        self._only = only
        self._kinds = {
            kind.name: kind
            for kind in (kinds_of(settings) if kinds is None else kinds).values()
            if only is None or kind.is_meant_by(only)
        }
        self._limits = {kind.name: kind.limits for kind in self._kinds.values()}
        self._holder = f"{socket.gethostname()[:40]}:{os.getpid()}:{time.time_ns() % 10**9}"
        # A process that runs jobs of another kind alone, or of a test's own, feeds nothing.
        feeds = only in {None, DELIVER} and kinds is None
        self._feeder = Feeder(database, self._tools.context, self._holder) if feeds else None
        self._under_way: dict[int, _UnderWay] = {}
        self._stopping = False
        self._wake = asyncio.Event()
        self._look_again: dict[str, float] = {}

    def stop(self) -> None:
        """Claim no more, finish the jobs under way or give them back, and return."""
        self._stopping = True
        self._wake.set()
        if self._feeder is not None:
            self._feeder.stop()

    async def run(self) -> None:
        """Run jobs until `stop`. What goes wrong is logged and tried again."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake.set)

        with self._database.current(), woken(wake):
            beating = asyncio.create_task(self._beat())
            feeding = asyncio.create_task(self._feed())
            tidying = asyncio.create_task(self._tidy())
            try:
                while not self._stopping:
                    try:
                        await self.start_due()
                    except Exception:
                        logger.exception("the job runner failed; it goes on")
                        await asyncio.sleep(IDLE_S)
                    await self._pause()
                await self.wind_down()
                await release_lease(LEASE_NAME, self._holder)
                await feeding
            finally:
                beating.cancel()
                await self._tools.context.site.background.close()
                feeding.cancel()
                tidying.cancel()

    async def feed_due(self) -> bool:
        """Note what notifications have to deliver, if that is for this process; whether there may be more."""
        return self._feeder is not None and await self._feeder.step()

    async def start_due(self) -> bool:
        """Enqueue what recurs, and start what is due as far as there are slots; whether anything was."""
        kinds = await self._kinds_now()
        await self._enqueue_recurring(kinds)
        started = False
        for lane, rules in LANES.items():
            names = [kind.name for kind in kinds if kind.lane is lane]
            if lane is Lane.BUILD and not (names and await self._can_build()):
                continue
            while not self._stopping and self._number_in(lane) < rules.slots:
                job = await claim(self._holder, names, limits=self._limits)
                if job is None:
                    break
                self._start(job)
                started = True
        return started

    async def _kinds_now(self) -> list[JobKind]:
        """The kinds whose jobs may begin; in read-only mode those that it suspends end and wait anew."""
        if not await is_read_only():
            return list(self._kinds.values())
        for running in self._under_way.values():
            if not running.kind.goes_on_when_read_only:
                running.stop.stop(Reason.READ_ONLY)
        return [kind for kind in self._kinds.values() if kind.goes_on_when_read_only]

    async def _can_build(self) -> bool:
        """Whether builds wait, and this machine can build."""
        builder = self._tools.builder
        return builder is not None and await may_claim(builder, self._holder)

    async def wind_down(self) -> None:
        """Wait for the jobs under way; let those end and wait anew that take longer than `STOP_GRACE_S`."""
        tasks = [running.task for running in self._under_way.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_GRACE_S)
        for running in self._under_way.values():
            running.stop.stop(Reason.SHUTDOWN)
        await asyncio.gather(*tasks)

    def _number_in(self, lane: Lane) -> int:
        return sum(running.kind.lane is lane for running in self._under_way.values())

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), IDLE_S)
        if not self._stopping:
            self._wake.clear()

    async def _enqueue_recurring(self, kinds: Collection[JobKind]) -> None:
        now = time.monotonic()
        due = [
            (kind.name, kind.every_s * 1000)
            for kind in kinds
            if kind.every_s is not None and now >= self._look_again.get(kind.name, 0)
        ]
        if not due or not await self._is_scheduler():
            return
        for name, every_ms in due:
            # The table decides, so that restarts do not multiply jobs; this only spares looking.
            self._look_again[name] = now + min(every_ms / 1000, 60)
            await enqueue_recurring(name, every_ms=every_ms)

    async def _is_scheduler(self) -> bool:
        if self._only is not None:
            return True
        return await hold_lease(LEASE_NAME, self._holder, duration_ms=LEASE_DURATION_MS)

    def _start(self, job: ClaimedJob) -> None:
        kind, stop = self._kinds[job.kind], StopSignal()
        task = asyncio.create_task(self._handle(job, kind, stop))
        self._under_way[job.id] = _UnderWay(job, kind, stop, task)
        task.add_done_callback(lambda _: self._ended(job))

    def _ended(self, job: ClaimedJob) -> None:
        del self._under_way[job.id]
        self._wake.set()

    async def _handle(self, job: ClaimedJob, kind: JobKind, stop: StopSignal) -> None:
        """See one attempt to its end and record what came of it."""
        try:
            outcome = await self._attempt(job, kind, stop)
        except Exception:
            # The database did not take the outcome. This process still holds the job, and lets go of it here.
            logger.exception("the outcome of a job is not recorded", extra={"job": job.id, "kind": job.kind})
            return
        if self._metrics is not None:
            self._metrics.job(job.kind, outcome)

    async def _attempt(self, job: ClaimedJob, kind: JobKind, stop: StopSignal) -> str:
        try:
            result = await supervise(self._begin(job, kind, stop), stop, kind.timeout_s)
        except Stopped as stopped:
            return await self._record_stop(job, kind, stopped.reason)
        except ChildFailed as error:
            return await self._record_failure(job, kind, str(error))
        except Exception as error:
            logger.exception("job failed", extra={"job": job.id, "kind": job.kind})
            return await self._record_failure(job, kind, describe(error))
        await finish(job, result)
        return "done"

    def _begin(self, job: ClaimedJob, kind: JobKind, stop: StopSignal) -> Attempt:
        # No other process sees blobs that are in the memory of this one.
        if kind.lane is Lane.HEAVY and self._settings.blob_url != "memory:":
            return InChild(self._settings, kind, job, stop)
        return InProcess(kind, Run(job.payload, self._tools, job))

    async def _record_stop(self, job: ClaimedJob, kind: JobKind, reason: Reason) -> str:
        if reason is Reason.CANCELLED:
            await cancelled(job)
            return "cancelled"
        if reason in {Reason.SHUTDOWN, Reason.READ_ONLY}:
            await give_back(job)
            return "given back"
        if reason is Reason.LOST:
            return "lost"
        if reason is Reason.OUT_OF_MEMORY:
            limit = f"{(kind.memory_bytes or 0) // MIB} MiB of memory"
            return await self._record_failure(job, kind, f"the job took more than its limit of {limit}")
        return await self._record_failure(
            job, kind, f"the job took longer than its limit of {kind.timeout_s} seconds"
        )

    async def _record_failure(self, job: ClaimedJob, kind: JobKind, error: str) -> str:
        again = await fail(job, error, attempts=kind.retries + 1)
        outcome = "retried" if again else "failed"
        logger.warning(
            "a job did not succeed",
            extra={"job": job.id, "kind": job.kind, "outcome": outcome, "error": error},
        )
        return outcome

    async def _feed(self) -> None:
        if self._feeder is not None:
            await self._feeder.run()

    async def _tidy(self) -> None:
        """Remove what builds of processes have left that are gone, if this one runs builds."""
        builder = self._tools.builder
        if builder is None or not any(kind.lane is Lane.BUILD for kind in self._kinds.values()):
            return
        while True:
            try:
                await builder.tidy()
            except OSError:
                logger.exception("left directories of builds could not be removed; it is tried again")
            await asyncio.sleep(TIDY_S)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if not self._under_way:
                continue
            before = list(self._under_way.values())
            try:
                held = await extend(self._holder)
            except Exception:
                logger.exception("the hold on jobs could not be extended; it is tried again")
                continue
            for running in before:
                if running.job.id not in held:
                    running.stop.stop(Reason.LOST)
                elif held[running.job.id]:
                    running.stop.stop(Reason.CANCELLED)
