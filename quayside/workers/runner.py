"""The job runner: one per installation at a time, elected by a lease; claims jobs and runs them.

A handler may run twice and must not mind. A process that dies leaves its lease and its job to run out, and
another one takes both.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping

from quayside.http.metrics import Metrics
from quayside.workers.handlers import HANDLERS, Handler, Tools
from quayside.workers.schedule import SCHEDULE
from storage.clock import now_ms
from storage.database import Database
from storage.jobs import (
    LEASE_MS,
    ClaimedJob,
    claim,
    enqueue_recurring,
    extend,
    fail,
    finish,
    hold_lease,
    release_lease,
)

logger = logging.getLogger("quayside.jobs")

LEASE_NAME = "job-runner"
LEASE_DURATION_MS = 15_000
IDLE_S = 1.0


class Runner:
    """Runs jobs until stopped. `only` limits it to one kind, and then it needs no election.

    It has a database of its own, so that a long list of jobs never waits for, or holds up, requests.
    """

    def __init__(
        self,
        database: Database,
        tools: Tools,
        metrics: Metrics | None = None,
        *,
        only: str | None = None,
        handlers: Mapping[str, Handler] = HANDLERS,
    ) -> None:
        self._database = database
        self._tools = tools
        self._metrics = metrics
        self._only = only
        self._handlers = handlers
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns() % 10**9}"
        self._stopping = asyncio.Event()
        self._look_again: dict[str, int] = {}

    def stop(self) -> None:
        """Finish the running job and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Run jobs until `stop`. What goes wrong is logged and tried again."""
        with self._database.current():
            while not self._stopping.is_set():
                try:
                    busy = await self._elected() and await self.step()
                except Exception:
                    logger.exception("the job runner failed; it goes on")
                    busy = False
                if not busy:
                    await self._idle()
            if self._only is None:
                await release_lease(LEASE_NAME, self._holder)

    async def step(self) -> bool:
        """Enqueue what is due and run one job; False when there was none."""
        await self._enqueue_due()
        kinds = [self._only] if self._only else list(self._handlers)
        job = await claim(self._holder, kinds)
        if job is None:
            return False
        await self._handle(job)
        return True

    async def _elected(self) -> bool:
        if self._only is not None:
            return True
        return await hold_lease(LEASE_NAME, self._holder, duration_ms=LEASE_DURATION_MS)

    async def _idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), IDLE_S)

    async def _enqueue_due(self) -> None:
        now = now_ms()
        for row in SCHEDULE:
            if self._only in {None, row.kind} and now >= self._look_again.get(row.kind, 0):
                # The table decides, so that restarts do not multiply jobs; this only spares looking.
                self._look_again[row.kind] = now + min(row.every_s * 1000, 60_000)
                await enqueue_recurring(row.kind, every_ms=row.every_s * 1000)

    async def _handle(self, job: ClaimedJob) -> None:
        beating = asyncio.create_task(self._heartbeat(job))
        outcome = "done"
        try:
            await self._handlers[job.kind](job.payload, self._tools)
        except Exception as error:
            again = await fail(job, f"{type(error).__name__}: {error}")
            outcome = "retried" if again else "failed"
            logger.exception("job failed", extra={"job": job.id, "kind": job.kind, "outcome": outcome})
        else:
            await finish(job)
        finally:
            beating.cancel()
        if self._metrics is not None:
            self._metrics.job(job.kind, outcome)

    async def _heartbeat(self, job: ClaimedJob) -> None:
        while True:
            await asyncio.sleep(LEASE_MS / 4000)
            await extend(job)
            if self._only is None:
                await hold_lease(LEASE_NAME, self._holder, duration_ms=LEASE_DURATION_MS)
