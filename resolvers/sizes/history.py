"""History of stored bytes: daily samples of namespaces and repositories, and the pace of their growth."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job
from resolvers.sizes import stored
from resolvers.sizes.samples import BATCH, filled, forget_old
from storage.clock import DAY_MS, now_ms
from storage.statements import execute, fetch, placeholders

PACE_DAYS = 30


@dataclass(frozen=True, slots=True)
class SizeOnDay:
    """The stored bytes of a day (days since the epoch, UTC) at its last sample; of today, those of now."""

    day: int
    stored_bytes: int


@job(
    "sizes.sample",
    "Notes the stored bytes of the day of repositories and namespaces, for charts and forecasts.",
    every_s=6 * HOUR,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def run_sample(_: Run) -> None:
    """Do what `sample` does."""
    await sample()


async def sample() -> None:
    """Write the samples of today, in place of those that are there, and delete old ones."""
    day = now_ms() // DAY_MS
    for table, key, columns in (
        ("namespace_size", "namespace_id", "namespace_id, 0"),
        ("repository_size", "repository_id", "namespace_id, repository_id"),
    ):
        last = 0
        while True:
            checkpoint()
            rows = await fetch(
                f"SELECT {key} AS id FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?", last, BATCH
            )
            if not rows:
                break
            await execute(
                "INSERT INTO storage_sample (namespace_id, repository_id, day, stored_bytes)"
                f" SELECT {columns}, CAST(? AS INTEGER), stored_bytes FROM {table}"
                f" WHERE {key} > ? AND {key} <= ? ORDER BY {key}"
                " ON CONFLICT (namespace_id, repository_id, day)"
                " DO UPDATE SET stored_bytes = excluded.stored_bytes",
                day,
                last,
                rows[-1]["id"],
            )
            last = rows[-1]["id"]
    await forget_old("storage_sample", day)


async def of_namespaces(ids: Sequence[int], days: int) -> dict[int, list[SizeOnDay]]:
    """The stored bytes of namespaces on the last `days` days, newest first, in three statements.

    A day without a sample has the bytes of the day before it; days before the first sample are left out.
    """
    return await _history("namespace", ids, days)


async def of_repositories(ids: Sequence[int], days: int) -> dict[int, list[SizeOnDay]]:
    """The stored bytes of repositories, as `of_namespaces`."""
    return await _history("repository", ids, days)


def pace(history: Sequence[SizeOnDay]) -> int | None:
    """Bytes a day by which stored bytes grew over a history, negative if they shrank.

    The history is newest first. None without a day between its ends.
    """
    if not history or (span := history[0].day - history[-1].day) < 1:
        return None
    return (history[0].stored_bytes - history[-1].stored_bytes) // span


def full_at_ms(limit_bytes: int, history: Sequence[SizeOnDay]) -> int | None:
    """When a limit would be reached at the pace of a history, at the latest a hundred years from now.

    Now if it is reached already; None if nothing grows, or too little is known.
    """
    if not history:
        return None
    left = limit_bytes - history[0].stored_bytes
    if left <= 0:
        return now_ms()
    growth = pace(history)
    if growth is None or growth <= 0:
        return None
    return now_ms() + min(left * DAY_MS // growth, 36_525 * DAY_MS)


_SAMPLES = {
    "namespace": (
        "SELECT s.namespace_id AS id, s.day AS day, s.stored_bytes AS stored_bytes FROM storage_sample s"
        " WHERE s.repository_id = 0 AND s.namespace_id IN ({ids}) AND s.day > ?"
    ),
    "repository": (
        "SELECT s.repository_id AS id, s.day AS day, s.stored_bytes AS stored_bytes FROM repository r"
        " JOIN storage_sample s ON s.namespace_id = r.namespace_id AND s.repository_id = r.id"
        " WHERE r.id IN ({ids}) AND s.day > ?"
    ),
}
_BEFORE = {
    "namespace": (
        "SELECT n.id AS id, (SELECT s.stored_bytes FROM storage_sample s WHERE s.namespace_id = n.id"
        " AND s.repository_id = 0 AND s.day <= ? ORDER BY s.day DESC LIMIT 1) AS stored_bytes"
        " FROM account n WHERE n.id IN ({ids})"
    ),
    "repository": (
        "SELECT r.id AS id, (SELECT s.stored_bytes FROM storage_sample s"
        " WHERE s.namespace_id = r.namespace_id AND s.repository_id = r.id AND s.day <= ?"
        " ORDER BY s.day DESC LIMIT 1) AS stored_bytes FROM repository r WHERE r.id IN ({ids})"
    ),
}
"""The last sample before the interval, by owner."""


async def _history(owner: str, ids: Sequence[int], days: int) -> dict[int, list[SizeOnDay]]:
    today = now_ms() // DAY_MS
    marks = placeholders(ids)
    sampled: dict[int, dict[int, int]] = {identity: {} for identity in ids}
    for row in await fetch(_SAMPLES[owner].format(ids=marks), *ids, today - days):
        sampled[row["id"]][row["day"]] = row["stored_bytes"]
    before = {
        row["id"]: row["stored_bytes"]
        for row in await fetch(_BEFORE[owner].format(ids=marks), today - days, *ids)
    }
    current = await (stored.of_namespaces if owner == "namespace" else stored.of_repositories)(ids)
    return {
        identity: [
            SizeOnDay(day, stored_bytes)
            for day, stored_bytes in filled(
                found | {today: current.get(identity, 0)}, before.get(identity), today, days
            )
        ]
        for identity, found in sampled.items()
    }
