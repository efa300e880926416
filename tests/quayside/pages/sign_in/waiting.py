"""How time passes for those who failed to sign in."""

from storage.statements import execute


async def wait_is_over() -> None:
    """Let time pass for those who failed to sign in."""
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 3500000")
