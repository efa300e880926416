"""Uploads of blobs: monolithic, in chunks, by mount (OCI Distribution 1.1, "Pushing blobs").

An upload belongs to an account and a repository; for others it does not exist. Its bytes are in the blob
store, so that any process can take any chunk, and an upload can be resumed after a broken connection. Of the
requests to one upload, one at a time may write.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quayside.http.bodies import BodyStalled, BodyTimes, allow_pauses, body_of
from quayside.registry.asgi import body_pieces, content_length, header, send_bytes, send_head
from quayside.registry.call import Access, Call
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import require_digest
from quayside.registry.ranges import parse_chunk_range, upload_range
from resolvers.access.registry_tokens import PUSH
from resolvers.content import push
from resolvers.content import upload as uploads
from storage import blob_rows
from storage.blobs import DigestMismatch, OffsetMismatch, UploadBusy

ALGORITHMS = frozenset({"sha256", "sha512"})


async def begin(call: Call) -> None:
    """Start an upload (202), or mount a blob or store a monolithic one at once (201)."""
    access = await call.authorize(PUSH)
    access.require_writable()
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
    upload = await uploads.begin(call.services.blobs, access.repository.id, access.grant.account_id)
    await send_bytes(call.send, 202, _headers(call, upload, 0))


async def _mount(call: Call, access: Access, digest: str, source: str | None) -> bool:
    try:
        path = None if source is None else call.path_of(source)
    except RegistryError:
        # An invalid name is the same as a missing repository: an upload starts instead.
        return False
    context = await call.context(access.grant)
    return await push.mount_blob(context, access.repository.id, digest, source=path)


async def _store(call: Call, access: Access, digest: str) -> None:
    """Store a blob from the body of the first request (monolithic POST)."""
    allow_pauses(call.scope)
    blobs, upload = call.services.blobs, uploads.new_id()
    await blobs.create_upload(upload)
    try:
        await blobs.append(upload, 0, body_pieces(call.receive))
        size = await blob_rows.commit(blobs, upload, digest)
    except BaseException:
        # The client does not know the id of this upload, so it cannot resume it.
        await blobs.cancel(upload)
        raise
    await push.link_blob(access.repository.id, digest, size)
    await _send_created(call, digest)


async def status(call: Call) -> None:
    """Report the size of an upload."""
    _, upload = await _require(call)
    size = await call.services.blobs.upload_size(upload)
    await send_head(call.send, 204, _headers(call, upload, size))


async def append(call: Call) -> None:
    """Append a chunk with a `Content-Range`, or a stream of any length."""
    _, upload = await _require(call)
    async with _held(call, upload):
        size = await _append(call, upload)
    await send_bytes(call.send, 202, _headers(call, upload, size))


async def finish(call: Call) -> None:
    """Append the last chunk, if any, and commit the upload as the blob with the client's digest."""
    access, upload = await _require(call)
    digest = require_digest(call.query().get("digest", ""))
    async with _held(call, upload):
        if content_length(call.scope) != 0 or header(call.scope, b"content-range") is not None:
            await _append(call, upload)
        try:
            size = await blob_rows.commit(call.services.blobs, upload, digest)
        except DigestMismatch:
            await uploads.forget(upload)
            raise
    await push.link_blob(access.repository.id, digest, size, upload=upload)
    await _send_created(call, digest)


async def cancel(call: Call) -> None:
    """Cancel an upload."""
    _, upload = await _require(call)
    await call.services.blobs.cancel(upload)
    await uploads.forget(upload)
    await send_head(call.send, 204, {})


async def _require(call: Call) -> tuple[Access, str]:
    access = await call.authorize(PUSH)
    access.require_writable()
    return access, await uploads.require(call.argument, access.repository.id, access.grant.account_id)


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


async def _append(call: Call, upload: str) -> int:
    """Append the body to an upload, which may pause. Returns its new size in bytes."""
    allow_pauses(call.scope)
    blobs = call.services.blobs
    chunk = parse_chunk_range(header(call.scope, b"content-range"), content_length(call.scope))
    pieces = body_pieces(call.receive)
    try:
        if chunk is None:
            return await blobs.append(upload, await blobs.upload_size(upload), pieces)
        size = await blobs.append(upload, chunk.start, _at_most(pieces, chunk.size))
    except OffsetMismatch as error:
        raise _out_of_order(call, upload, error) from error
    except BodyStalled as error:
        raise RegistryError(
            OciCode.BLOB_UPLOAD_INVALID,
            str(error),
            status=408,
            detail={"upload": upload},
            headers={**_headers(call, upload, await blobs.upload_size(upload)), "Connection": "close"},
        ) from error
    if size != chunk.end:
        raise RegistryError(
            OciCode.SIZE_INVALID,
            f"the chunk ended {chunk.end - size} bytes before its Content-Range",
            headers=_headers(call, upload, size),
        )
    return size


async def _at_most(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Yield the pieces of a body. Raises RegistryError SIZE_INVALID if it is longer than `limit` bytes."""
    size = 0
    async for piece in pieces:
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
