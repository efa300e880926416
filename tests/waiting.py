"""Waiting for what happens beside requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 30


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a question is answered with yes; fail if it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def wait_for(look: Callable[[], T], holds: Callable[[T], bool] = bool, *, patience_s: float = 120) -> T:
    """What is seen once it holds, for tests without an event loop; a failure shows what was seen last."""
    deadline = time.monotonic() + patience_s
    while not holds(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
