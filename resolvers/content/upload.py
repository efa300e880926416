"""Uploads in progress: the owner of each, when it expires, and how many and how large they may be.

The blob store knows their bytes and sizes. Rows know sizes roughly, so that what an account has in uploads is
one sum, over all processes: an upload is noted while it grows.
"""

import uuid
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from resolvers.context import Site
from resolvers.errors import ErrorCode, QuaysideError
from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job
from storage.blobs import BlobStore, UploadUnknown
from storage.blobs.base import require_upload_id
from storage.clock import now_ms
from storage.models.blob import Upload
from storage.statements import execute, fetch, fetch_one, in_batches, is_postgres, placeholders
from storage.transactions import transaction

ABANDONED_AFTER_MS = 2 * 86_400_000
USED_WITHIN_MS = 3_600_000
"""The row of an upload is written again only when a client comes back after this long."""
BATCH = 200
NOTED_EVERY_BYTES = 64 * 1024 * 1024
"""A growing upload is noted this often; its account may exceed its bound by as much for each upload."""
NOTED_FROM_BYTES = 1024 * 1024
"""Smaller uploads are not noted, so that pushing small layers writes no more than before."""
_USED_AT = "COALESCE(used_at_ms, created_at_ms)"


def new_id() -> str:
    """A new id of an upload."""
    return str(uuid.uuid4())


class TooManyUploads(QuaysideError):
    """The account has as many uploads open as it may, or as many bytes in them."""

    code = ErrorCode.TOO_MANY
    default = "Too many open uploads."


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload in use. `others_bytes` is what its account has in other uploads."""

    uuid: str
    account_id: int
    others_bytes: int


async def begin(site: Site, blobs: BlobStore, repository_id: int, account_id: int) -> OpenUpload:
    """Start an empty upload of an authorized account into a repository. Raises `TooManyUploads`."""
    upload = new_id()
    most = site.uploads_per_account
    async with transaction("upload.begin"):
        if most and is_postgres():
            # Two requests must not both find the last place free. On SQLite transactions exclude each other.
            await fetch("SELECT id FROM account WHERE id = ? FOR NO KEY UPDATE", account_id)
        found = await fetch_one(
            "SELECT COUNT(*) AS number, COALESCE(SUM(size_bytes), 0) AS bytes FROM upload"
            " WHERE account_id = ?",
            account_id,
        )
        assert found is not None
        if most and found["number"] >= most:
            raise TooManyUploads(
                f"this account has {found['number']} uploads open and may have {most}; end or cancel some, or"
                " wait: they end two days after their last use"
            )
        await Upload.create(
            uuid=upload, repository_id=repository_id, account_id=account_id, created_at_ms=now_ms()
        )
    try:
        await blobs.create_upload(upload)
    except BaseException:
        await forget(upload)
        raise
    return OpenUpload(upload, account_id, int(found["bytes"]))


async def require(upload: str, repository_id: int, account_id: int) -> OpenUpload:
    """The upload, if it is one of this account into this repository, which is then in use.

    Raises `UploadUnknown`.
    """
    row = await fetch_one(
        f"SELECT id, {_USED_AT} AS used_at_ms, (SELECT COALESCE(SUM(o.size_bytes), 0) FROM upload o"
        " WHERE o.account_id = upload.account_id AND o.id <> upload.id) AS others_bytes FROM upload"
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
    return OpenUpload(upload, account_id, int(row["others_bytes"]))


def require_room(site: Site, upload: OpenUpload, size: int) -> None:
    """Raise `TooManyUploads` if an account may not have an upload of `size` bytes beside its others."""
    most = site.upload_bytes_per_account
    if most and upload.others_bytes + size > most:
        raise TooManyUploads(
            f"this account may have {most} bytes in open uploads and would have {upload.others_bytes + size};"
            " end or cancel some, or wait: they end two days after their last use"
        )


async def bounded(
    site: Site, upload: OpenUpload, size: int, pieces: AsyncIterable[bytes], *, announced: int = 0
) -> AsyncIterator[bytes]:
    """Yield the pieces that are to be added to an upload of `size` bytes, and note its size as it grows.

    Raises `TooManyUploads` in place of the piece that would be too much, of the first if `announced` bytes
    would be.
    """
    require_room(site, upload, size + announced)
    noted = size
    async for piece in pieces:
        size += len(piece)
        require_room(site, upload, size)
        yield piece
        if size - noted >= NOTED_EVERY_BYTES:
            noted = size
            await _note(upload, size)
            upload = await _beside_others(upload)


async def note(upload: OpenUpload, size: int) -> None:
    """Note the size of an upload that rests, so that it counts for its account."""
    if size >= NOTED_FROM_BYTES:
        await _note(upload, size)


async def _note(upload: OpenUpload, size: int) -> None:
    await execute("UPDATE upload SET size_bytes = ? WHERE uuid = ?", size, upload.uuid)


async def _beside_others(upload: OpenUpload) -> OpenUpload:
    """The upload with what the account's others have by now."""
    row = await fetch_one(
        "SELECT COALESCE(SUM(size_bytes), 0) AS bytes FROM upload WHERE account_id = ? AND uuid <> ?",
        upload.account_id,
        upload.uuid,
    )
    assert row is not None
    return OpenUpload(upload.uuid, upload.account_id, int(row["bytes"]))


async def forget(upload: str) -> None:
    """Delete the row of an upload that has ended."""
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
