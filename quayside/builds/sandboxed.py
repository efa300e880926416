"""Runs of the sandbox, watched from outside: what is printed, what is used, and an end in any case."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from quayside.builds.control_group import NAMES, control_groups, ran_out_of_memory
from quayside.builds.id_ranges import COUNT
from quayside.builds.usage import (
    Found,
    descendants_of,
    disk_bytes,
    files_in_memory,
    is_alive,
    memory_bytes,
    processes_of,
)
from resolvers.builds.builder import BuildFailed, BuildLimits, Tell
from storage.uninterrupted import settled

Step = dict[str, Any]
"""A step of the sandbox, as `sandbox.py` has it."""

PROGRAM: Final = Path(__file__).with_name("sandbox.py")
REFUSED: Final = 99
"""Its status where the machine allows no sandbox. It is not imported: it loads what unpacks archives."""
WATCH_S: Final = 0.5
"""Between two looks at memory, of which a process takes much in a second; every other one is at disk too."""
NEEDED: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""What the program gets of the environment of the server, where secrets are."""
LINE_BYTES: Final = 4096
"""Longer lines are cut."""
READ_BYTES: Final = 65_536
TOO_LONG: Final = "The build took longer than {:g} seconds."
TOO_MANY_PROCESSES: Final = "The build ran more than {} processes."
OPEN_FILES: Final = 50_000
"""Files that processes of a build may hold open together, each counted as often as it is held."""
TOO_MANY_FILES: Final = f"The build held more than {OPEN_FILES} files open."
TOO_MUCH_MEMORY: Final = "The build used more than {} bytes of memory."


@dataclass(frozen=True, slots=True)
class Place:
    """A directory outside, and where it is inside."""

    outside: Path
    inside: str
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What runs of one build have in common. `ids` are 0 where its root is to be root of the machine.

    `way_out` is a port of loopback inside, and the socket inside to which connections there are passed on.
    """

    places: Sequence[Place]
    ids: int
    limits: BuildLimits
    environment: Mapping[str, str]
    has_network: bool = False
    way_out: tuple[int, str] | None = None

    async def run(
        self, steps: Sequence[Step], tell: Tell, more: asyncio.Future[Sequence[Step]] | None = None
    ) -> int:
        """Do steps until one fails; the status of the last, 0 if all went well.

        A step `say` is followed by those of `more`, once these are known.
        Nothing of it runs any more afterwards, however the run ends. Raises `SandboxRefused` where the
        machine does not allow it, and `BuildFailed` for limits.
        """
        with control_groups(f"{NAMES}{uuid.uuid4().hex[:12]}", self.limits) as groups:
            reads, writes = os.pipe()
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-I", "-S", str(PROGRAM), str(writes)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    pass_fds=(writes,),
                    env={name: os.environ[name] for name in NEEDED if name in os.environ},
                )
            except BaseException:
                os.close(reads)
                raise
            finally:
                os.close(writes)
            running = _Running(self, process, reads)
            try:
                status = await running.see_through(self._order(steps, groups), tell, more)
                if status and ran_out_of_memory(groups):
                    raise BuildFailed(TOO_MUCH_MEMORY.format(self.limits.memory_bytes))
                return status
            finally:
                await settled(running.end())

    def _order(self, steps: Sequence[Step], groups: Sequence[str]) -> bytes:
        limits = self.limits
        return json.dumps(
            {
                "places": [[str(place.outside), place.inside, place.is_read_only] for place in self.places],
                "ids": self.ids,
                "has_network": self.has_network,
                "way_out": self.way_out,
                "limits": {
                    "processes": limits.processes,
                    "open_files": limits.open_files,
                    "file_bytes": limits.disk_bytes,
                    # One process that reaches this has long passed the bound of all of them together.
                    "memory_bytes": 2 * limits.memory_bytes,
                },
                "cgroups": list(groups),
                "environment": dict(self.environment),
                "steps": list(steps),
            }
        ).encode()


class SandboxRefused(BuildFailed):
    """The machine does not allow a sandbox."""


class _Running:
    """One run."""

    def __init__(self, sandbox: Sandbox, process: asyncio.subprocess.Process, control: int) -> None:
        self._sandbox = sandbox
        self._process = process
        self._control = control

    async def see_through(self, order: bytes, tell: Tell, more: asyncio.Future[Sequence[Step]] | None) -> int:
        limit_s = self._sandbox.limits.timeout_s
        finishing = asyncio.ensure_future(self._finish(tell))
        watching = asyncio.ensure_future(self._watch())
        ordering = asyncio.ensure_future(self._write(order, more))
        tasks = (finishing, watching)
        try:
            done, _ = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise BuildFailed(TOO_LONG.format(limit_s))
            if watching in done:
                await watching
            return await finishing
        finally:
            for each in (*tasks, ordering):
                each.cancel()
            await asyncio.gather(*tasks, ordering, return_exceptions=True)

    async def _write(self, order: bytes, more: asyncio.Future[Sequence[Step]] | None) -> None:
        """Write the order, and the further steps when they are known."""
        assert self._process.stdin is not None
        self._process.stdin.write(order + b"\n")
        if more is not None:
            self._process.stdin.write(json.dumps(list(await more)).encode() + b"\n")
        self._process.stdin.close()

    async def _finish(self, tell: Tell) -> int:
        """Pass on what is printed until all has ended; the status."""
        await self._read(tell)
        if (status := await self._process.wait()) == REFUSED:
            self._raise_refusal()
        return status

    def _raise_refusal(self) -> None:
        """Raise `SandboxRefused` if that is why the run ended."""
        with contextlib.suppress(OSError):
            os.set_blocking(self._control, False)
            for line in os.read(self._control, READ_BYTES).decode(errors="replace").splitlines():
                if line.startswith("refused "):
                    why = line.removeprefix("refused ")[:500]
                    raise SandboxRefused(f"This machine does not allow a sandbox: {why}.")

    async def _read(self, tell: Tell) -> None:
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES:
                lines, rest = [*lines, rest], b""
            if lines:
                await tell([_text(line) for line in lines])
        if rest:
            await tell([_text(rest)])

    async def _watch(self) -> None:
        """Raise `BuildFailed` when the build uses more memory or disk than it may."""
        limits = self._sandbox.limits
        places = [place.outside for place in self._sandbox.places]
        for number in itertools.count():
            await asyncio.sleep(WATCH_S)
            await asyncio.to_thread(self._look)
            if number % 2 and await disk_bytes(*places) > limits.disk_bytes:
                raise BuildFailed(f"The build used more than {limits.disk_bytes} bytes of disk.")

    def _look(self) -> None:
        """Raise `BuildFailed` when processes are more, or have more, than they may."""
        limits = self._sandbox.limits
        found = self._processes()
        # The kernel does not bound the number of those of its own root.
        if len(found) > limits.processes:
            raise BuildFailed(TOO_MANY_PROCESSES.format(limits.processes))
        files = files_in_memory(found, most=OPEN_FILES)
        if files.files > OPEN_FILES:
            raise BuildFailed(TOO_MANY_FILES)
        if memory_bytes(found) + files.bytes > limits.memory_bytes:
            raise BuildFailed(TOO_MUCH_MEMORY.format(limits.memory_bytes))

    async def end(self) -> None:
        """Kill what is left, and wait until it is gone."""
        # Those with ids of their own are found afterwards, too; others only by who started them.
        left = [] if self._sandbox.ids else self._processes()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        os.close(self._control)
        # The kernel ends the namespace with its first process, but it takes some time.
        for _ in range(500):
            left = self._processes() if self._sandbox.ids else [found for found in left if is_alive(found)]
            if not left:
                return
            for found in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.pid, signal.SIGKILL)
            await asyncio.sleep(0.01)

    def _processes(self) -> list[Found]:
        """The processes of the build: those with its ids, or all that the sandbox has started."""
        if self._sandbox.ids:
            return list(processes_of(self._sandbox.ids, COUNT))
        # In a PID namespace, who has lost his parent gets its first process.
        return descendants_of(self._process.pid)


def _text(line: bytes) -> str:
    return line[:LINE_BYTES].decode(errors="replace").replace("\0", "").rstrip("\r")
