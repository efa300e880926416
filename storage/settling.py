"""Waits, once read-only mode is on, until no write is open that began before.

After `readonly.KNOWN_FOR_S` every process knows of the mode, and a transaction looks at it after its BEGIN.
So only those count that are open then, and jobs that the mode suspends, which end at their next look.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Final

from storage.database import APPLICATION_NAME
from storage.readonly import KNOWN_FOR_S
from storage.statements import fetch_one, is_postgres, placeholders, shared_now
from storage.transactions import transaction

SLACK_S: Final = 0.2
"""For clocks of hosts that run at different speeds."""
POLL_S: Final = 0.1

_barriers: set[asyncio.Task[None]] = set()
"""Those that nobody waits for any more, until they end by themselves."""


async def settle(kinds: Collection[str], *, timeout_s: float) -> int:
    """Wait until nothing is open that began before the mode was on; how much still is after `timeout_s`.

    `kinds` are the jobs that the mode suspends.
    """
    until = time.monotonic() + timeout_s
    await asyncio.sleep(KNOWN_FOR_S + SLACK_S)
    if is_postgres():
        (began_before,) = (await fetch_one(f"SELECT {shared_now()} AS now") or {}).values()
    else:
        barrier = asyncio.create_task(_barrier())
        _barriers.add(barrier)
        barrier.add_done_callback(_barriers.discard)
        await asyncio.wait({barrier}, timeout=max(until - time.monotonic(), POLL_S))
    while True:
        if is_postgres():
            is_open = await _open_transactions(began_before)
        else:
            is_open = 0 if barrier.done() and barrier.exception() is None else 1
        is_open += await _running(kinds)
        if not is_open or time.monotonic() >= until:
            return is_open
        await asyncio.sleep(POLL_S)


async def _barrier() -> None:
    """Take the write lock of SQLite, which all that have it before give back."""
    async with transaction("readonly.settle"):
        pass


async def _open_transactions(began_before_ms: int) -> int:
    row = await fetch_one(
        "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = ? AND pid <> pg_backend_pid()"
        " AND xact_start < to_timestamp(CAST(? AS BIGINT) / 1000.0)",
        APPLICATION_NAME,
        began_before_ms,
    )
    return int(row["number"]) if row else 0


async def _running(kinds: Collection[str]) -> int:
    names = list(kinds)
    row = await fetch_one(
        f"SELECT COUNT(*) AS number FROM job WHERE state = 'running' AND lease_until_ms >= {shared_now()}"
        f" AND kind IN ({placeholders(names)})",
        *names,
    )
    return int(row["number"]) if row else 0
