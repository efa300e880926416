"""Versions of RPM packages, as rpm-version(7) orders them: `[epoch:]version[-release]`."""

import re
from typing import Any, Final

from resolvers.advisories.versions.errors import NotAVersion

_SEGMENTS: Final = re.compile(r"([0-9]+)|([A-Za-z]+)|([~^])")
_TILDE, _END, _CARET, _LETTERS, _NUMBER = range(5)
"""What a segment can be, the least first: a tilde is less than the end of the version, a caret more."""


def _part(text: str) -> tuple[Any, ...]:
    """The segments of a part; what separates them does not count."""
    found: list[Any] = []
    for digits, letters, mark in _SEGMENTS.findall(text):
        if digits:
            found.append((_NUMBER, int(digits)))
        elif letters:
            found.append((_LETTERS, letters))
        else:
            found.append((_TILDE if mark == "~" else _CARET,))
    return (*found, (_END,))


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    text = version.strip()
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    if not rest or not (epoch.isascii() and epoch.isdigit()):
        raise NotAVersion(version)
    number, hyphen, release = rest.rpartition("-")
    if not hyphen:
        number, release = rest, ""
    return int(epoch), _part(number), _part(release)
