"""The state of scans: of an image what is noted of it, of an index what its images come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.manifests.content import IMAGE_CONFIG_MEDIA_TYPES
from resolvers.manifests.manifest import held_by
from resolvers.scan.package import Distribution
from storage.statements import Row, decode_json, fetch, placeholders


class ScanState(StrEnum):
    """How far the scan of an image is; the values are those of the table."""

    QUEUED = "queued"
    SCANNED = "scanned"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    LAYER_TOO_LARGE = "too_large"


NO_IMAGE: Final = "It is no image of a container."
COLLECTED: Final = "Its content has been removed."
_WORST: Final = (
    ScanState.QUEUED,
    ScanState.FAILED,
    ScanState.LAYER_TOO_LARGE,
    ScanState.SCANNED,
    ScanState.UNSUPPORTED,
)
"""Which state an index has, by those of its images: the first that one of them has."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """The scan of an image. `images` has the numbers of an index's images by state; None for an image."""

    state: ScanState
    reason: str | None = None
    scanned_at_ms: int | None = None
    distribution: Distribution | None = None
    images: dict[ScanState, int] | None = None


async def scans_of(manifest_ids: Sequence[int]) -> dict[int, ScanRecord]:
    """The scans of manifests, and of indexes what those of all that they hold come to; one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        f"{held_by(manifest_ids)} SELECT h.root, m.id, m.is_index, m.config_media_type, m.collected_at_ms,"
        " s.state, s.reason, s.scanned_at_ms, s.distribution_name, s.distribution_version"
        " FROM held h JOIN manifest m ON m.id = h.id LEFT JOIN manifest_scan s ON s.manifest_id = m.id",
        *manifest_ids,
    )
    of_root: dict[int, list[Row]] = {}
    for row in rows:
        of_root.setdefault(row["root"], []).append(row)
    return {root: _sum(root, found) for root, found in of_root.items()}


def _sum(root: int, rows: Sequence[Row]) -> ScanRecord:
    (own,) = (row for row in rows if row["id"] == root)
    if not own["is_index"]:
        return _of_image(own)
    scans = [_of_image(row) for row in rows if not row["is_index"]]
    images = {state: number for state in ScanState if (number := sum(one.state is state for one in scans))}
    state = next((state for state in _WORST if state in images), ScanState.UNSUPPORTED)
    # Attestations are listed beside images, and say nothing of their number.
    ended = [one.scanned_at_ms for one in scans if one.scanned_at_ms is not None]
    reason = next((one.reason for one in scans if one.state is state and one.reason), None)
    if not scans:
        reason = "The registry holds none of its images."
    return ScanRecord(
        state, reason, None if state is ScanState.QUEUED else max(ended, default=None), None, images
    )


def _of_image(row: Row) -> ScanRecord:
    if row["collected_at_ms"] is not None:
        return ScanRecord(ScanState.UNSUPPORTED, COLLECTED)
    if row["state"] is None:
        is_image = row["config_media_type"] in IMAGE_CONFIG_MEDIA_TYPES
        return ScanRecord(ScanState.QUEUED) if is_image else ScanRecord(ScanState.UNSUPPORTED, NO_IMAGE)
    name = row["distribution_name"]
    return ScanRecord(
        ScanState(row["state"]),
        row["reason"],
        row["scanned_at_ms"],
        Distribution(name, row["distribution_version"]) if name else None,
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of an image that could not be read, and a sentence on why."""

    path: str
    reason: str


async def problems_of(manifest_ids: Sequence[int]) -> dict[int, list[Problem]]:
    """The files of images that could not be read, from the bottom up, at most 100 of each; one statement."""
    rows = await fetch(
        # A manifest may name layers of others, which its repository has no right to; its scan asks for that.
        "SELECT b.manifest_id, l.problems FROM manifest_scan s JOIN manifest_blob b"
        " ON b.manifest_id = s.manifest_id AND s.state = 'scanned'"
        " JOIN scanned_layer l ON l.digest = b.digest"
        f" WHERE b.manifest_id IN ({placeholders(manifest_ids)}) AND b.role = 'layer'"
        " ORDER BY b.manifest_id, b.position",
        *manifest_ids,
    )
    found: dict[int, list[Problem]] = {}
    for row in rows:
        some = found.setdefault(row["manifest_id"], [])
        more = [Problem(path, reason) for path, reason in decode_json(row["problems"])]
        some += more[: 100 - len(some)]
    return found
