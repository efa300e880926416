"""One attempt at a job: started, supervised to its end, and made to end when it must.

An attempt that must end is asked first (`interrupt`) and gets `GRACE_S` for it; then it is forced.
"""

import asyncio
import contextvars
from enum import StrEnum
from typing import Protocol

from resolvers.job_kinds import JobKind, JobStopped, Run, current_run
from resolvers.readonly import ReadOnly, suspended_when_on
from storage.transactions import open_transaction

GRACE_S = 5.0
FORCE_INTERVAL_S = 0.05


class Reason(StrEnum):
    """Why an attempt must end before it is through."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    LOST = "lost"
    """Another process has taken the job, since this one was silent for too long."""
    SHUTDOWN = "shutdown"
    READ_ONLY = "read-only mode"


class Stopped(Exception):
    """The attempt was made to end."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class StopSignal:
    """Tells an attempt to end. The first reason counts."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._set = asyncio.Event()

    def stop(self, reason: Reason) -> None:
        """Let the attempt end."""
        self.reason = self.reason or reason
        self._set.set()

    async def wait(self) -> None:
        """Return when the attempt is to end."""
        await self._set.wait()


class Attempt(Protocol):
    """Something that runs a job. `result` raises what the job raises."""

    async def result(self) -> str | None: ...

    def interrupt(self) -> None: ...

    def force(self) -> None: ...


class InProcess:
    """An attempt in this process, which ends where its handler looks whether it should."""

    def __init__(self, kind: JobKind, run: Run) -> None:
        self._kind = kind
        self._run = run
        self._context = contextvars.copy_context()
        self._context.run(current_run.set, run)
        self._task = asyncio.get_running_loop().create_task(self._work(), context=self._context)

    async def result(self) -> str | None:
        """Wait for the handler. Raises what it raises, `JobStopped` or `CancelledError` if it was ended."""
        return await self._task

    async def _work(self) -> str | None:
        if self._kind.goes_on_when_read_only:
            result = await self._kind.handler(self._run)
        else:
            try:
                with suspended_when_on():
                    result = await self._kind.handler(self._run)
            except ReadOnly as error:
                raise JobStopped from error
        await self._run.note()
        return result

    def interrupt(self) -> None:
        """Let the handler end at its next `progress` or `checkpoint`."""
        self._run.stop()

    def force(self) -> None:
        """Cancel what it waits for, unless it is inside a transaction, whose connection would stay locked."""
        if self._context.get(open_transaction) is None:
            self._task.cancel()


def describe(error: BaseException) -> str:
    """What a job's record says of an exception."""
    return f"{type(error).__name__}: {error}"


async def supervise(attempt: Attempt, stop: StopSignal, timeout_s: float) -> str | None:
    """Wait for an attempt, until it must end; what came of it. Raises `Stopped`, and what the job raises."""
    ending = asyncio.ensure_future(attempt.result())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ending, stopping}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if not ending.done():
        stop.stop(Reason.TIMED_OUT)
        attempt.interrupt()
        await asyncio.wait({ending}, timeout=0 if stop.reason is Reason.OUT_OF_MEMORY else GRACE_S)
    while not ending.done():
        attempt.force()
        await asyncio.wait({ending}, timeout=FORCE_INTERVAL_S)
    try:
        return ending.result()
    except (JobStopped, asyncio.CancelledError) as error:
        raise Stopped(stop.reason or Reason.SHUTDOWN) from error
    except Exception as error:
        # What a job raises that is ended by force is no failure of its own.
        if stop.reason is not None:
            raise Stopped(stop.reason) from error
        raise
