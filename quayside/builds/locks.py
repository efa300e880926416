"""Locks of files: one process of a machine has each, and it ends with that process, however that ends."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file, which is made, while the block runs; false if another process does.

    Who has locked it may remove it in the block.
    """
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        yield _lock(descriptor, path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before may have removed the file, and another have made a new one.
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


@contextlib.asynccontextmanager
async def once_free(lock: Callable[[], AbstractContextManager[bool]], look_s: float) -> AsyncIterator[None]:
    """Have a lock as soon as nobody else has it, which is looked at every `look_s` seconds."""
    while True:
        with lock() as is_locked:
            if is_locked:
                yield
                return
        await asyncio.sleep(look_s)
