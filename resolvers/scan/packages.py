"""Packages of images: which there are, where, and which layer added them."""

from collections.abc import Sequence
from dataclasses import dataclass
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
IS_JOINED: Final = "l.digest = b.digest AND f.layer_id = l.id AND fp.file_id = f.id"
"""SQL condition that joins the tables of `DOWNWARDS`."""
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


@dataclass(frozen=True, slots=True)
class PackageFilter:
    """Conditions on packages; None means any. `search` is a part of the name, in small or capital letters."""

    search: str | None = None
    ecosystem: Ecosystem | None = None


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package. The distribution is None where versions mean the same everywhere, or where it is unknown."""

    id: int
    package: Package
    distribution: Distribution | None


@dataclass(frozen=True, slots=True)
class ImagePackage:
    """A package of an image: noted by a file at a path. `added_by` is the digest of the layer since which,
    from the bottom up, that file has noted it."""

    manifest_id: int
    found: PackageRecord
    path: str
    layer_digest: str
    added_by: str


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
    """One page of the packages of each of some authorized, scanned images, by name; two statements.

    A package that several files note is there as often.
    """
    conditions, values = [IS_SHOWN], []
    if chosen.search:
        condition, value = contains("p.name", chosen.search[:SEARCH_LENGTH].replace("\0", ""))
        conditions.append(condition)
        values.append(value)
    if chosen.ecosystem is not None:
        conditions.append("p.ecosystem = ?")
        values.append(chosen.ecosystem.value)
    found = await paginate_each(
        Query(
            f"fp.id, {PACKAGE}, b.manifest_id, b.position, b.digest, f.path",
            SOURCE,
            (Term(in_order("p.name"), "name", kind=str), Term("fp.id", "id")),
            tuple(conditions),
            tuple(values),
        ),
        "b.manifest_id",
        manifest_ids,
        page,
        maximum=context.max_first,
    )
    records = await image_packages([row for slice_ in found.values() for row in slice_.items])
    return {
        identity: slice_.of(lambda row: records[row["manifest_id"], row["id"]])
        for identity, slice_ in found.items()
    }


async def with_packages(rows: Sequence[Row]) -> list[Row]:
    """Rows with the columns of their packages; one statement per 500 of these."""
    packages: dict[int, Row] = {}
    for some in batches(sorted({row["package_id"] for row in rows})):
        for row in await fetch(
            f"SELECT {PACKAGE} FROM package p WHERE p.id IN ({placeholders(some)})", *some
        ):
            packages[row["package_id"]] = row
    return [row | packages[row["package_id"]] for row in rows]


async def image_packages(rows: Sequence[Row]) -> dict[tuple[int, int], ImagePackage]:
    """The packages of rows of `SOURCE`, by manifest and id of what was found; at most one statement."""
    added = await _origins(rows)
    return {
        key: ImagePackage(row["manifest_id"], record_of(row), row["path"], row["digest"], added[key])
        for row in rows
        for key in [(row["manifest_id"], row["id"])]
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
