"""Diffs: two images that are compared, and which parts of them can be."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from resolvers.manifests.manifest import ManifestRecord
from resolvers.scan.state import COLLECTED, ScanRecord, ScanState

OFF: Final = "Nothing is scanned here."


class Change(StrEnum):
    """What became of something between two images."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"

    @staticmethod
    def of(before: Any, after: Any) -> "Change":
        """The change from one value to another; None is for nothing."""
        if before is None:
            return Change.ADDED
        return Change.REMOVED if after is None else Change.CHANGED


class Part(StrEnum):
    """A part of a comparison."""

    CONFIG = "config"
    LAYERS = "layers"
    FILES = "files"
    PACKAGES = "packages"
    VULNERABILITIES = "vulnerabilities"


OF_SCANS: Final = (Part.FILES, Part.PACKAGES, Part.VULNERABILITIES)
"""The parts that only scans know."""
_STATES: Final = {
    ScanState.QUEUED: "waits for its scan",
    ScanState.UNSUPPORTED: "cannot be scanned",
    ScanState.FAILED: "could not be scanned",
    ScanState.LAYER_TOO_LARGE: "is too large to be scanned",
}


def content_hindrance(images: Sequence[tuple[str, ManifestRecord]]) -> str | None:
    """Why images, given with their names, cannot be compared by what they say; None if they can."""
    for name, image in images:
        if image.is_index:
            return f"`{name}` is an index; compare the images that it holds."
        if image.is_collected:
            return f"`{name}`: {COLLECTED}"
    return None


def scan_hindrance(images: Sequence[tuple[str, ManifestRecord]], scans: Sequence[ScanRecord]) -> str | None:
    """Why images cannot be compared by what scans have found in them; None if they can."""
    hindrance = content_hindrance(images)
    for (name, _), scan in zip(images, scans, strict=True):
        if hindrance is None and scan.state is not ScanState.SCANNED:
            hindrance = f"`{name}` {_STATES[scan.state]}. {scan.reason or ''}".strip()
    return hindrance
