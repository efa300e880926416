"""Claims: which process fetches a blob into a repository, and the upload that it fills.

There is one row for a repository and a digest, so that a fetch which ended early is found again and goes on
where it was. A claim is a lease: that of a killed process runs out, and another one takes it over.
"""

import uuid
from dataclasses import dataclass

from resolvers.errors import NotFound
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import SKEW_MS, now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one, shared_now

LEASE_MS = 10_000
"""How long a claim lasts that is not renewed, and how long others wait for a killed process."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The upload into which a blob is fetched. `is_mine`: this process has to fetch it."""

    upload: str
    is_mine: bool


async def take(repository: RepositoryRecord, digest: str, holder: str) -> Claim:
    """Claim the fetch of a blob, begun anew or left by another process.

    The account of its upload is the namespace, whoever acts. Raises `NotFound` if the repository was deleted.
    """
    while True:
        now = shared_now()
        mine = await fetch(
            "INSERT INTO upload (uuid, repository_id, account_id, created_at_ms, size_bytes, reserved_bytes,"
            " digest, holder, held_until_ms)"
            " SELECT CAST(? AS VARCHAR(36)), r.id, r.namespace_id, CAST(? AS BIGINT), 0, 0,"
            f" CAST(? AS VARCHAR(140)), CAST(? AS VARCHAR(36)), {now} + {LEASE_MS}"
            f" FROM repository r WHERE r.id = ? AND {exists('r')}"
            " ON CONFLICT (repository_id, digest) DO UPDATE SET holder = excluded.holder,"
            " held_until_ms = excluded.held_until_ms, used_at_ms = excluded.created_at_ms"
            f" WHERE upload.holder = excluded.holder OR upload.held_until_ms < {now}"
            # A lease that runs out later than it could is from before the clock went back.
            f" OR upload.held_until_ms > {now} + {LEASE_MS + SKEW_MS} RETURNING uuid",
            str(uuid.uuid4()),
            now_ms(),
            digest,
            holder,
            repository.id,
        )
        if mine:
            return Claim(mine[0]["uuid"], is_mine=True)
        row = await fetch_one(
            "SELECT (SELECT u.uuid FROM upload u WHERE u.repository_id = r.id AND u.digest = ?) AS upload"
            f" FROM repository r WHERE r.id = ? AND {exists('r')}",
            digest,
            repository.id,
        )
        if row is None:
            raise NotFound(field="repository")
        if row["upload"] is not None:
            return Claim(row["upload"], is_mine=False)


async def renew(upload: str, holder: str) -> bool:
    """Hold a claim for longer; False if another process has taken it over, or it has ended."""
    return bool(
        await execute(
            f"UPDATE upload SET held_until_ms = {shared_now()} + {LEASE_MS} WHERE uuid = ? AND holder = ?",
            upload,
            holder,
        )
    )


async def release(upload: str, holder: str) -> None:
    """Let another process go on at once. The upload stays, as long as one of a client would."""
    await execute("UPDATE upload SET held_until_ms = 0 WHERE uuid = ? AND holder = ?", upload, holder)


async def is_held(upload: str) -> bool:
    """Whether a process is at work on the upload now."""
    row = await fetch_one(f"SELECT id FROM upload WHERE uuid = ? AND held_until_ms >= {shared_now()}", upload)
    return row is not None
