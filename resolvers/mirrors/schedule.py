"""When mirrors run, and what becomes of their state: arithmetic over milliseconds, without a database."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

RETRIES: Final = 3
RUN_LIMIT_S: Final = 12 * 3_600
RETRY_DELAYS_MS: Final = (60_000, 300_000)
"""Before the second and the third attempt."""


class MirrorStatus(StrEnum):
    """What a mirror does, or what came of its last run."""

    NEVER_RUN = "NEVER_RUN"
    SYNC_NOW = "SYNC_NOW"
    SYNCING = "SYNCING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


UNDER_WAY: Final = frozenset({MirrorStatus.SYNC_NOW, MirrorStatus.SYNCING})
"""What can be cancelled."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a mirror runs next, if it does, and how often it is tried again."""

    starts_at_ms: int | None
    interval_s: int
    retries_remaining: int


def next_start(starts_at_ms: int | None, interval_s: int, now: int) -> int | None:
    """The first time after `now` that is a whole number of intervals after a start.

    None without an interval: such a mirror runs once, and then when it is told to.
    """
    if starts_at_ms is None or starts_at_ms > now:
        return starts_at_ms
    if interval_s <= 0:
        return None
    return aligned(starts_at_ms, interval_s, now)


def aligned(starts_at_ms: int, interval_s: int, now: int) -> int:
    """The first time after `now` that is a whole number of intervals after or before a start."""
    interval = interval_s * 1000
    return starts_at_ms + ((now - starts_at_ms) // interval + 1) * interval


def is_due(timing: Timing, status: MirrorStatus, *, is_enabled: bool, now: int) -> bool:
    """Whether a run is to begin: it was ordered, it failed and is tried again, or its time has come."""
    if status is MirrorStatus.SYNC_NOW:
        return True
    if is_enabled and status is MirrorStatus.FAIL and 0 < timing.retries_remaining < RETRIES:
        # Its job waits as long as it should. A run that somebody ordered has no time of its own.
        return True
    is_time = timing.starts_at_ms is not None and timing.starts_at_ms <= now
    return is_enabled and is_time and timing.retries_remaining > 0 and status is not MirrorStatus.SYNCING


def woken(timing: Timing, status: MirrorStatus, wanted: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The columns by which a mirror that rests runs again, as its settings want now; none if it still rests.

    One that was cancelled wakes when it is enabled. It and one that ran once wake by a new start or interval.
    """
    interval_s = wanted.get("sync_interval_s", timing.interval_s)
    starts_at_ms = wanted.get("sync_starts_at_ms", timing.starts_at_ms)
    is_cancelled = status is MirrorStatus.CANCEL
    is_new = (starts_at_ms, interval_s) != (timing.starts_at_ms, timing.interval_s)
    if not is_new and not (is_cancelled and wanted.get("is_enabled")):
        return {}
    values: dict[str, Any] = {}
    if timing.retries_remaining == 0:
        values["retries_remaining"] = RETRIES
    if starts_at_ms is None and (is_cancelled or interval_s > 0):
        values["sync_starts_at_ms"] = now
    return values


def after_run(timing: Timing, outcome: MirrorStatus, now: int) -> Timing:
    """What holds after a run that succeeded, failed or was cancelled.

    A failed one is tried again as often as there are retries, then at the next interval. A cancelled one has
    no next time.
    """
    if outcome is MirrorStatus.CANCEL:
        return Timing(None, timing.interval_s, 0)
    left = timing.retries_remaining - 1
    if outcome is MirrorStatus.FAIL and left > 0:
        return Timing(timing.starts_at_ms, timing.interval_s, left)
    return Timing(next_start(timing.starts_at_ms, timing.interval_s, now), timing.interval_s, RETRIES)


def retry_delay_ms(retries_remaining: int) -> int:
    """How long a failed run waits, by the number of retries that are left."""
    failed = min(max(RETRIES - retries_remaining, 1), len(RETRY_DELAYS_MS))
    return RETRY_DELAYS_MS[failed - 1]
