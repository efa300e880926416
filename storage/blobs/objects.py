"""Blobs in an object store: S3 and what speaks its protocol, or another one that obstore knows.

    blobs/<digest>                      a verified blob
    quarantine/sha256-<hex>.<time>      what was set aside as the blob with this digest
    uploads/<upload id>/begun           an empty object: the upload may be appended to
    uploads/<upload id>/<offset>        bytes received, from an offset of 20 decimal digits

Objects are written whole or not at all and never change. An append writes objects of up to 8 MiB, each only
if none is at its offset yet, so of several processes that append at one offset, one proceeds. A commit reads
them once, and hashes and copies them into the blob as a multipart upload, which a failure aborts. Nothing is
kept in this process but which uploads it is at work on.

What a process leaves that is killed is a multipart upload, which a lifecycle rule of the bucket clears, or
objects of an upload that has no row, which `resolvers.content.upload` removes.
"""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobTooLarge,
    BlobUnknown,
    DigestInvalid,
    DigestMismatch,
    Inflow,
    OffsetMismatch,
    Piece,
    StorageFailed,
    UploadBusy,
    UploadExists,
    UploadInvalid,
    UploadUnknown,
    name_aside,
    os_errors,
    refuse_inside_transaction,
    require_upload_id,
    resolve_range,
)
from storage.blobs.bucket import Bucket, pieces_of
from storage.blobs.digest import Hasher, parse_digest
from storage.faults import fault

if TYPE_CHECKING:
    from obstore.store import ObjectStore

OBJECT_SIZE = 8 * 1024 * 1024
"""Bytes of an upload that are held in memory and written at once; more than S3's least part of 5 MiB."""
MAX_PENDING = 1024
"""Pieces that wait to be written, which are joined beyond that: each takes more memory than a few bytes."""
MAX_PARTS = 9_000
"""S3 takes 10,000 parts; for blobs above some 70 GiB the parts therefore grow."""
CHECK_TIMEOUT_S = 5

_BEGUN = "begun"
_OFFSET = re.compile(r"[0-9]{20}")


class _Part(NamedTuple):
    """One object of an upload."""

    path: str
    offset: int
    size: int


class _Parts(NamedTuple):
    """What an upload has: whether it may be appended to, its objects in order, and its size in bytes."""

    is_begun: bool
    parts: list[_Part]

    @property
    def size(self) -> int:
        return self.parts[-1].offset + self.parts[-1].size if self.parts else 0


class ObjectBlobStore:
    """The BlobStore for object stores. Any number of processes and hosts may share one."""

    kind = "s3"
    pours = False

    def __init__(self, store: "ObjectStore") -> None:
        self._bucket = Bucket(store)
        self._busy: set[str] = set()

    async def create_upload(self, upload: str) -> None:
        refuse_inside_transaction()
        require_upload_id(upload)
        if not await self._bucket.put_new(_begun(upload), b""):
            raise UploadExists(upload)

    async def append(self, upload: str, offset: int, stream: AsyncIterable[Piece | Inflow]) -> int:
        refuse_inside_transaction()
        async with self._held(upload):
            size = (await self._require_parts(upload)).size
            if offset != size:
                raise OffsetMismatch(size)
            pending: list[Piece] = []
            pending_size = 0
            try:
                async for piece in cast(AsyncIterable[Piece], stream):
                    pending.append(piece)
                    pending_size += len(piece)
                    if pending_size >= OBJECT_SIZE:
                        batch, pending, pending_size = pending, [], 0
                        size = await self._put_part(upload, size, b"".join(batch))
                    elif len(pending) >= MAX_PENDING:
                        pending = [b"".join(pending)]
            finally:
                # What was received is kept, also when the stream raises.
                if pending_size:
                    size = await self._put_part(upload, size, b"".join(pending))
            await self._require_begun(upload)
            return size

    async def upload_size(self, upload: str) -> int:
        refuse_inside_transaction()
        return (await self._require_parts(upload)).size

    async def read_upload(
        self, upload: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        found = await self._require_parts(upload)
        start, end = resolve_range(found.size, start, end)
        for part in found.parts:
            first, last = max(start - part.offset, 0), min(end - part.offset, part.size)
            if first >= last:
                continue
            try:
                got = await self._bucket.get(part.path, first, last)
            except FileNotFoundError:
                raise UploadUnknown(upload) from None
            async for chunk in _chunks(pieces_of(got)):
                yield chunk

    async def commit(self, upload: str, digest: str) -> int:
        refuse_inside_transaction()
        algorithm, _ = parse_digest(digest)
        async with self._held(upload):
            found = await self._require_parts(upload)
            with os_errors():
                fault("commit.before_verify")
            content = self._verified(found.parts, Hasher(algorithm), digest)
            try:
                await self._copy(content, digest, found.size)
            except DigestMismatch:
                await self._remove_upload(upload)
                raise
            with os_errors():
                fault("commit.after_copy")
            await self._remove_upload(upload)
            return found.size

    async def cancel(self, upload: str) -> None:
        refuse_inside_transaction()
        await self._remove_upload(require_upload_id(upload))

    async def stat(self, digest: str) -> int | None:
        refuse_inside_transaction()
        return await self._bucket.size(_blob(digest))

    async def read(
        self, digest: str, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        refuse_inside_transaction()
        path = _blob(digest)
        resolve_range(0, start, end)
        try:
            got = None if start == end else await self._bucket.get(path, start, end)
        except FileNotFoundError:
            raise BlobUnknown(digest) from None
        except StorageFailed:
            # A range beyond the end is a failure like any other, and rare.
            if await self._require_size(digest) > start:
                raise
            got = None
        if got is None:
            await self._require_size(digest)
            return
        left = got.range[1] - got.range[0]
        async for chunk in _chunks(pieces_of(got)):
            left -= len(chunk)
            yield chunk
        if left:
            raise StorageFailed(f"blob {digest} ends before its size", errno=None)

    async def open_file(self, digest: str) -> None:
        refuse_inside_transaction()
        parse_digest(digest)

    async def read_all(self, digest: str, *, limit: int) -> bytes:
        refuse_inside_transaction()
        size = await self._require_size(digest)
        if size > limit:
            raise BlobTooLarge(digest, size=size, limit=limit)
        return b"".join([chunk async for chunk in self.read(digest)])

    async def delete(self, digest: str) -> bool:
        refuse_inside_transaction()
        path = _blob(digest)
        is_there = await self._bucket.size(path) is not None
        if is_there:
            await self._bucket.delete([path])
        return is_there

    async def digests(self) -> AsyncIterator[tuple[str, int]]:
        refuse_inside_transaction()
        items: AsyncIterator[Any] = self._bucket.objects("blobs/")
        if not self._bucket.lists_in_order:
            # A directory is listed in any order, and everything else by names.
            items = _each(sorted([item async for item in items], key=itemgetter("path")))
        async for item in items:
            digest = item["path"].removeprefix("blobs/")
            try:
                parse_digest(digest)
            except DigestInvalid:
                continue
            yield digest, item["size"]

    async def stored_at_ms(self, digest: str) -> int | None:
        refuse_inside_transaction()
        item = await self._bucket.head(_blob(digest))
        return None if item is None else int(item["last_modified"].timestamp() * 1000)

    async def set_aside(self, digest: str, content: bytes | None = None) -> str:
        refuse_inside_transaction()
        size = await self._require_size(digest) if content is None else len(content)
        name = name_aside(digest)
        path = f"quarantine/{name}"
        if content is not None:
            await self._bucket.put(path, content)
        elif size <= OBJECT_SIZE:
            await self._bucket.put(path, b"".join([chunk async for chunk in self.read(digest)]))
        else:
            # A server copies at most 5 GiB by itself.
            pieces = self.read(digest)
            await self._bucket.put_in_parts(path, pieces, max(OBJECT_SIZE, math.ceil(size / MAX_PARTS)))
        return name

    async def quarantined(self) -> AsyncIterator[tuple[str, int]]:
        refuse_inside_transaction()
        async for item in self._bucket.objects("quarantine/"):
            yield item["path"].removeprefix("quarantine/"), item["size"]

    async def uploads(self) -> AsyncIterator[str]:
        refuse_inside_transaction()
        seen = set()
        async for item in self._bucket.objects("uploads/"):
            upload = item["path"].split("/")[1]
            if upload not in seen:
                seen.add(upload)
                try:
                    yield require_upload_id(upload)
                except UploadInvalid:
                    continue

    async def location(self, digest: str) -> str | None:
        refuse_inside_transaction()
        path = _blob(digest)
        return await self._bucket.link(path)

    async def check(self) -> None:
        refuse_inside_transaction()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                async for _ in self._bucket.objects("uploads/", chunk_size=1):
                    return
        except TimeoutError as error:
            raise StorageFailed(
                f"the blob store did not answer within {CHECK_TIMEOUT_S} seconds", errno=None
            ) from error

    async def free_bytes(self) -> None:
        refuse_inside_transaction()

    async def close(self) -> None:
        self._busy.clear()

    # Uploads.

    @asynccontextmanager
    async def _held(self, upload: str) -> AsyncIterator[None]:
        """Hold an upload against others in this process. Raises UploadBusy."""
        require_upload_id(upload)
        if upload in self._busy:
            raise UploadBusy
        self._busy.add(upload)
        try:
            yield
        finally:
            self._busy.discard(upload)

    async def _require_parts(self, upload: str) -> _Parts:
        require_upload_id(upload)
        found = await self._parts(upload)
        if not found.is_begun:
            raise UploadUnknown(upload)
        return found

    async def _parts(self, upload: str) -> _Parts:
        is_begun = False
        parts: list[_Part] = []
        async for item in self._bucket.objects(_begun(upload).removesuffix(_BEGUN)):
            name = item["path"].rpartition("/")[2]
            if name == _BEGUN:
                is_begun = True
            elif _OFFSET.fullmatch(name):
                parts.append(_Part(item["path"], int(name), item["size"]))
        parts.sort(key=lambda part: part.offset)
        end = 0
        for number, part in enumerate(parts):
            if part.offset != end:
                # Left by an append that another one overtook. It is not part of what a client was told.
                return _Parts(is_begun, parts[:number])
            end += part.size
        return _Parts(is_begun, parts)

    async def _put_part(self, upload: str, offset: int, content: bytes) -> int:
        """Write bytes at the end of an upload, and return its new size.

        Raises OffsetMismatch if another process did so first, and UploadUnknown if the upload has ended.
        """
        path = f"uploads/{upload}/{offset:020}"
        with os_errors():
            fault("append.before_write")
        if not await self._bucket.put_new(path, content):
            raise OffsetMismatch(await self.upload_size(upload))
        with os_errors():
            fault("append.after_write")
        try:
            await self._require_begun(upload)
        except UploadUnknown:
            await self._bucket.delete([path])
            raise
        return offset + len(content)

    async def _require_begun(self, upload: str) -> None:
        if await self._bucket.size(_begun(upload)) is None:
            raise UploadUnknown(upload)

    async def _remove_upload(self, upload: str) -> None:
        with os_errors():
            fault("upload.before_removal")
        # First the sign that it may be appended to: what is left is then no upload that lacks bytes.
        await self._bucket.delete([_begun(upload)])
        paths = [item["path"] async for item in self._bucket.objects(_begun(upload).removesuffix(_BEGUN))]
        if paths:
            await self._bucket.delete(paths)

    # Commits.

    async def _verified(self, parts: list[_Part], hasher: Hasher, digest: str) -> AsyncGenerator[bytes, None]:
        """Yield the content of an upload. Raises DigestMismatch at its end."""
        for part in parts:
            try:
                got = await self._bucket.get(part.path, 0, part.size)
            except FileNotFoundError as error:
                # Another process committed or cancelled the upload.
                raise UploadUnknown(part.path.split("/")[1]) from error
            size = 0
            async for piece in pieces_of(got):
                await asyncio.to_thread(hasher.update, piece)
                size += len(piece)
                yield piece
            if size != part.size:
                raise StorageFailed(f"{part.path} ends before its size", errno=None)
        if hasher.digest != digest:
            raise DigestMismatch(expected=digest, actual=hasher.digest)
        with os_errors():
            fault("commit.before_copy_end")

    async def _copy(self, content: AsyncGenerator[bytes, None], digest: str, size: int) -> None:
        """Write the content of an upload as a blob, if there is none."""
        path = _blob(digest)
        if await self._bucket.size(path) is not None:
            async for _ in content:
                pass
        elif size <= OBJECT_SIZE:
            await self._bucket.put(path, b"".join([piece async for piece in content]))
        else:
            await self._bucket.put_in_parts(path, content, max(OBJECT_SIZE, math.ceil(size / MAX_PARTS)))

    async def _require_size(self, digest: str) -> int:
        size = await self._bucket.size(_blob(digest))
        if size is None:
            raise BlobUnknown(digest)
        return size


def _begun(upload: str) -> str:
    return f"uploads/{upload}/{_BEGUN}"


def _blob(digest: str) -> str:
    """The path of a blob. Raises DigestInvalid."""
    parse_digest(digest)
    return f"blobs/{digest}"


async def _each(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def _chunks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of exactly 1 MiB, and a last one."""
    rest = b""
    async for piece in pieces:
        rest = rest + piece if rest else piece
        whole = len(rest) - len(rest) % CHUNK_SIZE
        for position in range(0, whole, CHUNK_SIZE):
            yield rest[position : position + CHUNK_SIZE]
        rest = rest[whole:]
    if rest:
        yield rest
