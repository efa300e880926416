"""Election of one process among many by a named lease, which runs out when its holder dies.

The lease of a job is a different one: `extend` of `storage.jobs`.
"""

from storage.clock import SKEW_MS
from storage.statements import execute, fetch_one, shared_now
from storage.transactions import transaction


async def hold_lease(name: str, holder: str, *, duration_ms: int) -> bool:
    """Take or keep a named lease. False while another process holds it.

    It is renewed when a third of it has passed, so that asking often costs no write. A lease that runs out
    much later than it could is from before the clock went back, and holds nothing.
    """
    held = await fetch_one(
        f"SELECT {shared_now()} AS now, l.holder, l.expires_at_ms FROM (SELECT 1 AS one) o"
        " LEFT JOIN lease l ON l.name = ?",
        name,
    )
    assert held is not None
    now = int(held["now"])
    latest = now + duration_ms + SKEW_MS
    if held["holder"] is not None and now <= held["expires_at_ms"] <= latest:
        if held["holder"] != holder:
            return False
        if duration_ms * 2 // 3 < held["expires_at_ms"] - now <= duration_ms:
            return True
    async with transaction("lease.hold"):
        return bool(
            await execute(
                "INSERT INTO lease (name, holder, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET holder = excluded.holder, expires_at_ms = excluded.expires_at_ms"
                " WHERE lease.holder = excluded.holder OR lease.expires_at_ms < ? OR lease.expires_at_ms > ?",
                name,
                holder,
                now + duration_ms,
                now,
                latest,
            )
        )


async def is_lease_held(name: str) -> bool:
    """Whether some process holds a lease."""
    row = await fetch_one(f"SELECT expires_at_ms >= {shared_now()} AS held FROM lease WHERE name = ?", name)
    return row is not None and bool(row["held"])


async def release_lease(name: str, holder: str) -> None:
    """Give a lease back, so that another process need not wait for it to run out."""
    await execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, holder)
