"""The job that counts the vulnerabilities of repositories and namespaces, and keeps samples for charts.

A repository is counted again when its images have changed, or what advisories say of any packages. Otherwise
its last count holds, and costs a look at its tags.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from resolvers.advisories import revision
from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job, progress
from resolvers.manifests.examination import is_on
from resolvers.scan.counting import Image, count, images_of, marker_of
from resolvers.scan.figures import Count, count_of
from resolvers.sizes.samples import BATCH, forget_old
from storage.clock import DAY_MS, now_ms
from storage.conditions import exists, is_active
from storage.statements import Row, execute, fetch, fetch_one, placeholders
from storage.transactions import hold_row, key_share, transaction

REPOSITORIES: Final = 50
"""Repositories whose figures are written in one transaction."""


@job(
    "severities.sample",
    "Notes how bad the vulnerabilities of repositories and namespaces are that day, for charts.",
    every_s=6 * HOUR,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
    needs=is_on,
)
async def run_sample(_: Run) -> str:
    """Do what `sample` does."""
    return f"{await sample()} repositories were counted anew."


async def sample() -> int:
    """Count what has changed, write the samples of today, and delete old ones; how many were counted.

    What is counted is written at once, and the next run begins with what was not looked at for longest, so
    that runs that end early leave nothing out.
    """
    counted = 0
    rows = await fetch(
        "SELECT n.id FROM account n LEFT JOIN namespace_severity s ON s.namespace_id = n.id"
        f" WHERE {exists('n')} AND (s.id IS NOT NULL OR EXISTS"
        f" (SELECT 1 FROM repository r WHERE r.namespace_id = n.id AND {exists('r')}))"
        " ORDER BY COALESCE(s.counted_at_ms, -1), n.id"
    )
    for row in rows:
        async for some in _repositories_in(row["id"]):
            counted += await _sample_repositories(some)
            await progress(counted)
        await _sample_namespace(row["id"])
    for owner in ("repository", "namespace"):
        await forget_old(f"{owner}_severity_sample", now_ms() // DAY_MS)
    return counted


async def _repositories_in(namespace_id: int) -> AsyncIterator[list[int]]:
    last = 0
    while True:
        rows = await fetch(
            f"SELECT id FROM repository WHERE namespace_id = ? AND id > ? AND {exists()} ORDER BY id LIMIT ?",
            *(namespace_id, last, REPOSITORIES),
        )
        if not rows:
            return
        yield [row["id"] for row in rows]
        last = rows[-1]["id"]


async def _sample_repositories(ids: Sequence[int]) -> int:
    """Write the figures of some repositories; how many had to be counted."""
    number = await revision.of_counts()
    last = await last_counts(ids)
    changed: list[tuple[int, str, str, bytes]] = []
    for repository_id in ids:
        images = await _tagged_in(repository_id)
        marker = marker_of(images, number)
        if repository_id not in last or last[repository_id]["marker"] != marker:
            found = (await count(images)).get(repository_id, Count())
            packed = await asyncio.to_thread(found.packed)
            changed.append((repository_id, marker, found.figures().encode(), packed))
    async with transaction("severities.sample"):
        rows = await fetch(
            f"SELECT id FROM repository WHERE id IN ({placeholders(ids)}) ORDER BY id{key_share()}", *ids
        )
        held, moment = [row["id"] for row in rows], now_ms()
        for repository_id, *values in changed:
            if repository_id in held:
                await execute(
                    "INSERT INTO repository_severity"
                    " (repository_id, marker, figures, advisories, counted_at_ms) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (repository_id) DO UPDATE SET marker = excluded.marker,"
                    " figures = excluded.figures, advisories = excluded.advisories",
                    *(repository_id, *values, moment),
                )
        await _note("repository", held, moment)
    return len(changed)


async def last_counts(repository_ids: Sequence[int]) -> dict[int, Row]:
    """The last counts of repositories: rows with marker, figures and advisories."""
    rows = await fetch(
        "SELECT repository_id, marker, figures, advisories FROM repository_severity"
        f" WHERE repository_id IN ({placeholders(repository_ids)})",
        *repository_ids,
    )
    return {row["repository_id"]: row for row in rows}


async def _tagged_in(repository_id: int) -> list[Image]:
    """The images of a repository that have a tag now, or whose index has one."""
    found: dict[int, Image] = {}
    last, moment = 0, now_ms()
    while True:
        rows = await fetch(
            f"SELECT t.id, t.manifest_id FROM tag t WHERE t.repository_id = ? AND t.id > ?"
            f" AND {is_active('t')} ORDER BY t.id LIMIT ?",
            *(repository_id, last, moment, BATCH),
        )
        found |= {image.id: image for image in await images_of(row["manifest_id"] for row in rows)}
        if len(rows) < BATCH:
            return list(found.values())
        last = rows[-1]["id"]
        checkpoint()


async def _note(owner: str, ids: Sequence[int], moment: int) -> None:
    """Write down that the counts of repositories or namespaces hold, and make them samples of today."""
    if not ids:
        return
    marks = placeholders(ids)
    await execute(
        f"UPDATE {owner}_severity SET counted_at_ms = ? WHERE {owner}_id IN ({marks})", moment, *ids
    )
    await execute(
        f"INSERT INTO {owner}_severity_sample ({owner}_id, day, counted_at_ms, figures)"
        f" SELECT {owner}_id, CAST(? AS INTEGER), counted_at_ms, figures FROM {owner}_severity"
        f" WHERE {owner}_id IN ({marks}) ON CONFLICT ({owner}_id, day)"
        " DO UPDATE SET counted_at_ms = excluded.counted_at_ms, figures = excluded.figures",
        *(moment // DAY_MS, *ids),
    )


_COUNTED: Final = (
    "FROM repository r JOIN repository_severity s ON s.repository_id = r.id"
    f" WHERE r.namespace_id = ? AND {exists('r')} AND r.id > ? ORDER BY r.id LIMIT ?"
)


async def _counted_in(namespace_id: int, columns: str, batch: int) -> AsyncIterator[list[Row]]:
    """Columns of the last counts of the repositories of a namespace."""
    last = 0
    while rows := await fetch(f"SELECT r.id, {columns} {_COUNTED}", namespace_id, last, batch):
        yield rows
        last = rows[-1]["id"]


async def _sample_namespace(namespace_id: int) -> None:
    digest = hashlib.sha256()
    async for rows in _counted_in(namespace_id, "s.marker", BATCH):
        digest.update("".join(f"{row['id']} {row['marker']}\n" for row in rows).encode())
    marker = digest.hexdigest()
    before = await fetch_one("SELECT marker FROM namespace_severity WHERE namespace_id = ?", namespace_id)
    figures = None
    if before is None or before["marker"] != marker:
        total = Count()
        async for rows in _counted_in(namespace_id, "s.figures, s.advisories", REPOSITORIES):
            await asyncio.to_thread(_include, total, rows)
            checkpoint()
        figures = total.figures().encode()
    async with transaction("severities.sample"):
        if not await hold_row("account", namespace_id):
            return
        moment = now_ms()
        if figures is not None:
            await execute(
                "INSERT INTO namespace_severity (namespace_id, marker, figures, counted_at_ms)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (namespace_id) DO UPDATE SET marker = excluded.marker,"
                " figures = excluded.figures",
                *(namespace_id, marker, figures, moment),
            )
        await _note("namespace", [namespace_id], moment)


def _include(total: Count, rows: Sequence[Row]) -> None:
    for row in rows:
        total.include(count_of(row))
