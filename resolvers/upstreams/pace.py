"""The pace at which one registry is asked: how many requests at once, and when not at all."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime

from resolvers.upstreams.errors import UpstreamUnavailable
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.memory import Memory

_MAX_RETRY_AFTER_S = 86_400.0


class Clock:
    """The time, and waiting for it; a test has its own."""

    def now(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


CLOCK = Clock()


class Pace:
    """Lets requests go. One that was limited holds back all others to the same registry, too."""

    def __init__(self, limits: RegistryLimits, clock: Clock, memory: Memory) -> None:
        self._limits = limits
        self._clock = clock
        self._memory = memory
        self._slots = asyncio.Semaphore(limits.at_once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A place among the requests under way, from the first try to the end of the answer.

        Raises `UpstreamUnavailable` if none gets free in time.
        """
        try:
            async with asyncio.timeout(self._limits.turn_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise UpstreamUnavailable("Too many requests to the registry are under way.") from error
        try:
            yield
        finally:
            self._slots.release()

    async def wait(self) -> float:
        """Wait until the registry may be asked; what is left of a wait that is too long to be waited."""
        while (seconds := self._memory.resumes_at - self._clock.now()) > 0:
            if seconds > self._limits.wait_s:
                return seconds
            await self._clock.sleep(seconds)
        return 0.0

    def hold(self, seconds: float) -> None:
        """Let nobody ask before these seconds are over."""
        self._memory.resumes_at = max(self._memory.resumes_at, self._clock.now() + seconds)

    async def back_off(self, tried: int) -> None:
        """Wait before the next try, longer after each failure."""
        await self._clock.sleep(self.delay(tried))

    def delay(self, tried: int) -> float:
        """The wait after so many tries. Half of it is left to chance, so that clients do not come in step."""
        longest = min(self._limits.backoff_s * 2.0 ** (tried - 1), self._limits.wait_s)
        return longest * (0.5 + random.random() / 2)  # noqa: S311 (a delay is no secret)


def parse_retry_after(text: str | None) -> float | None:
    """The seconds that the header `Retry-After` asks for, as a number or as a date; None if unreadable.

    Never below zero, nor above a day (RFC 9110 section 10.2.3).
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max(date.timestamp() - time.time(), 0.0), _MAX_RETRY_AFTER_S)
