"""How bad the vulnerabilities of repositories and namespaces were on the last days, and are now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.advisories import revision
from resolvers.scan.counting import Image, cost_of, count, images_of, marker_of
from resolvers.scan.figures import Count, Figures, count_of, figures_of
from resolvers.scan.sampling import last_counts
from resolvers.sizes.samples import filled
from storage.clock import DAY_MS, now_ms
from storage.conditions import exists, is_active
from storage.statements import Row, decode_json, fetch, placeholders

MOST_COUNTED: Final = 1_000
"""Tags, and images, that are counted for one query."""


@dataclass(frozen=True, slots=True)
class SeverityDay:
    """The figures of a day (days since the epoch, UTC), and when they were last known to hold."""

    day: int
    counted_at_ms: int
    figures: Figures


async def of_repositories(ids: Sequence[int], days: int) -> dict[int, list[SeverityDay]]:
    """The figures of repositories on the last `days` days, newest first, in two statements.

    A day without a sample has those of the day before it; days before the first sample are left out.
    """
    return await _history("repository", ids, days)


async def of_namespaces(ids: Sequence[int], days: int) -> dict[int, list[SeverityDay]]:
    """The figures of namespaces, as `of_repositories`."""
    return await _history("namespace", ids, days)


async def of_repositories_now(ids: Sequence[int]) -> dict[int, Figures]:
    """The figures of repositories now; of none, where they have more than `MOST_COUNTED` tags or images."""
    return await _counted_now("repository", ids)


async def of_namespaces_now(ids: Sequence[int]) -> dict[int, Figures]:
    """The figures of namespaces now, as `of_repositories_now`."""
    return await _counted_now("namespace", ids)


async def _history(owner: str, ids: Sequence[int], days: int) -> dict[int, list[SeverityDay]]:
    today, marks = now_ms() // DAY_MS, placeholders(ids)
    sampled: dict[int, dict[int, Row]] = {identity: {} for identity in ids}
    for row in await fetch(
        f"SELECT {owner}_id AS id, day, counted_at_ms, figures FROM {owner}_severity_sample"
        f" WHERE {owner}_id IN ({marks}) AND day > ? AND day <= ?",
        *(*ids, today - days, today),
    ):
        sampled[row["id"]][row["day"]] = row
    before = {
        row["id"]: row
        for row in await fetch(
            f"SELECT s.{owner}_id AS id, s.counted_at_ms, s.figures FROM {owner}_severity_sample s JOIN"
            f" (SELECT {owner}_id, MAX(day) AS day FROM {owner}_severity_sample"
            f" WHERE {owner}_id IN ({marks}) AND day <= ? GROUP BY {owner}_id) last"
            f" ON last.{owner}_id = s.{owner}_id AND last.day = s.day",
            *(*ids, today - days),
        )
    }
    return {
        identity: [_day(day, row) for day, row in filled(found, before.get(identity), today, days)]
        for identity, found in sampled.items()
    }


def _day(day: int, row: Row) -> SeverityDay:
    return SeverityDay(day, row["counted_at_ms"], figures_of(decode_json(row["figures"])))


def up_to_now(history: Sequence[SeverityDay], now: Figures | None) -> list[SeverityDay]:
    """A history whose last day has the figures of now, where these are known."""
    if now is None:
        return list(history)
    moment = now_ms()
    today = SeverityDay(moment // DAY_MS, moment, now)
    return [today, *(one for one in history if one.day < today.day)]


_TAGGED: Final = {
    "repository": (
        "SELECT t.repository_id AS id, t.repository_id, t.manifest_id FROM tag t"
        " WHERE t.repository_id IN ({ids}) AND {active} LIMIT ?"
    ),
    "namespace": (
        "SELECT r.namespace_id AS id, r.id AS repository_id, t.manifest_id FROM repository r"
        " JOIN tag t ON t.repository_id = r.id WHERE r.namespace_id IN ({ids}) AND {exists} AND {active}"
        " LIMIT ?"
    ),
}
"""What has a tag now, by owner."""


async def _counted_now(owner: str, ids: Sequence[int]) -> dict[int, Figures]:
    rows = await fetch(
        _TAGGED[owner].format(ids=placeholders(ids), active=is_active("t"), exists=exists("r")),
        *(*ids, now_ms(), MOST_COUNTED + 1),
    )
    if len(rows) > MOST_COUNTED:
        return {}
    images = await images_of(row["manifest_id"] for row in rows)
    if len(images) > MOST_COUNTED:
        return {}
    of_repository: dict[int, list[Image]] = {row["repository_id"]: [] for row in rows}
    for image in images:
        of_repository[image.repository_id].append(image)
    known, changed = await _known(of_repository)
    if cost_of(changed) > MOST_COUNTED:
        return {}
    counts = await count(changed)
    totals = {identity: Count() for identity in ids}
    owners = {row["repository_id"]: totals[row["id"]] for row in rows}
    await asyncio.to_thread(_include, owners, known, counts)
    return {identity: total.figures() for identity, total in totals.items()}


async def _known(of_repository: Mapping[int, Sequence[Image]]) -> tuple[dict[int, Row], list[Image]]:
    """The last counts of repositories as far as they hold, and the images of the others."""
    if not of_repository:
        return {}, []
    number = await revision.of_counts()
    last = await last_counts(list(of_repository))
    known = {
        identity: row
        for identity, row in last.items()
        if row["marker"] == marker_of(of_repository[identity], number)
    }
    return known, [one for identity, some in of_repository.items() if identity not in known for one in some]


def _include(totals: Mapping[int, Count], known: Mapping[int, Row], counts: Mapping[int, Count]) -> None:
    for repository_id, row in known.items():
        totals[repository_id].include(count_of(row))
    for repository_id, found in counts.items():
        totals[repository_id].include(found)
