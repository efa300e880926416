"""Asynchronous counting of pulls: requests add to a buffer, and a background task writes it in batches.

The buffer is written every second, as soon as it holds a batch, and when the application ends. A process that
is killed loses only the counts of its last second.
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
"""Most pulls in the buffer, about 20 MB, while the database cannot be written."""
ATTEMPTS = 30
"""Most attempts to write a batch, a second apart; then it is dropped, so that it does not block the next."""

Write = Callable[[Sequence[Pull]], Awaitable[None]]


class PullRecorder:
    """Buffers pulls and writes them in batches. `record` neither waits nor raises."""

    def __init__(self, database: Database, *, write: Write = record_pulls) -> None:
        self._database = database
        self._write = write
        self._waiting: list[Pull] = []
        self._lost = 0
        self._attempts = 0
        self._wake = asyncio.Event()
        self._stopping = False

    def record(self, pull: Pull) -> None:
        """Buffer a pull; drop it if the buffer is full."""
        waiting = self._waiting
        if len(waiting) >= MAX_WAITING:
            self._lost += 1
            return
        waiting.append(pull)
        if len(waiting) >= BATCH:
            self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write batches while the block runs, and the rest at its end."""
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
        """Write the oldest batch. Returns whether it left the buffer, written or dropped."""
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
