"""Blobs as files below one directory; several processes may use it at once.

Hashing and disk work run in a small pool of threads of their own, one batch of about 1 MiB per call: the
event loop stays free, and a slow disk does not hold up whatever else uses the loop's default threads. Through
aiofiles goes what is one system call at a time; writing and hashing a batch, and a commit, are one call each.
"""

import asyncio
import errno
import os
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TypeVar

import aiofiles.os
from aiofiles.threadpool import wrap as aiofiles_wrap

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobTooLarge,
    BlobUnknown,
    DigestMismatch,
    Inflow,
    Piece,
    UploadExists,
    UploadUnknown,
    name_aside,
    os_errors,
    refuse_inside_transaction,
)
from storage.blobs.digest import Hasher, parse_digest
from storage.blobs.files import (
    BlobFile,
    UploadFile,
    digest_of,
    file_size,
    locked_upload,
    make_directory,
    make_root,
    modified_at_ms,
    open_blob,
    remove_upload,
    sync_directory,
    write_new,
)
from storage.blobs.paths import FILE_MODE, Layout
from storage.faults import fault
from storage.space import free_bytes, require_space
from storage.uninterrupted import settled

T = TypeVar("T")

THREADS = 8
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MAX_PENDING = 2048
"""Pieces of a batch, which are few unless their sender is slow: each takes more memory than a few bytes."""
HASHERS_KEPT = 1024
WALK_BATCH = 256


class FilesystemBlobStore:
    """The BlobStore for a local disk, or for a shared one on which flock(2) holds between its hosts.

    Uploads leave `reserve_bytes` of the file system free.
    """

    kind = "file"
    pours = True

    def __init__(self, root: Path, reserve_bytes: int = 0) -> None:
        self._layout = Layout(root)
        self._reserve_bytes = reserve_bytes
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._pouring_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs_pour")
        self._hashers: OrderedDict[str, Hasher] = OrderedDict()
        self._made_directories: set[Path] = set()
        self._was_there = False
        self._appends = 0

    async def create_upload(self, upload: str) -> None:
        refuse_inside_transaction()
        path = self._layout.upload(upload)
        self._hashers.pop(upload, None)
        await self._in_thread(partial(self._create_upload, path, upload))

    async def append(self, upload: str, offset: int, stream: AsyncIterable[Piece | Inflow]) -> int:
        refuse_inside_transaction()
        file = UploadFile(self._layout.upload(upload), upload, self._reserve_bytes)
        try:
            await self._in_thread(partial(file.open, offset))
            file.hasher = self._take_hasher(upload, offset)
            self._appends += 1
            try:
                await self._write_stream(file, stream)
            finally:
                self._appends -= 1
                if file.hasher is not None:
                    self._keep_hasher(upload, file.hasher)
        finally:
            if file.is_open:
                await self._in_thread(file.close)
        return file.size

    async def upload_size(self, upload: str) -> int:
        refuse_inside_transaction()
        size = await self._size(self._layout.upload(upload))
        if size is None:
            raise UploadUnknown(upload)
        return size

    async def read_upload(
        self, upload: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        try:
            async for chunk in self._read(BlobFile(self._layout.upload(upload), upload, start, end)):
                yield chunk
        except BlobUnknown:
            raise UploadUnknown(upload) from None

    async def commit(self, upload: str, digest: str) -> int:
        refuse_inside_transaction()
        parse_digest(digest)
        path = self._layout.upload(upload)
        hasher = self._hashers.pop(upload, None)
        return await self._in_thread(partial(self._commit, path, upload, digest, hasher))

    async def cancel(self, upload: str) -> None:
        refuse_inside_transaction()
        path = self._layout.upload(upload)
        self._hashers.pop(upload, None)
        await self._in_thread(partial(remove_upload, path))

    async def stat(self, digest: str) -> int | None:
        refuse_inside_transaction()
        return await self._size(self._layout.blob(digest))

    async def read(self, digest: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        async for chunk in self._read(BlobFile(self._layout.blob(digest), digest, start, end)):
            yield chunk

    async def open_file(self, digest: str) -> FileIO:
        refuse_inside_transaction()
        return await self._in_thread(partial(open_blob, self._layout.blob(digest), digest))

    async def read_all(self, digest: str, *, limit: int) -> bytes:
        refuse_inside_transaction()
        path = self._layout.blob(digest)
        return await self._in_thread(partial(_read_all, path, digest, limit))

    async def location(self, digest: str) -> str | None:
        refuse_inside_transaction()
        parse_digest(digest)
        return None

    async def delete(self, digest: str) -> bool:
        refuse_inside_transaction()
        path = self._layout.blob(digest)
        with os_errors():
            try:
                await settled(aiofiles.os.unlink(path, executor=self._threads))
            except FileNotFoundError:
                return False
        return True

    def digests(self) -> AsyncIterator[tuple[str, int]]:
        return self._walk(self._layout.walk_blobs)

    async def stored_at_ms(self, digest: str) -> int | None:
        refuse_inside_transaction()
        return await self._in_thread(partial(modified_at_ms, self._layout.blob(digest)))

    async def set_aside(self, digest: str, content: bytes | None = None) -> str:
        refuse_inside_transaction()
        path = self._layout.blob(digest)
        name = name_aside(digest)
        await self._in_thread(partial(self._set_aside, path, digest, name, content))
        return name

    def quarantined(self) -> AsyncIterator[tuple[str, int]]:
        return self._walk(self._layout.walk_quarantine)

    def uploads(self) -> AsyncIterator[str]:
        return self._walk(self._layout.walk_uploads)

    async def check(self) -> None:
        refuse_inside_transaction()
        await self._in_thread(self._check)

    async def free_bytes(self) -> int:
        refuse_inside_transaction()
        return await self._in_thread(partial(free_bytes, self._layout.root))

    async def close(self) -> None:
        self._hashers.clear()
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._pouring_threads.shutdown)

    # What follows is called by the methods above, in the event loop.

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run the call in a thread and return only when it has ended, even when cancelled meanwhile.

        The caller closes the file afterwards. With a call still running, the descriptor could by then be
        another file's, and that file would receive the bytes.
        """
        with os_errors():
            return await settled(asyncio.get_running_loop().run_in_executor(self._threads, call))

    async def _in_pouring_thread(self, call: Callable[[], T]) -> T:
        """Run in a thread, as `_in_thread` does, what takes longer than a disk does."""
        with os_errors():
            return await settled(asyncio.get_running_loop().run_in_executor(self._pouring_threads, call))

    async def _read(self, blob: BlobFile) -> AsyncIterator[bytes]:
        """Yield what is to be read of a file."""
        try:
            # Most blobs are small: one call opens, reads and closes them, which takes aiofiles three.
            chunk = await self._in_thread(blob.next_chunk)
            if chunk:
                yield chunk
            if blob.file is not None:
                file = aiofiles_wrap(blob.file, executor=self._threads)
                while not blob.is_done:
                    with os_errors():
                        chunk = await settled(file.read(blob.next_size))
                    yield blob.note(chunk)
        finally:
            if blob.file is not None:
                await self._in_thread(blob.close)

    async def _size(self, path: Path) -> int | None:
        """The size of a file, None if there is none."""
        status = aiofiles.os.stat(path, follow_symlinks=False, executor=self._threads)
        with os_errors():
            try:
                return int((await settled(status)).st_size)
            except FileNotFoundError:
                return None

    async def _write_stream(self, file: UploadFile, stream: AsyncIterable[Piece | Inflow]) -> None:
        """Write the stream in batches; what was received is written also when the stream raises."""
        pending: list[Piece] = []
        size = 0
        try:
            async for piece in stream:
                if isinstance(piece, Inflow):
                    batch, pending, size = pending, [], 0
                    if batch:
                        await self._write(file, batch)
                    await piece.pour(file.take, self._in_pouring_thread)
                    continue
                pending.append(piece)
                size += len(piece)
                if size >= CHUNK_SIZE or len(pending) >= MAX_PENDING:
                    batch, pending, size = pending, [], 0
                    await self._write(file, batch)
                    # What it came in can be used again.
                    del batch, piece
        finally:
            if file.is_open:
                await self._in_thread(partial(file.finish, pending))

    async def _write(self, file: UploadFile, batch: list[Piece]) -> None:
        """Write and hash a batch, both at once where there is a processor for each."""
        if self._appends >= PROCESSORS:
            await self._in_thread(partial(file.write_and_hash, batch))
            return
        hashing = asyncio.get_running_loop().run_in_executor(self._threads, file.hash, batch)
        try:
            await self._in_thread(partial(file.write, batch))
        finally:
            await settled(hashing)

    def _take_hasher(self, upload: str, offset: int) -> Hasher | None:
        """The hasher that has seen exactly the bytes before `offset`; None if this process did not."""
        hasher = self._hashers.pop(upload, None)
        if offset == 0:
            return Hasher()
        return hasher if hasher is not None and hasher.size == offset else None

    def _keep_hasher(self, upload: str, hasher: Hasher) -> None:
        self._hashers[upload] = hasher
        if len(self._hashers) > HASHERS_KEPT:
            self._hashers.popitem(last=False)

    async def _walk(self, walk: Callable[[], Generator[T, None, None]]) -> AsyncIterator[T]:
        """Pass on what the blocking walk yields, fetched a batch at a time."""
        refuse_inside_transaction()
        rows = walk()
        try:
            while batch := await self._in_thread(lambda: list(islice(rows, WALK_BATCH))):
                for row in batch:
                    yield row
        finally:
            await self._in_thread(rows.close)

    # What follows blocks, and runs in a thread.

    def _create_upload(self, path: Path, upload: str) -> None:
        self._make_directories()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        except FileExistsError:
            raise UploadExists(upload) from None
        try:
            require_space(descriptor, 0, self._reserve_bytes)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)

    def _check(self) -> None:
        is_there = all(path.is_dir() for path in self._layout.directories())
        if self._was_there and not is_there:
            # A disk that is no longer mounted leaves its mount point, which would take writes as well.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._was_there = is_there
        root = self._layout.root
        nearest = next(path for path in (root, *root.parents) if path.exists())
        os.scandir(nearest).close()
        if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _make_directories(self) -> None:
        if self._layout.root in self._made_directories:
            return
        make_root(self._layout.root)
        for directory in self._layout.directories():
            make_directory(directory)
        self._made_directories.add(self._layout.root)

    def _make_shard(self, shard: Path) -> None:
        # One sync per shard and process: the directory may be another process's, made an instant ago.
        if shard not in self._made_directories:
            make_directory(shard)
            self._made_directories.add(shard)

    def _set_aside(self, path: Path, digest: str, name: str, content: bytes | None) -> None:
        """Give the bytes of a blob a second name, which also a disk can do that no longer reads them."""
        directory = self._layout.quarantine
        make_root(self._layout.root)
        make_directory(directory)
        if content is None:
            try:
                os.link(path, directory / name, follow_symlinks=False)
            except FileNotFoundError:
                raise BlobUnknown(digest) from None
        else:
            write_new(directory / name, content)
        sync_directory(directory)

    def _commit(self, path: Path, upload: str, digest: str, hasher: Hasher | None) -> int:
        target = self._layout.blob(digest)
        algorithm, _ = parse_digest(digest)
        with locked_upload(path, upload) as descriptor:
            size = os.fstat(descriptor).st_size
            fault("commit.before_verify")
            if hasher is not None and (hasher.algorithm, hasher.size) == (algorithm, size):
                actual = hasher.digest
            else:
                actual = digest_of(descriptor, algorithm)
            if actual != digest:
                remove_upload(path)
                raise DigestMismatch(expected=digest, actual=actual)
            self._make_shard(target.parent)
            if file_size(target) is not None:
                # Whoever renamed it may have died before the sync, and our answer promises durability too.
                sync_directory(target.parent)
                remove_upload(path)
                return size
            os.fsync(descriptor)
            fault("commit.before_rename")
            try:
                path.rename(target)
            except FileNotFoundError:
                raise UploadUnknown(upload) from None
            fault("commit.after_rename")
            sync_directory(target.parent)
            return size


def _read_all(path: Path, digest: str, limit: int) -> bytes:
    size = file_size(path)
    if size is None:
        raise BlobUnknown(digest)
    if size > limit:
        raise BlobTooLarge(digest, size=size, limit=limit)
    file = BlobFile(path, digest, 0, None)
    chunks = []
    try:
        while not file.is_done:
            chunks.append(file.next_chunk())
    finally:
        file.close()
    return b"".join(chunks)
