"""Bucket: what blobs need of an object store, in terms of their errors. Calls go to the library obstore.

What writes is seen to its end, also when the caller is cancelled. All raise `StorageFailed`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from storage.blobs.base import CHUNK_SIZE, StorageFailed, StorageFull
from storage.uninterrupted import settled

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ObjectStore

T = TypeVar("T")

PARTS_AT_ONCE = 4
LINK_LIFETIME = timedelta(minutes=20)

_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "ServiceQuotaExceeded", "XMinioStorageFull"})
"""Codes with which servers of the protocol say that they have no space."""
_ERROR_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")


class _Cancelled(Exception):
    """The commit that the content is read for was cancelled."""


class Bucket:
    """The objects of a store, by their paths."""

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store

    @property
    def lists_in_order(self) -> bool:
        """Whether `objects` gives paths in their order; a file system does not."""
        return not isinstance(self._store, LocalStore)

    async def put(self, path: str, content: bytes) -> None:
        """Write an object, in place of what is at this path."""
        await _settled_call(obstore.put_async(self._store, path, content, use_multipart=False))

    async def put_new(self, path: str, content: bytes) -> bool:
        """Write an object, unless there is one at this path; whether it was written."""
        try:
            await _settled_call(obstore.put_async(self._store, path, content, mode="create"))
        except AlreadyExistsError:
            return False
        return True

    async def size(self, path: str) -> int | None:
        """The size of an object in bytes, None if there is none."""
        item = await self.head(path)
        return None if item is None else item["size"]

    async def head(self, path: str) -> "ObjectMeta | None":
        """What is known of an object, None if there is none."""
        try:
            return await _failing(obstore.head_async(self._store, path))
        except FileNotFoundError:
            return None

    async def get(self, path: str, start: int, end: int | None) -> "GetResult":
        """Begin to read a part of an object, which must not be empty. Raises FileNotFoundError."""
        if start == 0 and end is None:
            return await _failing(obstore.get_async(self._store, path))
        part: Any = {"offset": start} if end is None else (start, end)
        return await _failing(obstore.get_async(self._store, path, options={"range": part}))

    async def delete(self, paths: list[str]) -> None:
        """Delete objects; absent ones are no error."""
        try:
            await _settled_call(obstore.delete_async(self._store, paths))
        except FileNotFoundError:
            # A file system says so, at the first that is absent.
            for path in paths if len(paths) > 1 else []:
                await self.delete([path])

    async def objects(self, prefix: str, *, chunk_size: int = 1000) -> "AsyncIterator[ObjectMeta]":
        """What there is below a prefix, asked for `chunk_size` at a time."""
        listed = obstore.list(self._store, prefix, chunk_size=chunk_size)
        while True:
            try:
                items = await _failing(anext(listed))
            except StopAsyncIteration:
                return
            for item in items:
                yield item

    async def put_in_parts(self, path: str, content: AsyncGenerator[bytes, None], part_size: int) -> None:
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

    async def link(self, path: str) -> str | None:
        """An address from which anybody may read an object for a while; None from what has no addresses."""
        if not isinstance(self._store, S3Store):
            return None
        return await _failing(obstore.sign_async(self._store, "GET", path, LINK_LIFETIME))


async def pieces_of(got: "GetResult") -> AsyncIterator[bytes]:
    """The bytes of what `get` began to read, in pieces of at least `CHUNK_SIZE` but for the last."""
    stream = got.stream(min_chunk_size=CHUNK_SIZE)
    while True:
        try:
            yield await _failing(anext(stream))
        except StopAsyncIteration:
            return


async def _settled_call(call: Awaitable[T]) -> T:
    """Make a call that writes, and see it to its end also when cancelled."""
    return await settled(_failing(call))


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
