"""Packages of images: which there are, where, and which layer added them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.advisories.ecosystems import Installed, places_of
from resolvers.context import Context
from resolvers.pages import Page, Query, Slice, Term, paginate_each
from resolvers.scan.package import Distribution, Ecosystem, Package
from storage.search import contains, in_order
from storage.statements import Row, batches, fetch, placeholders

SEARCH_LENGTH: Final = 255
PACKAGE: Final = (
    "p.id AS package_id, p.ecosystem, p.name, p.version, p.source_name, p.source_version, p.architecture,"
    " p.distribution_name, p.distribution_version"
)
SOURCE: Final = (
    "manifest_blob b JOIN scanned_layer l ON l.digest = b.digest"
    " JOIN package_file f ON f.layer_id = l.id JOIN found_package fp ON fp.file_id = f.id"
    " JOIN package p ON p.id = fp.package_id"
)
"""What the layers of manifests have, hidden or not."""
# CROSS JOIN fixes the order for SQLite, which would otherwise begin with all packages or vulnerabilities.
DOWNWARDS: Final = (
    "manifest_blob b CROSS JOIN scanned_layer l CROSS JOIN package_file f CROSS JOIN found_package fp"
)
"""The tables of `SOURCE` without the packages, from few images down to what these have."""
UPWARDS: Final = (
    "found_package fp CROSS JOIN package_file f CROSS JOIN scanned_layer l CROSS JOIN manifest_blob b"
)
"""The same tables from few packages up to the images that have them."""
IS_JOINED: Final = "l.digest = b.digest AND f.layer_id = l.id AND fp.file_id = f.id"
"""SQL condition that joins the tables of `DOWNWARDS` and of `UPWARDS`."""
IS_THERE: Final = (
    "b.role = 'layer' AND NOT EXISTS"
    " (SELECT 1 FROM hidden_file h WHERE h.manifest_id = b.manifest_id AND h.file_id = f.id)"
)
"""SQL condition on package files `f` of blobs `b` of an image: the image has the file."""
IS_SHOWN: Final = (
    f"{IS_THERE} AND NOT EXISTS (SELECT 1 FROM manifest_blob t WHERE t.manifest_id = b.manifest_id"
    " AND t.digest = b.digest AND t.position > b.position)"
)
"""As `IS_THERE`, and only the topmost of layers that an image has several times: for what is listed."""

ATTACHED: Final = "manifest i CROSS JOIN sbom_document d CROSS JOIN manifest a CROSS JOIN sbom_package sp"
"""The tables of what bills name that were attached to images `i`, from few images down to these packages."""
NAMING: Final = "sbom_package sp CROSS JOIN sbom_document d CROSS JOIN manifest a CROSS JOIN manifest i"
"""The same tables from few packages up to the images whose bills name them."""
IS_ATTACHED: Final = (
    "d.repository_id = i.repository_id AND d.subject_digest = i.digest AND d.state = 'read'"
    " AND a.id = d.manifest_id AND a.deleted_digest IS NULL AND sp.document_id = d.id"
)
"""SQL condition that joins the tables of `ATTACHED` and of `NAMING`, for bills whose referrer is there."""
CONTENTS: Final = (
    "(SELECT s.manifest_id, 0 AS is_named, fp.id, fp.package_id, b.position, b.digest, f.path,"
    f" NULL AS bill_digest FROM manifest_scan s CROSS JOIN {DOWNWARDS}"
    f" WHERE s.state = 'scanned' AND b.manifest_id = s.manifest_id AND {IS_JOINED} AND {IS_SHOWN}"
    " UNION ALL SELECT i.id, 1, sp.id, sp.package_id, NULL, NULL, NULL, a.digest"
    f" FROM {ATTACHED} WHERE {IS_ATTACHED} AND sp.is_found = FALSE) b"
)
"""The packages of images: those that scans found, and those that bills alone name (`is_named`)."""


class PackageSource(StrEnum):
    """Whence it is known that an image has a package."""

    FOUND = "found"
    SBOM = "sbom"


def is_of(source: PackageSource | None) -> list[str]:
    """SQL conditions on `CONTENTS`: what is of a source, or of any."""
    return [] if source is None else [f"b.is_named = {int(source is PackageSource.SBOM)}"]


@dataclass(frozen=True, slots=True)
class PackageFilter:
    """Conditions on packages; None means any. `search` is a part of the name, in small or capital letters."""

    search: str | None = None
    ecosystem: Ecosystem | None = None
    source: PackageSource | None = None


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package. The distribution is None where versions mean the same everywhere, or where it is unknown."""

    id: int
    package: Package
    distribution: Distribution | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image notes a package: a file at a path, of the layer `layer_digest`.

    `added_by` is the digest of the layer since which, from the bottom up, that file has noted it.
    """

    path: str
    layer_digest: str
    added_by: str


@dataclass(frozen=True, slots=True)
class ImagePackage:
    """A package of an image. `place` is None for one that a bill alone names, that of `bill_digest`."""

    manifest_id: int
    found: PackageRecord
    place: Place | None
    bill_digest: str | None = None

    @property
    def source(self) -> PackageSource:
        """Whence it is known."""
        return PackageSource.SBOM if self.place is None else PackageSource.FOUND


def record_of(row: Row) -> PackageRecord:
    """The package of a row with its columns."""
    name = row["distribution_name"]
    return PackageRecord(
        row["package_id"],
        Package(
            Ecosystem(row["ecosystem"]),
            row["name"],
            row["version"],
            row["source_name"] or None,
            row["source_version"] or None,
            row["architecture"] or None,
        ),
        Distribution(name, row["distribution_version"]) if name else None,
    )


def advisory_ecosystem(record: PackageRecord) -> str | None:
    """The ecosystem by which advisories name a package; None if it is of none that is known."""
    package, where = record.package, record.distribution
    installed = Installed(
        record.id,
        package.ecosystem.value,
        where.name if where else "",
        where.version if where else "",
        package.name,
        package.version,
        package.source_name or "",
        package.source_version or "",
    )
    return next((ecosystem for ecosystem, *_ in places_of(installed)), None)


async def packages_of(
    context: Context, manifest_ids: Sequence[int], page: Page, chosen: PackageFilter
) -> dict[int, Slice[ImagePackage]]:
    """One page of the packages of each of some authorized images, by name; two statements.

    A package that several files note is there as often, and one that bills alone name as often as they do.
    """
    conditions, values = is_of(chosen.source), []
    if chosen.search:
        condition, value = contains("p.name", chosen.search[:SEARCH_LENGTH].replace("\0", ""))
        conditions.append(condition)
        values.append(value)
    if chosen.ecosystem is not None:
        conditions.append("p.ecosystem = ?")
        values.append(chosen.ecosystem.value)
    found = await paginate_each(
        Query(
            f"{COLUMNS}, {PACKAGE}",
            f"{CONTENTS} JOIN package p ON p.id = b.package_id",
            (Term(in_order("p.name"), "name", kind=str), *ORDER),
            tuple(conditions),
            tuple(values),
        ),
        "b.manifest_id",
        manifest_ids,
        page,
        maximum=context.max_first,
    )
    records = await image_packages([row for slice_ in found.values() for row in slice_.items])
    return {identity: slice_.of(lambda row: records[key_of(row)]) for identity, slice_ in found.items()}


async def with_packages(rows: Sequence[Row]) -> list[Row]:
    """Rows with the columns of their packages; one statement per 500 of these."""
    packages: dict[int, Row] = {}
    for some in batches(sorted({row["package_id"] for row in rows})):
        for row in await fetch(
            f"SELECT {PACKAGE} FROM package p WHERE p.id IN ({placeholders(some)})", *some
        ):
            packages[row["package_id"]] = row
    return [row | packages[row["package_id"]] for row in rows]


COLUMNS: Final = "b.id, b.is_named, b.manifest_id, b.position, b.digest, b.path, b.bill_digest"
"""The columns of `CONTENTS` of which `image_packages` makes packages, with `PACKAGE`."""
ORDER: Final = (Term("b.is_named", "is_named"), Term("b.id", "id"))
"""The end of orders of `CONTENTS`, which makes them unique."""

Key = tuple[int, int, int]
"""An image, whether a bill names the package, and the id of its row."""


def key_of(row: Row) -> Key:
    """The key of a row of `CONTENTS`."""
    return row["manifest_id"], row["is_named"], row["id"]


async def image_packages(rows: Sequence[Row]) -> dict[Key, ImagePackage]:
    """The packages of rows of `CONTENTS`, by their keys; at most one statement."""
    added = await _origins([row for row in rows if not row["is_named"]])
    return {
        key_of(row): ImagePackage(
            row["manifest_id"],
            record_of(row),
            None
            if row["is_named"]
            else Place(row["path"], row["digest"], added[row["manifest_id"], row["id"]]),
            row["bill_digest"],
        )
        for row in rows
    }


async def _origins(rows: Sequence[Row]) -> dict[tuple[int, int], str]:
    """The digests of the layers that added packages, by manifest and id of what was found."""
    if not rows:
        return {}
    manifests = sorted({row["manifest_id"] for row in rows})
    packages = sorted({row["package_id"] for row in rows})
    paths = sorted({row["path"] for row in rows})
    # Every version of these files that the layers have, and which of the packages each of them notes.
    versions = await fetch(
        "SELECT b.manifest_id, b.position, b.digest, f.path, fp.package_id FROM manifest_blob b"
        " JOIN scanned_layer l ON l.digest = b.digest JOIN package_file f ON f.layer_id = l.id"
        f" LEFT JOIN found_package fp ON fp.file_id = f.id AND fp.package_id IN ({placeholders(packages)})"
        f" WHERE b.manifest_id IN ({placeholders(manifests)}) AND b.role = 'layer'"
        f" AND f.path IN ({placeholders(paths)}) ORDER BY b.position DESC",
        *packages,
        *manifests,
        *paths,
    )
    noted: dict[tuple[int, str], dict[int, tuple[str, set[int]]]] = {}
    for row in versions:
        file = noted.setdefault((row["manifest_id"], row["path"]), {})
        file.setdefault(row["position"], (row["digest"], set()))[1].add(row["package_id"])
    origins: dict[tuple[int, int], str] = {}
    for row in rows:
        origin = row["digest"]
        for position, (digest, its) in noted[row["manifest_id"], row["path"]].items():
            if position <= row["position"]:
                if row["package_id"] not in its:
                    break
                origin = digest
        origins[row["manifest_id"], row["id"]] = origin
    return origins
