"""Directories of builds: each held by the process that uses it, and removed by another once that is gone.

builds/UUID, builds/trial-PID     held by the lock NAME.lock beside them, which ends with its process
builds/layers-REPOSITORY          held by the lock of the ids to which they belong
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

from quayside.builds.control_group import remove_left_groups
from quayside.builds.id_ranges import first_id, taken
from quayside.builds.locks import locked, once_free
from storage.uninterrupted import settled

LAYERS: Final = "layers-"
OF_ROOT: Final = "-root"
"""How the names of layers end that were made by builds that ran as root: their files belong to it."""
LAYERS_KEPT_S: Final = 14 * 86_400
"""Layers that no build has used for so long are removed: the repository may be gone."""
LOOK_S: Final = 0.2
_OF_ONE_PROCESS: Final = re.compile(r"trial-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextlib.contextmanager
def held(directory: Path) -> Iterator[bool]:
    """Hold a directory, which need not be there, while the block runs; false if another process does."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    lock = directory.with_name(f"{directory.name}.lock")
    with locked(lock) as is_held:
        try:
            yield is_held
        finally:
            if is_held:
                lock.unlink(missing_ok=True)


def holding(directory: Path) -> AbstractAsyncContextManager[None]:
    """Hold a directory as soon as no other process does: a job may be given to another while one dies."""
    return once_free(partial(held, directory), LOOK_S)


async def give(ids: int, path: Path) -> None:
    """Let everything below a path belong to the root of the sandbox."""
    await _succeed("chown", "--recursive", "--no-dereference", f"{ids}:{ids}", "--", str(path))


async def remove(path: Path) -> None:
    """Remove a directory that hostile code has filled: programs do it at any depth, and follow no links."""
    await _succeed("rm", "--recursive", "--force", "--one-file-system", "--", str(path))


async def _succeed(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    if await settled(process.wait()):
        raise OSError(f"{command[0]} ended with status {process.returncode}")


async def remove_left(builds: Path) -> None:
    """Remove what processes of this machine have left that are gone, and layers that nobody uses."""
    remove_left_groups()
    for entry in await asyncio.to_thread(lambda: sorted(builds.iterdir()) if builds.is_dir() else []):
        name = entry.name.removesuffix(".lock")
        if _OF_ONE_PROCESS.fullmatch(name):
            with held(builds / name) as is_held:
                if is_held:
                    await remove(builds / name)
        elif name.startswith(LAYERS) and time.time() - entry.lstat().st_mtime > LAYERS_KEPT_S:
            with taken(builds, first_id(builds, name.removeprefix(LAYERS).removesuffix(OF_ROOT))) as is_taken:
                if is_taken:
                    await remove(entry)
