"""The latest pushes to a namespace, out of the event log."""

from dataclasses import dataclass
from typing import Any

from resolvers.access.permissions import visible_repositories
from resolvers.accounts.account import AccountRecord
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.conditions import exists
from storage.statements import is_postgres


@dataclass(frozen=True, slots=True)
class PushRecord:
    """A push of a manifest by a tag; `metadata` is that of the event `push_repo`."""

    id: int
    repository_id: int
    performer_id: int | None
    metadata: dict[str, Any]
    created_at_ms: int


_COLUMNS = Columns(PushRecord, "e")


async def latest_pushes(context: Context, namespace: AccountRecord, page: Page) -> Slice[PushRecord]:
    """Pushes by a tag to those repositories of a namespace that the viewer may see, newest first.

    The caller has judged that the viewer is its owner or a member, who may see who pushed. Images of an
    index, which are pushed by digest, are left out. Raises `Invalid` for a page.
    """
    visible, values = visible_repositories(context.viewer, include_public=True)
    tag = "e.metadata ->> 'tag'" if is_postgres() else "json_extract(e.metadata, '$.tag')"
    rows = await paginate(
        Query(
            _COLUMNS.sql,
            # The partial index on pushes gives the order; a CROSS JOIN keeps SQLite from another.
            "event e CROSS JOIN repository r",
            (Term("e.id", "id", descending=True),),
            (
                "e.namespace_id = ?",
                "e.kind = 'push_repo'",
                f"{tag} IS NOT NULL",
                "r.id = e.repository_id",
                exists("r"),
                visible,
            ),
            (namespace.id, *values),
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)
