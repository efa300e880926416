"""Exclusive bytes of repositories: the content that no other repository of the namespace holds.

Deleting the repository frees them at once, since the time machine keeps tags and no repositories.
"""

from collections.abc import Sequence

from resolvers.errors import TooMany
from storage.statements import fetch, fetch_one, placeholders

MAX_CONTENTS = 500_000
"""The most blobs and manifests of the repositories that one question is about."""

_CONTENTS = (
    "SELECT 1 AS one FROM repository_blob WHERE repository_id IN ({ids}) UNION ALL"
    " SELECT 1 FROM manifest WHERE repository_id IN ({ids}) AND collected_at_ms IS NULL"
)
_HELD_ONCE = "c.namespace_id = r.namespace_id AND c.holders = 1"
_EXCLUSIVE = (
    "SELECT id, SUM(size_bytes) AS size_bytes FROM (SELECT r.id AS id, c.size_bytes AS size_bytes"
    " FROM repository r JOIN repository_blob h ON h.repository_id = r.id JOIN blob b ON b.id = h.blob_id"
    f" JOIN namespace_content c ON {_HELD_ONCE} AND c.digest = b.digest AND NOT c.is_manifest"
    " WHERE r.id IN ({ids}) UNION ALL SELECT r.id, c.size_bytes FROM repository r"
    " JOIN manifest m ON m.repository_id = r.id AND m.collected_at_ms IS NULL"
    f" JOIN namespace_content c ON {_HELD_ONCE} AND c.digest = COALESCE(m.deleted_digest, m.digest)"
    " AND c.is_manifest WHERE r.id IN ({ids})) held GROUP BY id"
)


async def of_repositories(ids: Sequence[int]) -> dict[int, int]:
    """The exclusive bytes of repositories, in two statements; those without any are left out.

    Raises `TooMany` for more than `MAX_CONTENTS` blobs and manifests.
    """
    if not ids:
        return {}
    names = placeholders(ids)
    some = f"SELECT one FROM ({_CONTENTS.format(ids=names)}) held LIMIT {MAX_CONTENTS + 1}"
    counted = await fetch_one(f"SELECT COUNT(*) AS number FROM ({some}) counted", *ids, *ids)
    if counted is not None and counted["number"] > MAX_CONTENTS:
        raise TooMany(
            f"At most {MAX_CONTENTS:,} blobs and manifests are looked at to tell what repositories use alone,"
            " and these have more. Ask for fewer repositories at once."
        )
    rows = await fetch(_EXCLUSIVE.format(ids=names), *ids, *ids)
    return {row["id"]: int(row["size_bytes"]) for row in rows}
