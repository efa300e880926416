"""Stored bytes: what a repository or a namespace has a right to, whether a tag names it or not.

They count each blob and each body of a manifest once: what tags name, what the time machine keeps, and what
no manifest names yet, until the garbage collector takes it. Triggers keep them in the transactions that
change them; quotas compare them.
"""

from collections.abc import Sequence

from storage.statements import execute, fetch, is_postgres, placeholders


async def of_namespaces(ids: Sequence[int]) -> dict[int, int]:
    """The stored bytes of namespaces, in one statement; those without content are left out."""
    return await _stored("namespace", ids)


async def of_repositories(ids: Sequence[int]) -> dict[int, int]:
    """The stored bytes of repositories, in one statement; those without content are left out."""
    return await _stored("repository", ids)


async def _stored(owner: str, ids: Sequence[int]) -> dict[int, int]:
    if not ids:
        return {}
    rows = await fetch(
        f"SELECT {owner}_id AS id, stored_bytes FROM {owner}_size WHERE {owner}_id IN ({placeholders(ids)})",
        *ids,
    )
    return {row["id"]: row["stored_bytes"] for row in rows}


async def hold(namespaces: Sequence[int]) -> dict[int, int]:
    """Keep content and reservations from entering namespaces until the end of the open transaction.

    Returns what each stores. Their rows are locked in one order by all, after those of repositories and
    before all that triggers write. On SQLite the transaction excludes all others already.
    """
    ids = sorted(set(namespaces))
    found = (
        f"SELECT namespace_id, stored_bytes FROM namespace_size WHERE namespace_id IN ({placeholders(ids)})"
    )
    if not is_postgres():
        rows = await fetch(found, *ids)
    else:
        found += " ORDER BY namespace_id FOR NO KEY UPDATE"
        rows = await fetch(found, *ids) if len(ids) == 1 else []
        if len(rows) < len(ids):
            # Of several, none is locked before the missing rows are there, in the order of all.
            await execute(
                "INSERT INTO namespace_size (namespace_id, stored_bytes) VALUES"
                f" {', '.join(['(?, 0)'] * len(ids))} ON CONFLICT (namespace_id) DO NOTHING",
                *ids,
            )
            rows = await fetch(found, *ids)
    return dict.fromkeys(ids, 0) | {row["namespace_id"]: row["stored_bytes"] for row in rows}


async def forget(namespace_id: int) -> None:
    """Delete the figures of a namespace whose row is gone: its id may be given to another one."""
    for table in ("namespace_content", "repository_size", "namespace_size", "storage_sample"):
        await execute(f"DELETE FROM {table} WHERE namespace_id = ?", namespace_id)
