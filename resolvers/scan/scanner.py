"""Scanner: what finds out what is in a layer. The interface that jobs know; `quayside` brings one.

A layer is hostile: whoever may push may make one up. A scanner reads it apart from all else, within limits,
and what it returns is plain data that has been checked for length.
"""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from resolvers.scan.package import Distribution, Package


class LayerState(StrEnum):
    """What came of reading a layer."""

    SCANNED = "scanned"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    TOO_LARGE = "too_large"


class NotScanned(Exception):
    """The layer was not read, and would not be the next time; `reason` is a sentence."""

    def __init__(self, state: LayerState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file of a layer in which packages are noted, such as the status of dpkg."""

    path: str
    parser: str
    packages: Sequence[Package] = ()


@dataclass(frozen=True, slots=True)
class Removals:
    """What a layer takes away from those beneath: paths, and all that was in directories (opaque ones)."""

    paths: Sequence[str] = ()
    directories: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ListingPart:
    """A part of the listing of a layer, in the order of paths (`resolvers.scan.listing`)."""

    first_path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class LayerContents:
    """What is in a layer. `problems` are sentences on files that could not be read, by path."""

    size_bytes: int
    entry_count: int
    package_files: Sequence[PackageFile] = ()
    removals: Removals = field(default_factory=Removals)
    distribution: Distribution | None = None
    problems: Sequence[tuple[str, str]] = ()
    listing: Sequence[ListingPart] = ()


class Scanner(Protocol):
    """Reads layers. What a later version finds more of is found by reading layers again."""

    @property
    def version(self) -> int:
        """Rises with what it finds."""

    async def scan(self, content: AsyncIterable[bytes], size_bytes: int) -> LayerContents:
        """Read a layer of so many bytes as it is stored. Raises `NotScanned`, and what `content` raises."""
