"""Live events: what they are, the filters of subscriptions, and cursors in the log."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import by_name
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Unauthenticated
from resolvers.repositories.repository import repository
from storage.conditions import exists
from storage.events import Cursor
from storage.statements import Row, fetch, placeholders


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with names of its namespace and repository. `cursor` is the position after it in the log."""

    cursor: Cursor
    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None
    repository_id: int | None
    performer_id: int | None
    created_at_ms: int
    namespace_name: str | None
    repository_path: str | None


@dataclass(frozen=True, slots=True)
class VisibleEvent:
    """An event that a viewer may see; with `is_detailed` also its performer and metadata."""

    record: EventRecord
    is_detailed: bool


Place = tuple[str, int]
"""What events can be about: a column of the log, `repository_id` or `namespace_id`, and its value."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The filter of a subscription; None means all. `after` is the cursor to resume from."""

    namespace_id: int | None = None
    repository_id: int | None = None
    kinds: frozenset[str] | None = None
    after: Cursor | None = None

    def matches(self, record: EventRecord) -> bool:
        """Whether an event passes the filter."""
        return (
            (self.repository_id is None or self.repository_id == record.repository_id)
            and (self.namespace_id is None or self.namespace_id == record.namespace_id)
            and (self.kinds is None or record.kind in self.kinds)
        )

    @property
    def place(self) -> Place | None:
        """The column of the log, with its value, that selects the events by an index."""
        if self.repository_id is not None:
            return "repository_id", self.repository_id
        return None if self.namespace_id is None else ("namespace_id", self.namespace_id)


async def watch(
    context: Context,
    *,
    namespace: str | None,
    path: str | None,
    kinds: Iterable[str] | None,
    after: str | None,
) -> Watch:
    """Resolve names to the filter of a subscription.

    Everybody may subscribe; rights are checked for each event. Raises `Unauthenticated` for anonymous callers
    without ANONYMOUS_ACCESS, what `repository` raises, `NotFound` for an unknown repository or namespace,
    `Invalid` for a malformed cursor.
    """
    if context.viewer.is_anonymous and not context.site.has("ANONYMOUS_ACCESS"):
        raise Unauthenticated
    namespace_id = repository_id = None
    if path is not None:
        record = await repository(context, path)
        if record is None:
            raise NotFound(f"There is no repository {path}.", field="repository")
        repository_id = record.id
    if namespace is not None:
        owner = await by_name(namespace, AccountKind.USER, AccountKind.ORGANIZATION)
        if owner is None:
            raise NotFound(f"There is no namespace {namespace}.", field="namespace")
        namespace_id = owner.id
    return Watch(
        namespace_id,
        repository_id,
        None if kinds is None else frozenset(kinds),
        None if after is None else parse_cursor(after),
    )


def format_cursor(cursor: Cursor) -> str:
    """Encode a position in the log for clients, who treat it as opaque."""
    return base64.urlsafe_b64encode("event:{}:{}".format(*cursor).encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Decode a cursor of a client. Raises `Invalid`."""
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        kind, transaction_id, row_id = decoded.split(":")
        cursor = (int(transaction_id), int(row_id))
    except (binascii.Error, ValueError) as error:
        raise Invalid("after: must be the cursor of an event.", field="after") from error
    if kind != "event" or not all(0 <= number < 2**63 for number in cursor):
        raise Invalid("after: must be the cursor of an event, not of a list.", field="after")
    return cursor


async def with_names(rows: Sequence[tuple[Cursor, Row]]) -> list[EventRecord]:
    """Rows of the log with the names of their namespaces and repositories; two statements (no N+1)."""
    namespaces = await _names(
        f"SELECT id, name FROM account WHERE {exists()} AND id IN ({{}})",
        {row["namespace_id"] for _, row in rows},
    )
    paths = await _names(
        "SELECT r.id, n.name || '/' || r.name AS name FROM repository r"
        " JOIN account n ON n.id = r.namespace_id"
        f" WHERE {exists('r')} AND r.id IN ({{}})",
        {row["repository_id"] for _, row in rows},
    )
    return [
        EventRecord(
            cursor,
            row["kind"],
            row["metadata"],
            row["namespace_id"],
            row["repository_id"],
            row["performer_id"],
            row["created_at_ms"],
            # Deleted ones keep the name that the event recorded.
            namespaces.get(row["namespace_id"], row["metadata"].get("namespace")),
            paths.get(row["repository_id"], _recorded_path(row)),
        )
        for cursor, row in rows
    ]


async def _names(statement: str, ids: set[int | None]) -> dict[int | None, str]:
    known = sorted(one for one in ids if one is not None)
    if not known:
        return {}
    return {row["id"]: row["name"] for row in await fetch(statement.format(placeholders(known)), *known)}


def _recorded_path(row: Row) -> str | None:
    namespace, name = row["metadata"].get("namespace"), row["metadata"].get("repo")
    return f"{namespace}/{name}" if row["repository_id"] and namespace and name else None
