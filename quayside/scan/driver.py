"""The scanner that is built in: a child process for each layer, which is fed the bytes and answers.

What the child sends is bounded as well: it might be in the hands of the layer.
"""

import asyncio
import signal
from collections.abc import AsyncIterable
from typing import Final

from quayside.scan.answer import FRAME_BYTES, HEADER, NO_FAULT_OF_THE_LAYER, Answer
from quayside.scan.limits import Limits
from quayside.scan.process import end, feed, how, is_from_outside, start
from quayside.scan.stream import refused
from resolvers.scan.scanner import LayerContents, LayerState, NotScanned

PROGRAM: Final = "quayside.scan.child"
LARGE_BYTES: Final = 64 * 1024
"""Of an answer that takes a while to be read."""
VERSION: Final = 2
"""Raised with what is found, so that layers are read again."""


class ChildScanner:
    """Reads each layer in a process of its own."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    @property
    def version(self) -> int:
        """Rises with what it finds."""
        return VERSION

    async def scan(self, content: AsyncIterable[bytes], size_bytes: int) -> LayerContents:
        """Read a layer; no process is left.

        Raises `NotScanned`, `OSError` where the machine is at fault, and what `content` raises.
        """
        limits = self._limits
        if size_bytes > limits.stored_bytes:
            raise NotScanned(
                LayerState.TOO_LARGE,
                f"The layer has {size_bytes} bytes, and at most {limits.stored_bytes} are read.",
            )
        process = await start(PROGRAM, limits)
        feeding = asyncio.create_task(feed(process, content))
        try:
            async with asyncio.timeout(limits.time_s):
                answer = await self._read(process, feeding)
        except TimeoutError as error:
            raise refused(f"Reading the layer took longer than {limits.time_s} seconds.") from error
        finally:
            feeding.cancel()
            await end(process)
            await asyncio.gather(feeding, return_exceptions=True)
        return answer.contents()

    async def _read(self, process: asyncio.subprocess.Process, feeding: "asyncio.Task[None]") -> Answer:
        reading = asyncio.create_task(self._answer(process))
        try:
            await asyncio.wait({reading, feeding}, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                # Raises what the store raised; a layer that breaks off there is not a damaged one.
                await feeding
            return await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _answer(self, process: asyncio.subprocess.Process) -> Answer:
        assert process.stdout is not None
        answer, left = Answer(), self._limits.answer_bytes
        try:
            while not answer.is_whole:
                header = await process.stdout.readexactly(HEADER)
                length = int.from_bytes(header[1:], "big")
                left -= length
                if length > FRAME_BYTES or left < 0:
                    raise refused("There is more to tell of the layer than can be kept.")
                content = await process.stdout.readexactly(length)
                if length > LARGE_BYTES:
                    # Meanwhile the server goes on.
                    await asyncio.to_thread(answer.take, header[:1], content)
                else:
                    answer.take(header[:1], content)
        except asyncio.IncompleteReadError as error:
            raise self._ending(await process.wait()) from error
        except (ValueError, TypeError, KeyError) as error:
            raise refused("The process that read the layer did not answer as agreed.") from error
        return answer

    def _ending(self, code: int) -> Exception:
        """What it means that the child has ended without an answer."""
        if code == -signal.SIGXCPU:
            return refused(
                f"Reading the layer takes more than {self._limits.cpu_s} seconds of the processor."
            )
        if code == NO_FAULT_OF_THE_LAYER or is_from_outside(code):
            # The layer is read again later.
            return OSError(f"the process that read a layer ended {how(code)}, for want of room or memory")
        return refused(f"The process that read the layer ended {how(code)}.")
