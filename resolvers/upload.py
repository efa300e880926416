"""Uploads under way: those that nobody continues are removed in time."""

from storage.blobs import BlobStore, UploadUnknown
from storage.clock import now_ms
from storage.statements import execute, fetch

ABANDONED_AFTER_MS = 2 * 86_400_000
BATCH = 200


async def expire(blobs: BlobStore) -> None:
    """Remove uploads whose last byte came over two days ago, and what the store holds of unknown ones."""
    before = now_ms() - ABANDONED_AFTER_MS
    async for uuid, modified_at_ms in blobs.uploads():
        if modified_at_ms < before:
            await blobs.cancel(uuid)
            await execute("DELETE FROM upload WHERE uuid = ?", uuid)
    last = 0
    while True:
        rows = await fetch(
            "SELECT id, uuid FROM upload WHERE created_at_ms < ? AND id > ? ORDER BY id LIMIT ?",
            before,
            last,
            BATCH,
        )
        for row in rows:
            if not await _is_held(blobs, row["uuid"]):
                await execute("DELETE FROM upload WHERE id = ?", row["id"])
        if len(rows) < BATCH:
            return
        last = rows[-1]["id"]


async def _is_held(blobs: BlobStore, uuid: str) -> bool:
    try:
        await blobs.upload_size(uuid)
    except UploadUnknown:
        return False
    return True
