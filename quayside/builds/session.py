"""Session: one run of the sandbox that does some steps, and later others that nobody knew before.

A sandbox takes longer to start than many steps, and one that waits costs nothing.
"""

import asyncio
import secrets
from collections.abc import Sequence

from quayside.builds.sandboxed import Sandbox, Step
from resolvers.builds.builder import Tell
from storage.uninterrupted import settled


class Session:
    """A run that has begun. Whoever has one ends it."""

    def __init__(self, sandbox: Sandbox, steps: Sequence[Step], tell: Tell) -> None:
        self._tell = tell
        self._mark = f"ready {secrets.token_hex(16)}"
        self._is_ready = asyncio.Event()
        self._more: asyncio.Future[Sequence[Step]] = asyncio.get_running_loop().create_future()
        running = sandbox.run([*steps, {"say": self._mark}], self._listen, self._more)
        self._running = asyncio.create_task(running)

    async def ready(self) -> bool:
        """Wait until the first steps are done; false if one failed. Raises as `Sandbox.run`."""
        waiting = asyncio.create_task(self._is_ready.wait())
        try:
            await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        return self._is_ready.is_set() or await self._running == 0

    async def go_on(self, steps: Sequence[Step]) -> int:
        """Do further steps; the status of the last. Raises as `Sandbox.run`."""
        if not self._more.done():
            self._more.set_result(steps)
        return await self._running

    async def end(self) -> None:
        """End the run, if it has not ended; nothing of it runs any more afterwards."""
        self._running.cancel()
        await settled(asyncio.gather(self._running, return_exceptions=True))

    async def _listen(self, lines: Sequence[str]) -> None:
        others = [line for line in lines if line != self._mark]
        if others:
            await self._tell(others)
        if len(others) < len(lines):
            self._is_ready.set()
