"""Packages that differ between two images, by ecosystem and name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.context import Context
from resolvers.diffs.diff import Change
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.scan.package import Ecosystem
from resolvers.scan.packages import IS_SHOWN, SOURCE
from storage.search import in_order
from storage.statements import fetch, placeholders

MOST_VERSIONS: Final = 1_000
"""Versions of one package that are shown of each image."""
_VERSIONS: Final = (
    f"SELECT p.ecosystem, p.name, p.version, MAX(CASE WHEN b.manifest_id = ? THEN 1 ELSE 0 END) AS is_before,"
    " MAX(CASE WHEN b.manifest_id = ? THEN 1 ELSE 0 END) AS is_after"
    f" FROM {SOURCE} WHERE b.manifest_id IN (?, ?) AND {IS_SHOWN} GROUP BY p.ecosystem, p.name, p.version"
)
"""SQL: the versions of packages that either of two images has; it takes the ids of these twice."""
_CHANGE: Final = (
    "CASE WHEN SUM(is_before) = 0 THEN 'added' WHEN SUM(is_after) = 0 THEN 'removed' ELSE 'changed' END"
)
_CHANGES: Final = (
    f"(SELECT ecosystem, name, {_CHANGE} AS change FROM ({_VERSIONS}) versions GROUP BY ecosystem, name"
    " HAVING SUM(CASE WHEN is_before <> is_after THEN 1 ELSE 0 END) > 0) changes"
)


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of which two images have other versions, each as often as they have it at least once."""

    ecosystem: Ecosystem
    name: str
    change: Change
    before: Sequence[str]
    after: Sequence[str]


async def counts(images: tuple[int, int]) -> dict[Change, int]:
    """How many packages of two authorized, scanned images differ how; one statement."""
    rows = await fetch(f"SELECT change, COUNT(*) AS number FROM {_CHANGES} GROUP BY change", *images, *images)
    found = {Change(row["change"]): int(row["number"]) for row in rows}
    return {change: found.get(change, 0) for change in Change}


async def changes(
    context: Context,
    images: tuple[int, int],
    page: Page,
    *,
    change: Change | None,
    ecosystem: Ecosystem | None,
) -> Slice[PackageChange]:
    """One page of the packages that differ, by name; two statements."""
    conditions: list[str] = []
    values: list[int | str] = [*images, *images]
    wanted: tuple[tuple[str, StrEnum | None], ...] = (("change", change), ("ecosystem", ecosystem))
    for column, value in wanted:
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value.value)
    found = await paginate(
        Query(
            "ecosystem, name, change",
            _CHANGES,
            (Term(in_order("name"), "name", kind=str), Term(in_order("ecosystem"), "ecosystem", kind=str)),
            tuple(conditions),
            tuple(values),
        ),
        page,
        maximum=context.max_first,
    )
    versions = await _versions(images, sorted({row["name"] for row in found.items}))
    return found.of(
        lambda row: PackageChange(
            Ecosystem(row["ecosystem"]),
            row["name"],
            Change(row["change"]),
            *versions[row["ecosystem"], row["name"]],
        )
    )


async def _versions(
    images: tuple[int, int], names: Sequence[str]
) -> Mapping[tuple[str, str], tuple[list[str], list[str]]]:
    """The versions of packages of some names in both images, by ecosystem and name."""
    if not names:
        return {}
    rows = await fetch(
        f"SELECT * FROM ({_VERSIONS}) versions WHERE name IN ({placeholders(names)})"
        f" ORDER BY {in_order('version')}",
        *(*images, *images, *names),
    )
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for row in rows:
        both = found.setdefault((row["ecosystem"], row["name"]), ([], []))
        for versions, column in zip(both, ("is_before", "is_after"), strict=True):
            if row[column] and len(versions) < MOST_VERSIONS:
                versions.append(row["version"])
    return found
