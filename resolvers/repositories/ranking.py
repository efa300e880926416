"""Lists of repositories in the order of a number that no index holds: pulls, last change, or stored bytes.

A page reads and sorts all listed repositories, so their number is bounded. Whatever changes between two pages
moves, but the rest is listed once: a cursor holds the number and the id of the last repository of a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from resolvers.access.index_ranges import SOURCE
from resolvers.errors import Invalid
from resolvers.pages import IndexRange, Page, Query, Slice, Term, check_first, paginate
from resolvers.repositories.popularity import pulls_of, since_day
from storage.statements import Row, fetch_one

MAX_RANKED = 10_000
"""The most repositories that one list sorts: a page of so many takes about a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order by a number of the repository `found.id`, and by id among equals.

    `measure` is SQL of the number, which takes `since_day()` if `is_recent`.
    """

    measure: str
    descending: bool
    is_recent: bool = False

    @property
    def values(self) -> tuple[int, ...]:
        """The parameters of `measure`."""
        return (since_day(),) if self.is_recent else ()


def by_popularity(*, descending: bool) -> Ranking:
    """By the pulls of 90 days."""
    return Ranking(pulls_of("found.id"), descending, is_recent=True)


def by_last_change(*, descending: bool) -> Ranking:
    """By the last start of a tag; repositories that never had a tag count as the longest unchanged."""
    last = "(SELECT MAX(t.started_at_ms) FROM tag t WHERE t.repository_id = found.id)"
    return Ranking(f"COALESCE({last}, 0)", descending)


def by_size(*, descending: bool) -> Ranking:
    """By stored bytes."""
    size = "(SELECT s.stored_bytes FROM repository_size s WHERE s.repository_id = found.id)"
    return Ranking(f"COALESCE({size}, 0)", descending)


def of_ranges(ranges: Sequence[IndexRange]) -> tuple[str, tuple[Any, ...]]:
    """Query for the ids of the repositories in the ranges, and its values; bounded for each range."""
    parts = [
        range_.ids("r.id", SOURCE, "repository", "r.id", is_after=False, limit=MAX_RANKED + 1)
        for range_ in ranges
    ]
    nothing = "SELECT r.id AS id FROM repository r WHERE 1 = 0"
    return " UNION ".join(parts) or nothing, tuple(value for range_ in ranges for value in range_.values)


async def ranked_ids(
    ids: str, values: Sequence[Any], ranking: Ranking, page: Page, *, maximum: int
) -> Slice[Row]:
    """One page of the repositories whose ids a query gives, as rows with `id`; two statements.

    Raises `Invalid` as `paginate`, and for more than 10,000 repositories.
    """
    check_first(page.first, maximum=maximum)
    some = f"SELECT id FROM ({ids}) found LIMIT {MAX_RANKED + 1}"
    counted = await fetch_one(f"SELECT COUNT(*) AS total FROM ({some}) counted", *values)
    total = int(counted["total"]) if counted else 0
    if total > MAX_RANKED:
        raise Invalid(
            f"orderBy: at most {MAX_RANKED} repositories can be put in this order, and the list has more."
            " Narrow it down, for example to a namespace.",
            field="order_by",
        )
    # Materialized, so that the measure is taken once for each repository, not for each condition on it.
    source = (
        f"(WITH measured AS MATERIALIZED (SELECT found.id AS id, {ranking.measure} AS measure"
        f" FROM ({ids}) found) SELECT id, measure FROM measured) k"
    )
    order = (
        Term("k.measure", "measure", descending=ranking.descending),
        Term("k.id", "id", descending=ranking.descending),
    )
    query = Query("k.id, k.measure", source, order, values=(*ranking.values, *values))
    found = await paginate(query, page, maximum=maximum)
    return replace(found, total=total)
