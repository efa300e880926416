"""The temporary directory of a test session: in memory if there is room, else on disk.

Each test makes a database, which is hundreds of small files on PostgreSQL; on disk that takes longer than
most tests. Memory stays bounded, since the files of a passed test are removed at its end.
"""

import os
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3
"""Several times what a session needs."""


def root() -> Path | None:
    """The directory to make temporary directories in; None for the usual one."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES:
        return MEMORY
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    memory = root()
    if memory is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
