"""The job that has the registry's own keys rotate, and removes keys that are over."""

from resolvers.inbox.notice import retract
from resolvers.job_kinds import MINUTE, Run, job
from resolvers.keys import own_key
from resolvers.keys.own_key import OWN, TOKENS, OwnService
from resolvers.keys.service_key import IS_LISTED, listed_values, notice_source
from storage.clock import now_ms
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

BATCH = 500


@job(
    "service_key.tend",
    "Lets new keys sign for the registry when it is time, and removes service keys that are over.",
    every_s=15 * MINUTE,
    goes_on_when_read_only=False,
)
async def tend_keys(run: Run) -> str | None:
    """Rotate if it is due, then remove in batches."""
    rotated = {own.signs: await rotate_if_due(run, own) for own in OWN.values()}
    said = [f"{kid} signs {what} now." for what, kid in rotated.items() if kid]
    removed, batch = 0, BATCH
    while batch == BATCH:
        run.check()
        batch = await _remove_some()
        removed += batch
    return " ".join([*said, *([f"{removed} removed."] if removed else [])]) or None


async def rotate_if_due(run: Run, own: OwnService = TOKENS) -> str | None:
    """The new key that signs, if it was time for one. A service that has not signed yet has none."""
    found = await own_key.current(own)
    if found is None and own is not TOKENS:
        return None
    if found is not None:
        row = await fetch_one(
            "SELECT id FROM service_key WHERE id = ? AND created_at_ms + rotation_duration_s * 1000 <= ?",
            found.id,
            now_ms(),
        )
        if row is None:
            return None
    kid = found.kid if found else None
    return (await own_key.succeed(run.tools.context, kid, await own_key.prepared(), own)).kid


async def _remove_some() -> int:
    rows = await fetch(
        f"SELECT k.id, k.kid FROM service_key k WHERE NOT ({IS_LISTED}) ORDER BY k.id LIMIT ?",
        *listed_values(),
        BATCH,
    )
    for row in rows:
        async with transaction("service_key.forget"):
            await execute(
                f"DELETE FROM service_key WHERE id IN (SELECT k.id FROM service_key k WHERE k.id = ?"
                f" AND NOT ({IS_LISTED}))",
                row["id"],
                *listed_values(),
            )
            await retract(notice_source(row["kid"]))
    return len(rows)
