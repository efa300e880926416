"""What a build uses: memory and disk, as the kernel and `du` tell."""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIB: Final = 1024
FILE_BYTES: Final = 4096
"""What a file counts at least: empty ones take of the disk, too, and its file system has a number of them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A process, and what `/proc` says of it.

    `started` tells it from a later one with the same number; only `descendants_of` looks at it.
    """

    pid: int
    fields: dict[str, str]
    started: str | None = None


def _processes(*, with_start: bool = False) -> Iterator[Found]:
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            status = (process / "status").read_text(errors="replace")
            started = _started(process) if with_start else None
        except OSError:
            # It has ended.
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        yield Found(int(process.name), fields, started)


def _started(process: Path) -> str:
    return (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]


def is_alive(found: Found) -> bool:
    """Whether a process of `descendants_of` has not ended."""
    try:
        return _started(Path("/proc", str(found.pid))) == found.started
    except OSError:
        return False


def processes_of(ids: int, count: int) -> Iterator[Found]:
    """The processes that run under a range of user ids.

    A range is used by one build at a time, so these are all of its processes, in whatever namespace.
    """
    return (each for each in _processes() if ids <= int(each.fields["Uid"].split()[0]) < ids + count)


def descendants_of(pid: int) -> list[Found]:
    """The processes that a process has started, and those that these have started."""
    children = dict[int, list[Found]]()
    for each in _processes(with_start=True):
        children.setdefault(int(each.fields["PPid"]), []).append(each)
    found = list(children.get(pid, ()))
    for each in found:
        found += children.get(each.pid, ())
    return found


def memory_bytes(processes: Iterable[Found]) -> int:
    """The memory that processes have for themselves or share, also what is swapped out.

    Pages of files, which the kernel can drop, are not counted.
    """
    names = ("RssAnon", "RssShmem", "VmSwap")
    return sum(
        int(each.fields[name].split()[0]) * KIB for each in processes for name in names if name in each.fields
    )


@dataclass(frozen=True, slots=True)
class InMemory:
    """What files take that lie in memory, which is no process's, and how many were looked at for that."""

    bytes: int
    files: int


def files_in_memory(processes: Iterable[Found], *, most: int) -> InMemory:
    """The files of the file systems in memory that processes see, and those without a name that they hold.

    After `most` files that are open no more are looked at.
    """
    mounts, nameless, seen, number = dict[str, int](), dict[int, int](), set[str](), 0
    device = _device_of_nameless()
    # A process that has just left the mounts of the machine still sees what is in memory there.
    of_machine = _mounts_in_memory(os.getpid()).keys()
    for each in processes:
        # A process that has ended has nothing.
        with contextlib.suppress(OSError):
            if (namespace := str(Path(f"/proc/{each.pid}/ns/mnt").readlink())) not in seen:
                mounts |= _mounts_in_memory(each.pid)
                seen.add(namespace)
            with os.scandir(f"/proc/{each.pid}/fd") as opened:
                for entry in opened:
                    if (number := number + 1) > most:
                        break
                    with contextlib.suppress(OSError):
                        found = entry.stat()
                        if found.st_dev == device:
                            nameless[found.st_ino] = found.st_blocks * 512
    own = sum(taken for name, taken in mounts.items() if name not in of_machine)
    return InMemory(own + sum(nameless.values()), number)


def _device_of_nameless() -> int:
    """The device of files of memfd_create(2) and the like, which is mounted nowhere."""
    descriptor = os.memfd_create("device")
    try:
        return os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)


def _mounts_in_memory(pid: int) -> dict[str, int]:
    """The bytes in each tmpfs that a process sees, by device."""
    found = dict[str, int]()
    for line in Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape").splitlines():
        mounted, _, system = line.partition(" - ")
        _, _, device, _, place, *_ = mounted.split(" ")
        if system.startswith("tmpfs "):
            path = f"/proc/{pid}/root{_unescaped(place)}"
            with contextlib.suppress(OSError):
                status, used = Path(path).stat(), os.statvfs(path)
                # It may have been covered, or be a link meanwhile.
                if f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}" == device:
                    found[device] = (used.f_blocks - used.f_bfree) * used.f_frsize
    return found


def _unescaped(place: str) -> str:
    for code in ("\\040", "\\011", "\\012", "\\134"):
        place = place.replace(code, chr(int(code[1:], 8)))
    return place


async def disk_bytes(*directories: Path) -> int:
    """The bytes that directories take on their disk, at least `FILE_BYTES` for each file."""
    taken, number = await asyncio.gather(
        _du("--block-size=1", *map(str, directories)), _du("--inodes", *map(str, directories))
    )
    return max(taken, number * FILE_BYTES)


async def _du(kind: str, *directories: str) -> int:
    """What the program says of directories: no depth or name disturbs it."""
    process = await asyncio.create_subprocess_exec(
        *("du", "--summarize", "--total", "--one-file-system", kind, "--", *directories),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        printed, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return int(printed.split()[-2])
