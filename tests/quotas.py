"""Quotas as rows, and what a namespace stores as counted from its content."""

from collections.abc import Sequence
from typing import Any

from storage.clock import now_ms
from storage.statements import decode_json, execute, fetch, fetch_one


async def account_id(name: str) -> int:
    """The id of an account."""
    row = await fetch_one("SELECT id FROM account WHERE name = ?", name)
    assert row is not None
    return int(row["id"])


async def set_quota(
    namespace: str, limit_bytes: int, *, reject: int = 100, warnings: Sequence[int] = ()
) -> None:
    """Give a namespace a quota in place of the one that it has; `reject` 0 for no Reject limit."""
    owner = await account_id(namespace)
    await execute(
        "DELETE FROM quota_limit WHERE quota_id IN (SELECT id FROM quota WHERE namespace_id = ?)", owner
    )
    await execute("DELETE FROM quota WHERE namespace_id = ?", owner)
    await execute(
        "INSERT INTO quota (namespace_id, limit_bytes, created_at_ms) VALUES (?, ?, ?)",
        owner,
        limit_bytes,
        now_ms(),
    )
    limits = [("reject", reject)] * bool(reject) + [("warning", percent) for percent in warnings]
    for kind, percent in limits:
        await execute(
            "INSERT INTO quota_limit (quota_id, kind, percent)"
            " SELECT id, CAST(? AS VARCHAR(16)), CAST(? AS INT) FROM quota WHERE namespace_id = ?",
            kind,
            percent,
            owner,
        )


async def stored(namespace: str) -> int:
    """The bytes that a namespace stores: the kept figure, which equals a count of its content."""
    owner = await account_id(namespace)
    kept = await fetch_one("SELECT stored_bytes FROM namespace_size WHERE namespace_id = ?", owner)
    counted = await fetch_one(
        "SELECT COALESCE(SUM(size_bytes), 0) AS bytes FROM ("
        " SELECT b.digest, b.size_bytes FROM repository r JOIN repository_blob h ON h.repository_id = r.id"
        " JOIN blob b ON b.id = h.blob_id WHERE r.namespace_id = ? GROUP BY b.digest, b.size_bytes"
        " UNION ALL SELECT COALESCE(m.deleted_digest, m.digest), MAX(m.size_bytes)"
        " FROM repository r JOIN manifest m ON m.repository_id = r.id"
        " WHERE r.namespace_id = ? AND m.collected_at_ms IS NULL"
        " GROUP BY COALESCE(m.deleted_digest, m.digest)) held",
        owner,
        owner,
    )
    assert counted is not None
    assert (kept["stored_bytes"] if kept else 0) == counted["bytes"]
    return int(counted["bytes"])


async def reserved(namespace: str) -> int:
    """What uploads have reserved of the quota of a namespace."""
    row = await fetch_one(
        "SELECT COALESCE(SUM(reserved_bytes), 0) AS bytes FROM upload WHERE namespace_id = ?",
        await account_id(namespace),
    )
    assert row is not None
    return int(row["bytes"])


async def told() -> list[tuple[Any, ...]]:
    """The events about quotas: kind, threshold, use, quota."""
    rows = await fetch(
        "SELECT kind, metadata FROM event WHERE kind IN ('quota_error', 'quota_warning') ORDER BY id"
    )
    found = [(row["kind"], decode_json(row["metadata"])) for row in rows]
    return [
        (kind, data["threshold_percent"], data["usage_bytes"], data["limit_bytes"], data["usage_percent"])
        for kind, data in found
    ]
