"""The event log: appended to in the transaction of each change, read in commit order.

Ids alone do not give commit order on PostgreSQL: a transaction that began earlier may commit later. So each
row carries the id of its transaction, and readers stop below the oldest transaction still running. On SQLite,
where writers exclude each other, the row id is the commit order.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from storage.clock import now_ms
from storage.statements import Row, decode_json, execute, fetch, is_postgres
from storage.transactions import open_transaction


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event to append. `metadata` is a JSON object that holds no secrets."""

    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None = None
    repository_id: int | None = None
    performer_id: int | None = None
    credential_kind: str | None = None
    credential_id: int | None = None
    ip: str | None = None
    request_id: str | None = None


_COLUMNS = (
    "kind, metadata, namespace_id, repository_id, performer_id, credential_kind, credential_id, ip,"
    " request_id, created_at_ms, transaction_id"
)


async def append(event: EventRow) -> None:
    """Write one event. Raises `RuntimeError` outside a transaction: an event belongs to its change."""
    if open_transaction.get() is None:
        raise RuntimeError(f"event {event.kind} outside a transaction")
    transaction_id = "pg_current_xact_id()::text::bigint" if is_postgres() else "NULL"
    await execute(
        f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {transaction_id})",
        event.kind,
        orjson.dumps(event.metadata).decode(),
        event.namespace_id,
        event.repository_id,
        event.performer_id,
        event.credential_kind,
        event.credential_id,
        event.ip,
        event.request_id,
        now_ms(),
    )


Cursor = tuple[int, int]
"""A place in the log: transaction id (0 on SQLite) and row id. `(0, 0)` is its beginning."""


async def read_after(cursor: Cursor, *, limit: int = 500) -> list[tuple[Cursor, Row]]:
    """The committed events after `cursor` in commit order, each with the cursor that stands behind it."""
    if is_postgres():
        rows = await fetch(
            "SELECT * FROM event WHERE (transaction_id, id) > (CAST(? AS bigint), CAST(? AS bigint))"
            " AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " ORDER BY transaction_id, id LIMIT ?",
            *cursor,
            limit,
        )
    else:
        rows = await fetch("SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?", cursor[1], limit)
    for row in rows:
        row["metadata"] = decode_json(row["metadata"])
    return [((row["transaction_id"] or 0, row["id"]), row) for row in rows]
