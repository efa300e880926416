"""When credentials were last used, noted beside requests.

A request that only reads must not wait for a write, nor fail with one. So it leaves a note in memory, and the
application writes the notes every second. A process that is killed loses those of its last second.
"""

from storage.clock import is_recent, now_ms
from storage.statements import execute
from storage.transactions import transaction

NOTED_EVERY_MS = 60_000
"""A use is noted at most once a minute, so that pulls do not turn into writes."""

MAX_NOTES = 10_000
"""Most notes that wait, about 1 MB, while the database cannot be written; more are dropped."""

BATCH = 500


class Uses:
    """The notes of one process."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, int], int] = {}

    def note(self, table: str, row_id: int, last_used_at_ms: int | None) -> None:
        """Note a use of the credential in a row, unless its last one is recent."""
        now = now_ms()
        if last_used_at_ms is not None and is_recent(last_used_at_ms, now, NOTED_EVERY_MS):
            return
        if len(self._noted) < MAX_NOTES or (table, row_id) in self._noted:
            self._noted[table, row_id] = now

    async def write(self) -> None:
        """Write what was noted so far, in batches. After an error the rest waits for the next call."""
        while self._noted:
            # In one order everywhere, so that two processes do not wait for each other's rows.
            batch = sorted(self._noted.items())[:BATCH]
            async with transaction("credential.uses"):
                for (table, row_id), used_at_ms in batch:
                    await execute(
                        f"UPDATE {table} SET last_accessed_at_ms = ? WHERE id = ?", used_at_ms, row_id
                    )
            for key, used_at_ms in batch:
                if self._noted.get(key) == used_at_ms:
                    del self._noted[key]
