"""What the mirror of an organization found: repositories of the other registry, and what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.pages import Page, Query, Slice, Term, paginate_each
from storage.conditions import exists
from storage.statements import fetch, placeholders


@dataclass(frozen=True, slots=True)
class DiscoveredRecord:
    """A repository of the other registry. `repository_id` is None if it has none here."""

    id: int
    name: str
    status: MirrorStatus
    discovered_at_ms: int
    seen_at_ms: int
    synced_at_ms: int | None
    message: str | None
    repository_id: int | None


_STATUS: Final = (
    f"CASE WHEN d.problem IS NOT NULL THEN '{MirrorStatus.FAIL}'"
    f" ELSE COALESCE(m.status, '{MirrorStatus.NEVER_RUN}') END"
)
_MIRRORS: Final = "discovered_repository d LEFT JOIN repository_mirror m ON m.id = d.mirror_id"
_SOURCE: Final = (
    f"{_MIRRORS} LEFT JOIN repository r ON r.id = m.repository_id AND {exists('r')}"
    " LEFT JOIN mirror_run u ON u.id ="
    " (SELECT max(x.id) FROM mirror_run x WHERE x.mirror_id = m.id AND x.ended_at_ms IS NOT NULL)"
)
_COLUMNS: Final = Columns(
    DiscoveredRecord,
    "d",
    status=_STATUS,
    synced_at_ms="u.ended_at_ms",
    message="COALESCE(d.problem, u.message)",
    repository_id="r.id",
)


async def repositories_of(
    context: Context, mirror_ids: Sequence[int], page: Page
) -> dict[int, Slice[DiscoveredRecord]]:
    """The repositories that each mirror found, by name. The caller has authorized the request."""
    slices = await paginate_each(
        Query(_COLUMNS.sql, _SOURCE, (Term("d.name", "name", kind=str),)),
        "d.organization_mirror_id",
        mirror_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: found.of(_COLUMNS.record) for identity, found in slices.items()}


async def counts(mirror_ids: Sequence[int]) -> dict[int, dict[MirrorStatus, int]]:
    """How many of the repositories that were found have which status, by mirror; one statement."""
    if not mirror_ids:
        return {}
    rows = await fetch(
        f"SELECT d.organization_mirror_id AS mirror_id, {_STATUS} AS status, count(*) AS number"
        f" FROM {_MIRRORS} WHERE d.organization_mirror_id IN ({placeholders(mirror_ids)}) GROUP BY 1, 2",
        *mirror_ids,
    )
    found: dict[int, dict[MirrorStatus, int]] = {identity: {} for identity in mirror_ids}
    for row in rows:
        found[row["mirror_id"]][MirrorStatus(row["status"])] = row["number"]
    return found
