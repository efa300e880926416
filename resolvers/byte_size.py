"""Sizes in bytes as people write and read them: `10 GiB`, `200 MB`."""

import re
from typing import Final

MOST_BYTES: Final = 2**63 - 1
"""The largest size that the databases hold."""

_PREFIXES: Final = "KMGTPEZY"
_UNITS: Final = {
    "": 1,
    **{
        f"{prefix}{end}": base**power
        for power, prefix in enumerate(_PREFIXES, start=1)
        for base, ends in ((1024, ("iB", "i")), (1000, ("B", "")))
        for end in ends
    },
}
"""`KiB` and `Ki` are 1024 bytes, `KB` and `K` are 1000, and so on."""
_SIZE: Final = re.compile(rf"([0-9]{{1,40}})\s?([{_PREFIXES}]?i?B?)")


def parse(text: str) -> int:
    """The number of bytes that a text names, a whole number with or without a unit.

    Raises `ValueError` with a sentence about the text.
    """
    found = _SIZE.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        raise ValueError(
            f"{text!r:.80} is not a size: write a whole number of bytes, or one with a unit, such as 10 GiB"
            " (KiB, MiB, GiB … are powers of 1024; KB, MB, GB … powers of 1000)."
        )
    return check(int(found[1]) * _UNITS[found[2]])


def check(size: int) -> int:
    """A size that can be stored. Raises `ValueError` with a sentence about any other number."""
    if not 0 <= size <= MOST_BYTES:
        raise ValueError(f"{size} bytes are not a size: it must be between 0 and 2^63-1 bytes (8 EiB).")
    return size


def display(size: int) -> str:
    """`3000` → `2.9 KiB`, `500` → `500.0 Byte`."""
    amount, unit = float(size), "Byte"
    for prefix in _PREFIXES:
        if abs(amount) < 1024:
            break
        amount, unit = amount / 1024, f"{prefix}iB"
    return f"{amount:.1f} {unit}"
