"""A hold on the deletion of bytes: while somebody has one, no blob leaves the blob store.

A backup copies the blobs that its copy of the database names, and holds them from before that copy until the
last one is there. Each holder has a lease of its own, which runs out when it dies.

Whoever deletes bytes marks the rows first (`storage.blob_rows`), in a transaction that asks `lets_delete`. A
hold and such a transaction exclude each other: either the mark is there before the hold, which waits for the
end of what was marked, or nothing is marked.
"""

import asyncio
import time
from typing import Final

from storage.clock import SKEW_MS, now_ms
from storage.election import hold_lease, release_lease
from storage.statements import execute, fetch, fetch_one, is_postgres, shared_now
from storage.transactions import open_transaction, transaction

HOLD_MS: Final = 60_000
"""How long a hold lasts unless it is extended, and so how long one outlives a holder that was killed."""
MARK_MS: Final = 10_000
"""How long a mark lasts; nobody deletes what was marked longer ago."""
POLL_S: Final = 0.2

LOCK: Final = 0x686F6C64
"""The PostgreSQL advisory lock by which holds and marks exclude each other; SQLite has one writer anyway."""

_PREFIX: Final = "deletion.hold:"
_IS_MINE: Final = "name = ? AND holder = ?"


def _lasts(now: str) -> str:
    """SQL condition: a lease has not run out, nor is it from before the clock went back."""
    return f"(expires_at_ms >= {now} AND expires_at_ms <= {now} + {HOLD_MS + SKEW_MS})"


async def hold(holder: str) -> None:
    """Begin a hold, or go on with it, for `HOLD_MS`. When it returns, no deletion of bytes is under way.

    That takes as long as the deletions that have begun, at most `MARK_MS`. `holder` is a name that no other
    process uses, of at most 50 characters.
    """
    async with transaction("deletion.hold"):
        if is_postgres():
            await fetch("SELECT pg_advisory_xact_lock(?)", LOCK)
        await execute(f"DELETE FROM lease WHERE name LIKE '{_PREFIX}%' AND NOT {_lasts(shared_now())}")
        await hold_lease(_PREFIX + holder, holder, duration_ms=HOLD_MS)
    await _end_of_marks()


async def extend(holder: str) -> bool:
    """Let a hold last for another `HOLD_MS` from now; False if it has run out, so that bytes may be gone."""
    now = shared_now()
    return bool(
        await execute(
            f"UPDATE lease SET expires_at_ms = {now} + {HOLD_MS} WHERE {_IS_MINE} AND {_lasts(now)}",
            _PREFIX + holder,
            holder,
        )
    )


async def release(holder: str) -> None:
    """End a hold."""
    await release_lease(_PREFIX + holder, holder)


async def is_held() -> bool:
    """Whether bytes must stay. Before a deletion only `lets_delete` answers that without a race."""
    found = await fetch_one(f"SELECT 1 FROM lease WHERE name LIKE '{_PREFIX}%' AND {_lasts(shared_now())}")
    return found is not None


async def lets_delete() -> bool:
    """Whether the open transaction may mark blobs as being deleted; a hold begins before it or after it."""
    if open_transaction.get() is None:
        raise RuntimeError("lets_delete needs the transaction that marks the rows")
    if is_postgres():
        await fetch("SELECT pg_advisory_xact_lock_shared(?)", LOCK)
    # A statement of its own: it has to see what was committed before the lock was granted.
    return not await is_held()


async def _end_of_marks() -> None:
    """Wait until what is marked is deleted. Clocks of others may differ from this one."""
    end = time.monotonic() + MARK_MS / 1000
    while time.monotonic() < end:
        marked = await fetch_one(
            "SELECT 1 FROM blob WHERE state = 'deleting' AND deleting_until_ms >= ? LIMIT 1",
            now_ms() - SKEW_MS,
        )
        if marked is None:
            return
        await asyncio.sleep(POLL_S)
