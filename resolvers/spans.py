"""Spans of tags: how they end. Which ones go on is said in `storage/conditions.py`.

An end that has happened is marked, so that a clock which goes back does not undo it. A span ends no earlier
than it started, and the next one of its name starts no earlier than it ended.
"""

from storage.statements import execute

_MOMENT = "CAST(? AS BIGINT)"
NOT_BEFORE_START = f"CASE WHEN started_at_ms > {_MOMENT} THEN started_at_ms ELSE {_MOMENT} END"
"""SQL of an end for a span; takes a time in milliseconds twice, null for no end."""
_END = (
    f"would_expire_at_ms = CASE WHEN ended_at_ms <= {_MOMENT} THEN would_expire_at_ms"
    " WHEN is_expiration THEN ended_at_ms END,"
    f" is_expiration = (is_expiration AND ended_at_ms <= {_MOMENT}),"
    f" ended_at_ms = CASE WHEN ended_at_ms <= {_MOMENT} THEN ended_at_ms ELSE {NOT_BEFORE_START} END,"
    " has_ended = TRUE"
)


ENDED = (
    f"CASE WHEN ended_at_ms <= {_MOMENT} THEN ended_at_ms WHEN started_at_ms > {_MOMENT} THEN started_at_ms"
    f" ELSE {_MOMENT} END"
)
"""SQL of the end that a span has once it is ended at a time in milliseconds, which it takes three times."""


async def end(condition: str, *values: object, moment_ms: int) -> None:
    """End the spans that fulfil an SQL condition on `tag`, for good, in the open transaction.

    Those that have expired keep that end. Of the others the expiration is kept, so that a rollback gives it
    back. The row of the repository must be locked.
    """
    await execute(
        f"UPDATE tag SET {_END} WHERE {condition} AND NOT has_ended", *[moment_ms] * _END.count("?"), *values
    )


async def go_on(condition: str, *values: object) -> None:
    """Let the spans that fulfil an SQL condition on `tag` expire no more, in the open transaction.

    The row of the repository must be locked.
    """
    await execute(
        f"UPDATE tag SET ended_at_ms = NULL, is_expiration = FALSE WHERE {condition} AND NOT has_ended",
        *values,
    )


def next_start(now_ms: int, last_start_ms: int | None, last_end_ms: int | None) -> int:
    """The start of a span, given the start and the end of the last one of its name, if there is one.

    `last_end_ms` is None for a span that goes on, which ends when the new one starts. A clock that went back
    behind an end starts the new one later than that, so that history tells making a tag again from a move.
    """
    if last_end_ms is not None:
        return now_ms if now_ms >= last_end_ms else last_end_ms + 1
    return now_ms if last_start_ms is None else max(now_ms, last_start_ms)
