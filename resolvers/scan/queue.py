"""The queue of scans, for those who see the site: what waits, what came of the rest, and what is left."""

from dataclasses import dataclass
from typing import Final

from resolvers.context import Context
from resolvers.manifests.examination import SCAN, is_on
from resolvers.scan.state import ScanState
from storage.backlog import Backlog, backlog
from storage.statements import fetch, fetch_one

OTHERS: Final = "scan.others"


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
    rows = await fetch(
        "SELECT state, COUNT(*) AS number, MAX(scanned_at_ms) AS last_ms FROM manifest_scan GROUP BY state"
    )
    numbers = {ScanState(row["state"]): int(row["number"]) for row in rows}
    return ScanQueue(
        pushed=await backlog(SCAN),
        images={state: numbers[state] for state in ScanState if state in numbers},
        last_scanned_at_ms=max((row["last_ms"] for row in rows if row["last_ms"] is not None), default=None),
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
