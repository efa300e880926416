"""What reading a layer may take."""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one layer. `stored_bytes` is its size as it was pushed, `bytes` that of the archive in it.

    More than `free_bytes` may be at most `ratio` times what was pushed. `cpu_s` is the time of the processor,
    `time_s` that of the clock, which a slow store counts in. `spool_bytes` is the largest file that is set
    aside to be looked into.
    """

    stored_bytes: int = 16 * GIB
    bytes: int = 64 * GIB
    free_bytes: int = 128 * MIB
    ratio: int = 200
    entries: int = 500_000
    packages: int = 100_000
    removals: int = 100_000
    removal_bytes: int = 16 * MIB
    problems: int = 100
    cpu_s: int = 900
    time_s: int = 3_600
    memory_bytes: int = 1 * GIB
    spool_bytes: int = 1 * GIB
    answer_bytes: int = 256 * MIB
    path_bytes: int = 4_096
