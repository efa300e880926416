"""Splits "repositories visible to a viewer" into ranges that an index returns in list order.

So a page costs O(page). The single condition `visible_repositories` is exact as well, but it is checked on
every row until a page is full: that costs O(all repositories) for a viewer who sees few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.permissions import ADMINISTERED, GRANTED, has_grants
from resolvers.access.viewer import Viewer
from resolvers.pages import IndexRange
from storage.conditions import exists
from storage.statements import fetch_one, first_of_each, keyset_condition

MAX_BY_ROW = 1_000
"""Up to this many rows are read by id; more of them are filtered out of the list of all repositories."""

MAX_SEARCHED = 5_000
"""Up to this many, a search reads by id: the rows that a text index has for a word are not bounded."""

ALL = ("public", "private")
OWNED = f"SELECT CAST(? AS BIGINT) AS id UNION {ADMINISTERED}"
"""Query for the ids of the namespaces where an account sees everything: its own and those it administers."""

SOURCE = "repository r LEFT JOIN account n ON n.id = r.namespace_id"
"""Every repository has a namespace; a LEFT JOIN stops SQLite from making `account` the outer loop."""

ALIVE: tuple[str, ...] = (exists("r"), exists("n"))
_NAMESPACE = "SELECT place.id FROM account place WHERE place.name = ?"
_EACH_NAMESPACE = ("r.namespace_id", "each_row.id")


@dataclass(frozen=True, slots=True)
class GrantCount:
    """How many repositories a viewer sees by grants; counting stops one above the limit that matters.

    `granted` counts permissions, `owned` private repositories in the viewer's own namespaces.
    """

    granted: int
    owned: int = 0

    @property
    def is_searchable(self) -> bool:
        """Whether there are few enough for a search to read each by id."""
        return self.granted + self.owned <= MAX_SEARCHED


async def count_grants(viewer: Viewer) -> GrantCount:
    """Count the viewer's permissions on repositories; at most one statement."""
    if viewer.sees_all or not has_grants(viewer):
        return GrantCount(0)
    account_id = viewer.require_account().id
    row = await fetch_one(
        f"SELECT COUNT(*) AS granted FROM (SELECT id FROM ({GRANTED}) g LIMIT {MAX_BY_ROW + 1}) counted",
        *(account_id,) * 2,
    )
    return GrantCount(**row) if row else GrantCount(0)


async def count_grants_and_owned(viewer: Viewer) -> GrantCount:
    """Count the viewer's permissions and private repositories; at most one statement."""
    if viewer.sees_all or not has_grants(viewer):
        return GrantCount(0)
    most = MAX_SEARCHED + 1
    row = await fetch_one(
        f"SELECT (SELECT COUNT(*) FROM (SELECT id FROM ({GRANTED}) g LIMIT {most}) counted) AS granted,"
        f" (SELECT COUNT(*) FROM (SELECT id FROM ({_owned(most)}) o LIMIT {most}) counted) AS owned",
        *(viewer.require_account().id,) * 4,
    )
    return GrantCount(**row) if row else GrantCount(0)


def grant_condition(viewer: Viewer) -> tuple[str, tuple[Any, ...]]:
    """As `visible_repositories` without public ones, by EXISTS: checked per row, no list of grants."""
    condition = f"""(r.namespace_id = ? OR r.namespace_id IN ({ADMINISTERED}) OR EXISTS (
        SELECT 1 FROM repository_permission p WHERE p.repository_id = r.id AND p.account_id = ?
      ) OR EXISTS (
        SELECT 1 FROM repository_permission p JOIN team_member m ON m.team_id = p.team_id
        WHERE p.repository_id = r.id AND m.account_id = ?))"""
    return condition, (viewer.require_account().id,) * 4


def private_ids(limit: int | None = None) -> str:
    """Query for the ids of repositories that an account sees by grants; some of them may be public.

    Complete if `GrantCount.is_searchable`. `limit` bounds the permissions, and the private repositories of
    each namespace. The query takes the id of the account four times.
    """
    few = "" if limit is None else f" LIMIT {limit}"
    return (
        f"SELECT id FROM (SELECT g.id FROM ({GRANTED}) g{few}) granted"
        f" UNION SELECT id FROM (SELECT o.id FROM ({_owned(limit or MAX_SEARCHED)}) o{few}) owned"
    )


def _owned(limit: int) -> str:
    """Query for the ids of private repositories in an account's namespaces, at most `limit` of each."""
    equal = (("own.namespace_id", "each_row.id"), ("own.visibility", "'private'"))
    place, order = keyset_condition(equal, "own.id", is_after=False)
    rows = (
        f"SELECT own.id AS id FROM repository own WHERE {place} AND {exists('own')}"
        f" ORDER BY {order} LIMIT {limit}"
    )
    return first_of_each(OWNED, "repository", rows)


def visible_ranges(
    viewer: Viewer,
    grants: GrantCount,
    *,
    include_public: bool,
    namespace: str | None = None,
    visibilities: Sequence[str] = ALL,
) -> list[IndexRange]:
    """The ranges of repositories `r` (in namespaces `n`) that together equal `visible_repositories`.

    `namespace` and `visibilities` restrict the result.
    """

    def range_(visibility: str) -> IndexRange:
        equal = (("r.visibility", f"'{visibility}'"),)
        if namespace is None:
            return IndexRange(equal, ALIVE)
        return IndexRange((_EACH_NAMESPACE, *equal), ALIVE, (namespace,), parents=_NAMESPACE)

    if viewer.sees_all:
        return [range_(visibility) for visibility in visibilities]
    found = [range_("public")] if include_public and "public" in visibilities else []
    others = [visibility for visibility in visibilities if not (include_public and visibility == "public")]
    if not has_grants(viewer):
        return found
    if grants.granted > MAX_BY_ROW:
        # A viewer of so many repositories fills a page soon in the list of all.
        condition, values = grant_condition(viewer)
        return found + [range_(visibility).and_also(condition, *values) for visibility in others]
    places: tuple[object, ...] = (viewer.require_account().id,) * 2
    owned, place = OWNED, ALIVE
    if namespace is not None:
        owned = f"SELECT o.id FROM ({OWNED}) o WHERE o.id = ({_NAMESPACE})"
        place = (*ALIVE, "n.name = ?")
        places = (*places, namespace)
    for visibility in others:
        equal = (("r.visibility", f"'{visibility}'"),)
        found.append(IndexRange((_EACH_NAMESPACE, *equal), ALIVE, places, parents=owned))
        if grants.granted:
            found.append(IndexRange(equal, place, places, candidates=GRANTED))
    return found
