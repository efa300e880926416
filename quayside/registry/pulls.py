"""Counting pulls beside the requests: a request leaves a note, and a task writes the notes down later.

Notes are written every second, or as soon as there are enough for a batch; what waits when the application
ends is written then. A process that is killed loses the notes of its last second, and nothing else.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from resolvers.repositories.activity import Pull, record_pulls
from storage.database import Database

logger = logging.getLogger("quayside.pulls")

BATCH = 500
FLUSH_S = 1.0
MAX_WAITING = 50_000
"""How many notes are kept, about 20 MB, while the database takes none."""
ATTEMPTS = 30
"""How often a batch is tried, a second apart, before it is given up so that the next ones get their turn."""

Write = Callable[[Sequence[Pull]], Awaitable[None]]


class PullRecorder:
    """Collects pulls and writes them in batches. `record` neither waits nor fails."""

    def __init__(self, database: Database, *, write: Write = record_pulls) -> None:
        self._database = database
        self._write = write
        self._waiting: list[Pull] = []
        self._lost = 0
        self._attempts = 0
        self._wake = asyncio.Event()
        self._stopping = False

    def record(self, pull: Pull) -> None:
        """Take note of a pull."""
        waiting = self._waiting
        if len(waiting) >= MAX_WAITING:
            self._lost += 1
            return
        waiting.append(pull)
        if len(waiting) >= BATCH:
            self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write while the block runs, and what is left at its end."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._stopping = True
            self._wake.set()
            await task

    async def _run(self) -> None:
        with self._database.current():
            while not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), FLUSH_S)
                if not await self._write_batch():
                    await asyncio.sleep(0 if self._stopping else FLUSH_S)
            while self._waiting:
                if not await self._write_batch():
                    break
            self._report(self._lost + len(self._waiting))

    async def _write_batch(self) -> bool:
        """Write the oldest notes; whether that went well."""
        batch = self._waiting[:BATCH]
        try:
            if batch:
                await self._write(batch)
        except Exception:
            self._attempts += 1
            logger.exception("pulls could not be counted", extra={"attempt": self._attempts})
            if self._attempts < ATTEMPTS:
                return False
            self._lost += len(batch)
        self._attempts = 0
        del self._waiting[: len(batch)]
        if len(self._waiting) < BATCH and not self._stopping:
            self._wake.clear()
        if self._lost:
            self._report(self._lost)
            self._lost = 0
        return True

    @staticmethod
    def _report(lost: int) -> None:
        if lost:
            logger.error("pulls were not counted", extra={"pulls": lost})
