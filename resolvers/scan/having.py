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
    DOWNWARDS,
    IS_JOINED,
    IS_SHOWN,
    IS_THERE,
    PACKAGE,
    PackageRecord,
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
# CROSS JOIN fixes the order for SQLite.
_UPWARDS: Final = (
    "found_package fp CROSS JOIN package_file f CROSS JOIN scanned_layer l CROSS JOIN manifest_blob b"
    " WHERE f.id = fp.file_id AND l.id = f.layer_id AND b.digest = l.digest AND fp.package_id"
)
_IMAGES: Final = "manifest m CROSS JOIN repository r CROSS JOIN account n CROSS JOIN manifest_scan s"
_ORDER: Final = (Term("m.id", "id", descending=True),)
_ARE_JOINED: Final = "r.id = m.repository_id AND n.id = r.namespace_id AND s.manifest_id = m.id"


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
            values += self.advisory_ids
        return conditions, values


def _counts(advisory_ids: Sequence[int]) -> str:
    """SQL condition on manifests `m` that some of the advisories concern; takes their ids.

    One of them counts, since no document of VEX suppresses it in all packages that it concerns.
    """
    return (
        f"(NOT {has_documents('m')} OR EXISTS (SELECT 1 FROM {DOWNWARDS} CROSS JOIN vulnerability v"
        f" WHERE {IS_JOINED} AND b.manifest_id = m.id AND v.package_id = fp.package_id"
        f" AND v.advisory_id IN ({placeholders(advisory_ids)}) AND {IS_SHOWN} AND NOT {IS_SUPPRESSED}))"
    )


async def images_with(
    context: Context, packages: Packages, page: Page, chosen: ImageFilter
) -> Slice[ManifestRecord]:
    """The images with one of the packages, the newest first. At most four statements."""
    if packages.ids:
        found = await _ids_with(context, packages, page, chosen)
    else:
        found = paginate_ids((), page, maximum=context.max_first)
    records = await manifest.by_ids(found.items) if found.items else {}
    return found.of(lambda identity: records[identity])


async def _ids_with(context: Context, packages: Packages, page: Page, chosen: ImageFilter) -> Slice[int]:
    maximum = context.max_first
    some, listed = among(packages.ids)
    rows = await fetch(f"SELECT fp.id, b.manifest_id FROM {_UPWARDS} {some} LIMIT ?", listed, _FEW + 1)
    if not rows:
        return paginate_ids((), page, maximum=maximum)
    tagged, tag_values = is_tagged(now_ms())
    if len(rows) <= _FEW:
        shown, values = _conditions(context, chosen, tagged, tag_values)
        few, its = among({row["manifest_id"] for row in rows})
        query = Query(
            "m.id", _IMAGES, _ORDER, (f"m.id {few}", _ARE_JOINED, shown, _has(some)), (its, *values, listed)
        )
        return await _paginated(query, page, maximum)
    shown, values = _conditions(context, chosen, *is_among_tagged(now_ms()))
    images = (
        f"(SELECT DISTINCT b.manifest_id AS id FROM {_UPWARDS} {some} AND {IS_THERE}) h CROSS JOIN {_IMAGES}"
    )
    query = Query("m.id", images, _ORDER, ("m.id = h.id", _ARE_JOINED, shown), (listed, *values))
    if not await _are_most(rows, some, listed):
        return await _paginated(query, page, maximum)
    shown, values = _conditions(context, chosen, tagged, tag_values)
    # CASE keeps databases from asking this of images in repositories that the viewer may not see.
    has = f"CASE WHEN {shown} THEN {_has(some)} ELSE FALSE END"
    found = await paginate(
        Query("m.id", _IMAGES, _ORDER, (_ARE_JOINED, has), (*values, listed)), page, maximum=maximum
    )
    return replace(found.of(lambda row: int(row["id"])), query=query)


async def _paginated(query: Query, page: Page, maximum: int) -> Slice[int]:
    """A page of images that are all read, so that counting them costs nothing more."""
    rows = await fetch(f"SELECT {query.columns} FROM {query.source} WHERE {query.where}", *query.values)
    return paginate_ids({row["id"] for row in rows}, page, maximum=maximum)


async def _are_most(rows: Sequence[Row], some: str, listed: Any) -> bool:
    """Whether so many images have one of the packages that trying the newest ones soon fills a page.

    Guessed from how many layers have these, and how many images those of the first `rows`.
    """
    row = await fetch_one(
        "SELECT (SELECT MAX(id) FROM manifest) AS images, COUNT(*) AS number"
        f" FROM (SELECT 1 FROM found_package fp WHERE fp.package_id {some} LIMIT ?) counted",
        *(listed, _MANY + 1),
    )
    assert row is not None
    images = row["number"] * len(rows) / len({one["id"] for one in rows})
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
    conditions = ["s.state = 'scanned'", exists("r"), exists("n"), visible, tagged, *more]
    return " AND ".join(f"({one})" for one in conditions), [*values, *tag_values, *more_values]


async def suppressed_images(manifest_ids: Sequence[int], advisory_ids: tuple[int, ...]) -> dict[int, bool]:
    """Whether none of some advisories that concern authorized images counts in them; one statement."""
    rows = await fetch(
        f"SELECT m.id FROM manifest m WHERE m.id IN ({placeholders(manifest_ids)})"
        f" AND NOT {_counts(advisory_ids)}",
        *(*manifest_ids, *advisory_ids),
    )
    suppressed = {row["id"] for row in rows}
    return {identity: identity in suppressed for identity in manifest_ids}


async def packages_in(manifest_ids: Sequence[int], packages: Packages) -> dict[int, list[PackageRecord]]:
    """Which of the packages authorized images have, each once, at most 100 of each; one statement."""
    some, listed = among(packages.ids)
    rows = await fetch(
        "SELECT * FROM (SELECT each_one.*, ROW_NUMBER() OVER (PARTITION BY manifest_id ORDER BY package_id)"
        f" AS place FROM (SELECT DISTINCT b.manifest_id, {PACKAGE} FROM {DOWNWARDS} CROSS JOIN package p"
        f" WHERE {IS_JOINED} AND p.id = fp.package_id"
        f" AND b.manifest_id IN ({placeholders(manifest_ids)}) AND fp.package_id {some}"
        f" AND {IS_SHOWN}) each_one) placed WHERE place <= ? ORDER BY manifest_id, place",
        *(*manifest_ids, listed, _MOST_OF_IMAGE),
    )
    found: dict[int, list[PackageRecord]] = {identity: [] for identity in manifest_ids}
    for row in rows:
        found[row["manifest_id"]].append(record_of(row))
    return found
