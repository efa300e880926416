"""Uploads in progress: the owner of each, and when it expires.

The blob store knows their bytes and sizes.
"""

import uuid

from storage.blobs import BlobStore, UploadUnknown
from storage.blobs.base import require_upload_id
from storage.clock import now_ms
from storage.models.blob import Upload
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

ABANDONED_AFTER_MS = 2 * 86_400_000
BATCH = 200


def new_id() -> str:
    """A new id of an upload."""
    return str(uuid.uuid4())


async def begin(blobs: BlobStore, repository_id: int, account_id: int) -> str:
    """Start an empty upload of an authorized account into a repository. Returns its id."""
    upload = new_id()
    async with transaction("upload.begin"):
        await Upload.create(
            uuid=upload, repository_id=repository_id, account_id=account_id, created_at_ms=now_ms()
        )
    await blobs.create_upload(upload)
    return upload


async def require(upload: str, repository_id: int, account_id: int) -> str:
    """The id, if it is an upload of this account into this repository. Raises `UploadUnknown`."""
    row = await fetch_one(
        "SELECT id FROM upload WHERE uuid = ? AND repository_id = ? AND account_id = ?",
        require_upload_id(upload),
        repository_id,
        account_id,
    )
    if row is None:
        raise UploadUnknown(upload)
    return upload


async def forget(upload: str) -> None:
    """Delete the row of a finished upload."""
    await execute("DELETE FROM upload WHERE uuid = ?", upload)


async def expire(blobs: BlobStore) -> None:
    """Remove uploads that got no byte for two days, and the rows of those that the store has lost."""
    before = now_ms() - ABANDONED_AFTER_MS
    async for upload, modified_at_ms in blobs.uploads():
        if modified_at_ms < before:
            await blobs.cancel(upload)
            await forget(upload)
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
                await forget(row["uuid"])
        if len(rows) < BATCH:
            return
        last = rows[-1]["id"]


async def _is_held(blobs: BlobStore, upload: str) -> bool:
    try:
        await blobs.upload_size(upload)
    except UploadUnknown:
        return False
    return True
