"""Blobs in an object store: S3 and what speaks its protocol, or another one that obstore knows.

    blobs/<digest>                      a verified blob
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
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobTooLarge,
    BlobUnknown,
    DigestInvalid,
    DigestMismatch,
    OffsetMismatch,
    StorageFailed,
    StorageFull,
    UploadBusy,
    UploadExists,
    UploadInvalid,
    UploadUnknown,
    os_errors,
    refuse_inside_transaction,
    require_upload_id,
    resolve_range,
)
from storage.blobs.digest import Hasher, parse_digest
from storage.blobs.settling import settled
from storage.faults import fault

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ObjectStore

T = TypeVar("T")

OBJECT_SIZE = 8 * 1024 * 1024
"""Bytes of an upload that are held in memory and written at once; more than S3's least part of 5 MiB."""
MAX_PARTS = 9_000
"""S3 takes 10,000 parts; for blobs above some 70 GiB the parts therefore grow."""
PARTS_AT_ONCE = 4
CHECK_TIMEOUT_S = 5
LINK_LIFETIME = timedelta(minutes=20)

_BEGUN = "begun"
_OFFSET = re.compile(r"[0-9]{20}")
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "ServiceQuotaExceeded", "XMinioStorageFull"})
"""Codes with which servers of the protocol say that they have no space."""
_ERROR_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")


class _Cancelled(Exception):
    """The commit that the content is read for was cancelled."""


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

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store
        self._busy: set[str] = set()

    async def create_upload(self, upload: str) -> None:
        refuse_inside_transaction()
        require_upload_id(upload)
        if not await self._put_new(_begun(upload), b""):
            raise UploadExists(upload)

    async def append(self, upload: str, offset: int, stream: AsyncIterable[bytes]) -> int:
        refuse_inside_transaction()
        async with self._held(upload):
            size = (await self._require_parts(upload)).size
            if offset != size:
                raise OffsetMismatch(size)
            pending: list[bytes] = []
            pending_size = 0
            try:
                async for piece in stream:
                    pending.append(piece)
                    pending_size += len(piece)
                    if pending_size >= OBJECT_SIZE:
                        batch, pending, pending_size = pending, [], 0
                        size = await self._put_part(upload, size, b"".join(batch))
            finally:
                # What was received is kept, also when the stream raises.
                if pending_size:
                    size = await self._put_part(upload, size, b"".join(pending))
            await self._require_begun(upload)
            return size

    async def upload_size(self, upload: str) -> int:
        refuse_inside_transaction()
        return (await self._require_parts(upload)).size

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
        return await self._size(_blob(digest))

    async def read(self, digest: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        path = _blob(digest)
        resolve_range(0, start, end)
        try:
            got = None if start == end else await self._get(path, start, end)
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
        async for chunk in _chunks(_pieces(got)):
            left -= len(chunk)
            yield chunk
        if left:
            raise StorageFailed(f"blob {digest} ends before its size", errno=None)

    async def read_all(self, digest: str, *, limit: int) -> bytes:
        refuse_inside_transaction()
        size = await self._require_size(digest)
        if size > limit:
            raise BlobTooLarge(digest, size=size, limit=limit)
        return b"".join([chunk async for chunk in self.read(digest)])

    async def delete(self, digest: str) -> bool:
        refuse_inside_transaction()
        path = _blob(digest)
        is_there = await self._size(path) is not None
        if is_there:
            await self._delete([path])
        return is_there

    async def digests(self) -> AsyncIterator[tuple[str, int]]:
        refuse_inside_transaction()
        async for item in self._list("blobs/"):
            digest = item["path"].removeprefix("blobs/")
            try:
                parse_digest(digest)
            except DigestInvalid:
                continue
            yield digest, item["size"]

    async def uploads(self) -> AsyncIterator[str]:
        refuse_inside_transaction()
        seen = set()
        async for item in self._list("uploads/"):
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
        if not isinstance(self._store, S3Store):
            return None
        return await _failing(obstore.sign_async(self._store, "GET", path, LINK_LIFETIME))

    async def check(self) -> None:
        refuse_inside_transaction()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                async for _ in self._list("uploads/", chunk_size=1):
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
        async for item in self._list(_begun(upload).removesuffix(_BEGUN)):
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
        if not await self._put_new(path, content):
            raise OffsetMismatch(await self.upload_size(upload))
        with os_errors():
            fault("append.after_write")
        try:
            await self._require_begun(upload)
        except UploadUnknown:
            await self._delete([path])
            raise
        return offset + len(content)

    async def _require_begun(self, upload: str) -> None:
        if await self._size(_begun(upload)) is None:
            raise UploadUnknown(upload)

    async def _remove_upload(self, upload: str) -> None:
        with os_errors():
            fault("upload.before_removal")
        # First the sign that it may be appended to: what is left is then no upload that lacks bytes.
        await self._delete([_begun(upload)])
        paths = [item["path"] async for item in self._list(_begun(upload).removesuffix(_BEGUN))]
        if paths:
            await self._delete(paths)

    # Commits.

    async def _verified(self, parts: list[_Part], hasher: Hasher, digest: str) -> AsyncGenerator[bytes, None]:
        """Yield the content of an upload. Raises DigestMismatch at its end."""
        for part in parts:
            try:
                got = await self._get(part.path, 0, part.size)
            except FileNotFoundError as error:
                # Another process committed or cancelled the upload.
                raise UploadUnknown(part.path.split("/")[1]) from error
            size = 0
            async for piece in _pieces(got):
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
        if await self._size(path) is not None:
            async for _ in content:
                pass
        elif size <= OBJECT_SIZE:
            await self._put(path, b"".join([piece async for piece in content]))
        else:
            await self._put_in_parts(path, content, max(OBJECT_SIZE, math.ceil(size / MAX_PARTS)))

    async def _put_in_parts(self, path: str, content: AsyncGenerator[bytes, None], part_size: int) -> None:
        """Write an object as a multipart upload, aborted when the content raises or the call is cancelled."""
        is_cancelled = False

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in content:
                if is_cancelled:
                    raise _Cancelled
                yield piece

        call = asyncio.ensure_future(
            _failing(
                obstore.put_async(
                    self._store,
                    path,
                    pieces(),
                    use_multipart=True,
                    chunk_size=part_size,
                    max_concurrency=PARTS_AT_ONCE,
                )
            )
        )
        try:
            await asyncio.shield(call)
        except asyncio.CancelledError:
            is_cancelled = True
            await asyncio.gather(settled(call), return_exceptions=True)
            raise
        finally:
            await content.aclose()

    # What is needed of an object store.

    async def _put(self, path: str, content: bytes) -> None:
        await _settled_call(obstore.put_async(self._store, path, content, use_multipart=False))

    async def _put_new(self, path: str, content: bytes) -> bool:
        """Write an object, unless there is one at this path; whether it was written."""
        try:
            await _settled_call(obstore.put_async(self._store, path, content, mode="create"))
        except AlreadyExistsError:
            return False
        return True

    async def _size(self, path: str) -> int | None:
        """The size of an object in bytes, None if there is none."""
        try:
            return (await _failing(obstore.head_async(self._store, path)))["size"]
        except FileNotFoundError:
            return None

    async def _require_size(self, digest: str) -> int:
        size = await self._size(_blob(digest))
        if size is None:
            raise BlobUnknown(digest)
        return size

    async def _get(self, path: str, start: int, end: int | None) -> "GetResult":
        """Begin to read a part of an object, which must not be empty. Raises FileNotFoundError."""
        if start == 0 and end is None:
            return await _failing(obstore.get_async(self._store, path))
        part: Any = {"offset": start} if end is None else (start, end)
        return await _failing(obstore.get_async(self._store, path, options={"range": part}))

    async def _delete(self, paths: list[str]) -> None:
        """Delete objects; absent ones are no error."""
        try:
            await _settled_call(obstore.delete_async(self._store, paths))
        except FileNotFoundError:
            # A file system says so, at the first that is absent.
            for path in paths if len(paths) > 1 else []:
                await self._delete([path])

    async def _list(self, prefix: str, *, chunk_size: int = 1000) -> "AsyncIterator[ObjectMeta]":
        listed = obstore.list(self._store, prefix, chunk_size=chunk_size)
        while True:
            try:
                items = await _failing(anext(listed))
            except StopAsyncIteration:
                return
            for item in items:
                yield item


def _begun(upload: str) -> str:
    return f"uploads/{upload}/{_BEGUN}"


def _blob(digest: str) -> str:
    """The path of a blob. Raises DigestInvalid."""
    parse_digest(digest)
    return f"blobs/{digest}"


async def _pieces(got: "GetResult") -> AsyncIterator[bytes]:
    stream = got.stream(min_chunk_size=CHUNK_SIZE)
    while True:
        try:
            yield await _failing(anext(stream))
        except StopAsyncIteration:
            return


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


async def _settled_call(call: Awaitable[T]) -> T:
    """Make a call that writes, and see it to its end also when cancelled."""
    return await settled(asyncio.ensure_future(_failing(call)))


async def _failing(call: Awaitable[T]) -> T:
    """Make a call to obstore. Raises StorageFailed, FileNotFoundError, AlreadyExistsError."""
    try:
        return await call
    except (FileNotFoundError, AlreadyExistsError):
        raise
    except (BaseError, OSError) as error:
        raise _storage_error(error) from error


def _storage_error(error: Exception) -> StorageFailed:
    # The first line says what failed; then comes what only a developer of the client wants to know.
    text = str(error)
    code = _ERROR_CODE.search(text)
    reason = text.partition("\n")[0].partition(": <?xml")[0]
    text = f"the blob store failed: {reason}{f' ({code[1]})' if code else ''}"
    is_full = code is not None and code[1] in _FULL
    return (StorageFull if is_full else StorageFailed)(text, errno=None)
