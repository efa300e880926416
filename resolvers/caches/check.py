"""Checks: what the upstream of a cache has under a reference, asked once for all who want to know.

In one process those who come while a check is under way wait for its answer. Among processes a lease does the
same: who does not get it looks whether the other one has confirmed the reference.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from resolvers.context import Context
from storage.election import hold_lease, release_lease

T = TypeVar("T")

LEASE_MS = 30_000
"""Others wait so long for a process that was killed; who works on renews it."""
RENEW_S = LEASE_MS / 2000
POLL_S = 0.1


class Check(Generic[T]):
    """One check under way in this process."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        async def run() -> T:
            return await work()

        self.task = asyncio.create_task(run())
        # Without this a failure that nobody waits for any more would be logged as one.
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())


async def once(context: Context, key: tuple[int, str], work: Callable[[], Awaitable[T]]) -> T:
    """What some work returns, which is done once for all who ask for it at a time. Raises what it raises.

    It goes on if those who wait leave. `key` is a repository and a reference in it.
    """
    check: Check[T] = context.site.background.join(Check, key, lambda: Check(work))
    await asyncio.wait({check.task})
    return check.task.result()


@asynccontextmanager
async def alone(
    context: Context, key: tuple[int, str], is_done: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bool]:
    """Whether this process has to check a reference in the block; False if another one has just done so."""
    repository_id, reference = key
    name = f"cache:{repository_id}:{hashlib.sha256(reference.encode()).hexdigest()[:32]}"
    holder = context.site.background.holder
    while not await hold_lease(name, holder, duration_ms=LEASE_MS):
        await asyncio.sleep(POLL_S)
        if await is_done():
            yield False
            return
    renewing = asyncio.create_task(_renew(name, holder))
    try:
        yield True
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await release_lease(name, holder)


async def _renew(name: str, holder: str) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        await hold_lease(name, holder, duration_ms=LEASE_MS)
