"""When tags expire: the bounds of an expiration, and what the label of an image says of it."""

import re

EXPIRES_AFTER_LABEL = "quay.expires-after"
ENDLESS = 2**62
"""Later than the end of any tag that has one; stands for the end of those that have none."""
ENDED_EARLY = "would_expire_at_ms = CASE WHEN is_expiration THEN ended_at_ms END"
"""What is set of a tag whose end is changed: when it would have expired."""
END_NOW = f"{ENDED_EARLY}, ended_at_ms = ?, is_expiration = FALSE"
"""What is set of a tag that ends now; takes the moment."""
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


def clamp_expiration(expires_at_ms: int, started_at_ms: int) -> int:
    """The nearest expiration that a tag which began at a time may have: an hour to 104 weeks later."""
    earliest, latest = started_at_ms + MINIMUM_EXPIRATION_MS, started_at_ms + MAXIMUM_EXPIRATION_MS
    return min(max(expires_at_ms, earliest), latest)


def expiration_of_label(text: str, started_at_ms: int) -> int | None:
    """When a tag expires whose image says `quay.expires-after`: a number and one of s, m, h, d, w, y.

    None for any other text, which is no reason to refuse an image.
    """
    found = _LIFETIME.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        return None
    return clamp_expiration(started_at_ms + int(found[1]) * _UNIT_MS[found[2]], started_at_ms)
