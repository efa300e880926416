"""What becomes of blobs whose bytes are lost, damaged or unknown, beside pushes, pulls and collections.

Whoever repairs has looked at a row, then at the bytes, then at the row again, and hands over what the row
said both times. Each statement here changes it only while it still says that: a commit renews
`committed_at_ms` before it writes bytes, so what a push has begun since is never taken for damage.

A commit that began before, and whose bytes another one had brought, may find the blob gone: it then gets no
right (`resolvers.content.push.link_blob`), and its client pushes again.

Bytes are deleted under a claim, as by the collector (`storage.blob_rows`), and not while a backup holds them.
"""

from enum import StrEnum
from typing import NamedTuple

from storage.blob_rows import COMMITTED_AT, LEASE_MS, Claim, delete_bytes, delete_claimed, has_time
from storage.blobs.base import BlobStore, refuse_inside_transaction
from storage.clock import now_ms
from storage.deletion_hold import is_held, lets_delete
from storage.faults import fault
from storage.statements import Row, execute, fetch, fetch_one
from storage.transactions import transaction


class BlobRow(NamedTuple):
    """The row of a blob. `is_held`: some repository has a right to it."""

    id: int
    digest: str
    size_bytes: int
    state: str
    committed_at_ms: int
    deleting_until_ms: int | None
    is_held: bool

    @property
    def is_being_deleted(self) -> bool:
        """Whether somebody may be deleting the bytes now."""
        return self.state == "deleting" and (self.deleting_until_ms or 0) >= now_ms()

    @classmethod
    def of(cls, row: Row) -> "BlobRow":
        """A row of a query for `COLUMNS`."""
        return cls(**row | {"is_held": bool(row["is_held"])})


COLUMNS = (
    "b.id, b.digest, b.size_bytes, b.state, COALESCE(b.committed_at_ms, b.created_at_ms) AS committed_at_ms,"
    " b.deleting_until_ms, EXISTS (SELECT 1 FROM repository_blob h WHERE h.blob_id = b.id) AS is_held"
)
"""SQL columns of blobs `b`, for `BlobRow.of`."""


class Outcome(StrEnum):
    """What came of a repair."""

    DONE = "done"
    CHANGED = "changed"
    """The row has changed since; whoever did so knows better."""
    HELD = "held"
    """A backup holds the bytes."""


async def look(digest: str) -> BlobRow | None:
    """The row of a digest now."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM blob b WHERE b.digest = ?", digest)
    return BlobRow.of(row) if row else None


_SAME = f"id = ? AND state = ? AND {COMMITTED_AT} = ? AND COALESCE(deleting_until_ms, 0) = ?"


def _same(row: BlobRow) -> tuple[int, str, int, int]:
    return row.id, row.state, row.committed_at_ms, row.deleting_until_ms or 0


async def mark_absent(row: BlobRow) -> Outcome:
    """Note that the store does not have the bytes of a blob, so that the next push brings them."""
    changed = await execute(
        f"UPDATE blob SET state = 'absent', deleting_until_ms = ? WHERE {_SAME}", now_ms(), *_same(row)
    )
    return Outcome.DONE if changed else Outcome.CHANGED


async def mark_stored(row: BlobRow, size_bytes: int) -> Outcome:
    """Note that the bytes of a blob are there and have its digest, with their size."""
    changed = await execute(
        "UPDATE blob SET state = 'stored', deleting_until_ms = NULL, size_bytes = ?, committed_at_ms = ?"
        f" WHERE {_SAME}",
        size_bytes,
        now_ms(),
        *_same(row),
    )
    return Outcome.DONE if changed else Outcome.CHANGED


async def quarantine(blobs: BlobStore, row: BlobRow) -> Outcome:
    """Set the bytes of a blob aside, delete them, and note that they are absent.

    Killed or held up in between, it leaves a row whose lease runs out: the next push or check takes it up.
    Raises BlobError.
    """
    refuse_inside_transaction()
    if await is_held():
        return Outcome.HELD
    await blobs.set_aside(row.digest)
    until_ms = now_ms() + LEASE_MS
    async with transaction("blob.quarantine"):
        if not await lets_delete():
            return Outcome.HELD
        if not await execute(
            f"UPDATE blob SET state = 'deleting', deleting_until_ms = ? WHERE {_SAME}", until_ms, *_same(row)
        ):
            return Outcome.CHANGED
    if not has_time(until_ms):
        return Outcome.CHANGED
    await delete_bytes(blobs, row.digest)
    fault("quarantine.before_row")
    await execute(
        "UPDATE blob SET state = 'absent', deleting_until_ms = ?"
        " WHERE id = ? AND state = 'deleting' AND deleting_until_ms = ?",
        now_ms(),
        row.id,
        until_ms,
    )
    return Outcome.DONE


async def remove_stray(blobs: BlobStore, digest: str) -> Outcome:
    """Delete bytes that have no row. Raises StorageFailed."""
    refuse_inside_transaction()
    now = now_ms()
    async with transaction("blob.stray"):
        if not await lets_delete():
            return Outcome.HELD
        rows = await fetch(
            "INSERT INTO blob (digest, size_bytes, created_at_ms, committed_at_ms, state, deleting_until_ms)"
            " VALUES (?, 0, ?, ?, 'deleting', ?) ON CONFLICT (digest) DO NOTHING RETURNING id, digest",
            digest,
            now,
            now,
            now + LEASE_MS,
        )
    gone = await delete_claimed(blobs, Claim(now + LEASE_MS, rows))
    return Outcome.DONE if gone else Outcome.CHANGED
