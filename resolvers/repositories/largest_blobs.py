"""The largest blobs of a namespace, and its repositories that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access.permissions import visible_repositories
from resolvers.accounts.account import AccountRecord
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.conditions import exists
from storage.statements import fetch, placeholders

SHOWN = 20
"""How many repositories are named for each blob."""


@dataclass(frozen=True, slots=True)
class LargeBlob:
    """A blob to which repositories of a namespace have a right; `holders` of them."""

    id: int
    namespace_id: int
    digest: str
    size_bytes: int
    holders: int


_COLUMNS = Columns(LargeBlob, "c")


async def largest_blobs(context: Context, namespace: AccountRecord, page: Page) -> Slice[LargeBlob]:
    """The blobs of a namespace, the largest first.

    The caller has judged that the viewer is its owner or a member. Raises `Invalid` for a page.
    """
    order = (
        Term("c.size_bytes", "size_bytes", descending=True),
        Term("c.id", "id", descending=True),
    )
    conditions = ("c.namespace_id = ?", "NOT c.is_manifest")
    query = Query(_COLUMNS.sql, "namespace_content c", order, conditions, (namespace.id,))
    return (await paginate(query, page, maximum=context.max_first)).of(_COLUMNS.record)


async def repositories_with(
    context: Context, digests: Sequence[str], namespace_id: int
) -> dict[str, list[int]]:
    """The repositories of a namespace that hold blobs, oldest first, by digest; one statement.

    At most `SHOWN` for each, and only those that the viewer may see.
    """
    visible, values = visible_repositories(context.viewer, include_public=True)
    rows = await fetch(
        "SELECT digest, id FROM (SELECT b.digest AS digest, r.id AS id,"
        " ROW_NUMBER() OVER (PARTITION BY b.digest ORDER BY r.id) AS place"
        " FROM repository r CROSS JOIN blob b"
        " JOIN repository_blob h ON h.repository_id = r.id AND h.blob_id = b.id"
        f" WHERE r.namespace_id = ? AND {exists('r')} AND ({visible})"
        f" AND b.digest IN ({placeholders(digests)})) held WHERE place <= ? ORDER BY digest, id",
        namespace_id,
        *values,
        *digests,
        SHOWN,
    )
    found: dict[str, list[int]] = {digest: [] for digest in digests}
    for row in rows:
        found[row["digest"]].append(row["id"])
    return found
