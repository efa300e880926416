"""Counting vulnerabilities over all tagged images of repositories, in statements of bounded size.

Package files are read once for all images that have them, since most images are built on others. Only where
documents of VEX say what does not count is each image looked at by itself.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.manifests.manifest import held_by
from resolvers.scan.figures import Count
from resolvers.scan.jobs import IS_IMAGE
from resolvers.scan.packages import ATTACHED, DOWNWARDS, IS_ATTACHED, IS_JOINED, IS_SHOWN
from resolvers.scan.state import ScanState
from resolvers.scan.suppression import IS_SUPPRESSED
from storage.statements import Row, batches, fetch, placeholders

BATCH: Final = 200
"""Images in one statement."""
BATCH_WITH_DOCUMENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is counted.

    `documents` tells which documents of VEX are attached to it, None without, and `bills` the same of bills
    of materials.
    """

    id: int
    repository_id: int
    state: ScanState
    scanned_at_ms: int | None
    documents: int | None
    bills: int | None

    @property
    def is_scanned(self) -> bool:
        """Whether it is known what is in it."""
        return self.state is ScanState.SCANNED


async def images_of(manifest_ids: Iterable[int]) -> list[Image]:
    """The images among manifests and among what indexes of these hold; one statement per 500 manifests."""
    found: dict[int, Image] = {}
    for some in batches(sorted(set(manifest_ids))):
        rows = await fetch(
            f"{held_by(some)} SELECT m.id, m.repository_id, m.collected_at_ms, s.state, s.scanned_at_ms,"
            # Documents are told apart by their ids, and by whether they are read.
            " (SELECT CAST(SUM(d.id * 2 + CASE d.state WHEN 'queued' THEN 0 ELSE 1 END) AS BIGINT)"
            " FROM manifest a JOIN vex_document d ON d.manifest_id = a.id"
            " WHERE a.repository_id = m.repository_id AND a.subject_digest = m.digest) AS documents,"
            " (SELECT CAST(SUM(d.id * 2 + CASE d.state WHEN 'read' THEN 1 ELSE 0 END) AS BIGINT)"
            " FROM sbom_document d JOIN manifest a ON a.id = d.manifest_id AND a.deleted_digest IS NULL"
            " WHERE d.repository_id = m.repository_id AND d.subject_digest = m.digest) AS bills"
            " FROM manifest m LEFT JOIN manifest_scan s ON s.manifest_id = m.id"
            f" WHERE m.id IN (SELECT h.id FROM held h) AND {IS_IMAGE}",
            *some,
        )
        found |= {row["id"]: _image(row) for row in rows}
    return list(found.values())


def _image(row: Row) -> Image:
    state = ScanState(row["state"] or ScanState.QUEUED)
    if row["collected_at_ms"] is not None:
        state = ScanState.UNSUPPORTED
    return Image(row["id"], row["repository_id"], state, row["scanned_at_ms"], row["documents"], row["bills"])


def marker_of(images: Iterable[Image], revision: int) -> str:
    """A digest of what the images of a repository are counted by: the same as long as the count holds."""
    digest = hashlib.sha256()
    is_known = False
    for one in sorted(images, key=lambda image: image.id):
        digest.update(f"{one.id} {one.state} {one.scanned_at_ms} {one.documents} {one.bills}\n".encode())
        is_known = is_known or one.is_scanned or one.bills is not None
    if is_known:
        digest.update(f"{revision}".encode())
    return digest.hexdigest()


# Materialized, so that the packages of a file are read once, however many images have it.
_SHARED: Final = f"""
WITH shown AS MATERIALIZED (
  SELECT m.repository_id, b.manifest_id, f.id AS file_id
  FROM manifest m CROSS JOIN manifest_blob b CROSS JOIN scanned_layer l CROSS JOIN package_file f
  WHERE m.id IN ({{images}}) AND b.manifest_id = m.id AND l.digest = b.digest AND f.layer_id = l.id
  AND {IS_SHOWN}),
concerned AS MATERIALIZED (
  SELECT o.file_id, v.advisory_id, MIN(v.severity) AS severity,
    MAX(CASE WHEN v.fixed_version IS NULL THEN 1 ELSE 0 END) AS unfixed
  FROM (SELECT DISTINCT file_id FROM shown) o CROSS JOIN found_package fp CROSS JOIN vulnerability v
  WHERE fp.file_id = o.file_id AND v.package_id = fp.package_id GROUP BY o.file_id, v.advisory_id)
SELECT p.repository_id, NULL AS manifest_id, c.advisory_id, MIN(c.severity) AS severity,
  MAX(c.unfixed) AS unfixed
FROM (SELECT DISTINCT repository_id, file_id FROM shown) p JOIN concerned c ON c.file_id = p.file_id
GROUP BY p.repository_id, c.advisory_id
UNION ALL
SELECT s.repository_id, s.manifest_id, NULL, MIN(w.severity), 0 FROM shown s
JOIN (SELECT file_id, MIN(severity) AS severity FROM concerned GROUP BY file_id) w ON w.file_id = s.file_id
GROUP BY s.repository_id, s.manifest_id
"""
"""The advisories of repositories, and the worst severity of each image."""

_BY_IMAGE: Final = f"""
SELECT m.repository_id, b.manifest_id, v.advisory_id, MIN(v.severity) AS severity,
  MAX(CASE WHEN v.fixed_version IS NULL THEN 1 ELSE 0 END) AS unfixed
FROM manifest m CROSS JOIN {DOWNWARDS} CROSS JOIN vulnerability v
WHERE m.id IN ({{images}}) AND b.manifest_id = m.id AND {IS_JOINED} AND v.package_id = fp.package_id
AND {IS_SHOWN} AND NOT {IS_SUPPRESSED} GROUP BY m.repository_id, b.manifest_id, v.advisory_id
"""
"""The advisories of images, without what documents of VEX say does not count."""

_NAMED: Final = f"""
SELECT b.repository_id, b.manifest_id, v.advisory_id, MIN(v.severity) AS severity,
  MAX(CASE WHEN v.fixed_version IS NULL THEN 1 ELSE 0 END) AS unfixed
FROM (SELECT i.repository_id, i.id AS manifest_id, sp.package_id FROM {ATTACHED}
  WHERE i.id IN ({{images}}) AND {IS_ATTACHED} AND sp.is_found = FALSE) b CROSS JOIN vulnerability v
WHERE v.package_id = b.package_id AND NOT {IS_SUPPRESSED}
GROUP BY b.repository_id, b.manifest_id, v.advisory_id
"""
"""The same of packages that bills of materials alone name."""


def cost_of(images: Iterable[Image]) -> int:
    """What it costs to count images: as much as that many without documents and bills."""
    return sum(
        1 if one.documents is None and one.bills is None else BATCH // BATCH_WITH_DOCUMENTS for one in images
    )


async def count(images: Sequence[Image]) -> dict[int, Count]:
    """The counts of the repositories that images are of; one statement per 200 images, as `BATCH` says.

    Packages that bills of materials name count with those that were found.
    """
    counts: dict[int, Count] = {}
    worst: dict[int, int] = {}
    scanned = [one for one in images if one.is_scanned]
    for statement, size, chosen in (
        (_SHARED, BATCH, [one.id for one in scanned if one.documents is None]),
        (_BY_IMAGE, BATCH_WITH_DOCUMENTS, [one.id for one in scanned if one.documents is not None]),
        (_NAMED, BATCH_WITH_DOCUMENTS, [one.id for one in images if one.bills is not None]),
    ):
        for some in batches(chosen, size):
            for row in await fetch(statement.format(images=placeholders(some)), *some):
                severity = row["severity"]
                if row["manifest_id"] is not None:
                    worst[row["manifest_id"]] = min(worst.get(row["manifest_id"], severity), severity)
                if row["advisory_id"] is not None:
                    counts.setdefault(row["repository_id"], Count()).add(
                        row["advisory_id"], severity, is_fixed=not row["unfixed"]
                    )
    for one in images:
        total = counts.setdefault(one.repository_id, Count())
        total.states[one.state] += 1
        if one.is_scanned:
            total.worst[worst.get(one.id)] += 1
    return counts
