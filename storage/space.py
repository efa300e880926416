"""Free space on the disks that the registry writes to, and the reserve that uploads leave on them.

Deleting takes space before it gives any: rows, a journal, an event. So uploads end while some is left.
"""

import errno
import os
from pathlib import Path
from typing import NamedTuple

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Space(NamedTuple):
    """The free space where something is kept, and what uploads must leave of it, in bytes."""

    free_bytes: int
    reserve_bytes: int

    @property
    def is_low(self) -> bool:
        """Whether uploads are refused."""
        return self.free_bytes < self.reserve_bytes


def is_full(error: object) -> bool:
    """Whether an error of the system says that a disk or a quota is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def free_bytes(path: Path) -> int:
    """The free space of the file system on which a path is, or will be made. Blocks."""
    nearest = next(one for one in (path, *path.parents) if one.exists())
    return _free(os.statvfs(nearest))


def require_space(descriptor: int, size: int, reserve_bytes: int) -> None:
    """Raise OSError ENOSPC unless a file can grow by `size` bytes and leave the reserve. Blocks."""
    if reserve_bytes and _free(os.fstatvfs(descriptor)) - size < reserve_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _free(found: os.statvfs_result) -> int:
    return found.f_bavail * found.f_frsize
