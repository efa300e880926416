"""Where a test session keeps what it throws away: in memory where there is room for it, else on the disk.

A test makes a database of its own, which is hundreds of small files on PostgreSQL. On a disk that takes
longer than most tests do. Memory is bounded, as what a test that passed has left is removed when it ends.
"""

import os
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3
"""Several times what a session needs at once."""


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
