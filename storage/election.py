"""Election of one process among many by a named lease, which runs out when its holder dies.

The lease of a job is a different one: `extend` of `storage.jobs`.
"""

from storage.clock import now_ms
from storage.statements import execute, fetch_one
from storage.transactions import transaction


async def hold_lease(name: str, holder: str, *, duration_ms: int) -> bool:
    """Take or keep a named lease. False while another process holds it.

    It is renewed when a third of it has passed, so that asking often costs a read and no write.
    """
    now = now_ms()
    held = await fetch_one("SELECT holder, expires_at_ms FROM lease WHERE name = ?", name)
    if held is not None and held["expires_at_ms"] >= now:
        if held["holder"] != holder:
            return False
        if held["expires_at_ms"] - now > duration_ms * 2 // 3:
            return True
    async with transaction("lease.hold"):
        return bool(
            await execute(
                "INSERT INTO lease (name, holder, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET holder = excluded.holder, expires_at_ms = excluded.expires_at_ms"
                " WHERE lease.holder = excluded.holder OR lease.expires_at_ms < ?",
                name,
                holder,
                now + duration_ms,
                now,
            )
        )


async def release_lease(name: str, holder: str) -> None:
    """Give a lease back, so that another process need not wait for it to run out."""
    await execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, holder)
