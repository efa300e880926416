"""Lists of names for `/v2` in byte order, with keyset pagination: at most `limit` names after a name.

Whole lists of tags are read as JSON, which the database writes faster than rows become objects here.

Source: OCI Distribution 1.1, "Listing Tags"; the catalog is Docker's.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from resolvers.access.index_ranges import SOURCE, count_grants, visible_ranges
from resolvers.context import Context
from resolvers.pages import KEY_LENGTH, Page, Query, Term, keyset_cursor, paginate_ranges
from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import fetch, is_postgres

_PATHS = Query("r.path", SOURCE, (Term("r.path", "path", kind=str),))


BATCH: Final = 10_000
"""Tags that are read in one statement for a whole list."""


class Batch(NamedTuple):
    """A part of a list: a JSON array of names, and the last of them if there may be more, else None."""

    names: str
    last: str | None


def _bytewise(expression: str) -> str:
    """SQL that compares by bytes, whatever the collation of the database; SQLite does so by default."""
    return f'{expression} COLLATE "C"' if is_postgres() else expression


async def tag_names(repository_id: int, *, after: str, limit: int) -> list[str]:
    """At most `limit` active tags of an authorized repository after `after` (empty: from the first)."""
    name = _bytewise("t.name")
    rows = await fetch(
        f"SELECT t.name FROM tag t WHERE t.repository_id = ? AND {name} > ?"
        f" AND {is_active('t')} ORDER BY {name} LIMIT ?",
        repository_id,
        after,
        now_ms(),
        limit,
    )
    return [row["name"] for row in rows]


async def tag_batch(repository_id: int, *, after: str) -> Batch:
    """The next of all active tags of an authorized repository after `after` (empty: from the first)."""
    name = _bytewise("t.name")
    # Both take the names in the order of the subquery, whose LIMIT keeps it from being merged with the query.
    array = (
        "CAST(array_to_json(array_agg(one.name)) AS TEXT)" if is_postgres() else "json_group_array(one.name)"
    )
    (row,) = await fetch(
        f"SELECT {array} AS names, COUNT(*) AS number, MAX({_bytewise('one.name')}) AS last"
        f" FROM (SELECT t.name FROM tag t WHERE t.repository_id = ? AND {name} > ?"
        f" AND {is_active('t')} ORDER BY {name} LIMIT ?) one",
        repository_id,
        after,
        now_ms(),
        BATCH,
    )
    return Batch(row["names"] or "[]", row["last"] if row["number"] == BATCH else None)


async def repository_paths(context: Context, *, after: str, limit: int) -> list[str]:
    """At most `limit` paths after `after` of repositories in which the viewer has a role; all for superusers.

    Public repositories are included if PUBLIC_CATALOG is on.
    """
    include_public = context.site.has("PUBLIC_CATALOG")
    viewer = replace(context.viewer, has_full_access=context.viewer.sees_all or context.viewer.sees_site)
    visible = visible_ranges(viewer, await count_grants(viewer), include_public=include_public)
    found = await paginate_ranges(
        _PATHS,
        [range_.and_also("n.is_enabled IS NOT FALSE") for range_ in visible],
        # PostgreSQL cannot hold NUL, and no path has it or is so long; what is before selects the same.
        Page(limit, keyset_cursor(after[:KEY_LENGTH].partition("\0")[0])),
        table="repository",
        key="r.id",
        maximum=limit,
    )
    return [row["path"] for row in found.items]
