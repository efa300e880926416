"""Permits: leave to write what an upstream has into one repository, where clients may not write.

A permit is part of the context that the registry itself makes for a mirror or a cache. No door reads one from
a request, and no credential carries one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """What brings content of an upstream: the mirror of a repository, or the cache of its organization."""

    MIRROR = "mirror"
    CACHE = "cache"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one origin to write into one repository."""

    origin: Origin
    repository_id: int
