"""Ranges of user ids that stand for those of a build: one for each repository of each installation on a host.

The processes of a build are found, and ended, by their ids, so no two builds use a range at the same time. A
repository keeps its range, since the cached layers belong to the ids in it.
"""

import zlib
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

from quayside.builds.locks import locked, once_free

FIRST: Final = 1 << 30
COUNT: Final = 65_536
"""Ids of a range."""
RANGES: Final = 32_000
"""So many that two repositories hardly ever share one; where they do, one of them waits."""
LOCKS: Final = Path("/run/lock")
"""Where processes of all installations on a host find the same lock, if the host has such a directory."""
LOOK_S: Final = 0.5


def first_id(directory: Path, use: object) -> int:
    """The first id of the range of a use, such as a repository, of the installation with this directory."""
    return FIRST + zlib.crc32(f"{directory}:{use}".encode()) % RANGES * COUNT


def alone(directory: Path, first: int) -> AbstractAsyncContextManager[None]:
    """Hold a range alone, once nobody else does."""
    return once_free(partial(taken, directory, first), LOOK_S)


def taken(directory: Path, first: int) -> AbstractContextManager[bool]:
    """Hold a range while the block runs; false if somebody else does."""
    place = (LOCKS if LOCKS.is_dir() else directory) / "quayside-builds"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return locked(place / f"{first}.lock")
