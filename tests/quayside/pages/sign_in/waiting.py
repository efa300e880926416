"""Begins and ends the wait after failed sign-ins."""

from storage.clock import now_ms
from storage.statements import execute


async def wait_is_over() -> None:
    """End all waits after failed sign-ins."""
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 3500000")


async def free_ones_are_used_up(waits: int = 1) -> None:
    """Let the mistakes so far be one more than are free, and so many more; the last one was just now."""
    await execute(
        "UPDATE sign_in_failure SET failures = ?, last_failed_at_ms = ? WHERE fingerprint IS NOT NULL",
        5 + waits,
        now_ms(),
    )
