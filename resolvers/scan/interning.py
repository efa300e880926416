"""Packages as rows, each once for all layers that have it."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence

from resolvers.advisories import revision
from resolvers.scan.package import OF_DISTRIBUTIONS, Distribution, Package
from resolvers.scan.packages import PACKAGE, record_of
from storage.statements import batches, execute, fetch, insert_many, placeholders

_COLUMNS = (
    "key",
    "ecosystem",
    "distribution_name",
    "distribution_version",
    "name",
    "version",
    "source_name",
    "source_version",
    "architecture",
)


def key_of(package: Package, distribution: Distribution | None) -> tuple[str, tuple[str, ...]]:
    """The key of the row of a package, and its other columns."""
    where = distribution if package.ecosystem in OF_DISTRIBUTIONS else None
    columns = (
        package.ecosystem.value,
        where.name if where else "",
        where.version if where else "",
        package.name,
        package.version,
        package.source_name or "",
        package.source_version or "",
        package.architecture or "",
    )
    return hashlib.sha256("\0".join(columns).encode()).hexdigest(), columns


_Columns = tuple[str, ...]


def _keyed(
    packages: Iterable[Package], distribution: Distribution | None
) -> tuple[dict[Package, tuple[str, _Columns]], list[tuple[str, _Columns]]]:
    """The keys and columns of packages, and those of the rows that they need, in the order of their keys."""
    keys = {package: key_of(package, distribution) for package in packages}
    return keys, sorted(dict(keys.values()).items())


async def intern(packages: Iterable[Package], distribution: Distribution | None) -> Mapping[Package, int]:
    """The ids of packages of a distribution, whose rows are written where they are missing.

    Outside of long transactions: rows are written in the order of their keys, but many may do so.
    """
    # A layer may have a hundred thousand; meanwhile the server goes on.
    keys, rows = await asyncio.to_thread(_keyed, packages, distribution)
    known = await _ids([key for key, _ in rows])
    missing = [(key, *columns) for key, columns in rows if key not in known]
    if missing:
        await insert_many("package", _COLUMNS, missing, unless="key")
        known |= await _ids([row[0] for row in missing])
    return {package: known[key] for package, (key, _) in keys.items()}


async def _ids(keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in batches(keys):
        rows = await fetch(f"SELECT key, id FROM package WHERE key IN ({placeholders(batch)})", *batch)
        found |= {row["key"]: row["id"] for row in rows}
    return found


async def settle_distribution(file_ids: Sequence[int], distribution: Distribution) -> None:
    """Say of which distribution the packages of files are that do not say it yet.

    Which it is stands in another layer of the image. A layer that several images have is of the distribution
    of the first of them; the packages of a distribution are not installed on top of another one.
    """
    kinds = [kind.value for kind in sorted(OF_DISTRIBUTIONS)]
    is_changed = False
    for batch in batches(file_ids):
        rows = await fetch(
            f"SELECT DISTINCT {PACKAGE} FROM found_package fp JOIN package p ON p.id = fp.package_id"
            f" WHERE fp.file_id IN ({placeholders(batch)}) AND p.ecosystem IN ({placeholders(kinds)})"
            " AND p.distribution_name = ''",
            *batch,
            *kinds,
        )
        packages = {row["package_id"]: record_of(row).package for row in rows}
        is_changed = is_changed or bool(packages)
        ids = await intern(packages.values(), distribution)
        for some in batches(sorted(packages), 100):
            cases = " ".join(["WHEN CAST(? AS BIGINT) THEN CAST(? AS BIGINT)"] * len(some))
            await execute(
                f"UPDATE found_package SET package_id = CASE package_id {cases} END"
                f" WHERE file_id IN ({placeholders(batch)}) AND package_id IN ({placeholders(some)})",
                *(value for old in some for value in (old, ids[packages[old]])),
                *batch,
                *some,
            )
    if is_changed:
        await revision.bump()


async def forget_unused(after: int = 0, limit: int = 500) -> int:
    """Delete rows of packages that no layer and no bill has any more, in the order of their ids.

    Of those after an id at most `limit`; the last of them, 0 if there was none.
    """
    is_unused = (
        "NOT EXISTS (SELECT 1 FROM found_package fp WHERE fp.package_id = p.id)"
        " AND NOT EXISTS (SELECT 1 FROM sbom_package sp WHERE sp.package_id = p.id)"
    )
    rows = await fetch(
        f"SELECT p.id FROM package p WHERE p.id > ? AND {is_unused} ORDER BY p.id LIMIT ?", after, limit
    )
    if not rows:
        return 0
    ids: list[int] = [row["id"] for row in rows]
    await execute(f"DELETE FROM package AS p WHERE p.id IN ({placeholders(ids)}) AND {is_unused}", *ids)
    return ids[-1]
