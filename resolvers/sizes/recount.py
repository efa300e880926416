"""Recount of stored bytes: the kept figures are compared with the rows, and mended where they differ.

Comparing reads one consistent state in one statement and locks nothing. A namespace that differs is counted
again under its lock. The total of the registry comes from here too, so that no push writes a row for it.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from resolvers.context import Context
from resolvers.job_kinds import DAY, Lane, Run, job, progress
from resolvers.sizes.stored import forget, hold
from storage.clock import now_ms
from storage.jobs import enqueue_alone, open_states
from storage.site_settings import set_site_setting, site_setting
from storage.statements import Row, execute, fetch, fetch_one
from storage.transactions import transaction

logger = logging.getLogger("quayside.sizes")

BATCH = 500
JOB = "sizes.recount"
REGISTRY_SIZE = "registry_size"


@dataclass(frozen=True, slots=True)
class Difference:
    """A kept figure that was not the counted one, in bytes: of a repository, or of a namespace as a whole.

    `digests` is the number of blobs and manifests of the namespace whose holders were counted wrongly.
    """

    namespace: str
    repository: str | None
    kept_bytes: int
    counted_bytes: int
    digests: int = 0


@dataclass(frozen=True, slots=True)
class RegistrySize:
    """What the registry held at the last recount: the bytes of all blobs and manifests, each stored once.

    Both are None before the first.
    """

    stored_bytes: int | None = None
    counted_at_ms: int | None = None
    is_queued: bool = False
    is_running: bool = False


_BLOBS = (
    "SELECT r.id AS repository_id, b.digest AS digest, FALSE AS is_manifest, b.size_bytes AS size_bytes"
    " FROM repository r JOIN repository_blob l ON l.repository_id = r.id JOIN blob b ON b.id = l.blob_id"
    " WHERE r.namespace_id = ?"
)
_MANIFESTS = (
    "SELECT r.id AS repository_id, COALESCE(m.deleted_digest, m.digest) AS digest, TRUE AS is_manifest,"
    " m.size_bytes AS size_bytes FROM repository r JOIN manifest m ON m.repository_id = r.id"
    " WHERE r.namespace_id = ? AND m.collected_at_ms IS NULL"
)
_HELD = f"{_BLOBS} UNION ALL {_MANIFESTS}"
"""What each repository of a namespace holds; takes the id of the namespace twice."""

_DIFFERENT_CONTENT = (
    "SELECT COUNT(*) AS number FROM (SELECT digest, is_manifest FROM"
    f" (SELECT digest, is_manifest, size_bytes, 1 AS holders FROM ({_HELD}) held"
    " UNION ALL SELECT digest, is_manifest, size_bytes, -holders FROM namespace_content"
    " WHERE namespace_id = ?) two GROUP BY digest, is_manifest"
    " HAVING SUM(holders) <> 0 OR SUM(holders * size_bytes) <> 0) different"
)
_TOTALS = (
    "SELECT CAST(COALESCE((SELECT SUM(size_bytes) FROM"
    f" (SELECT DISTINCT digest, is_manifest, size_bytes FROM ({_HELD}) held) once), 0) AS BIGINT) AS counted,"
    " COALESCE((SELECT stored_bytes FROM namespace_size WHERE namespace_id = ?), 0) AS kept"
)
_DIFFERENT_REPOSITORIES = (
    "SELECT r.name AS name, d.counted AS counted, d.kept AS kept FROM (SELECT repository_id,"
    " CAST(SUM(counted) AS BIGINT) AS counted, CAST(SUM(kept) AS BIGINT) AS kept FROM"
    f" (SELECT repository_id, size_bytes AS counted, 0 AS kept FROM ({_HELD}) held"
    " UNION ALL SELECT repository_id, 0, stored_bytes FROM repository_size WHERE namespace_id = ?) two"
    " GROUP BY repository_id HAVING SUM(counted) <> SUM(kept)) d"
    " LEFT JOIN repository r ON r.id = d.repository_id ORDER BY d.repository_id"
)


async def recount(*, is_dry_run: bool = False) -> AsyncIterator[Difference]:
    """Compare and mend the stored bytes of all namespaces, and count the registry. Yields what differed.

    With `is_dry_run` it yields the same and changes nothing.
    """
    number, place = await _number_of_namespaces(), 0
    async for row in _namespaces():
        await progress(place, max(number, place))
        place += 1
        compare = _differences if is_dry_run else _compare
        for difference in await compare(row["id"], row["name"]):
            yield difference
    if not is_dry_run:
        await _forget_lost()
        await _count_registry()


@job(
    JOB,
    "Counts stored bytes anew, mends the kept figures that differ, and sums the registry.",
    every_s=DAY,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def run_recount(run: Run) -> str:
    """Do what `recount` does, and log each difference."""
    number = 0
    async for difference in recount():
        number += 1
        logger.warning(
            "stored bytes differed from a recount",
            extra={
                "namespace": difference.namespace,
                "repository": difference.repository,
                "kept_bytes": difference.kept_bytes,
                "counted_bytes": difference.counted_bytes,
                "digests": difference.digests,
            },
        )
    return "All figures were right." if number == 0 else f"Mended {number} figures."


async def registry_size(context: Context) -> RegistrySize:
    """What the last recount found, and whether another is due or under way. For those who see the site."""
    context.viewer.require_site_view()
    text = await site_setting(REGISTRY_SIZE)
    states = await open_states(JOB)
    return RegistrySize(
        **({} if text is None else orjson.loads(text)),
        is_queued="waiting" in states,
        is_running="running" in states,
    )


async def order(context: Context) -> bool:
    """Let the registry be counted anew, unless that is due or under way; whether it was ordered.

    For superusers with a fresh login.
    """
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    return await enqueue_alone(JOB)


async def _number_of_namespaces() -> int:
    row = await fetch_one("SELECT COUNT(*) AS number FROM account WHERE kind <> 'robot'")
    return int(row["number"]) if row else 0


async def _namespaces() -> AsyncIterator[Row]:
    last = 0
    while rows := await fetch(
        "SELECT id, name FROM account WHERE kind <> 'robot' AND id > ? ORDER BY id LIMIT ?", last, BATCH
    ):
        for row in rows:
            yield row
        last = rows[-1]["id"]


async def _compare(namespace_id: int, name: str) -> list[Difference]:
    """Compare a namespace, and count it again if a figure differs. Returns the differences."""
    found = await _differences(namespace_id, name)
    if found:
        await _count_again(namespace_id)
    return found


async def _differences(namespace_id: int, name: str) -> list[Difference]:
    here = (namespace_id,) * 3
    content = await fetch_one(_DIFFERENT_CONTENT, *here)
    totals = await fetch_one(_TOTALS, *here)
    assert content is not None
    assert totals is not None
    repositories = await fetch(_DIFFERENT_REPOSITORIES, *here)
    found = [Difference(name, row["name"] or "(gone)", row["kept"], row["counted"]) for row in repositories]
    if content["number"] or totals["kept"] != totals["counted"]:
        found.append(Difference(name, None, totals["kept"], totals["counted"], content["number"]))
    return found


async def _count_again(namespace_id: int) -> None:
    """Replace the figures of a namespace by counted ones, under its lock."""
    held = (namespace_id,) * 2
    async with transaction("sizes.count_again"):
        await hold([namespace_id])
        for table in ("namespace_content", "repository_size"):
            await execute(f"DELETE FROM {table} WHERE namespace_id = ?", namespace_id)
        await execute(
            "INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders)"
            " SELECT CAST(? AS BIGINT), digest, is_manifest, MAX(size_bytes), COUNT(*)"
            f" FROM ({_HELD}) held GROUP BY digest, is_manifest",
            namespace_id,
            *held,
        )
        await execute(
            "INSERT INTO repository_size (repository_id, namespace_id, stored_bytes)"
            " SELECT repository_id, CAST(? AS BIGINT), SUM(size_bytes)"
            f" FROM ({_HELD}) held GROUP BY repository_id",
            namespace_id,
            *held,
        )
        await execute(
            "INSERT INTO namespace_size (namespace_id, stored_bytes)"
            " SELECT CAST(? AS BIGINT), COALESCE(SUM(size_bytes), 0) FROM namespace_content"
            " WHERE namespace_id = ?"
            " ON CONFLICT (namespace_id) DO UPDATE SET stored_bytes = excluded.stored_bytes",
            namespace_id,
            namespace_id,
        )


async def _forget_lost() -> None:
    """Delete the figures of namespaces and repositories whose row is gone: their ids may be given again."""
    rows = await fetch(
        "SELECT namespace_id AS id FROM namespace_size s"
        " WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = s.namespace_id)"
    )
    for row in rows:
        await forget(row["id"])
    rows = await fetch(
        "SELECT namespace_id, repository_id FROM repository_size s"
        " WHERE NOT EXISTS (SELECT 1 FROM repository r WHERE r.id = s.repository_id)"
    )
    for row in rows:
        for table in ("storage_sample", "repository_size"):
            await execute(
                f"DELETE FROM {table} WHERE namespace_id = ? AND repository_id = ?",
                row["namespace_id"],
                row["repository_id"],
            )


async def _count_registry() -> None:
    row = await fetch_one(
        "SELECT CAST(COALESCE((SELECT SUM(size_bytes) FROM blob), 0) + COALESCE((SELECT SUM(size_bytes)"
        " FROM manifest WHERE collected_at_ms IS NULL), 0) AS BIGINT) AS stored_bytes"
    )
    assert row is not None
    text = orjson.dumps({"stored_bytes": row["stored_bytes"], "counted_at_ms": now_ms()}).decode()
    await set_site_setting(REGISTRY_SIZE, text)
