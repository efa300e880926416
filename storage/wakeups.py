"""Wake-ups of readers of the event log when any process commits: LISTEN/NOTIFY, or polling on SQLite.

    wakeups = await open_wakeups(url)
    while True:
        ...                     # read what is new
        await wakeups.wait()

PostgreSQL notifies at the commit of each event; on SQLite, `PRAGMA data_version`, which counts commits of
other connections, is polled ten times a second.
"""

import asyncio
import sqlite3
from typing import Any, Protocol

import asyncpg

from storage.database import dialect_of, sqlite_path
from storage.events import CHANNEL

POLL_S = 0.1
"""Interval of polling on SQLite, in seconds."""

NOTIFIED_AT_LEAST_EVERY_S = 1.0
"""Longest wait for a notification of PostgreSQL, since the connection may have broken unnoticed."""


class Wakeups(Protocol):
    """Wakes a reader of the event log."""

    async def wait(self) -> None:
        """Return when something may have been committed since the last call; spurious wake-ups happen."""

    async def close(self) -> None:
        """Close the connection."""


class SqliteWakeups:
    """Polls the count of commits, inline in the event loop, on a read-only connection."""

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    async def wait(self) -> None:
        while (version := self._version()) == self._seen:  # noqa: ASYNC110 - SQLite cannot notify.
            await asyncio.sleep(POLL_S)
        self._seen = version

    async def close(self) -> None:
        self._connection.close()


class PostgresWakeups:
    """Listens on a connection of its own, and reconnects when it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._notified = asyncio.Event()
        self._connection: Any = None

    async def listen(self) -> None:
        """Open the connection. Raises the errors of the driver."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._notified.set())
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def wait(self) -> None:
        if self._connection.is_closed():
            await self.listen()
            return
        try:
            async with asyncio.timeout(NOTIFIED_AT_LEAST_EVERY_S):
                await self._notified.wait()
        except TimeoutError:
            return
        self._notified.clear()

    async def close(self) -> None:
        self._connection.terminate()


async def open_wakeups(url: str) -> Wakeups:
    """Open the wake-ups of the database at `url`."""
    if dialect_of(url) == "sqlite":
        return SqliteWakeups(url)
    wakeups = PostgresWakeups(url)
    await wakeups.listen()
    return wakeups
