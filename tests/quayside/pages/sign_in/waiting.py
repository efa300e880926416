"""Ends the wait after failed sign-ins."""

from storage.statements import execute


async def wait_is_over() -> None:
    """End all waits after failed sign-ins."""
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 3500000")
