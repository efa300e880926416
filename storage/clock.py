"""The clock: whole milliseconds since the epoch, UTC. It may go back, and that of another host may differ."""

import time
from datetime import UTC, datetime
from typing import Literal

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

SKEW_MS = 60_000
"""How far the clocks of two hosts may differ. What was noted further ahead is older than a clock put back."""


def now_ms() -> int:
    """The current time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def is_recent(at_ms: int, now_ms: int, within_ms: int) -> bool:
    """Whether a time is less than `within_ms` from now, in either direction.

    A time further ahead was noted before the clock went back. It must not hold anything up, or keep anything
    open, until the clock comes there again.
    """
    return abs(now_ms - at_ms) < within_ms


def rfc3339(at_ms: int, timespec: Literal["seconds", "milliseconds"] = "milliseconds") -> str:
    """A time in the form of RFC 3339, in UTC. What is smaller than `timespec` is left out."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def read_ms(text: str) -> int:
    """A date and time of ISO 8601 in milliseconds; without a zone it is UTC.

    Raises `TypeError` for what is no text, `ValueError` and `OverflowError` for what is no time.
    """
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
