"""Waiting for what happens beside requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 30


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a question is answered with yes; fail if it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
