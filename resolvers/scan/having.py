"""Images that have some of many packages: those that the viewer may see and that have a tag now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from resolvers.access.permissions import visible_repositories
from resolvers.context import Context
from resolvers.manifests import manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_ids
from resolvers.scan.packages import (
    ATTACHED,
    DOWNWARDS,
    IS_ATTACHED,
    IS_JOINED,
    IS_SHOWN,
    IS_THERE,
    NAMING,
    PACKAGE,
    UPWARDS,
    PackageRecord,
    PackageSource,
    record_of,
)
from resolvers.scan.suppression import IS_SUPPRESSED, has_documents
from resolvers.scan.tagged import is_among_tagged, is_tagged
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import Row, among, fetch, fetch_one, placeholders

_MOST_OF_IMAGE: Final = 100
"""Packages that are told of an image."""
_FEW: Final = 500
"""Images that are looked at one by one."""
_MANY: Final = 20_000
_MOST: Final = 4
"""Where more than so many images have packages, or more than one in so many, the newest are tried in turn."""
_FOUND: Final = f"{UPWARDS} WHERE {IS_JOINED} AND fp.package_id"
_NAMED: Final = f"{NAMING} WHERE {IS_ATTACHED} AND sp.is_found = FALSE AND sp.package_id"
"""What bills alone name; few bills do that of packages that many images have."""
_NAMED_BY: Final = (
    f"(SELECT i.id AS manifest_id, sp.package_id FROM {ATTACHED} WHERE i.id = m.id AND {IS_ATTACHED}"
    " AND sp.is_found = FALSE) b"
)
"""The packages that bills alone name of a manifest `m`."""
# CROSS JOIN fixes the order for SQLite.
_IMAGES: Final = "manifest m CROSS JOIN repository r CROSS JOIN account n"
_ORDER: Final = (Term("m.id", "id", descending=True),)
_ARE_JOINED: Final = "r.id = m.repository_id AND n.id = r.namespace_id"
_ARE_SCANNED: Final = "s.manifest_id = m.id AND s.state = 'scanned'"


@dataclass(frozen=True, slots=True, eq=False)
class Packages:
    """Packages that are looked for; there may be many, so that they are the same only as an object."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Conditions on images; None means any. `pulled_since_ms` is when they must have been pulled, or later.

    `is_suppressed` is whether none of the advisories with the ids counts in them.
    """

    pulled_since_ms: int | None = None
    is_suppressed: bool | None = None
    advisory_ids: tuple[int, ...] = ()

    def conditions(self) -> tuple[list[str], list[Any]]:
        """SQL conditions on manifests `m` and their values."""
        conditions: list[str] = []
        values: list[Any] = []
        if self.pulled_since_ms is not None:
            conditions.append(
                "EXISTS (SELECT 1 FROM manifest_pulls q WHERE q.manifest_id = m.id"
                " AND q.last_pulled_at_ms >= ?)"
            )
            values.append(self.pulled_since_ms)
        if self.is_suppressed is not None:
            counts = _counts(self.advisory_ids)
            conditions.append(f"NOT {counts}" if self.is_suppressed else counts)
            values += self.advisory_ids * 2
        return conditions, values


def _counts(advisory_ids: Sequence[int]) -> str:
    """SQL condition on manifests `m` that some of the advisories concern; takes their ids, twice.

    One of them counts, since no document of VEX suppresses it in all packages that it concerns.
    """
    advised = f"v.advisory_id IN ({placeholders(advisory_ids)})"
    return (
        f"(NOT {has_documents('m')} OR EXISTS (SELECT 1 FROM {DOWNWARDS} CROSS JOIN vulnerability v"
        f" WHERE {IS_JOINED} AND b.manifest_id = m.id AND v.package_id = fp.package_id"
        f" AND {advised} AND {IS_SHOWN} AND NOT {IS_SUPPRESSED})"
        f" OR EXISTS (SELECT 1 FROM {_NAMED_BY} CROSS JOIN vulnerability v"
        f" WHERE v.package_id = b.package_id AND {advised} AND NOT {IS_SUPPRESSED}))"
    )


async def images_with(
    context: Context, packages: Packages, page: Page, chosen: ImageFilter
) -> Slice[ManifestRecord]:
    """The images with one of the packages, the newest first. At most five statements."""
    if packages.ids:
        found = await _ids_with(context, packages, page, chosen)
    else:
        found = paginate_ids((), page, maximum=context.max_first)
    records = await manifest.by_ids(found.items) if found.items else {}
    return found.of(lambda identity: records[identity])


async def _ids_with(context: Context, packages: Packages, page: Page, chosen: ImageFilter) -> Slice[int]:
    some, listed = among(packages.ids)
    found = await fetch(f"SELECT fp.id, b.manifest_id FROM {_FOUND} {some} LIMIT ?", listed, _FEW + 1)
    named = await fetch(f"SELECT i.id AS manifest_id FROM {_NAMED} {some} LIMIT ?", listed, _FEW + 1)
    if not (found or named):
        return paginate_ids((), page, maximum=context.max_first)
    shown = _conditions(context, chosen, *is_tagged(now_ms()))
    among_many = _conditions(context, chosen, *is_among_tagged(now_ms()))
    queries: list[Query] = []
    if found:
        every = f"SELECT DISTINCT b.manifest_id AS id FROM {_FOUND} {some} AND {IS_THERE}"
        query = _many(every, listed, among_many) if len(found) > _FEW else _few(found, shown)
        source, conditions = f"{query.source} CROSS JOIN manifest_scan s", (*query.conditions, _ARE_SCANNED)
        query = replace(query, source=source, conditions=conditions)
        queries.append(query if len(found) > _FEW else query.and_also(_has(some), listed))
    if named:
        # Materialized, since PostgreSQL might otherwise read all bills for an order that saves the DISTINCT.
        every = f"WITH h AS MATERIALIZED (SELECT i.id FROM {_NAMED} {some}) SELECT DISTINCT id FROM h"
        queries.append(_many(every, listed, among_many) if len(named) > _FEW else _few(named, shown))
    if max(len(found), len(named)) <= _FEW or not await _are_most(found, some, listed):
        return await _paginated(_union(queries), page, context.max_first)
    has, values = f"s.state = 'scanned' AND {_has(some)}", [listed]
    if named:
        has, values = f"({has} OR EXISTS (SELECT 1 FROM {_NAMED_BY} WHERE b.package_id {some}))", values * 2
    # CASE keeps databases from asking this of images in repositories that the viewer may not see.
    condition = f"CASE WHEN {shown[0]} THEN {has} ELSE FALSE END"
    source = f"{_IMAGES} LEFT JOIN manifest_scan s ON s.manifest_id = m.id"
    query = Query("m.id", source, _ORDER, (_ARE_JOINED, condition), (*shown[1], *values))
    rows = await paginate(query, page, maximum=context.max_first)
    return replace(rows.of(lambda row: int(row["id"])), query=_union(queries))


_Condition = tuple[str, list[Any]]
"""An SQL condition and its values."""


def _few(rows: Sequence[Row], shown: _Condition) -> Query:
    """The images of rows that are shown."""
    condition, values = shown
    few, its = among({row["manifest_id"] for row in rows})
    return Query("m.id", _IMAGES, _ORDER, (f"m.id {few}", _ARE_JOINED, condition), (its, *values))


def _many(every: str, listed: Any, shown: _Condition) -> Query:
    """The images that a query finds and that are shown."""
    condition, values = shown
    source = f"({every}) h CROSS JOIN {_IMAGES}"
    return Query("m.id", source, _ORDER, ("m.id = h.id", _ARE_JOINED, condition), (listed, *values))


def _union(queries: Sequence[Query]) -> Query:
    """The images of one query or of several, each once."""
    if len(queries) == 1:
        return queries[0]
    every = " UNION ".join(f"SELECT m.id FROM {one.source} WHERE {one.where}" for one in queries)
    return Query("m.id", f"({every}) m", _ORDER, (), tuple(value for one in queries for value in one.values))


async def _paginated(query: Query, page: Page, maximum: int) -> Slice[int]:
    """A page of images that are all read, so that counting them costs nothing more."""
    rows = await fetch(f"SELECT {query.columns} FROM {query.source} WHERE {query.where}", *query.values)
    return paginate_ids({row["id"] for row in rows}, page, maximum=maximum)


async def _are_most(rows: Sequence[Row], some: str, listed: Any) -> bool:
    """Whether so many images have one of the packages that trying the newest ones soon fills a page.

    Guessed from how many layers have these, and how many images those of the first `rows`; and from how
    many bills alone name them.
    """
    row = await fetch_one(
        "SELECT (SELECT MAX(id) FROM manifest) AS images,"
        f" (SELECT COUNT(*) FROM (SELECT 1 FROM found_package fp WHERE fp.package_id {some} LIMIT ?) c)"
        f" AS found, (SELECT COUNT(*) FROM (SELECT 1 FROM sbom_package sp WHERE sp.package_id {some}"
        " AND sp.is_found = FALSE LIMIT ?) c) AS named",
        *(listed, _MANY + 1, listed, _MANY + 1),
    )
    assert row is not None
    images = row["named"] + row["found"] * len(rows) / (len({one["id"] for one in rows}) or 1)
    return bool(images > _MANY or images > (row["images"] or 0) / _MOST)


def _has(some: str) -> str:
    """SQL condition on manifests `m`: they have one of the packages; takes these."""
    return (
        f"EXISTS (SELECT 1 FROM {DOWNWARDS} WHERE {IS_JOINED} AND b.manifest_id = m.id"
        f" AND fp.package_id {some} AND {IS_THERE})"
    )


def _conditions(
    context: Context, chosen: ImageFilter, tagged: str, tag_values: Sequence[Any]
) -> tuple[str, list[Any]]:
    """Which images are shown at all, as an SQL condition on `_IMAGES` and its values."""
    visible, values = visible_repositories(context.viewer, include_public=True)
    more, more_values = chosen.conditions()
    conditions = [exists("r"), exists("n"), visible, tagged, *more]
    return " AND ".join(f"({one})" for one in conditions), [*values, *tag_values, *more_values]


async def sources_in(manifest_ids: Sequence[int], packages: Packages) -> dict[int, PackageSource]:
    """Whence it is known that images that `images_with` found have the packages; one statement."""
    some, listed = among(packages.ids)
    rows = await fetch(
        f"SELECT m.id FROM manifest m CROSS JOIN manifest_scan s WHERE m.id IN ({placeholders(manifest_ids)})"
        f" AND {_ARE_SCANNED} AND {_has(some)}",
        *(*manifest_ids, listed),
    )
    found = {row["id"] for row in rows}
    return {
        identity: PackageSource.FOUND if identity in found else PackageSource.SBOM
        for identity in manifest_ids
    }


async def suppressed_images(manifest_ids: Sequence[int], advisory_ids: tuple[int, ...]) -> dict[int, bool]:
    """Whether none of some advisories that concern authorized images counts in them; one statement."""
    rows = await fetch(
        f"SELECT m.id FROM manifest m WHERE m.id IN ({placeholders(manifest_ids)})"
        f" AND NOT {_counts(advisory_ids)}",
        *(*manifest_ids, *advisory_ids, *advisory_ids),
    )
    suppressed = {row["id"] for row in rows}
    return {identity: identity in suppressed for identity in manifest_ids}


async def packages_in(manifest_ids: Sequence[int], packages: Packages) -> dict[int, list[PackageRecord]]:
    """Which of the packages authorized images have, each once, at most 100 of each; one statement."""
    some, listed = among(packages.ids)
    images = placeholders(manifest_ids)
    rows = await fetch(
        f"SELECT placed.manifest_id, {PACKAGE} FROM (SELECT each_one.*,"
        " ROW_NUMBER() OVER (PARTITION BY manifest_id ORDER BY package_id) AS place FROM ("
        f"SELECT b.manifest_id, fp.package_id FROM manifest_scan s CROSS JOIN {DOWNWARDS}"
        f" WHERE s.manifest_id IN ({images}) AND s.state = 'scanned' AND b.manifest_id = s.manifest_id"
        f" AND {IS_JOINED} AND fp.package_id {some} AND {IS_SHOWN} UNION"
        f" SELECT i.id, sp.package_id FROM {ATTACHED} WHERE i.id IN ({images}) AND {IS_ATTACHED}"
        f" AND sp.is_found = FALSE AND sp.package_id {some}"
        ") each_one) placed JOIN package p ON p.id = placed.package_id WHERE placed.place <= ?"
        " ORDER BY placed.manifest_id, placed.place",
        *(*manifest_ids, listed, *manifest_ids, listed, _MOST_OF_IMAGE),
    )
    found: dict[int, list[PackageRecord]] = {identity: [] for identity in manifest_ids}
    for row in rows:
        found[row["manifest_id"]].append(record_of(row))
    return found
