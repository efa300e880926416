"""Semantic versions, of npm and of Rust crates: `major.minor.patch[-pre-release][+build]`.

A version with fewer numbers is completed by zeros, as advisories write `0` for the first of all.
"""

import re
from typing import Any, Final

from resolvers.advisories.versions.errors import NotAVersion

_VERSION: Final = re.compile(
    r"[v=]*(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z.-]*)?",
    re.ASCII,
)
_BEFORE, _RELEASE = range(2)


def _identifier(text: str) -> tuple[int, int, str]:
    """A part of a pre-release: numbers come before words."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        raise NotAVersion(version)
    numbers = [int(one) for one in found["numbers"].split(".")]
    numbers += [0] * (3 - len(numbers))
    if found["before"] is None:
        return (*numbers, (_RELEASE,))
    return (*numbers, (_BEFORE, *(_identifier(one) for one in found["before"].split("."))))
