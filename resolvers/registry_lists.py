"""Names in the order of their bytes, as `/v2` lists them: a part at a time, each starting behind a name.

Source: OCI Distribution 1.1, "Listing Tags"; the catalog is Docker's.
"""

from resolvers.access.permissions import visible_repositories
from resolvers.context import Context
from storage.clock import now_ms
from storage.statements import fetch, is_postgres


def _bytewise(expression: str) -> str:
    """Compare by bytes, whatever the language of the database. SQLite does so anyway."""
    return f'{expression} COLLATE "C"' if is_postgres() else expression


async def tag_names(repository_id: int, *, after: str, limit: int) -> list[str]:
    """At most `limit` active tags of an authorized repository, those behind `after` (empty: the first)."""
    name = _bytewise("t.name")
    rows = await fetch(
        f"SELECT t.name FROM tag t WHERE t.repository_id = ? AND {name} > ?"
        f" AND (t.ended_at_ms IS NULL OR t.ended_at_ms > ?) ORDER BY {name} LIMIT ?",
        repository_id,
        after,
        now_ms(),
        limit,
    )
    return [row["name"] for row in rows]


async def repository_paths(context: Context, *, after: str, limit: int) -> list[str]:
    """At most `limit` paths of repositories behind `after` where the viewer has a role; all for superusers.

    Public ones are listed to everybody only where PUBLIC_CATALOG is on.
    """
    include_public = context.site.has("PUBLIC_CATALOG")
    visible, values = visible_repositories(context.viewer, include_public=include_public)
    if context.viewer.is_superuser:
        visible, values = "1 = 1", []
    path = _bytewise("(n.name || '/' || r.name)")
    rows = await fetch(
        f"SELECT n.name || '/' || r.name AS path FROM repository r JOIN account n ON n.id = r.namespace_id"
        f" WHERE {visible} AND r.deleted_at_ms IS NULL AND n.deleted_at_ms IS NULL AND n.is_enabled"
        f" AND {path} > ? ORDER BY {path} LIMIT ?",
        *values,
        after,
        limit,
    )
    return [row["path"] for row in rows]
