"""The blocking half of the filesystem driver: files, locks and syncs. Everything here runs in a thread.

The lock is flock(2) on the upload file itself. It belongs to the open file and not to the process, so it
holds between two appends of one process as well as between processes, and ends with the process that held it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobUnknown,
    OffsetMismatch,
    Piece,
    StorageFailed,
    UploadBusy,
    UploadUnknown,
    resolve_range,
)
from storage.blobs.digest import Hasher
from storage.blobs.paths import DIRECTORY_MODE, FILE_MODE
from storage.blobs.writeback import start_writing
from storage.faults import fault
from storage.space import is_full, require_space

WRITE_AHEAD_BYTES = 8 * 1024 * 1024
"""The system is told to begin writing to disk this often."""


class UploadFile:
    """The file of one upload, open and locked for an append."""

    def __init__(self, path: Path, upload: str, reserve_bytes: int = 0) -> None:
        self.path = path
        self.upload = upload
        self._reserve_bytes = reserve_bytes
        self.size = 0
        self.hasher: Hasher | None = None
        self._started = 0
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def open(self, offset: int) -> None:
        """Open and lock the file. Raises UploadUnknown, UploadBusy, OffsetMismatch."""
        self._descriptor = open_locked(self.path, self.upload, os.O_WRONLY | os.O_APPEND)
        self.size = os.fstat(self._descriptor).st_size
        if self.size != offset:
            raise OffsetMismatch(self.size)
        self._started = self.size

    def write(self, pieces: list[Piece]) -> None:
        """Append the pieces. After an error the file is closed, and further writes do nothing.

        Writing on after a failed batch would leave a gap in the bytes, so the error must end the append. A
        batch for which there is no space is dropped whole, so that its bytes do not take the last of it.
        """
        if self._descriptor is None:
            return
        size = sum(map(len, pieces))
        try:
            fault("append.before_write")
            self._extend(self._descriptor, pieces, size)
            fault("append.after_write")
            self._require_not_cancelled()
        except BaseException:
            # It may have seen more than the file has.
            self.hasher = None
            self.close()
            raise
        self.size += size
        if self.size - self._started >= WRITE_AHEAD_BYTES:
            start_writing(self._descriptor, self._started, self.size - self._started)
            self._started = self.size

    def hash(self, pieces: list[Piece]) -> None:
        """Hash pieces that are written to the file, perhaps by another thread at this moment."""
        hasher = self.hasher
        if hasher is not None:
            for piece in pieces:
                hasher.update(piece)

    def write_and_hash(self, pieces: list[Piece]) -> None:
        """Append the pieces, and hash them."""
        self.write(pieces)
        self.hash(pieces)

    def take(self, view: memoryview) -> None:
        """Append what is poured, and hash it."""
        self.write_and_hash([view])

    def _extend(self, descriptor: int, pieces: list[Piece], size: int) -> None:
        try:
            require_space(descriptor, size, self._reserve_bytes)
            batch = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            while batch:
                batch = batch[os.write(descriptor, batch) :]
        except OSError as error:
            if is_full(error):
                os.ftruncate(descriptor, self.size)
            raise

    def _require_not_cancelled(self) -> None:
        assert self._descriptor is not None
        if os.fstat(self._descriptor).st_nlink == 0:
            raise UploadUnknown(self.upload)

    def finish(self, pieces: list[Piece]) -> None:
        """Append the last pieces and hash them, then close."""
        self.write_and_hash(pieces)
        self.close()

    def close(self) -> None:
        """Close the file, which ends the lock. Closing twice is no error."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class BlobFile:
    """Reads a range of one blob, chunk by chunk; opens at the first chunk."""

    def __init__(self, path: Path, digest: str, start: int, end: int | None) -> None:
        self.path = path
        self.digest = digest
        self.is_done = False
        self.file: FileIO | None = None
        self._start = start
        self._end = end

    @property
    def next_size(self) -> int:
        """How many bytes the next chunk is to have, once the file is open."""
        assert self._end is not None
        return min(CHUNK_SIZE, self._end - self._start)

    def next_chunk(self) -> bytes:
        """Return at most 1 MiB; empty only for an empty range. After the last one the file is closed.

        Raises BlobUnknown, RangeInvalid.
        """
        if self.file is None:
            self.file = open_blob(self.path, self.digest)
            size = os.fstat(self.file.fileno()).st_size
            self._start, self._end = resolve_range(size, self._start, self._end)
            self.file.seek(self._start)
        chunk = self.note(self.file.read(self.next_size))
        if self.is_done:
            self.close()
        return chunk

    def note(self, chunk: bytes) -> bytes:
        """Note that a chunk was read from the file, and return it. Raises StorageFailed."""
        assert self._end is not None
        self._start += len(chunk)
        if self._start >= self._end:
            self.is_done = True
        elif not chunk:
            raise StorageFailed(f"blob {self.digest} ends before its size", errno=None)
        return chunk

    def close(self) -> None:
        """Close the file. Closing twice is no error."""
        file, self.file = self.file, None
        if file is not None:
            file.close()


def open_blob(path: Path, digest: str) -> FileIO:
    """Return a file to read the blob from. Raises BlobUnknown."""
    try:
        return FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW))
    except FileNotFoundError:
        raise BlobUnknown(digest) from None


def open_locked(path: Path, upload: str, flags: int) -> int:
    """Return a descriptor that holds the lock of the upload. Raises UploadUnknown, UploadBusy.

    It never waits for the lock: a slow client could hold it for hours, and a thread with it.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise UploadUnknown(upload) from None
    try:
        _lock(descriptor, path, upload)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, path: Path, upload: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UploadBusy from None
    # Between opening and locking, the file may have become a blob or have been cancelled.
    # Writing to it then would change committed bytes.
    if not _is_still_at(descriptor, path):
        raise UploadUnknown(upload)


@contextmanager
def locked_upload(path: Path, upload: str) -> Iterator[int]:
    """Hold the lock of an upload and give a descriptor to read and sync it with."""
    descriptor = open_locked(path, upload, os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_still_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def digest_of(descriptor: int, algorithm: str) -> str:
    """Read the file from its beginning and return its digest."""
    hasher = Hasher(algorithm)
    while chunk := os.pread(descriptor, CHUNK_SIZE, hasher.size):
        hasher.update(chunk)
    return hasher.digest


def file_size(path: Path) -> int | None:
    """Return the size of the file, or None if there is none."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return None


def modified_at_ms(path: Path) -> int | None:
    """Return when the file was written last, or None if there is none."""
    try:
        return path.lstat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return None


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and sync it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with FileIO(descriptor, "wb") as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) or 0 :]
        os.fsync(descriptor)


def remove(path: Path) -> bool:
    """Remove the file and say whether there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def remove_upload(path: Path) -> None:
    """Remove the file of an upload, if it is there."""
    fault("upload.before_removal")
    remove(path)


def sync_directory(directory: Path) -> None:
    """Wait until the names in the directory survive a power loss."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_root(root: Path) -> None:
    """Create the root directory and its missing parents, each synced into the one above."""
    missing = []
    directory = root
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for directory in reversed(missing):
        make_directory(directory)


def make_directory(directory: Path) -> None:
    """Create one directory, or find it there, and sync its parent.

    The parent is synced also when the directory exists: another process may have created it this instant.
    """
    directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    sync_directory(directory.parent)
