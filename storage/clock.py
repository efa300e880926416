"""The clock: whole milliseconds since the epoch, UTC."""

import time


def now_ms() -> int:
    """The current time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
