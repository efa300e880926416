"""Files that hostile code has written, opened so that no link leads anywhere else."""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_beneath(directory: Path, name: str) -> BinaryIO:
    """Open a regular file below a directory for reading, following no symbolic link on the way.

    Raises `FileNotFoundError` if there is none, and `ValueError` for a link, a device or a name with `..`.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or parts[0] == "/":
        raise ValueError(f"{name!r} does not name a file below the directory")
    at = os.open(directory, _DIRECTORY)
    try:
        for part in parts[:-1]:
            below = _open(part, _DIRECTORY, at)
            os.close(at)
            at = below
        descriptor = _open(parts[-1], _FILE, at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{name!r} is not a regular file")
    return os.fdopen(descriptor, "rb")


def _open(name: str, flags: int, at: int) -> int:
    try:
        return os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        # A symbolic link gives ELOOP or ENOTDIR.
        raise ValueError(f"{name!r} cannot be opened: {error.strerror}") from error
