"""The reader of bills that is built in: a child process for each, whose answer is bounded as well."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import orjson

from quayside.scan.limits import MIB, Limits
from quayside.scan.process import end, feed, how, is_from_outside, start
from resolvers.attestations.statement import Unreadable
from resolvers.sbom.bill import Bill, Bounds
from resolvers.scan.package import Distribution, Ecosystem, Package

PROGRAM: Final = "quayside.scan.bill_child"
BOUNDS: Final = Bounds()
LIMITS: Final = replace(
    Limits(),
    packages=BOUNDS.packages,
    entries=BOUNDS.objects,
    cpu_s=60,
    time_s=300,
    memory_bytes=768 * MIB,
    answer_bytes=64 * MIB,
)
_PIECE: Final = 1 * MIB


class ChildBillReader:
    """Reads each bill in a process of its own."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or LIMITS

    async def read(self, content: bytes, subject: str) -> Bill:
        """What a document says of an image; no process is left.

        Raises `Unreadable`, and `OSError` where the machine is at fault.
        """
        process = await start(PROGRAM, self._limits, subject)
        feeding = asyncio.create_task(feed(process, _once(content)))
        try:
            async with asyncio.timeout(self._limits.time_s):
                answer = await self._answer(process)
        except TimeoutError as error:
            raise Unreadable(
                f"Reading the document took longer than {self._limits.time_s} seconds."
            ) from error
        finally:
            feeding.cancel()
            await end(process)
            await asyncio.gather(feeding, return_exceptions=True)
        return await asyncio.to_thread(_bill, answer)

    async def _answer(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None
        answer = bytearray()
        while piece := await process.stdout.read(_PIECE):
            answer += piece
            if len(answer) > self._limits.answer_bytes:
                raise Unreadable("There is more to tell of the document than can be kept.")
        code = await process.wait()
        if is_from_outside(code):
            # The document is read again later.
            raise OSError(f"the process that read a document ended {how(code)}, for want of memory")
        if code:
            raise Unreadable(f"The process that read the document ended {how(code)}.")
        return bytes(answer)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _bill(answer: bytes) -> Bill:
    said: dict[str, Any] = orjson.loads(answer)
    if "reason" in said:
        raise Unreadable(said["reason"])
    packages = [
        (Package(**{**package, "ecosystem": Ecosystem(package["ecosystem"])}), _distribution(distribution))
        for package, distribution in said["packages"]
    ]
    return Bill(**{**said, "packages": packages, "distribution": _distribution(said["distribution"])})


def _distribution(said: dict[str, str] | None) -> Distribution | None:
    return Distribution(**said) if said is not None else None
