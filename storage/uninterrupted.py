"""Waiting for work that must not run on behind its caller."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def settled(work: Awaitable[T]) -> T:
    """Wait for work, and return only when it has ended, even when cancelled meanwhile.

    What a cancelled caller does next (close a file, remove an object) then finds nothing under way.
    """
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Whoever cancelled hears of that, and not of the failure, which is thereby retrieved.
        future.cancelled() or future.exception()
        raise cancelled
    return future.result()
