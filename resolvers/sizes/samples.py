"""Daily samples of figures: how long they are kept, and what stands for days without one."""

from collections.abc import Mapping
from typing import Final, TypeVar

from resolvers.job_kinds import checkpoint
from storage.statements import execute, fetch_one

KEPT_DAYS: Final = 400
"""Samples older than this are deleted; charts show at most a year."""
BATCH: Final = 500

T = TypeVar("T")


async def forget_old(table: str, day: int) -> None:
    """Delete the samples of a table that are too old on a day, in batches."""
    # Counted from the day before, so that a clock that has just jumped ahead deletes nothing.
    before = await fetch_one(f"SELECT MAX(day) AS day FROM {table} WHERE day < ?", day)
    latest = before["day"] if before and before["day"] is not None else day
    removed = BATCH
    while removed == BATCH:
        checkpoint()
        removed = await execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE day < ? LIMIT ?)",
            latest - KEPT_DAYS,
            BATCH,
        )


def filled(found: Mapping[int, T], before: T | None, today: int, days: int) -> list[tuple[int, T]]:
    """The days of an interval from the first that is known, newest first.

    A day without a sample has that of the day before it; `before` is the last one before the interval.
    """
    history: list[tuple[int, T]] = []
    known = before
    for day in range(today - days + 1, today + 1):
        known = found.get(day, known)
        if known is not None:
            history.append((day, known))
    return history[::-1]
