"""Writing to disk ahead of a sync, which then waits for the last of a file instead of for all of it.

Python has no name for the system call. Where there is none, as beyond Linux, the sync does all the work.
"""

import ctypes
from typing import Any, Final

_START: Final = 2
"""SYNC_FILE_RANGE_WRITE: begin to write what is dirty, and wait for nothing."""


def _system_call() -> Any:
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


_sync_file_range = _system_call()


def start_writing(descriptor: int, start: int, size: int) -> None:
    """Let the system begin to write `size` bytes of a file to disk. Whether it does is not known."""
    if _sync_file_range is not None:
        _sync_file_range(descriptor, start, size, _START)
