"""How much repositories are used: the pulls of the last 90 days."""

from collections.abc import Sequence

from storage.clock import now_ms
from storage.statements import fetch, placeholders

DAYS = 90
DAY_MS = 86_400_000


def since_day() -> int:
    """The last day that no longer counts, in days since the epoch, UTC."""
    return now_ms() // DAY_MS - DAYS


async def popularities(repository_ids: Sequence[int]) -> dict[int, int]:
    """The pulls of each repository that had any, in one statement."""
    if not repository_ids:
        return {}
    rows = await fetch(
        "SELECT repository_id AS id, CAST(SUM(pulls) AS BIGINT) AS pulls FROM daily_activity"
        f" WHERE repository_id IN ({placeholders(repository_ids)}) AND day > ? GROUP BY repository_id",
        *repository_ids,
        since_day(),
    )
    return {row["id"]: row["pulls"] for row in rows}
