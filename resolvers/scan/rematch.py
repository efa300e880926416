"""New advisories: compared with all packages in the database alone, and told of where images have these."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from resolvers import events
from resolvers.advisories import match
from resolvers.advisories.imports import JOB
from resolvers.advisories.match import Pair
from resolvers.advisories.severity import SEVERITIES
from resolvers.context import Context
from resolvers.events import Entries
from resolvers.job_kinds import MINUTE, Lane, Run, job
from resolvers.scan.packages import IS_ATTACHED, IS_JOINED, IS_SHOWN, NAMING, UPWARDS
from resolvers.scan.suppression import IS_SUPPRESSED
from resolvers.scan.tagged import is_tagged, tags_of
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import Row, batches, decode_json, fetch, insert_many, placeholders
from storage.transactions import transaction

BATCH: Final = 50
"""Advisories that are compared in one transaction."""
MOST_IMAGES: Final = 1_000
"""Images that are told of for one advisory, the newest first."""
MOST_TOLD: Final = 10_000
"""Images that one run tells of, for all advisories: the first import concerns every image there is."""
MOST_TAGS: Final = 20
"""Tags of an image that an event names."""
TOLD: Final = "vulnerability_found"


@job(
    JOB,
    "Compares new advisories with the packages of images, and tells of images that they concern.",
    lane=Lane.LONG,
    every_s=10 * MINUTE,
    goes_on_when_read_only=False,
)
async def compare(run: Run) -> str | None:
    """Compare what imports changed, and packages that no scan could compare."""
    number, told, last = 0, 0, 0
    while ids := await match.changed(last, BATCH):
        last = ids[-1]
        async with transaction("advisories.compare"):
            pairs = await match.compare_advisories(ids)
            told += await _tell(run.tools.context, pairs, MOST_TOLD - told)
        number += len(ids)
        await run.progress(number)
    last = 0
    while last := await match.compare_others(last):
        await run.progress(number)
    return f"{number} advisories were compared, and {told} times an image was told of." if number else None


async def _tell(context: Context, pairs: Sequence[Pair], most: int) -> int:
    """Record events for images that advisories turn out to concern, in the open transaction; how many.

    Images in which VEX suppresses it are not told of.
    """
    of_advisory: dict[int, list[int]] = {}
    for package_id, advisory_id in pairs:
        of_advisory.setdefault(advisory_id, []).append(package_id)
    told = 0
    for row in await _advisories(list(of_advisory)):
        left = min(MOST_IMAGES, most - told)
        if left > 0:
            told += await _tell_of(context, row, of_advisory[row["id"]], left)
    return told


async def _advisories(ids: Sequence[int]) -> list[Row]:
    """Advisories, the worst first, since there are limits to what is told."""
    rows: list[Row] = []
    for some in batches(ids):
        rows += await fetch(
            "SELECT id, osv_id, summary, details, links, severity FROM advisory"
            f" WHERE id IN ({placeholders(some)})",
            *some,
        )
    return sorted(rows, key=lambda row: (row["severity"], row["osv_id"]))


async def _tell_of(context: Context, advisory: Row, package_ids: Sequence[int], most: int) -> int:
    images: dict[int, Row] = {}
    tagged, tag_values = is_tagged(now_ms())
    for some in batches(package_ids):
        for row in await fetch(
            "SELECT m.id, m.digest, m.repository_id, r.namespace_id, MIN(v.severity) AS severity,"
            " MAX(v.fixed_version) AS fixed_version FROM ("
            f"SELECT b.manifest_id, fp.package_id FROM {UPWARDS} CROSS JOIN manifest_scan s"
            f" WHERE fp.package_id IN ({placeholders(some)}) AND {IS_JOINED} AND {IS_SHOWN}"
            " AND s.manifest_id = b.manifest_id AND s.state = 'scanned' UNION ALL"
            f" SELECT i.id, sp.package_id FROM {NAMING} WHERE sp.package_id IN ({placeholders(some)})"
            f" AND {IS_ATTACHED} AND sp.is_found = FALSE"
            ") b CROSS JOIN vulnerability v CROSS JOIN manifest m CROSS JOIN repository r"
            " WHERE v.package_id = b.package_id AND v.advisory_id = ? AND m.id = b.manifest_id"
            f" AND r.id = m.repository_id AND {exists('r')} AND {tagged} AND NOT EXISTS"
            " (SELECT 1 FROM vulnerability_notice n WHERE n.manifest_id = m.id AND n.advisory_id = ?)"
            f" AND NOT {IS_SUPPRESSED}"
            " GROUP BY m.id, m.digest, m.repository_id, r.namespace_id ORDER BY m.id DESC LIMIT ?",
            *(*some, *some, advisory["id"], *tag_values, advisory["id"], most),
        ):
            images[row["id"]] = row
    newest = sorted(images, reverse=True)[:most]
    tags = await tags_of(newest)
    chosen = [images[identity] for identity in newest if identity in tags]
    await insert_many(
        "vulnerability_notice",
        ("manifest_id", "advisory_id"),
        [(row["id"], advisory["id"]) for row in chosen],
    )
    prepared = [
        await events.prepare(
            context,
            [(TOLD, _metadata(advisory, row, tags[row["id"]]))],
            namespace_id=row["namespace_id"],
            repository_id=row["repository_id"],
        )
        for row in chosen
    ]
    await events.write(Entries((), tuple(event for one in prepared for event in one.events)))
    return len(chosen)


def _metadata(advisory: Row, image: Row, tags: Iterable[str]) -> dict[str, Any]:
    links = decode_json(advisory["links"])
    return {
        "tags": sorted(tags)[:MOST_TAGS],
        "digest": image["digest"],
        "vulnerability": {
            "id": advisory["osv_id"],
            "description": advisory["summary"] or advisory["details"],
            "link": links[0] if links else "",
            "priority": SEVERITIES[image["severity"]].value,
            "has_fix": image["fixed_version"] is not None,
        },
    }
