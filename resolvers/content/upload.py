"""Uploads in progress: the owner of each, when it expires, and how many and how large they may be.

The blob store knows their bytes and sizes. Rows know sizes roughly, so that what an account has in uploads is
one sum, over all processes: an upload is noted while it grows. Where a quota may refuse, its row also says
what is reserved of that.
"""

import uuid
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from resolvers.context import Site
from resolvers.errors import ErrorCode, NotFound, QuaysideError
from resolvers.job_kinds import HOUR, Lane, Run, checkpoint, job
from resolvers.quotas.reservations import reserve
from resolvers.quotas.usage import may_reject, usage_of
from storage.blobs import BlobStore, Inflow, Piece, UploadUnknown
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
_USED_AT = "COALESCE(upload.used_at_ms, upload.created_at_ms)"
_OF_CLIENTS = "{0}.digest IS NULL"
"""SQL condition on uploads: a client makes it. The rest is what the registry fetches from upstreams."""


def new_id() -> str:
    """A new id of an upload."""
    return str(uuid.uuid4())


class TooManyUploads(QuaysideError):
    """The account has as many uploads open as it may, or as many bytes in them."""

    code = ErrorCode.TOO_MANY
    default = "Too many open uploads."


@dataclass(slots=True)
class OpenUpload:
    """An upload that a request uses. `others_bytes` is what its account has in other uploads.

    `may_be_rejected`: the namespace has a Reject limit. `reserved_bytes` is what this request has reserved.
    """

    uuid: str
    account_id: int
    namespace_id: int
    others_bytes: int
    may_be_rejected: bool
    reserved_bytes: int | None = None


async def begin(
    site: Site,
    blobs: BlobStore,
    repository_id: int,
    namespace_id: int,
    account_id: int,
    *,
    announced: int = 0,
    digest: str = "",
) -> OpenUpload:
    """Start an empty upload of an authorized account into a repository, of a blob if its digest is known.

    Raises `TooManyUploads`, and `QuotaExceeded` if the namespace has no room for what is announced, or none
    at all. A blob that the namespace holds already needs none.
    """
    upload = new_id()
    most = site.uploads_per_account
    async with transaction("upload.begin"):
        if most and is_postgres():
            # Two requests must not both find the last place free. On SQLite transactions exclude each other.
            await fetch("SELECT id FROM account WHERE id = ? FOR NO KEY UPDATE", account_id)
        found = await fetch_one(
            "SELECT COUNT(u.id) AS number, COALESCE(SUM(u.size_bytes), 0) AS bytes,"
            f" {may_reject(site, 'n.id')} AS may_be_rejected"
            f" FROM account n LEFT JOIN upload u ON u.account_id = ? AND {_OF_CLIENTS.format('u')}"
            " WHERE n.id = ? GROUP BY n.id",
            account_id,
            namespace_id,
        )
        if found is None:
            raise NotFound(field="repository")
        if most and found["number"] >= most:
            raise TooManyUploads(
                f"this account has {found['number']} uploads open and may have {most}; end or cancel some, or"
                " wait: they end two days after their last use"
            )
        if found["may_be_rejected"]:
            usage = await usage_of(site, namespace_id, digest=digest)
            if not usage.holders:
                usage.require_start(announced)
        await Upload.create(
            uuid=upload, repository_id=repository_id, account_id=account_id, created_at_ms=now_ms()
        )
    try:
        await blobs.create_upload(upload)
    except BaseException:
        await forget(upload)
        raise
    return OpenUpload(upload, account_id, namespace_id, int(found["bytes"]), bool(found["may_be_rejected"]))


async def require(site: Site, upload: str, repository_id: int, account_id: int) -> OpenUpload:
    """The upload, if it is one of this account into this repository, which is then in use.

    Raises `UploadUnknown`.
    """
    row = await fetch_one(
        f"SELECT upload.id, {_USED_AT} AS used_at_ms, r.namespace_id,"
        f" {may_reject(site, 'r.namespace_id')} AS may_be_rejected,"
        " (SELECT COALESCE(SUM(o.size_bytes), 0) FROM upload o"
        f" WHERE o.account_id = upload.account_id AND o.id <> upload.id AND {_OF_CLIENTS.format('o')})"
        " AS others_bytes FROM upload JOIN repository r ON r.id = upload.repository_id"
        " WHERE upload.uuid = ? AND upload.repository_id = ? AND upload.account_id = ?"
        f" AND {_OF_CLIENTS.format('upload')}",
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
    return OpenUpload(
        upload, account_id, row["namespace_id"], int(row["others_bytes"]), bool(row["may_be_rejected"])
    )


def require_room(site: Site, upload: OpenUpload, size: int) -> None:
    """Raise `TooManyUploads` if an account may not have an upload of `size` bytes beside its others."""
    most = site.upload_bytes_per_account
    if most and upload.others_bytes + size > most:
        raise TooManyUploads(
            f"this account may have {most} bytes in open uploads and would have {upload.others_bytes + size};"
            " end or cancel some, or wait: they end two days after their last use"
        )


async def bounded(
    site: Site,
    upload: OpenUpload,
    size: int,
    pieces: AsyncIterable[Piece | Inflow],
    *,
    announced: int = 0,
    digest: str = "",
) -> AsyncIterator[Piece | Inflow]:
    """Yield the pieces that are to be added to an upload of `size` bytes, and note its size as it grows.

    What is announced, or else what has come, is reserved of a quota; nothing for the blob with a digest that
    the namespace holds. Raises `TooManyUploads` or `QuotaExceeded` in place of the piece that would be too
    much, of the first if `announced` bytes would be.
    """
    require_room(site, upload, size + announced)
    if announced and upload.may_be_rejected:
        await _reserve(site, upload, size + announced, size, digest)
    noted = size
    async for piece in pieces:
        if isinstance(piece, Inflow):
            yield piece
            # It is part of what was announced. Only others may have taken the room since.
            size += piece.size
            require_room(site, upload, size)
        else:
            size += len(piece)
            require_room(site, upload, size)
            yield piece
        if size - noted >= NOTED_EVERY_BYTES:
            noted = size
            if upload.may_be_rejected:
                await _reserve(site, upload, max(size, upload.reserved_bytes or 0), size, digest)
            else:
                await _note(upload, size)
            await _look_again(site, upload)


async def reserve_whole(site: Site, blobs: BlobStore, upload: OpenUpload, digest: str) -> None:
    """Reserve what a complete upload needs of a quota, to the byte, before it is committed.

    Nothing for a blob that the namespace holds. Raises `QuotaExceeded`.
    """
    if not upload.may_be_rejected:
        return
    size = await blobs.upload_size(upload.uuid)
    if size != upload.reserved_bytes:
        await _reserve(site, upload, size, size, digest)


async def release(blobs: BlobStore, upload: OpenUpload) -> None:
    """Keep of a reservation only what the upload holds: what was announced did not come.

    Whoever resumes the upload announces the rest again.
    """
    if not upload.reserved_bytes:
        return
    try:
        size = await blobs.upload_size(upload.uuid)
    except UploadUnknown:
        return
    await execute(
        "UPDATE upload SET reserved_bytes = ?, size_bytes = ? WHERE uuid = ? AND reserved_bytes > ?",
        size,
        size,
        upload.uuid,
        size,
    )


async def note(upload: OpenUpload, size: int) -> None:
    """Note the size of an upload that rests, so that it counts for its account."""
    if size >= NOTED_FROM_BYTES:
        await _note(upload, size)


async def _note(upload: OpenUpload, size: int) -> None:
    await execute("UPDATE upload SET size_bytes = ? WHERE uuid = ?", size, upload.uuid)


async def _reserve(site: Site, upload: OpenUpload, size: int, received: int, digest: str) -> None:
    await reserve(site, upload.uuid, upload.namespace_id, size, received, digest=digest)
    upload.reserved_bytes = size


async def _look_again(site: Site, upload: OpenUpload) -> None:
    """Learn what the account's other uploads have by now, and whether there is a Reject limit."""
    row = await fetch_one(
        "SELECT COALESCE(SUM(u.size_bytes), 0) AS bytes,"
        f" {may_reject(site, 'n.id')} AS may_be_rejected"
        " FROM account n LEFT JOIN upload u ON u.account_id = ? AND u.uuid <> ?"
        f" AND {_OF_CLIENTS.format('u')} WHERE n.id = ? GROUP BY n.id",
        upload.account_id,
        upload.uuid,
        upload.namespace_id,
    )
    if row is not None:
        upload.others_bytes = int(row["bytes"])
        upload.may_be_rejected = bool(row["may_be_rejected"])


async def forget(upload: str) -> None:
    """Delete the row of an upload that has ended."""
    await execute("DELETE FROM upload WHERE uuid = ?", upload)


@job(
    "upload.expire",
    "Removes uploads that nobody has continued for two days.",
    every_s=HOUR,
    lane=Lane.LONG,
    goes_on_when_read_only=False,
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
