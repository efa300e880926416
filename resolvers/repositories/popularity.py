"""Popularity of repositories: the pulls of the last 90 days.

Lists of the most pulled repositories use an index on `popularity_level`, the bit length of the number of
pulls. A job updates it. The logarithm changes seldom, so that few rows are written.
"""

from collections.abc import Sequence

from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job
from storage.clock import DAY_MS, now_ms
from storage.conditions import exists
from storage.statements import batches, execute, fetch, placeholders
from storage.transactions import transaction

DAYS = 90


def since_day() -> int:
    """The last day that does not count, in days since the Unix epoch, UTC."""
    return now_ms() // DAY_MS - DAYS


async def popularities(repository_ids: Sequence[int]) -> dict[int, int]:
    """The pulls of each repository, in one statement; repositories without pulls are left out."""
    if not repository_ids:
        return {}
    rows = await fetch(
        "SELECT repository_id AS id, CAST(SUM(pulls) AS BIGINT) AS pulls FROM daily_activity"
        f" WHERE repository_id IN ({placeholders(repository_ids)}) AND day > ? GROUP BY repository_id",
        *repository_ids,
        since_day(),
    )
    return {row["id"]: row["pulls"] for row in rows}


def pulls_of(repository: str) -> str:
    """SQL of the pulls of the repository whose id is the column `repository`; takes `since_day()`."""
    return (
        "CAST(COALESCE((SELECT SUM(d.pulls) FROM daily_activity d"
        f" WHERE d.repository_id = {repository} AND d.day > ?), 0) AS BIGINT)"
    )


READ_BATCH = 1_000
WRITE_BATCH = 100
"""Rows updated, and thus locked, in one transaction."""


@job(
    "popularity.update",
    "Notes what is pulled most, which searches look at first.",
    every_s=HOUR,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def run_update_levels(run: Run) -> None:
    """Do what `update_levels` does."""
    await update_levels()


async def update_levels() -> None:
    """Update the popularity levels that have changed. Idempotent."""
    last_id = 0
    while True:
        checkpoint()
        rows = await fetch(
            f"SELECT r.id, r.popularity_level AS level, {pulls_of('r.id')} AS pulls"
            f" FROM repository r WHERE r.id > ? AND {exists('r')} ORDER BY r.id LIMIT {READ_BATCH}",
            since_day(),
            last_id,
        )
        if not rows:
            return
        last_id = rows[-1]["id"]
        levels = [(row["id"], row["pulls"].bit_length(), row["level"]) for row in rows]
        changed = [(repository_id, level) for repository_id, level, noted in levels if level != noted]
        for batch in batches(changed, WRITE_BATCH):
            async with transaction("popularity.update_levels"):
                # In order of id, as all code that locks several repositories, to prevent deadlocks.
                for repository_id, level in batch:
                    await execute(
                        "UPDATE repository SET popularity_level = ? WHERE id = ?", level, repository_id
                    )
