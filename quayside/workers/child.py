"""An attempt at a job in a child process, which is ended at its limits of time and memory.

The memory that counts is resident memory, looked at five times a second: an address space limit (RLIMIT_AS)
would count the stacks of threads and mapped files, which say little of what a job takes from others. Where
there is no /proc the limit is not held.

The child reads its order from its standard input and tells its outcome on its standard output. The input
stays open as long as this process lives; at its end the child ends too, so that no killed process leaves one.
"""

import asyncio
import contextlib
import os
import pickle
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from quayside.settings.settings import Settings
from quayside.workers.execution import Reason, StopSignal
from resolvers.job_kinds import JobKind, JobStopped
from storage.jobs import ClaimedJob

PROGRAM: Final = "quayside.workers.in_child"
WATCH_INTERVAL_S: Final = 0.2
OUTCOME_LIMIT: Final = 1024 * 1024
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class ChildFailed(Exception):
    """The job failed in the child, or the child ended without an outcome; the message says how."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to do. `module` declares the kind of the job."""

    settings: Settings
    job: ClaimedJob
    module: str


class InChild:
    """An attempt in a child process."""

    def __init__(self, settings: Settings, kind: JobKind, job: ClaimedJob, stop: StopSignal) -> None:
        self._order = Order(settings, job, kind.handler.__module__)
        self._memory_bytes = kind.memory_bytes
        self._stop = stop
        self._process: asyncio.subprocess.Process | None = None

    async def result(self) -> str | None:
        """Start the child and wait for its outcome. Raises `ChildFailed`, or `JobStopped` if it was ended."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=OUTCOME_LIMIT,
            # Ctrl-C of a terminal is for this process, which tells its children.
            start_new_session=True,
        )
        watching = asyncio.create_task(self._watch(process.pid))
        try:
            return await self._converse(process)
        finally:
            watching.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _converse(self, process: asyncio.subprocess.Process) -> str | None:
        assert process.stdin is not None
        assert process.stdout is not None
        order = pickle.dumps(self._order)
        try:
            process.stdin.write(len(order).to_bytes(8, "big") + order)
            await process.stdin.drain()
            line = await process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            line = b""
        finally:
            process.stdin.close()
        if not line.endswith(b"\n"):
            code = await process.wait()
            raise ChildFailed(f"the child process ended {_how(code)} before the job was done")
        outcome = orjson.loads(line)
        if outcome["state"] == "stopped":
            raise JobStopped
        if outcome["state"] == "failed":
            raise ChildFailed(outcome["text"])
        return outcome["text"] if isinstance(outcome["text"], str) else None

    def interrupt(self) -> None:
        """Let the child end in order; at once where its memory is the reason."""
        self._signal(signal.SIGKILL if self._stop.reason is Reason.OUT_OF_MEMORY else signal.SIGTERM)

    def force(self) -> None:
        """Kill the child."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _watch(self, pid: int) -> None:
        """Stop the attempt when the child has more resident memory than its kind may."""
        while self._memory_bytes is not None and (resident := resident_bytes(pid)) is not None:
            if resident > self._memory_bytes:
                self._stop.stop(Reason.OUT_OF_MEMORY)
                return
            await asyncio.sleep(WATCH_INTERVAL_S)


def resident_bytes(pid: int) -> int | None:
    """The resident memory of a process; None if it is gone, or where the system has no /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return None


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
