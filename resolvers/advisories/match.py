"""Matching: packages that advisories concern, kept as rows, whichever of the two comes later.

A package is compared after the commit that wrote it, and an advisory after the commit that wrote it; so
whichever is compared later sees the other. Imports exclude both while they write a batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.advisories import revision
from resolvers.advisories.affected import Concerned
from resolvers.advisories.ecosystems import Installed, places_of
from resolvers.advisories.locks import comparing, writing
from storage.statements import (
    Row,
    batches,
    decode_json,
    execute,
    fetch,
    insert_many,
    placeholders,
)
from storage.transactions import key_share, transaction

_PACKAGES: Final = 200
"""Packages that are compared in one transaction."""
_INSTALLED: Final = (
    "SELECT p.id, p.ecosystem, p.distribution_name, p.distribution_version, p.name, p.version, p.source_name,"
    " p.source_version FROM package p"
)

Pair = tuple[int, int]
"""The ids of a package and an advisory."""


@dataclass(frozen=True, slots=True)
class _Match:
    severity: int
    fixed_version: str | None


def is_uncompared(package: str) -> str:
    """SQL condition on a column with ids of packages: they were not compared with advisories yet."""
    return f"NOT EXISTS (SELECT 1 FROM compared_package c WHERE c.package_id = {package})"


async def compare_packages(package_ids: Sequence[int]) -> None:
    """Find out which advisories concern packages that were not compared yet."""
    for some in batches(sorted(package_ids), _PACKAGES):
        async with transaction("advisories.compare"):
            await comparing()
            await _compare_packages(some)


async def compare_others(after: int = 0, limit: int = 1_000) -> int:
    """Compare packages that were written by a process that ended before it could, in the order of their ids.

    Of those after an id at most `limit`; the last of them, 0 if there was none.
    """
    rows = await fetch(
        f"SELECT p.id FROM package p WHERE p.id > ? AND {is_uncompared('p.id')} ORDER BY p.id LIMIT ?",
        *(after, limit),
    )
    await compare_packages([row["id"] for row in rows])
    return rows[-1]["id"] if rows else 0


async def _compare_packages(ids: Sequence[int]) -> None:
    """In the open transaction, which excludes imports."""
    packages = [
        Installed(**row)
        for row in await fetch(f"{_INSTALLED} WHERE p.id IN ({placeholders(ids)}){key_share()}", *ids)
    ]
    wanted: dict[str, set[str]] = {}
    for package in packages:
        for ecosystem, name, _ in places_of(package):
            wanted.setdefault(ecosystem, set()).add(name)
    rows = [
        row
        for ecosystem, names in wanted.items()
        for some in batches(sorted(names))
        for row in await fetch(
            "SELECT advisory_id, ecosystem, name, severity, spans, versions FROM affected_package"
            f" WHERE ecosystem = ? AND name IN ({placeholders(some)})",
            ecosystem,
            *some,
        )
    ]
    await _insert(_matches(packages, rows))
    await insert_many(
        "compared_package", ("package_id",), [(one.id,) for one in packages], unless="package_id"
    )


async def _insert(found: Mapping[Pair, _Match]) -> None:
    await insert_many(
        "vulnerability",
        ("package_id", "advisory_id", "fixed_version", "severity"),
        [(*pair, match.fixed_version, match.severity) for pair, match in sorted(found.items())],
        unless="package_id, advisory_id",
    )


def _matches(packages: Sequence[Installed], rows: Iterable[Row]) -> dict[Pair, _Match]:
    """Which of the packages are in versions that rows of affected packages name."""
    installed = {(ecosystem, name) for package in packages for ecosystem, name, _ in places_of(package)}
    named: dict[tuple[str, str], list[tuple[int, int, Concerned, frozenset[str]]]] = {}
    for row in rows:
        # An advisory lists many releases and packages, of which mostly few are installed.
        if (row["ecosystem"], row["name"]) not in installed:
            continue
        concerned = Concerned(row["ecosystem"], decode_json(row["spans"]))
        versions = frozenset(decode_json(row["versions"]))
        named.setdefault((row["ecosystem"], row["name"]), []).append(
            (row["advisory_id"], row["severity"], concerned, versions)
        )
    found: dict[Pair, _Match] = {}
    for package in packages:
        for pair, match in _matches_of(package, named):
            # The worst of several, and rather one that tells of a fix.
            found[pair] = min(
                found.get(pair, match), match, key=lambda one: (one.severity, one.fixed_version is None)
            )
    return found


def _matches_of(package: Installed, named: Mapping[Any, Any]) -> Iterator[tuple[Pair, _Match]]:
    for ecosystem, name, version in places_of(package):
        for advisory_id, severity, concerned, versions in named.get((ecosystem, name), ()):
            span = concerned.span_with(version)
            if span is not None or version in versions:
                yield (package.id, advisory_id), _Match(severity, span[1] if span else None)


async def changed(after: int, limit: int) -> list[int]:
    """The ids of advisories that are to be compared, in their order."""
    rows = await fetch(
        "SELECT advisory_id FROM advisory_change WHERE advisory_id > ? ORDER BY advisory_id LIMIT ?",
        after,
        limit,
    )
    return [row["advisory_id"] for row in rows]


async def compare_advisories(advisory_ids: Sequence[int]) -> list[Pair]:
    """Compare changed advisories with all packages, in the open transaction; what was not known before."""
    await writing()
    marks = placeholders(advisory_ids)
    rows = await fetch(
        "SELECT advisory_id, ecosystem, name, severity, spans, versions FROM affected_package"
        f" WHERE advisory_id IN ({marks})",
        *advisory_ids,
    )
    found = _matches(await _packages_named({row["name"] for row in rows}), rows)
    stored = await fetch(
        "SELECT id, package_id, advisory_id, fixed_version, severity FROM vulnerability"
        f" WHERE advisory_id IN ({marks})",
        *advisory_ids,
    )
    new = found.keys() - {(row["package_id"], row["advisory_id"]) for row in stored}
    stale: list[int] = []
    for row in stored:
        pair = row["package_id"], row["advisory_id"]
        if found.get(pair) == _Match(row["severity"], row["fixed_version"]):
            del found[pair]
        else:
            stale.append(row["id"])
    for some in batches(stale):
        await execute(f"DELETE FROM vulnerability WHERE id IN ({placeholders(some)})", *some)
    # What is new, and what was there with another severity or fix.
    await _insert(found)
    if stale or found:
        await revision.bump()
    await execute(f"DELETE FROM advisory_change WHERE advisory_id IN ({marks})", *advisory_ids)
    return sorted(new)


async def _packages_named(names: set[str]) -> list[Installed]:
    """The packages that have one of the names, or whose source package has it."""
    found: dict[int, Installed] = {}
    for some in batches(sorted(names)):
        for column in ("name", "source_name"):
            for row in await fetch(
                f"{_INSTALLED} WHERE p.{column} IN ({placeholders(some)}){key_share()}", *some
            ):
                found[row["id"]] = Installed(**row)
    return list(found.values())
