"""Which blobs the store holds, as rows, so that a commit and a deletion of one digest never cross.

Drivers know nothing of time: the rows say how old a blob is and whether it is being deleted.

Bytes are deleted only while the row of their digest is in state `deleting`, which is a lease: after
`deleting_until_ms` nobody sends a deletion any more. A commit waits for that, or takes the row back once the
lease is over. In state `stored` a commit renews `committed_at_ms`, and younger rows are not deleted.

A commit writes the row before the bytes, in any case and by one statement: a push must not tell by its cost
whether somebody else holds the blob. Of a new digest nobody has seen the bytes yet, so the row says 0 bytes
until `record`, which comes before any right. A process that dies in between, or a client that named a wrong
digest, leaves a row for the collector. It also writes rows for bytes that have none.

In state `absent` the store has lost the bytes, or they were set aside (`storage.blob_repair`). Rights stay,
and count for nothing until a commit that began after that has brought the bytes again: it keeps the state,
and `record` ends it, since a push that fails must not make the blob seem to be there.

No row gets into the state `deleting` while somebody holds the deletion of bytes (`storage.deletion_hold`).
"""

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from storage.blobs.base import BlobStore, StorageFailed, refuse_inside_transaction
from storage.blobs.digest import Hasher
from storage.clock import now_ms
from storage.deletion_hold import MARK_MS, lets_delete
from storage.faults import fault
from storage.statements import Row, batches, execute, fetch, fetch_one, is_postgres, placeholders
from storage.transactions import transaction

SAMPLE = 3
"""How many of the oldest and of the newest blobs are looked up to see whether this is the right store."""
LEASE_MS = MARK_MS
"""How long a claim to delete lasts, and how long a push may have to wait after a collector was killed."""
DELETE_TIMEOUT_MS = 3_000
"""How long one deletion may take. It must end well within the lease."""
CLAIM_BATCH = 50
DELETIONS_AT_ONCE = 8
INSERT_BATCH = 100
COMMITTED_AT = "COALESCE(committed_at_ms, created_at_ms)"
"""A process of an earlier version, which an upgrade found running, writes no `committed_at_ms`."""
FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.5


async def look_up_some(blobs: BlobStore) -> tuple[int, list[str]]:
    """Look up a few blobs that repositories name; how many, and the digests that the store does not have."""
    refuse_inside_transaction()
    statement = (
        "SELECT digest FROM blob b WHERE state = 'stored' AND EXISTS"
        " (SELECT 1 FROM repository_blob r WHERE r.blob_id = b.id) ORDER BY id {} LIMIT ?"
    )
    rows = [row for order in ("ASC", "DESC") for row in await fetch(statement.format(order), SAMPLE)]
    digests = list(dict.fromkeys(row["digest"] for row in rows))
    return len(digests), [digest for digest in digests if await blobs.stat(digest) is None]


async def write(blobs: BlobStore, content: AsyncIterable[bytes]) -> tuple[str, int]:
    """Store a blob to which no repository has a right, such as a file of a job's; its digest and size.

    It stays for a grace period. Raises what `BlobStore.append` and `commit` raise, and what `content` does;
    then nothing of it is left.
    """
    upload, hasher = str(uuid.uuid4()), Hasher()

    async def hashed() -> AsyncIterator[bytes]:
        async for piece in content:
            hasher.update(piece)
            yield piece

    await blobs.create_upload(upload)
    try:
        await blobs.append(upload, 0, hashed())
        size = await commit(blobs, upload, hasher.digest)
    except BaseException:
        await blobs.cancel(upload)
        raise
    await record({hasher.digest: size})
    return hasher.digest, size


async def commit(blobs: BlobStore, upload: str, digest: str) -> int:
    """Commit an upload as `BlobStore.commit` does, and wait until no deletion of the digest is under way.

    The blob then stays for a grace period, in which the caller links it to a repository. Raises what
    `BlobStore.commit` raises.
    """
    refuse_inside_transaction()
    wait_s = FIRST_WAIT_S
    while not await _is_safe_from_deletion(digest):
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)
    return await blobs.commit(upload, digest)


async def _is_safe_from_deletion(digest: str) -> bool:
    """Write or renew the row of a digest; False while another process may be deleting its bytes.

    It need not outlast a crash of PostgreSQL unless the right does, whose commit syncs this one too.
    """
    now = now_ms()
    unsynced = " FROM set_config('synchronous_commit', 'off', true)" if is_postgres() else " WHERE TRUE"
    return bool(
        await execute(
            "INSERT INTO blob (digest, size_bytes, created_at_ms, committed_at_ms)"
            f" SELECT CAST(? AS VARCHAR(140)), 0, CAST(? AS BIGINT), CAST(? AS BIGINT){unsynced}"
            " ON CONFLICT (digest) DO UPDATE SET committed_at_ms = excluded.committed_at_ms,"
            " state = CASE WHEN blob.state = 'absent' THEN 'absent' ELSE 'stored' END,"
            " deleting_until_ms = CASE WHEN blob.state = 'absent' THEN blob.deleting_until_ms END"
            " WHERE blob.state = 'stored' OR blob.deleting_until_ms < excluded.committed_at_ms",
            digest,
            now,
            now,
        )
    )


_IS_BACK = "(blob.state = 'absent' AND blob.committed_at_ms > blob.deleting_until_ms)"
"""SQL condition: a commit of the blob began after it was found to be absent."""


async def record(sizes: Mapping[str, int]) -> None:
    """Write the sizes of blobs that the store holds, and the rows that are missing: their grace begins."""
    for batch in batches(list(sizes), INSERT_BATCH):
        now = now_ms()
        values = ", ".join(["(?, ?, ?, ?)"] * len(batch))
        await execute(
            "INSERT INTO blob (digest, size_bytes, created_at_ms, committed_at_ms)"
            f" VALUES {values} ON CONFLICT (digest) DO UPDATE SET size_bytes = excluded.size_bytes,"
            f" state = CASE WHEN {_IS_BACK} THEN 'stored' ELSE blob.state END,"
            f" deleting_until_ms = CASE WHEN NOT {_IS_BACK} THEN blob.deleting_until_ms END"
            f" WHERE blob.size_bytes <> excluded.size_bytes OR {_IS_BACK}",
            *(value for digest in batch for value in (digest, sizes[digest], now, now)),
        )


async def remove(blobs: BlobStore, ids: Sequence[int], *, committed_before_ms: int) -> set[int]:
    """Delete those blobs to which there is no right and which were not committed since; whose bytes are gone.

    What another process has in state `deleting` is waited for, and deleted as well if that process died. What
    does not fit into a lease stays in that state for the next run. While deletion is held, nothing goes.
    Raises StorageFailed.
    """
    refuse_inside_transaction()
    gone: set[int] = set()
    for batch in batches(ids, CLAIM_BATCH):
        gone |= await _claim_and_delete(blobs, batch, committed_before_ms)
        left = await _end_of_other_claims(batch)
        if left:
            gone |= await _claim_and_delete(blobs, left, committed_before_ms)
    return gone


async def _claim_and_delete(blobs: BlobStore, ids: Sequence[int], committed_before_ms: int) -> set[int]:
    claim = await _claim(ids, committed_before_ms)
    fault("collection.before_bytes")
    return await delete_claimed(blobs, claim)


async def _end_of_other_claims(ids: Sequence[int]) -> list[int]:
    """Wait until nobody has a claim to these blobs; those that are still in state `deleting` then."""
    while True:
        now = now_ms()
        rows = await fetch(
            "SELECT id, deleting_until_ms FROM blob"
            f" WHERE id IN ({placeholders(ids)}) AND state = 'deleting' ORDER BY id",
            *ids,
        )
        if all(row["deleting_until_ms"] < now for row in rows):
            return [row["id"] for row in rows]
        await asyncio.sleep(LONGEST_WAIT_S)


async def remove_unused(blobs: BlobStore, digest: str, *, committed_before_ms: int) -> None:
    """Delete one blob, as `remove` does."""
    row = await fetch_one("SELECT id FROM blob WHERE digest = ?", digest)
    if row is not None:
        await remove(blobs, [row["id"]], committed_before_ms=committed_before_ms)


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows in state `deleting` that are this process's alone until `until_ms`, which is also its mark."""

    until_ms: int
    rows: list[Row]


async def _claim(ids: Sequence[int], committed_before_ms: int) -> Claim:
    async with transaction("blob.claim"):
        if not await lets_delete():
            return Claim(now_ms(), [])
        if is_postgres():
            # Whoever gives a right holds the row of the blob. Waiting for it could block both, so it stays.
            rows = await fetch(
                f"SELECT id FROM blob WHERE id IN ({placeholders(ids)}) FOR UPDATE SKIP LOCKED", *ids
            )
            ids = [row["id"] for row in rows]
        now = now_ms()
        if not ids:
            return Claim(now, [])
        claimed = await fetch(
            "UPDATE blob SET state = 'deleting', deleting_until_ms = ?"
            f" WHERE id IN ({placeholders(ids)}) AND"
            " ((state = 'deleting' AND deleting_until_ms < ?) OR"
            f" (state IN ('stored', 'absent') AND {COMMITTED_AT} < ?))"
            " AND NOT EXISTS (SELECT 1 FROM repository_blob r WHERE r.blob_id = blob.id)"
            " RETURNING id, digest",
            now + LEASE_MS,
            *ids,
            now,
            committed_before_ms,
        )
        return Claim(now + LEASE_MS, claimed)


async def delete_claimed(blobs: BlobStore, claim: Claim) -> set[int]:
    """Delete the bytes of claimed rows, and then the rows; those whose bytes were there."""
    done: set[int] = set()
    gone: set[int] = set()
    free = asyncio.Semaphore(DELETIONS_AT_ONCE)

    async def delete(row: Row) -> None:
        async with free:
            if not has_time(claim.until_ms):
                return
            if await delete_bytes(blobs, row["digest"]):
                gone.add(row["id"])
            done.add(row["id"])

    try:
        results = await asyncio.gather(*(delete(row) for row in claim.rows), return_exceptions=True)
    finally:
        if done:
            await execute(
                f"DELETE FROM blob WHERE id IN ({placeholders(list(done))})"
                " AND state = 'deleting' AND deleting_until_ms = ?",
                *done,
                claim.until_ms,
            )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return gone


def has_time(until_ms: int) -> bool:
    """Whether a deletion that begins now ends before its claim does, also if there was a long wait before."""
    return now_ms() <= until_ms - 2 * DELETE_TIMEOUT_MS


async def delete_bytes(blobs: BlobStore, digest: str) -> bool:
    """Delete the bytes of a claimed row; whether they were there. Raises StorageFailed, also for slowness."""
    try:
        async with asyncio.timeout(DELETE_TIMEOUT_MS / 1000):
            return await blobs.delete(digest)
    except TimeoutError as error:
        raise StorageFailed(
            f"the blob store did not delete {digest} within {DELETE_TIMEOUT_MS // 1000} seconds", errno=None
        ) from error
