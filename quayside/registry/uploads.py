"""Uploads of blobs: monolithic, in chunks, by mount (OCI Distribution 1.1, "Pushing blobs").

An upload belongs to an account and a repository; for others it does not exist. Its bytes are in the blob
store, so that any process can take any chunk, and an upload can be resumed after a broken connection. Of the
requests to one upload, one at a time may write.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from quayside.http.bodies import BodyStalled, BodyTimes, allow_pauses, body_of
from quayside.http.intake import take_large_pieces
from quayside.registry.asgi import body_parts, content_length, header, send_bytes, send_head
from quayside.registry.call import Access, Call
from quayside.registry.errors import OciCode, RegistryError, registry_error
from quayside.registry.names import require_digest
from quayside.registry.ranges import parse_chunk_range, upload_range
from resolvers.access.registry_tokens import PUSH
from resolvers.content import push
from resolvers.content import upload as uploads
from resolvers.errors import QuotaExceeded
from resolvers.quotas.enforcement import Meter
from resolvers.quotas.notices import tell_refusal
from storage import blob_rows
from storage.blobs import DigestMismatch, Inflow, OffsetMismatch, Piece, StorageFull, UploadBusy

ALGORITHMS = frozenset({"sha256", "sha512"})


async def begin(call: Call) -> None:
    """Start an upload (202), or mount a blob or store a monolithic one at once (201)."""
    access = await call.authorize(PUSH)
    access.require_writable(call.services.site)
    query = call.query()
    if "mount" in query:
        digest = require_digest(query["mount"])
        if await _mount(call, access, digest, query.get("from")):
            await _send_created(call, digest)
            return
    elif "digest" in query:
        await _store(call, access, require_digest(query["digest"]))
        return
    if query.get("digest-algorithm", "sha256") not in ALGORITHMS:
        raise RegistryError(OciCode.DIGEST_INVALID, "digest-algorithm must be sha256 or sha512")
    upload = await _begin(call, access)
    await send_bytes(call.send, 202, _headers(call, upload.uuid, 0))


async def _begin(call: Call, access: Access, *, announced: int = 0, digest: str = "") -> uploads.OpenUpload:
    services, repository = call.services, access.repository
    async with _within_quota(call, access):
        return await uploads.begin(
            services.site,
            services.blobs,
            repository.id,
            repository.namespace_id,
            access.grant.account_id,
            announced=announced,
            digest=digest,
        )


@asynccontextmanager
async def _within_quota(
    call: Call, access: Access, upload: uploads.OpenUpload | None = None
) -> AsyncIterator[None]:
    """Remove the upload, and record an event, if the block is refused by a quota: it leaves nothing."""
    try:
        yield
    except QuotaExceeded as error:
        if upload is not None:
            await call.services.blobs.cancel(upload.uuid)
            await uploads.forget(upload.uuid)
        await tell_refusal(await call.context(access.grant), error)
        raise


async def _mount(call: Call, access: Access, digest: str, source: str | None) -> bool:
    try:
        path = None if source is None else call.path_of(source)
    except RegistryError:
        # An invalid name is the same as a missing repository: an upload starts instead.
        return False
    context = await call.context(access.grant)
    repository = access.repository
    return await push.mount_blob(context, repository.id, repository.namespace_id, digest, source=path)


async def _store(call: Call, access: Access, digest: str) -> None:
    """Store a blob from the body of the first request (monolithic POST)."""
    blobs = call.services.blobs
    upload = await _begin(call, access, announced=content_length(call.scope) or 0, digest=digest)
    async with _within_quota(call, access, upload):
        try:
            await blobs.append(upload.uuid, 0, _pieces(call, upload, 0, digest))
            size = await _commit(call, upload, digest)
        except BaseException:
            # The client does not know the id of this upload, so it cannot resume it.
            await blobs.cancel(upload.uuid)
            await uploads.forget(upload.uuid)
            raise
        await _link(call, access, upload, digest, size)
    await _send_created(call, digest)


async def _commit(call: Call, upload: uploads.OpenUpload, digest: str) -> int:
    """Commit an upload that a quota has room for. Returns its size in bytes."""
    blobs = call.services.blobs
    await uploads.reserve_whole(call.services.site, blobs, upload, digest)
    return await blob_rows.commit(blobs, upload.uuid, digest)


async def _link(call: Call, access: Access, upload: uploads.OpenUpload, digest: str, size: int) -> None:
    meter = Meter(call.services.site, upload.namespace_id, partial(call.context, access.grant))
    await push.link_blob(access.repository.id, digest, size, upload=upload.uuid, meter=meter)


def _pieces(
    call: Call, upload: uploads.OpenUpload, size: int, digest: str = ""
) -> AsyncIterator[Piece | Inflow]:
    """The body, which may pause, within the bounds of account and quota; `size` is what is there already."""
    allow_pauses(call.scope)
    take_large_pieces(call.scope, pours=call.services.blobs.pours)
    announced = content_length(call.scope) or 0
    body = body_parts(call.receive)
    return uploads.bounded(call.services.site, upload, size, body, announced=announced, digest=digest)


async def status(call: Call) -> None:
    """Report the size of an upload."""
    _, upload = await _require(call)
    size = await call.services.blobs.upload_size(upload.uuid)
    await send_head(call.send, 204, _headers(call, upload.uuid, size))


async def append(call: Call) -> None:
    """Append a chunk with a `Content-Range`, or a stream of any length."""
    access, upload = await _require(call)
    async with _held(call, upload.uuid), _within_quota(call, access, upload):
        size = await _append(call, upload)
        await uploads.note(upload, size)
    await send_bytes(call.send, 202, _headers(call, upload.uuid, size))


async def finish(call: Call) -> None:
    """Append the last chunk, if any, and commit the upload as the blob with the client's digest."""
    access, upload = await _require(call)
    digest = require_digest(call.query().get("digest", ""))
    async with _within_quota(call, access, upload):
        async with _held(call, upload.uuid):
            if content_length(call.scope) != 0 or header(call.scope, b"content-range") is not None:
                await _append(call, upload, digest)
            try:
                size = await _commit(call, upload, digest)
            except DigestMismatch:
                await uploads.forget(upload.uuid)
                raise
        await _link(call, access, upload, digest, size)
    await _send_created(call, digest)


async def cancel(call: Call) -> None:
    """Cancel an upload."""
    _, upload = await _require(call)
    await call.services.blobs.cancel(upload.uuid)
    await uploads.forget(upload.uuid)
    await send_head(call.send, 204, {})


async def _require(call: Call) -> tuple[Access, uploads.OpenUpload]:
    access = await call.authorize(PUSH)
    access.require_writable(call.services.site)
    site, account_id = call.services.site, access.grant.account_id
    return access, await uploads.require(site, call.argument, access.repository.id, account_id)


@asynccontextmanager
async def _held(call: Call, upload: str) -> AsyncIterator[None]:
    """Hold an upload in the block. Raises RegistryError: 409 while another request writes to it."""
    body = body_of(call.scope)
    try:
        async with call.services.holds.hold(upload, body):
            yield
    except UploadBusy as error:
        times = body.times if body is not None else BodyTimes()
        raise RegistryError(
            OciCode.BLOB_UPLOAD_INVALID,
            str(error),
            status=409,
            detail={"upload": upload},
            headers={**_location(call, upload), "Retry-After": str(math.ceil(times.give_way_s))},
        ) from error


async def _append(call: Call, upload: uploads.OpenUpload, digest: str = "") -> int:
    """Append the body to an upload, as far as it comes and there is room. Returns its new size in bytes.

    What does not come reserves nothing of a quota any more.
    """
    try:
        return await _append_body(call, upload, digest)
    except BaseException:
        await uploads.release(call.services.blobs, upload)
        raise


async def _append_body(call: Call, upload: uploads.OpenUpload, digest: str) -> int:
    blobs = call.services.blobs
    chunk = parse_chunk_range(header(call.scope, b"content-range"), content_length(call.scope))
    start = await blobs.upload_size(upload.uuid) if chunk is None else chunk.start
    pieces = _pieces(call, upload, start, digest)
    try:
        if chunk is None:
            return await blobs.append(upload.uuid, start, pieces)
        size = await blobs.append(upload.uuid, start, _at_most(pieces, chunk.size))
    except OffsetMismatch as error:
        raise _out_of_order(call, upload.uuid, error) from error
    except (BodyStalled, StorageFull, uploads.TooManyUploads) as error:
        raise await _interrupted(call, upload, error) from error
    if size != chunk.end:
        raise RegistryError(
            OciCode.SIZE_INVALID,
            f"the chunk ended {chunk.end - size} bytes before its Content-Range",
            headers=_headers(call, upload.uuid, size),
        )
    return size


async def _interrupted(call: Call, upload: uploads.OpenUpload, error: Exception) -> RegistryError:
    """The answer to a request that an upload did not take whole: why, and where to resume."""
    size = await call.services.blobs.upload_size(upload.uuid)
    await uploads.note(upload, size)
    headers = _headers(call, upload.uuid, size)
    detail = {"upload": upload.uuid}
    if isinstance(error, BodyStalled):
        headers["Connection"] = "close"
        return RegistryError(
            OciCode.BLOB_UPLOAD_INVALID, str(error), status=408, detail=detail, headers=headers
        )
    known = registry_error(error)
    assert known is not None
    return RegistryError(known.code, known.message, status=known.status, detail=detail, headers=headers)


async def _at_most(pieces: AsyncIterator[Piece | Inflow], limit: int) -> AsyncIterator[Piece | Inflow]:
    """Yield the pieces of a body. Raises RegistryError SIZE_INVALID if it is longer than `limit` bytes."""
    size = 0
    async for piece in pieces:
        if isinstance(piece, Inflow):
            # A body of known length, which is that of the range.
            yield piece
            size += piece.size
            continue
        size += len(piece)
        if size > limit:
            raise RegistryError(
                OciCode.SIZE_INVALID, f"the chunk is longer than the {limit} bytes of its range"
            )
        yield piece


def _out_of_order(call: Call, upload: str, error: OffsetMismatch) -> RegistryError:
    return RegistryError(
        OciCode.BLOB_UPLOAD_INVALID, str(error), status=416, headers=_headers(call, upload, error.size)
    )


def _headers(call: Call, upload: str, size: int) -> dict[str, str]:
    return {**_location(call, upload), "Range": upload_range(size)}


def _location(call: Call, upload: str) -> dict[str, str]:
    return {"Location": call.url(f"blobs/uploads/{upload}"), "Docker-Upload-UUID": upload}


async def _send_created(call: Call, digest: str) -> None:
    await send_bytes(
        call.send, 201, {"Location": call.url(f"blobs/{digest}"), "Docker-Content-Digest": digest}
    )
