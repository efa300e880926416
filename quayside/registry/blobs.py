"""Blobs: GET, HEAD and DELETE by digest (OCI Distribution 1.1, "Pulling blobs" and "Deleting Blobs")."""

from collections.abc import Mapping
from functools import partial

from quayside.http.conditions import none_match
from quayside.http.sending import file_sender
from quayside.registry import cached
from quayside.registry.asgi import header, send_bytes, send_file, send_head, send_stream
from quayside.registry.call import Call
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import require_digest
from quayside.registry.ranges import ByteRange, parse_range
from resolvers.access.registry_tokens import PULL, PUSH
from resolvers.content import push
from resolvers.errors import NotFound
from resolvers.readonly import suspended_when_on

FROM_FILE_BYTES = 256 * 1024
"""Less is read and sent with one call each."""


async def get(call: Call) -> None:
    """Serve a blob or one range of it, or redirect to where it is; for HEAD the headers only."""
    access = await call.authorize(PULL)
    digest = require_digest(call.argument)
    blob = await call.services.hot.blob(access.repository.id, digest)
    is_cold = blob is None and access.repository.cache_id is not None
    if is_cold:
        size = await cached.blob_size(call, access, digest)
        if size is None:
            raise _unknown(digest)
    elif blob is None or not await call.extend_grace_period(
        access, blob.granted_at_ms, partial(push.renew_blob, access.repository.id, digest)
    ):
        raise _unknown(digest)
    else:
        size = blob.size_bytes
    etag = f'"{digest}"'
    headers = {"Docker-Content-Digest": digest, "ETag": etag, "Accept-Ranges": "bytes"}
    if none_match(call.scope, etag.encode("ascii")):
        await send_head(call.send, 304, headers)
        return
    if call.services.redirects_blobs and not (call.is_head or is_cold):
        location = await call.services.blobs.location(digest)
        if location is not None:
            # The address is a right to these bytes for some minutes, which no cache may hand on.
            await send_bytes(call.send, 307, {**headers, "Location": location, "Cache-Control": "no-store"})
            return
    headers["Content-Type"] = "application/octet-stream"
    part = None if call.is_head else _range(call, etag, size)
    if part is not None:
        headers["Content-Range"] = part.content_range(size)
    start, end = (part.start, part.end) if part else (0, size)
    headers["Content-Length"] = str(end - start)
    if call.is_head:
        await send_head(call.send, 200, headers)
        return
    status = 206 if part else 200
    if is_cold:
        with call.services.database.current(), suspended_when_on():
            pieces = cached.blob(call, access, digest, size, start=start, end=end)
            await send_stream(call.receive, call.send, status, headers, pieces)
        return
    await _send_stored(call, digest, status, headers, range(start, end))


async def _send_stored(call: Call, digest: str, status: int, headers: Mapping[str, str], part: range) -> None:
    """Send a part of a blob of the store; the system sends what is long, if it can."""
    blobs = call.services.blobs
    sender = file_sender(call.scope) if len(part) >= FROM_FILE_BYTES else None
    file = None if sender is None else await blobs.open_file(digest)
    if sender is None or file is None:
        pieces = blobs.read(digest, start=part.start, end=part.stop)
        await send_stream(call.receive, call.send, status, headers, pieces)
        return
    with file:
        await send_file(call.receive, call.send, status, headers, sender, file, part)


def _range(call: Call, etag: str, size: int) -> ByteRange | None:
    # If-Range names another version, so the whole blob is sent (RFC 9110 section 13.1.5).
    if header(call.scope, b"if-range") not in {None, etag}:
        return None
    return parse_range(header(call.scope, b"range"), size)


async def delete(call: Call) -> None:
    """Revoke the repository's right to a blob."""
    access = await call.authorize(PUSH)
    digest = require_digest(call.argument)
    context, record = await call.context(access.grant), await call.record(access)
    try:
        await push.delete_blob(context, record, digest)
    except NotFound as error:
        raise _unknown(digest) from error
    await send_bytes(call.send, 202, {})


def _unknown(digest: str) -> RegistryError:
    return RegistryError(OciCode.BLOB_UNKNOWN, detail={"digest": digest})
