"""Counters by key, too many for memory: kept in a temporary SQLite file that is deleted with the process."""

import asyncio
import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from storage.statements import batches


class Tally:
    """Counts how often each key was added. Use it as a context manager."""

    def __init__(self) -> None:
        # An empty name makes a temporary file, of which SQLite caches a few megabytes in memory.
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("CREATE TABLE tally (key PRIMARY KEY, number INTEGER) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    async def add(self, keys: Sequence[str | int]) -> None:
        """Count each of the keys once more."""
        await asyncio.to_thread(self._add, keys)

    async def counts(self, keys: Sequence[str | int]) -> dict[str | int, int]:
        """How often each of the keys was added, without those that never were."""
        return await asyncio.to_thread(self._counts, keys)

    async def clear(self) -> None:
        """Delete all counts."""
        await asyncio.to_thread(self._connection.execute, "DELETE FROM tally")

    def _add(self, keys: Sequence[str | int]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO tally VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET number = number + 1",
            ((key,) for key in keys),
        )
        self._connection.execute("COMMIT")

    def _counts(self, keys: Sequence[str | int]) -> dict[str | int, int]:
        found: dict[str | int, int] = {}
        for batch in batches(keys):
            rows = self._connection.execute(
                f"SELECT key, number FROM tally WHERE key IN ({', '.join('?' * len(batch))})",
                batch,
            )
            found |= dict(rows)
        return found
