"""Skips: commits whose authors do not want them built."""

from typing import Final

MARKS: Final = ("[skip build]", "[build skip]")
"""What stands in the message of such a commit, in any case of letters."""


def is_skipped(message: str | None) -> bool:
    """Whether the message of a commit asks that it is not built."""
    lowered = (message or "").lower()
    return any(mark in lowered for mark in MARKS)
