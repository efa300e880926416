"""What somebody may see of very many repositories, as parts that indexes hold in order.

One condition on all repositories is exact, but is asked of every row until enough of them fit. These parts
say the same and hold next to nothing else, however many repositories there are that the viewer never sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.permissions import ADMINISTERED, GRANTED, has_grants
from resolvers.access.viewer import Viewer
from resolvers.pages import IndexRange
from storage.conditions import exists
from storage.statements import fetch_one, first_of_each, in_index

FEW = 1_000
"""So many rows are looked at one by one rather than looked for in a list of all repositories."""

SEARCHED = 5_000
"""A search looks at so many one by one: in an index, what others have of a word is not bounded."""

ALL = ("public", "private")
OWNED = f"SELECT CAST(? AS BIGINT) AS id UNION {ADMINISTERED}"
"""The ids of namespaces of which an account sees everything: its own, those that it administers."""

SOURCE = "repository r LEFT JOIN account n ON n.id = r.namespace_id"
"""Every repository has a namespace; the left join keeps SQLite from reading all of them in advance."""

ALIVE: tuple[str, ...] = (exists("r"), exists("n"))
_NAMESPACE = "SELECT place.id FROM account place WHERE place.name = ?"
_EACH_NAMESPACE = ("r.namespace_id", "each_row.id")


@dataclass(frozen=True, slots=True)
class Reach:
    """How many repositories a viewer sees that not everybody sees, counted a little further than needed.

    `granted` are permissions, `owned` private repositories in the viewer's own namespaces.
    """

    granted: int
    owned: int = 0

    @property
    def is_small(self) -> bool:
        """Whether a search can look at them one by one."""
        return self.granted + self.owned <= SEARCHED


async def granted(viewer: Viewer) -> Reach:
    """How many permissions the viewer has on repositories; one statement, or none."""
    if viewer.has_full_access or not has_grants(viewer):
        return Reach(0)
    account_id = viewer.require_account().id
    row = await fetch_one(
        f"SELECT COUNT(*) AS granted FROM (SELECT id FROM ({GRANTED}) g LIMIT {FEW + 1}) counted",
        *(account_id,) * 2,
    )
    return Reach(**row) if row else Reach(0)


async def granted_and_owned(viewer: Viewer) -> Reach:
    """How many repositories the viewer sees that not everybody sees; one statement, or none."""
    if viewer.has_full_access or not has_grants(viewer):
        return Reach(0)
    most = SEARCHED + 1
    row = await fetch_one(
        f"SELECT (SELECT COUNT(*) FROM (SELECT id FROM ({GRANTED}) g LIMIT {most}) counted) AS granted,"
        f" (SELECT COUNT(*) FROM (SELECT id FROM ({_owned(most)}) o LIMIT {most}) counted) AS owned",
        *(viewer.require_account().id,) * 4,
    )
    return Reach(**row) if row else Reach(0)


def granted_one(viewer: Viewer) -> tuple[str, tuple[Any, ...]]:
    """As `visible_repositories` without public ones, but asked row by row: grants are not gathered."""
    condition = f"""(r.namespace_id = ? OR r.namespace_id IN ({ADMINISTERED}) OR EXISTS (
        SELECT 1 FROM repository_permission p WHERE p.repository_id = r.id AND p.account_id = ?
      ) OR EXISTS (
        SELECT 1 FROM repository_permission p JOIN team_member m ON m.team_id = p.team_id
        WHERE p.repository_id = r.id AND m.account_id = ?))"""
    return condition, (viewer.require_account().id,) * 4


def not_public(limit: int | None = None) -> str:
    """A query for the ids of what an account of small reach sees and others do not, and perhaps of some more.

    For an account of any reach, `limit` is how many of its permissions and of its namespaces' repositories
    there are at most. The query takes the id of the account four times.
    """
    few = "" if limit is None else f" LIMIT {limit}"
    return (
        f"SELECT id FROM (SELECT g.id FROM ({GRANTED}) g{few}) granted"
        f" UNION SELECT id FROM (SELECT o.id FROM ({_owned(limit or SEARCHED)}) o{few}) owned"
    )


def _owned(limit: int) -> str:
    """A query for the ids of private repositories in an account's namespaces, of each at most so many."""
    equal = (("own.namespace_id", "each_row.id"), ("own.visibility", "'private'"))
    place, order = in_index(equal, "own.id", is_behind=False)
    rows = (
        f"SELECT own.id AS id FROM repository own WHERE {place} AND {exists('own')}"
        f" ORDER BY {order} LIMIT {limit}"
    )
    return first_of_each(OWNED, "repository", rows)


def visible_ranges(
    viewer: Viewer,
    reach: Reach,
    *,
    include_public: bool,
    namespace: str | None = None,
    visibilities: Sequence[str] = ALL,
) -> list[IndexRange]:
    """The repositories `r` in namespaces `n` that `visible_repositories` allows the viewer, as ranges.

    `namespace` and `visibilities` leave out others.
    """

    def range_(visibility: str) -> IndexRange:
        equal = (("r.visibility", f"'{visibility}'"),)
        if namespace is None:
            return IndexRange(equal, ALIVE)
        return IndexRange((_EACH_NAMESPACE, *equal), ALIVE, (namespace,), each=_NAMESPACE)

    if viewer.has_full_access:
        return [range_(visibility) for visibility in visibilities]
    found = [range_("public")] if include_public and "public" in visibilities else []
    others = [visibility for visibility in visibilities if not (include_public and visibility == "public")]
    if not has_grants(viewer):
        return found
    if reach.granted > FEW:
        # Who sees so many finds them soon enough in a list of all.
        condition, values = granted_one(viewer)
        return found + [range_(visibility).and_also(condition, *values) for visibility in others]
    places: tuple[object, ...] = (viewer.require_account().id,) * 2
    owned, place = OWNED, ALIVE
    if namespace is not None:
        owned = f"SELECT o.id FROM ({OWNED}) o WHERE o.id = ({_NAMESPACE})"
        place = (*ALIVE, "n.name = ?")
        places = (*places, namespace)
    for visibility in others:
        equal = (("r.visibility", f"'{visibility}'"),)
        found.append(IndexRange((_EACH_NAMESPACE, *equal), ALIVE, places, each=owned))
        if reach.granted:
            found.append(IndexRange(equal, place, places, few=GRANTED))
    return found
