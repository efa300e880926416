"""Versions of Ruby gems, in the order of `Gem::Version`."""

import re
from functools import total_ordering
from itertools import zip_longest
from typing import Final

from resolvers.advisories.versions.errors import NotAVersion

_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_SEGMENTS: Final = re.compile(r"[0-9]+|[a-z]+", re.ASCII | re.IGNORECASE)
_ZERO: Final = (1, 0, "")


def _segment(text: str) -> tuple[int, int, str]:
    """A segment: words, which mean what comes before a release, are less than numbers."""
    return (1, int(text), "") if text.isdigit() else (0, 0, text)


def _without_zeros(segments: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    while segments and segments[-1] == _ZERO:
        segments.pop()
    return tuple(segments)


@total_ordering
class _Key:
    """The segments of a version, which goes on with zeros after its end."""

    __slots__ = ("segments",)

    def __init__(self, segments: tuple[tuple[int, int, str], ...]) -> None:
        self.segments = segments

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.segments == other.segments

    def __hash__(self) -> int:
        return hash(self.segments)

    def __lt__(self, other: "_Key") -> bool:
        for mine, theirs in zip_longest(self.segments, other.segments, fillvalue=_ZERO):
            if mine != theirs:
                return mine < theirs
        return False


def key(version: str) -> _Key:
    """Sorts like the version. Raises `NotAVersion`."""
    text = version.strip() or "0"
    if not _VERSION.fullmatch(text):
        raise NotAVersion(version)
    segments = [_segment(one) for one in _SEGMENTS.findall(text.replace("-", ".pre."))]
    words = next((at for at, (is_number, _, _) in enumerate(segments) if not is_number), len(segments))
    return _Key(_without_zeros(segments[:words]) + _without_zeros(segments[words:]))
