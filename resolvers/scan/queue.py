"""The queue of scans, for those who see the site: what waits, what came of the rest, and what is left."""

from dataclasses import dataclass
from typing import Final

from resolvers.context import Context
from resolvers.manifests.examination import SCAN, is_on
from resolvers.scan.state import ScanState
from storage.backlog import Backlog, backlog
from storage.statements import fetch_one

OTHERS: Final = "scan.others"


# One pass over the rows; to group them would sort them.
_COUNTS: Final = (
    "SELECT MAX(scanned_at_ms) AS last_ms, "
    + ", ".join(f"SUM(CASE WHEN state = '{state}' THEN 1 ELSE 0 END) AS {state}" for state in ScanState)
    + " FROM manifest_scan"
)


@dataclass(frozen=True, slots=True)
class ScanQueue:
    """The queue. `images` counts images by state; `left` those that `OTHERS` has not scanned yet, as far as
    it has counted them."""

    pushed: Backlog
    images: dict[ScanState, int]
    last_scanned_at_ms: int | None
    left: int | None


async def scan_queue(context: Context) -> ScanQueue | None:
    """The queue of scans; None where nothing is scanned. For those who see the site.

    Four statements: they read indexes of jobs, and count the rows of one table.
    """
    context.viewer.require_site_view()
    if not is_on(context.site):
        return None
    row = await fetch_one(_COUNTS)
    assert row is not None  # An aggregate has one row.
    numbers = {state: int(row[state.value] or 0) for state in ScanState}
    return ScanQueue(
        pushed=await backlog(SCAN),
        images={state: number for state, number in numbers.items() if number},
        last_scanned_at_ms=row["last_ms"],
        left=await _left(),
    )


async def _left() -> int | None:
    # The newest job may have counted nothing yet.
    row = await fetch_one(
        "SELECT progress_done, progress_total FROM job WHERE kind = ? AND progress_total IS NOT NULL"
        " ORDER BY id DESC LIMIT 1",
        OTHERS,
    )
    return max(row["progress_total"] - row["progress_done"], 0) if row else None
