"""Versions of Debian packages, as deb-version(7) orders them: `[epoch:]upstream[-revision]`."""

import re
from typing import Any, Final

from resolvers.advisories.versions.errors import NotAVersion

_PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)")
_EPOCH: Final = re.compile(r"(?:([0-9]+):)?(.*)", re.ASCII)
_UPSTREAM: Final = re.compile(r"[A-Za-z0-9.+:~-]+", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9.+~]+", re.ASCII)
_GREATEST_EPOCH: Final = 2**31 - 1
_END: Final = 0
"""The end of a part is less than every character but the tilde."""


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _part(text: str) -> tuple[Any, ...]:
    """A part in turns: characters that are no digits, and a number; what is missing is zero."""
    found: list[Any] = []
    for other, digits in _PARTS.findall(text):
        if other or digits:
            found += [(*(_order(character) for character in other), _END), int(digits or 0)]
    return (*found, (_END,))


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    found = _EPOCH.fullmatch(version.strip())
    if found is None:
        raise NotAVersion(version)
    epoch, rest = found.groups()
    upstream, hyphen, revision = rest.rpartition("-")
    if not hyphen:
        upstream, revision = rest, "0"
    # A colon belongs to the upstream version only after an epoch.
    if (epoch is None and ":" in upstream) or int(epoch or 0) > _GREATEST_EPOCH:
        raise NotAVersion(version)
    if not _UPSTREAM.fullmatch(upstream) or not _REVISION.fullmatch(revision):
        raise NotAVersion(version)
    return int(epoch or 0), _part(upstream), _part(revision)
