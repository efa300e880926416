"""Memory of the server: the C library keeps what threads have freed for a few of them, not for each.

Bytes on their way between sockets and disks are allocated by one thread and freed by another. With an arena
for each thread, as the GNU library has it, what is kept grows with the bytes that pass.
"""

import contextlib
import ctypes
import os

_ARENAS = 2
_M_ARENA_MAX = -8
_VARIABLE = "MALLOC_ARENA_MAX"


def share_arenas() -> None:
    """Bound the arenas of this process, before it has threads, and of those that it starts.

    An operator's own number stays. Other C libraries have no arenas, and no such function or no effect.
    """
    if _VARIABLE in os.environ:
        return
    os.environ[_VARIABLE] = str(_ARENAS)
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
