"""Writes down beside requests when credentials were last used."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resolvers.access.uses import Uses
from resolvers.errors import DatabaseUnavailable
from storage.database import Database

logger = logging.getLogger("quayside.uses")

WRITE_EVERY_S = 1.0


@asynccontextmanager
async def writing(uses: Uses, database: Database) -> AsyncIterator[None]:
    """Write what is noted every second while the block runs, and once more at its end."""
    ended = asyncio.Event()
    task = asyncio.create_task(_write_until(ended, uses, database))
    try:
        yield
    finally:
        ended.set()
        await task


async def _write_until(ended: asyncio.Event, uses: Uses, database: Database) -> None:
    with database.current():
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), WRITE_EVERY_S)
            try:
                await uses.write()
            except DatabaseUnavailable:
                # Noted where it arose. What is noted stays.
                continue
            except Exception:
                logger.exception("the last uses of credentials could not be written")
