"""The reader of the event log that notes what notifications have to deliver: one process, elected by a lease.

Others stand by. When the reader dies, another one takes its place within `LEASE_MS`, and goes on exactly
where it was.
"""

import asyncio
import contextlib
import logging
from typing import Final

from resolvers.context import Context
from resolvers.notifications.feed import feed
from storage.database import Database
from storage.election import hold_lease, release_lease
from storage.wakeups import Wakeups, open_wakeups

logger = logging.getLogger("quayside.notifications")

LEASE: Final = "notification-feeder"
LEASE_MS: Final = 10_000
LOOK_EVERY_S: Final = 1.0
"""How long it waits for a wake-up; then it looks, and extends its lease."""

GATHER_S: Final = 0.2
"""The least time between two looks that find less than a batch."""


class Feeder:
    """Feeds notifications until it is stopped. The database is current in its task."""

    def __init__(self, database: Database, context: Context, holder: str) -> None:
        self._database = database
        self._context = context
        self._holder = holder
        self._stopping = asyncio.Event()
        self._is_reader = False

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    async def run(self) -> None:
        """Feed until `stop`. What goes wrong is logged and tried again."""
        wakeups: Wakeups | None = None
        try:
            while not self._stopping.is_set():
                try:
                    more = await self.step()
                    if self._is_reader:
                        wakeups = wakeups or await open_wakeups(self._database.url)
                except Exception:
                    logger.exception("feeding notifications failed; it is tried again")
                    more = False
                if not more:
                    # A burst of events is noted in few transactions.
                    await asyncio.sleep(GATHER_S)
                    await self._pause(wakeups if self._is_reader else None)
            with contextlib.suppress(Exception):
                await release_lease(LEASE, self._holder)
        finally:
            if wakeups is not None:
                await wakeups.close()

    async def step(self) -> bool:
        """Note the deliveries of the next events, if this is the reader; whether there may be more."""
        self._is_reader = await hold_lease(LEASE, self._holder, duration_ms=LEASE_MS)
        return self._is_reader and await feed(self._context)

    async def _pause(self, wakeups: Wakeups | None) -> None:
        """Wait for new events, for some time, or for the end."""
        waits = [self._stopping.wait()] + ([wakeups.wait()] if wakeups is not None else [])
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
