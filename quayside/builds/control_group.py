"""Control groups: where the machine lets this process make one, the kernel itself bounds a build."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from resolvers.builds.builder import BuildLimits

MOUNT = Path("/sys/fs/cgroup")
NAMES = "quayside-"
LEFT_S = 600
"""Groups that are empty after so long were left by a process that is gone."""


@contextlib.contextmanager
def control_groups(name: str, limits: BuildLimits) -> Iterator[list[str]]:
    """Groups of a name, with the limits of memory and processes, while the block runs; maybe none.

    The watch of the executor holds in any case; a group reacts at once, and counts what nobody maps.
    """
    made = list[Path]()
    for parent, rules in _places(limits):
        group = parent / name
        try:
            group.mkdir()
        except OSError:
            continue
        made.append(group)
        try:
            for file, value in rules.items():
                (group / file).write_text(str(value))
        except OSError:
            _remove(made.pop())
    try:
        yield [str(group) for group in made]
    finally:
        for group in made:
            _remove(group)


def _places(limits: BuildLimits) -> list[tuple[Path, dict[str, int]]]:
    """Where groups are made, and their rules: version 2 has one tree, version 1 one for each resource."""
    memory, processes = limits.memory_bytes, limits.processes
    if (MOUNT / "cgroup.controllers").exists():
        return [(MOUNT / _own("", MOUNT), {"memory.max": memory, "pids.max": processes})]
    return [
        (MOUNT / "memory" / _own("memory", MOUNT), {"memory.limit_in_bytes": memory}),
        (MOUNT / "pids" / _own("pids", MOUNT), {"pids.max": processes}),
    ]


def _own(controller: str, mount: Path) -> str:
    """The group of this process in a tree, relative to its mount; the top where that is not to be seen."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                found = path.lstrip("/")
                return found if (mount / controller / found).is_dir() else ""
    return ""


def ran_out_of_memory(groups: Sequence[str]) -> bool:
    """Whether the kernel has killed a process because a group had used its memory."""
    for group in groups:
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = dict(line.split() for line in Path(group, file).read_text().splitlines())
                if int(lines.get("oom_kill", 0)):
                    return True
    return False


def remove_left_groups() -> None:
    """Remove the groups that processes have left which are gone; the kernel keeps those in use."""
    for parent, _ in _places(BuildLimits(0, 0, 0)):
        with contextlib.suppress(OSError):
            for group in parent.glob(f"{NAMES}*"):
                if time.time() - group.stat().st_mtime > LEFT_S:
                    _remove(group)


def _remove(group: Path) -> None:
    with contextlib.suppress(OSError):
        group.rmdir()
