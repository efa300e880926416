"""Lifetimes of tags: how they are written, bounds of an expiration, and the label `quay.expires-after`."""

import re

EXPIRES_AFTER_LABEL = "quay.expires-after"
MINIMUM_EXPIRATION_MS = 3_600_000
MAXIMUM_EXPIRATION_MS = 104 * 7 * 86_400_000

_LIFETIME = re.compile(r"([0-9]{1,9})([smhdwy])")
_UNIT_MS = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}


def lifetime_ms(text: str) -> int | None:
    """The milliseconds of a number and one of s, m, h, d, w, y; None for any other text."""
    found = _LIFETIME.fullmatch(text)
    return int(found[1]) * _UNIT_MS[found[2]] if found else None


def clamp_expiration(expires_at_ms: int, started_at_ms: int) -> int:
    """The expiration, clamped to between an hour and 104 weeks after the start of the tag."""
    earliest, latest = started_at_ms + MINIMUM_EXPIRATION_MS, started_at_ms + MAXIMUM_EXPIRATION_MS
    return min(max(expires_at_ms, earliest), latest)


def expiration_of_label(text: str, started_at_ms: int) -> int | None:
    """The expiration that a label `quay.expires-after` asks for: a number and one of s, m, h, d, w, y.

    None for any other text: a malformed label is no reason to refuse an image.
    """
    lifetime = lifetime_ms(text.strip().lower())
    return clamp_expiration(started_at_ms + lifetime, started_at_ms) if lifetime else None
