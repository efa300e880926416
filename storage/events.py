"""The event log: appended in the transaction of each change, read in commit order.

Row ids do not give commit order on PostgreSQL: a transaction that began earlier may commit later. So each row
has the id of its transaction, and readers stop below the oldest transaction that is still open. On SQLite,
where writers are serialised, the row id is the commit order.
"""

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from storage import log_text
from storage.clock import now_ms
from storage.site_settings import site_setting
from storage.statements import (
    Row,
    decode_json,
    execute,
    fetch,
    insert_many,
    is_postgres,
    placeholders,
)
from storage.transactions import open_transaction, transaction


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


CHANNEL = "quayside_event"
"""The channel of LISTEN and NOTIFY on PostgreSQL."""

# NOTIFY without a statement of its own; PostgreSQL sends it at the commit, once per transaction.
_NOTIFYING_TRANSACTION_ID = f"(SELECT pg_current_xact_id()::text::bigint FROM pg_notify('{CHANNEL}', ''))"

_COLUMNS = (
    "kind",
    "metadata",
    "namespace_id",
    "repository_id",
    "performer_id",
    "credential_kind",
    "credential_id",
    "ip",
    "request_id",
    "created_at_ms",
)


async def append(*events: EventRow) -> None:
    """Append events. Raises `RuntimeError` outside a transaction: an event must commit with its change."""
    if open_transaction.get() is None:
        raise RuntimeError(f"event {', '.join({event.kind for event in events})} outside a transaction")
    now = now_ms()
    await insert_many(
        "event",
        _COLUMNS,
        [
            (
                event.kind,
                log_text.encode(event.metadata),
                event.namespace_id,
                event.repository_id,
                event.performer_id,
                event.credential_kind,
                event.credential_id,
                event.ip,
                event.request_id,
                now,
            )
            for event in events
        ],
        fixed={"transaction_id": _NOTIFYING_TRANSACTION_ID if is_postgres() else "NULL"},
    )


Cursor = tuple[int, int]
"""A position in the log: transaction id (0 on SQLite) and row id. `(0, 0)` is the start."""


async def read_after(
    cursor: Cursor, *, limit: int = 500, place: tuple[str, int] | None = None
) -> list[tuple[Cursor, Row]]:
    """The committed events after `cursor` in commit order, each with the cursor after it.

    `place` is `namespace_id` or `repository_id` with an id, to read only events of that.
    """
    column, owner = place or ("1", 1)
    if is_postgres():
        rows = await fetch(
            "SELECT * FROM event WHERE (transaction_id, id) > (CAST(? AS bigint), CAST(? AS bigint))"
            " AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            f" AND {column} = ? ORDER BY transaction_id, id LIMIT ?",
            *cursor,
            owner,
            limit,
        )
    else:
        rows = await fetch(
            f"SELECT * FROM event WHERE id > ? AND {column} = ? ORDER BY id LIMIT ?", cursor[1], owner, limit
        )
    for row in rows:
        row["metadata"] = decode_json(row["metadata"])
    return [((row["transaction_id"] or 0, row["id"]), row) for row in rows]


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of the log at one moment: everything that commits later comes after `cursor`.

    `ids` are the events after `cursor` that had committed already, while an older transaction was open.
    """

    cursor: Cursor
    ids: frozenset[int] = frozenset()


async def times_after(cursor: "Cursor", *, limit: int) -> list[int]:
    """When the events after a cursor happened, in milliseconds since the epoch; at most `limit` of them."""
    place, values = ("(transaction_id, id) > (?, ?)", cursor) if is_postgres() else ("id > ?", cursor[1:])
    order = "transaction_id, id" if is_postgres() else "id"
    rows = await fetch(
        f"SELECT created_at_ms FROM event WHERE {place} ORDER BY {order} LIMIT {limit}", *values
    )
    return [row["created_at_ms"] for row in rows]


async def log_end() -> LogEnd:
    """The current end of the log."""
    if is_postgres():
        (row,) = await fetch(
            "SELECT h.horizon, (SELECT array_agg(id) FROM event WHERE transaction_id >= h.horizon) AS ids"
            " FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) h"
        )
        return LogEnd((row["horizon"], 0), frozenset(row["ids"] or ()))
    rows = await fetch("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    return LogEnd((0, rows[0]["seq"] if rows else 0))


async def position() -> Cursor:
    """The position of the open transaction: behind all that has committed, before all that begins later.

    The end of the log would not do for what tells of later events only: events that have committed stand
    behind it while an older transaction is open.
    """
    if is_postgres():
        (row,) = await fetch("SELECT pg_current_xact_id()::text::bigint AS own")
        return row["own"], 0
    return (await log_end()).cursor


async def is_beyond_end(cursor: Cursor) -> bool:
    """Whether a cursor is of another history: PostgreSQL counts anew when rows are loaded from a dump."""
    if not is_postgres() or not cursor[0]:
        return False
    (row,) = await fetch("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next")
    return cursor[0] > int(row["next"])


async def put_behind_end() -> None:
    """Put the events of another history, whose positions are beyond the end of the log, at its start.

    They would be read as new when the server has counted that far. A statement sees no event of its own
    history that is beyond its end.
    """
    if not is_postgres():
        return
    end = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    while await execute(
        "UPDATE event SET transaction_id = 0 WHERE id IN"
        f" (SELECT id FROM event WHERE transaction_id > {end} LIMIT 500)"
    ):
        pass
    pruned = await pruned_up_to()
    if await is_beyond_end(pruned):
        await execute(
            "UPDATE site_setting SET value = ? WHERE name = ? AND value = ?",
            *(f"0:{pruned[1]}", PRUNED_UP_TO, f"{pruned[0]}:{pruned[1]}"),
        )


async def has_unreadable(cursor: Cursor) -> bool:
    """Whether committed events after `cursor` cannot be read until an older transaction ends."""
    if not is_postgres():
        return False
    rows = await fetch(
        "SELECT 1 AS one FROM event WHERE (transaction_id, id) > (CAST(? AS bigint), CAST(? AS bigint))"
        " LIMIT 1",
        *cursor,
    )
    return bool(rows)


PRUNED_UP_TO = "events_pruned_up_to"


async def pruned_up_to() -> Cursor:
    """The cursor after which no event has been pruned."""
    transaction_id, _, identity = (await site_setting(PRUNED_UP_TO) or "0:0").partition(":")
    return int(transaction_id), int(identity)


async def prune(before_ms: int, *, limit: int = 500) -> bool:
    """Delete at most `limit` of the oldest events, up to the first one not older than `before_ms`.

    Returns whether there may be more to delete. It always deletes a prefix of the log, so that one cursor,
    `pruned_up_to`, tells what is missing.
    """
    async with transaction("events.prune"):
        # This also locks the row, so that no concurrent process moves the cursor back.
        await execute(
            "INSERT INTO site_setting (name, value) VALUES (?, '0:0')"
            " ON CONFLICT (name) DO UPDATE SET value = site_setting.value",
            PRUNED_UP_TO,
        )
        order = "transaction_id, id" if is_postgres() else "id"
        rows = await fetch(
            f"SELECT id, transaction_id, created_at_ms FROM event ORDER BY {order} LIMIT ?", limit
        )
        old = list(takewhile(lambda row: row["created_at_ms"] < before_ms, rows))
        if old:
            ids = [row["id"] for row in old]
            await execute(f"DELETE FROM event WHERE id IN ({placeholders(ids)})", *ids)
            await execute(
                "UPDATE site_setting SET value = ? WHERE name = ?",
                f"{old[-1]['transaction_id'] or 0}:{ids[-1]}",
                PRUNED_UP_TO,
            )
    return len(old) == limit
