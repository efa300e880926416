"""Uploaded contexts of builds: an address is handed out, the file is put there, and a build takes it once.

The address is a secret that its holder may write to, once. The bytes are a blob to which no repository has a
right; the grace period of garbage collection is longer than they are needed.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, TooMany
from resolvers.job_kinds import HOUR, Run, job
from storage import blob_rows
from storage.clock import DAY_MS, now_ms
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

MAXIMUM_BYTES: Final = 1024**3
MAXIMUM_OPEN: Final = 100
"""Files that an account may have uploaded, or may yet upload, for builds to come."""
LIFETIME_MS: Final = DAY_MS
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ContextFileRecord:
    """An uploaded context. `digest` is None until it is there."""

    id: int
    uuid: str
    account_id: int
    created_at_ms: int
    digest: str | None
    size_bytes: int
    is_taken: bool


_COLUMNS = Columns(ContextFileRecord, "f")


async def create(context: Context) -> ContextFileRecord:
    """Hand out an address for a context of the viewer's builds.

    Raises `Unauthenticated`, `Forbidden`, `TooMany`.
    """
    account_id = require_account_role(context, AccountRole.READ)
    context.viewer.require_change()
    now = now_ms()
    async with transaction("context_file.create"):
        (row,) = await fetch(
            "SELECT COUNT(*) AS n FROM context_file WHERE account_id = ? AND NOT is_taken"
            " AND created_at_ms > ?",
            *(account_id, now - LIFETIME_MS),
        )
        if row["n"] >= MAXIMUM_OPEN:
            raise TooMany(f"At most {MAXIMUM_OPEN} files may wait for builds; order these first.")
        (row,) = await fetch(
            "INSERT INTO context_file (uuid, account_id, created_at_ms) VALUES (?, ?, ?) RETURNING id",
            *(str(uuid.uuid4()), account_id, now),
        )
    found = await _find("f.id = ?", row["id"])
    assert found is not None
    return found


async def put(context: Context, identity: str, content: AsyncIterator[bytes]) -> None:
    """Write the file of an address. Raises `NotFound` for one that is unknown, written or old, `Invalid`."""
    found = await _find("f.uuid = ?", identity)
    if found is None or found.digest is not None or _is_old(found):
        raise NotFound(field="file")
    digest, size = await blob_rows.write(context.blobs, _bounded(content))
    written = await execute(
        "UPDATE context_file SET digest = ?, size_bytes = ? WHERE id = ? AND digest IS NULL",
        *(digest, size, found.id),
    )
    if not written:
        raise NotFound(field="file")


async def _bounded(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for piece in content:
        size += len(piece)
        if size > MAXIMUM_BYTES:
            raise Invalid(f"The context has more than {MAXIMUM_BYTES} bytes.", field="file")
        yield piece


async def take(context: Context, identity: str) -> ContextFileRecord:
    """Take a file of the viewer's for a build, in the open transaction. Raises `Invalid` if there is none."""
    taken = await execute(
        "UPDATE context_file SET is_taken = ? WHERE uuid = ? AND account_id = ? AND NOT is_taken"
        " AND digest IS NOT NULL AND created_at_ms > ?",
        *(True, identity, context.account_id, now_ms() - LIFETIME_MS),
    )
    if not taken:
        raise Invalid(f"File {identity[:64]} could not be found or is invalid", field="fileId")
    found = await _find("f.uuid = ?", identity)
    assert found is not None
    return found


async def by_ids(ids: Sequence[int]) -> dict[int, ContextFileRecord]:
    """Files by their row ids; one statement."""
    rows = await fetch(f"SELECT {_COLUMNS} FROM context_file f WHERE f.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: _COLUMNS.record(row) for row in rows}


async def by_id(file_id: int) -> ContextFileRecord | None:
    """A file by its row id."""
    return await _find("f.id = ?", file_id)


async def _find(condition: str, value: object) -> ContextFileRecord | None:
    row = await fetch_one(f"SELECT {_COLUMNS} FROM context_file f WHERE {condition}", value)
    return _COLUMNS.record(row) if row else None


def _is_old(found: ContextFileRecord) -> bool:
    return found.created_at_ms <= now_ms() - LIFETIME_MS


@job(
    "build.forget_files",
    "Removes contexts that no build needs any more.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def forget(run: Run) -> str:
    """Remove files that are two days old: they can no longer be taken, and builds have fetched them."""
    number, before_ms = 0, now_ms() - 2 * LIFETIME_MS
    while True:
        rows = await fetch(
            "SELECT f.id, f.digest FROM context_file f WHERE f.created_at_ms < ? AND NOT EXISTS"
            " (SELECT 1 FROM build b WHERE b.context_file_id = f.id AND b.ended_at_ms IS NULL)"
            " ORDER BY f.id LIMIT ?",
            *(before_ms, BATCH),
        )
        for row in rows:
            await execute("DELETE FROM context_file WHERE id = ?", row["id"])
            if row["digest"] is not None:
                await blob_rows.remove_unused(
                    run.tools.context.blobs, row["digest"], committed_before_ms=before_ms
                )
            number += 1
            await run.progress(number)
        if len(rows) < BATCH:
            return f"{number} contexts were removed."
