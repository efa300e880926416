"""Processes that read what strangers pushed, without settings, secrets and database; each is ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterable
from dataclasses import asdict
from typing import Final

from quayside.scan.limits import Limits
from storage.uninterrupted import settled

_FROM_OUTSIDE: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that nothing causes which is read: the system sends the first where memory is short."""


async def start(program: str, limits: Limits, *arguments: str) -> Process:
    """Start a program, which gets its limits as the first argument."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", program, json.dumps(asdict(limits)), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
        start_new_session=True,
    )


async def feed(process: Process, content: AsyncIterable[bytes]) -> None:
    """Give it what it reads, as far as it wants to have that."""
    assert process.stdin is not None
    try:
        async for piece in content:
            process.stdin.write(piece)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        process.stdin.close()


async def end(process: Process) -> None:
    """Leave nothing of it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await settled(process.wait())


def is_from_outside(code: int) -> bool:
    """Whether something ended a process, by its exit code, that has nothing to do with what it read."""
    return -code in _FROM_OUTSIDE


def how(code: int) -> str:
    """How a process has ended, by its exit code."""
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
