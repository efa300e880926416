"""Runs of git: in the sandbox of builds, or where that cannot be made as a process with bounds.

A server that git asks may send anything, and a repository hold anything. In the sandbox git has no network
but the proxy of its run, no file of the host, and ids of its own.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quayside.builds.git.failures import sentence_of
from quayside.builds.git.location import Location
from quayside.builds.git.locked import Locked
from quayside.builds.git.proxy import Proxy
from quayside.builds.sandboxed import Place, Sandbox, Step
from resolvers.builds.builder import BuildLimits, Tell
from resolvers.builds.git import GitFailed, GitRemote
from resolvers.outbound.client import Outbound
from storage.uninterrupted import settled

INSIDE: Final = "/run/git"
"""Where the files of the run are in the sandbox: in memory, so that a private key is never on a disk."""
PORT: Final = 3128
MAXIMUM_PRINTED: Final = 16 * 1024 * 1024
MAXIMUM_KNOWN_HOSTS: Final = 64 * 1024
_TELL_HOSTS: Final = f'echo "$1" && cat {INSIDE}/known_hosts'
_BOUNDED: Final = 'ulimit -v 2097152 && ulimit -f 65536 && exec "$@"'


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is to talk to a repository."""

    outbound: Outbound
    remote: GitRemote
    location: Location
    most_bytes: int

    def proxy(self) -> Proxy:
        """The way out of this run alone."""
        return Proxy(self.outbound, self.location, most_bytes=self.most_bytes)

    async def in_sandbox(
        self,
        steps: Sequence[Step],
        tell: Tell,
        *,
        directory: Path,
        ids: int,
        limits: BuildLimits,
        places: Sequence[Place] = (),
        files: Mapping[str, str] | None = None,
    ) -> str:
        """Do steps; the known hosts afterwards. `files` are put below `INSIDE`, beside those of git.

        The directory belongs to the run, and is where the way out begins.
        Raises `GitFailed`, and what `Sandbox.run` raises.
        """
        proxy, end = self.proxy(), _End(tell)
        key = f"{INSIDE}/key" if self.remote.private_key else "none"
        locked = Locked(INSIDE, PORT, proxy.token, key)
        written = {**locked.files(self.remote), **(files or {})}
        if self.remote.private_key:
            written["key"] = self.remote.private_key
        way_out = directory / "way-out"
        with _socket_in(way_out, ids) as listener:
            sandbox = Sandbox(
                places=[*places, Place(way_out, "/way-out")],
                ids=ids,
                limits=limits,
                environment=locked.environment(),
                way_out=(PORT, "/way-out/socket"),
            )
            all_steps: list[Step] = [
                {"write": [[f"{INSIDE}/{name}", text] for name, text in written.items()]},
                *steps,
                {"run": ["sh", "-c", _TELL_HOSTS, "sh", end.mark], "in": "/"},
            ]
            async with proxy.listening(listener):
                status = await sandbox.run(all_steps, end.tell)
        if status:
            raise GitFailed(sentence_of(end.last, self.location, proxy.refusal))
        return _noted(self.remote.known_hosts, end.after)

    async def beside(self, command: Sequence[str], tell: Tell) -> str:
        """Run a command as a process of this user; the known hosts afterwards. Raises `GitFailed`."""
        proxy, end = self.proxy(), _End(tell)
        with (
            tempfile.TemporaryDirectory(prefix="quayside-git-") as name,
            _in_memory(self.remote.private_key) as key,
            socket.create_server(("127.0.0.1", 0)) as listener,
        ):
            locked = Locked(name, listener.getsockname()[1], proxy.token, key)
            for file, text in locked.files(self.remote).items():
                await asyncio.to_thread(Path(name, file).write_text, text)
            async with (
                proxy.listening(listener),
                _process(command, locked.environment(), name) as process,
            ):
                assert process.stdout is not None
                rest = b""
                while piece := await process.stdout.read(65_536):
                    *lines, rest = (rest + piece).split(b"\n")
                    await end.tell([line.decode(errors="replace") for line in lines])
                    if len(rest) > MAXIMUM_PRINTED:
                        raise GitFailed(_TOO_MUCH)
                await end.tell([rest.decode(errors="replace")])
                status = await process.wait()
            if status:
                raise GitFailed(sentence_of(end.last, self.location, proxy.refusal))
            known = await asyncio.to_thread(Path(name, "known_hosts").read_text)
            return _noted(self.remote.known_hosts, known.splitlines())


def _noted(before: str, lines: Sequence[str]) -> str:
    """The known hosts with the new ones among lines: what a repository does to git takes none away."""
    known = before.splitlines()
    size = len(before)
    for line in dict.fromkeys(lines):
        size += len(line) + 1
        if line and line not in known and size <= MAXIMUM_KNOWN_HOSTS:
            known.append(line)
    return "".join(f"{line}\n" for line in known)


_TOO_MUCH: Final = f"git has printed more than {MAXIMUM_PRINTED} bytes."


class _End:
    """Passes on what is printed, keeps the last of it for the case of a failure, and all after the mark."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._is_over = False
        self._bytes = 0
        self.mark = secrets.token_hex(16)
        self.last: list[str] = []
        self.after: list[str] = []

    async def tell(self, lines: Sequence[str]) -> None:
        self._bytes += sum(map(len, lines))
        if self._bytes > MAXIMUM_PRINTED:
            raise GitFailed(_TOO_MUCH)
        if not self._is_over and self.mark in lines:
            at = lines.index(self.mark)
            self._is_over = True
            lines, self.after = lines[:at], list(lines[at + 1 :])
        elif self._is_over:
            self.after += lines
            return
        self.last = [*self.last, *lines][-40:]
        if lines:
            await self._tell(lines)


@contextlib.contextmanager
def _socket_in(directory: Path, ids: int) -> Iterator[socket.socket]:
    """A socket named `socket` in a new directory, to which the root of the sandbox may connect."""
    directory.mkdir(parents=True)
    # It passes through the directory, and may write nothing there.
    directory.chmod(0o711)
    place = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            # The name of a socket is short, unlike those of some directories.
            made.bind(f"/proc/self/fd/{place}/socket")
            made.listen()
            os.chmod("socket", 0o600, dir_fd=place)
            os.chown("socket", ids, ids, dir_fd=place)
            yield made
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink("socket", dir_fd=place)
        os.close(place)
        directory.rmdir()


@contextlib.contextmanager
def _in_memory(private_key: str | None) -> Iterator[str]:
    """The path of a private key that is on no disk, by which children of this process read it."""
    if private_key is None:
        yield "none"
        return
    descriptor = os.memfd_create("key")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, private_key.encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _process(
    command: Sequence[str], environment: Mapping[str, str], directory: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process and its children, which all have ended after the block."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", _BOUNDED, "sh", *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=directory,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await settled(process.wait())
