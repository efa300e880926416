"""Versions of Go modules, which are semantic versions, and of Go itself, such as `go1.21rc2`."""

import re
from typing import Any, Final

from resolvers.advisories.versions import semver

_TOOLCHAIN: Final = re.compile(
    r"(?:go)?(?P<numbers>[0-9]+\.[0-9]+(?:\.[0-9]+)?)(?:(?P<stage>beta|rc)(?P<number>[0-9]+))?", re.ASCII
)


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    found = _TOOLCHAIN.match(version)
    # What follows a blank or a hyphen in the version of a toolchain says who built it.
    if found and (version.startswith("go") or found["stage"]):
        numbers = found["numbers"] + ".0" * (2 - found["numbers"].count("."))
        return semver.key(numbers + (f"-{found['stage']}.{found['number']}" if found["stage"] else ""))
    return semver.key(version)
