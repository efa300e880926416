"""Bills of materials that somebody attached to images: which there are, and what they name that scans found.

`resolvers.sbom.reading` reads them. What a bill names is shown beside what was found, and never in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.manifests.examination import BILL
from resolvers.scan.package import OF_DISTRIBUTIONS, Package
from resolvers.scan.packages import DOWNWARDS, IS_JOINED, IS_SHOWN, ImagePackage
from storage.jobs import enqueue
from storage.statements import Row, execute, fetch, fetch_one, is_postgres, placeholders

SHOWN: Final = 100
"""Bills of an image that are listed."""
_OF_IMAGES: Final = (
    "manifest i JOIN sbom_document d ON d.repository_id = i.repository_id AND d.subject_digest = i.digest"
    " JOIN manifest a ON a.id = d.manifest_id AND a.deleted_digest IS NULL"
)


class BillState(StrEnum):
    """How far a bill is; the values are those of the table."""

    QUEUED = "queued"
    READ = "read"
    FAILED = "failed"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class BillRecord:
    """A bill that is attached to an image by the referrer `manifest_digest`."""

    manifest_digest: str
    state: BillState
    reason: str | None
    format: str | None
    version: str | None
    package_count: int
    pushed_by: str | None


async def bills_of(manifest_ids: Sequence[int]) -> dict[int, list[BillRecord]]:
    """The bills of manifests, the newest first, at most `SHOWN` of each; one statement."""
    rows = await fetch(
        "SELECT * FROM (SELECT i.id AS image_id, a.digest, d.state, d.reason, d.format, d.version,"
        " d.package_count, d.pushed_by, d.id,"
        " ROW_NUMBER() OVER (PARTITION BY i.id ORDER BY d.id DESC) AS place"
        f" FROM {_OF_IMAGES} WHERE i.id IN ({placeholders(manifest_ids)})) placed"
        " WHERE place <= ? ORDER BY id DESC",
        *(*manifest_ids, SHOWN),
    )
    found: dict[int, list[BillRecord]] = {}
    for row in rows:
        found.setdefault(row["image_id"], []).append(_record(row))
    return found


def _record(row: Row) -> BillRecord:
    return BillRecord(
        row["digest"],
        BillState(row["state"]),
        row["reason"],
        row["format"],
        row["version"],
        row["package_count"],
        row["pushed_by"],
    )


async def hold(repository_id: int, subject_digest: str) -> list[Row]:
    """The bills of a manifest, locked in the open transaction: so reading and scanning see each other."""
    lock = " FOR UPDATE" if is_postgres() else ""
    return await fetch(
        "SELECT id, manifest_id, state FROM sbom_document WHERE repository_id = ? AND subject_digest = ?"
        f" ORDER BY id{lock}",
        *(repository_id, subject_digest),
    )


async def settle(repository_id: int, subject_digest: str) -> None:
    """Note which packages of the bills of an image its scan has found, in the open transaction.

    A package is the same by ecosystem, name, version, and architecture if both have one. Bills that do not
    say of which distribution their packages are get read again once the scan says it.
    """
    bills = [row for row in await hold(repository_id, subject_digest) if row["state"] == BillState.READ]
    if not bills:
        return
    ids = [row["id"] for row in bills]
    await execute(
        f"UPDATE sbom_package SET is_found = FALSE WHERE document_id IN ({placeholders(ids)})"
        " AND is_found = TRUE",
        *ids,
    )
    scan = await fetch_one(
        "SELECT s.manifest_id, s.distribution_name, r.namespace_id FROM manifest i"
        " JOIN manifest_scan s ON s.manifest_id = i.id AND s.state = 'scanned'"
        " JOIN repository r ON r.id = i.repository_id WHERE i.repository_id = ? AND i.digest = ?",
        *(repository_id, subject_digest),
    )
    if scan is None:
        return
    # CROSS JOIN has SQLite look each package up among those that were found, which it indexes for that.
    await execute(
        "UPDATE sbom_package SET is_found = TRUE WHERE id IN (WITH found AS MATERIALIZED"
        " (SELECT DISTINCT p.ecosystem, p.name, p.version, p.architecture"
        f" FROM {DOWNWARDS} CROSS JOIN package p"
        f" WHERE b.manifest_id = ? AND {IS_JOINED} AND {IS_SHOWN} AND p.id = fp.package_id)"
        " SELECT sp.id FROM sbom_package sp CROSS JOIN package q CROSS JOIN found"
        f" WHERE sp.document_id IN ({placeholders(ids)}) AND q.id = sp.package_id AND found.name = q.name"
        " AND found.version = q.version AND found.ecosystem = q.ecosystem"
        " AND (found.architecture = q.architecture OR found.architecture = '' OR q.architecture = ''))",
        *(scan["manifest_id"], *ids),
    )
    if scan["distribution_name"]:
        for row in bills:
            if await _lacks_distribution(row["id"]):
                payload = {"manifest_id": row["manifest_id"]}
                await enqueue(BILL, payload, namespace_id=scan["namespace_id"])


async def _lacks_distribution(document_id: int) -> bool:
    kinds = [kind.value for kind in sorted(OF_DISTRIBUTIONS)]
    row = await fetch_one(
        "SELECT 1 AS one FROM sbom_package sp JOIN package p ON p.id = sp.package_id WHERE sp.document_id = ?"
        f" AND p.distribution_name = '' AND p.ecosystem IN ({placeholders(kinds)}) LIMIT 1",
        *(document_id, *kinds),
    )
    return row is not None


_Key = tuple[int, str, str, str]


async def bills_naming(packages: Sequence[ImagePackage]) -> list[str | None]:
    """The referrers of the newest bills that name packages which were found; one statement."""
    manifests = sorted({one.manifest_id for one in packages})
    names = sorted({one.found.package.name for one in packages})
    rows = await fetch(
        f"SELECT i.id AS image_id, a.digest, p.ecosystem, p.name, p.version, p.architecture FROM {_OF_IMAGES}"
        " JOIN sbom_package sp ON sp.document_id = d.id AND sp.is_found = TRUE"
        " JOIN package p ON p.id = sp.package_id WHERE d.state = 'read'"
        f" AND i.id IN ({placeholders(manifests)}) AND p.name IN ({placeholders(names)}) ORDER BY d.id DESC",
        *(*manifests, *names),
    )
    named: dict[_Key, list[Row]] = {}
    for row in rows:
        key = (row["image_id"], row["ecosystem"], row["name"], row["version"])
        named.setdefault(key, []).append(row)
    return [
        next(
            (
                row["digest"]
                for row in named.get(_key(one), ())
                if not row["architecture"] or _package(one).architecture in {None, row["architecture"]}
            ),
            None,
        )
        for one in packages
    ]


def _package(one: ImagePackage) -> Package:
    return one.found.package


def _key(one: ImagePackage) -> _Key:
    package = _package(one)
    return one.manifest_id, package.ecosystem.value, package.name, package.version
