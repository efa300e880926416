"""Uploads in progress: the owner of each, and when it expires.

The blob store knows their bytes and sizes.
"""

import uuid
from collections.abc import Sequence

from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job
from storage.blobs import BlobStore, UploadUnknown
from storage.blobs.base import require_upload_id
from storage.clock import now_ms
from storage.models.blob import Upload
from storage.statements import execute, fetch, fetch_one, in_batches, placeholders
from storage.transactions import transaction

ABANDONED_AFTER_MS = 2 * 86_400_000
USED_WITHIN_MS = 3_600_000
"""The row of an upload is written again only when a client comes back after this long."""
BATCH = 200
_USED_AT = "COALESCE(used_at_ms, created_at_ms)"


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
    """The id, if it is an upload of this account into this repository, which is then in use.

    Raises `UploadUnknown`.
    """
    row = await fetch_one(
        f"SELECT id, {_USED_AT} AS used_at_ms FROM upload"
        " WHERE uuid = ? AND repository_id = ? AND account_id = ?",
        require_upload_id(upload),
        repository_id,
        account_id,
    )
    if row is None:
        raise UploadUnknown(upload)
    now = now_ms()
    if row["used_at_ms"] < now - USED_WITHIN_MS and not await execute(
        "UPDATE upload SET used_at_ms = ? WHERE id = ?", now, row["id"]
    ):
        raise UploadUnknown(upload)
    return upload


async def forget(upload: str) -> None:
    """Delete the row of a finished upload."""
    await execute("DELETE FROM upload WHERE uuid = ?", upload)


@job(
    "upload.expire",
    "Removes uploads that nobody has continued for two days.",
    every_s=HOUR,
    lane=Lane.LONG,
)
async def run_expire(run: Run) -> None:
    """Do what `expire` does."""
    await expire(run.tools.context.blobs)


async def expire(blobs: BlobStore) -> None:
    """Remove uploads that nobody used for two days, and the rows of those that the store has lost.

    An upload without a row was left by a process that died, or by an account or repository that was deleted,
    or holds a blob that comes with one request. The store knows no times, so it may stay for two days from
    when it is first found.
    """
    before = now_ms() - ABANDONED_AFTER_MS
    async for found in in_batches(blobs.uploads(), BATCH):
        checkpoint()
        await _expire_held(blobs, found, before)
    # All of these are gone now: cancelled above, or ended by themselves.
    await execute("DELETE FROM stray_upload WHERE found_at_ms < ?", before)
    last = 0
    while True:
        rows = await fetch(
            "SELECT id, uuid FROM upload WHERE created_at_ms < ? AND id > ? ORDER BY id LIMIT ?",
            before,
            last,
            BATCH,
        )
        for row in rows:
            checkpoint()
            if not await _is_held(blobs, row["uuid"]):
                await forget(row["uuid"])
        if len(rows) < BATCH:
            return
        last = rows[-1]["id"]


async def _expire_held(blobs: BlobStore, uploads: Sequence[str], before_ms: int) -> None:
    """Cancel those of some uploads in the store that are abandoned."""
    marks = placeholders(uploads)
    known = {
        row["uuid"]: row["used_at_ms"]
        for row in await fetch(
            f"SELECT uuid, {_USED_AT} AS used_at_ms FROM upload WHERE uuid IN ({marks})", *uploads
        )
    }
    rows = await fetch(f"SELECT uuid, found_at_ms FROM stray_upload WHERE uuid IN ({marks})", *uploads)
    strays = {row["uuid"]: row["found_at_ms"] for row in rows}
    for upload in uploads:
        if upload in known:
            # The row goes first: a client that comes back meanwhile has renewed it, or finds none.
            if known[upload] < before_ms and await execute(
                f"DELETE FROM upload WHERE uuid = ? AND {_USED_AT} < ?", upload, before_ms
            ):
                await blobs.cancel(upload)
        elif upload not in strays:
            await execute(
                "INSERT INTO stray_upload (uuid, found_at_ms) VALUES (?, ?) ON CONFLICT (uuid) DO NOTHING",
                upload,
                now_ms(),
            )
        elif strays[upload] < before_ms:
            await blobs.cancel(upload)


async def _is_held(blobs: BlobStore, upload: str) -> bool:
    try:
        await blobs.upload_size(upload)
    except UploadUnknown:
        return False
    return True
