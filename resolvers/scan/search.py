"""Questions the other way round: which images have a package, or one that advisories concern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.access.permissions import visible_repositories
from resolvers.advisories.ecosystems import name_of, rules_of
from resolvers.advisories.versions import Key, NotAVersion, key_of
from resolvers.advisories.vulnerability import AdvisoryRecord, advisories_named
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.manifests import manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.scan.package import Ecosystem
from resolvers.scan.packages import DOWNWARDS, IS_JOINED, IS_SHOWN, PACKAGE, PackageRecord, record_of
from resolvers.scan.tagged import is_tagged
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import fetch, placeholders

_LONGEST: Final = 512
_MOST_BOUNDS: Final = 10
_MOST_VERSIONS: Final = 5_000
_FEW: Final = 500
"""Images that are looked at one by one; where more have it, the newest of all images are tried in turn."""
_BOUND: Final = re.compile(r"(<=|>=|==|<|>|=)?\s*([^\s,<>=]+)\s*,?\s*")
# CROSS JOIN fixes the order for SQLite.
_HAVING: Final = (
    "found_package fp CROSS JOIN package_file f CROSS JOIN scanned_layer l CROSS JOIN manifest_blob b"
    " WHERE f.id = fp.file_id AND l.id = f.layer_id AND b.digest = l.digest"
)


@dataclass(frozen=True, slots=True)
class Packages:
    """Packages that are looked for: a query for their ids, with its values."""

    ids: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known by a name: the advisories that have it, at most 100."""

    advisories: tuple[AdvisoryRecord, ...]

    @property
    def packages(self) -> Packages | None:
        """The packages that they concern."""
        ids = tuple(one.id for one in self.advisories)
        if not ids:
            return None
        sql = f"SELECT v.package_id FROM vulnerability v WHERE v.advisory_id IN ({placeholders(ids)})"
        return Packages(sql, ids)


async def search(name: str) -> Found:
    """The advisories with a name, be it their own or another one, that hold. Anybody may ask."""
    return Found(tuple(await advisories_named(name)))


async def packages_named(
    name: str, version_range: str | None, ecosystem: Ecosystem | None
) -> Packages | None:
    """The packages with a name, in versions of a range such as `>=1.2 <1.4`; None if there are none.

    Versions are compared by the rules of the ecosystem of each package. Raises `Invalid` for a range that is
    none, or has too much in it.
    """
    kinds = [ecosystem] if ecosystem else list(Ecosystem)
    bounds = _bounds(version_range, ecosystem) if version_range is not None else []
    if not 0 < len(name) <= _LONGEST or "\0" in name:
        return None
    names = {kind: name_of(rules_of(kind.value), name) for kind in kinds}
    conditions = " OR ".join(["p.name = ? AND p.ecosystem = ?"] * len(names))
    values = tuple(value for kind, one in names.items() for value in (one, kind.value))
    if not bounds:
        return Packages(f"SELECT p.id FROM package p WHERE {conditions}", values)
    rows = await fetch(f"SELECT p.id, p.ecosystem, p.version FROM package p WHERE {conditions}", *values)
    rules = {kind.value: key_of(rules_of(kind.value)) for kind in kinds}
    ids = tuple(row["id"] for row in rows if _is_in(row["version"], bounds, rules[row["ecosystem"]]))
    if len(ids) > _MOST_VERSIONS:
        raise Invalid(
            f"versionRange: more than {_MOST_VERSIONS} versions are in it; ask for fewer.",
            field="versionRange",
        )
    return Packages(placeholders(ids), ids) if ids else None


def _bounds(text: str, ecosystem: Ecosystem | None) -> list[tuple[str, str]]:
    """The bounds of a range: comparisons with versions, all of which hold."""
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text.strip()):
        match = _BOUND.match(text.strip(), place)
        if match is None or len(found) == _MOST_BOUNDS:
            raise Invalid(
                "versionRange: must be comparisons of versions with < <= > >= or =, such as `>=1.2 <1.4`, at"
                f" most {_MOST_BOUNDS} of them.",
                field="versionRange",
            )
        found.append((match[1] or "=", match[2]))
        place = match.end()
    if ecosystem is not None:
        for _, version in found:
            try:
                key_of(rules_of(ecosystem.value))(version)
            except NotAVersion as error:
                raise Invalid(
                    f"versionRange: {version[:100]} is no version of this ecosystem.", field="versionRange"
                ) from error
    return found


def _is_in(version: str, bounds: Sequence[tuple[str, str]], key: Key) -> bool:
    try:
        place = key(version)
        return all(_holds(place, comparison, key(bound)) for comparison, bound in bounds)
    except NotAVersion:
        # It has no place in an order, but may be named.
        return all(comparison in {"=", "=="} and version == bound for comparison, bound in bounds)


def _holds(place: Any, comparison: str, bound: Any) -> bool:
    if comparison in {"=", "=="}:
        return bool(place == bound)
    if comparison.startswith("<"):
        return bool(place < bound or (comparison == "<=" and place == bound))
    return bool(place > bound or (comparison == ">=" and place == bound))


async def images_with(
    context: Context, packages: Packages | None, page: Page, *, pulled_since_ms: int | None = None
) -> Slice[ManifestRecord]:
    """The images with one of the packages that the viewer may see and that have a tag now; newest first.

    With `pulled_since_ms` only those that were pulled since. Three statements.
    """
    if packages is None:
        return Slice([], [], has_next=False, has_previous=False, total=0)
    visible, values = visible_repositories(context.viewer, include_public=True)
    tagged, tag_values = is_tagged(now_ms())
    conditions = ["s.state = 'scanned'", exists("r"), exists("n"), visible]
    of_conditions: list[Any] = [*values]
    if pulled_since_ms is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM manifest_pulls q WHERE q.manifest_id = m.id AND q.last_pulled_at_ms >= ?)"
        )
        of_conditions.append(pulled_since_ms)
    rows = await fetch(
        f"SELECT b.manifest_id FROM {_HAVING} AND fp.package_id IN ({packages.ids}) LIMIT ?",
        *(*packages.values, _FEW + 1),
    )
    if not rows:
        return Slice([], [], has_next=False, has_previous=page.after is not None, total=0)
    if len(rows) <= _FEW:
        few = sorted({row["manifest_id"] for row in rows})
        conditions.append(f"m.id IN ({placeholders(few)})")
        of_conditions += few
    # CASE keeps databases from asking this of images in repositories that the viewer may not see.
    conditions.append(
        f"CASE WHEN n.id > 0 THEN {tagged} AND EXISTS (SELECT 1 FROM {DOWNWARDS} WHERE {IS_JOINED}"
        f" AND b.manifest_id = m.id AND fp.package_id IN ({packages.ids}) AND {IS_SHOWN}) ELSE FALSE END"
    )
    of_conditions += [*tag_values, *packages.values]
    query = Query(
        "m.id",
        "manifest m JOIN repository r ON r.id = m.repository_id JOIN account n ON n.id = r.namespace_id"
        " JOIN manifest_scan s ON s.manifest_id = m.id",
        (Term("m.id", "id", descending=True),),
        tuple(conditions),
        tuple(of_conditions),
    )
    found = await paginate(query, page, maximum=context.max_first)
    records = await manifest.by_ids([row["id"] for row in found.items])
    return found.of(lambda row: records[row["id"]])


async def packages_in(
    packages: Packages, manifest_ids: Sequence[int], limit: int = 100
) -> dict[int, list[PackageRecord]]:
    """Which of the packages authorized images have, each once, at most `limit` of each; one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        "SELECT * FROM (SELECT each_one.*, ROW_NUMBER() OVER (PARTITION BY manifest_id ORDER BY package_id)"
        f" AS place FROM (SELECT DISTINCT b.manifest_id, {PACKAGE} FROM {DOWNWARDS} CROSS JOIN package p"
        f" WHERE {IS_JOINED} AND p.id = fp.package_id"
        f" AND b.manifest_id IN ({placeholders(manifest_ids)}) AND fp.package_id IN ({packages.ids})"
        f" AND {IS_SHOWN}) each_one) placed WHERE place <= ? ORDER BY manifest_id, place",
        *(*manifest_ids, *packages.values, limit),
    )
    found: dict[int, list[PackageRecord]] = {}
    for row in rows:
        found.setdefault(row["manifest_id"], []).append(record_of(row))
    return found
