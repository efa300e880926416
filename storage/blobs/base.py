"""What every blob store promises, and the errors that it raises.

BlobError
├─ DigestInvalid        the text is not a digest that we support
├─ DigestMismatch       the uploaded bytes have another digest; the upload is gone
├─ BlobUnknown          no blob has this digest
├─ BlobTooLarge         the blob exceeds the limit given by the caller
├─ RangeInvalid         a byte range that is negative or runs backwards
├─ UploadUnknown        no upload has this id (never begun, committed, cancelled)
│  └─ UploadInvalid     the text cannot be an upload id at all
├─ UploadExists         this id is taken
├─ OffsetMismatch       the bytes do not start where the upload ends
├─ UploadBusy           another append or commit is at work on the upload
├─ StoreUrlInvalid      the URL does not name a blob store
└─ StorageFailed        the medium refused; `errno` says why
   └─ StorageFull       no space or quota left; the upload can be resumed later
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from typing import Protocol

from storage.clock import now_ms
from storage.space import is_full
from storage.transactions import open_transaction

CHUNK_SIZE = 1024 * 1024
"""Bytes per read and per batch of an append: one thread call costs little beside this much work."""

Piece = bytes | memoryview
"""A part of a stream. A view costs no copy; whoever holds it keeps its bytes from being changed."""

Sink = Callable[[memoryview], None]
"""Takes bytes, in a thread; the view is good for this call only."""


class Inflow(ABC):
    """The next part of a stream, which is still with its sender, and can be poured into a file from there.

    One thread then receives, hashes and writes each byte while it is in the cache of a processor. Only a
    store whose `pours` is true is given any. `size` is what was poured.
    """

    size = 0

    @abstractmethod
    async def pour(self, sink: Sink, in_thread: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        """Pour what comes within some milliseconds; `in_thread` runs a blocking call.

        Raises what the sink raises, and nothing if the sender is silent or gone.
        """


_UPLOAD_ID = re.compile(r"[0-9a-f-]{32,36}")


class BlobError(Exception):
    """Anything that a blob store refuses or cannot do."""


class DigestInvalid(BlobError):
    """The text is neither ``sha256:<64 hex>`` nor ``sha512:<128 hex>`` in lower case."""

    def __init__(self) -> None:
        super().__init__("digest must be sha256:<64 lower-case hex> or sha512:<128 lower-case hex>")


class DigestMismatch(BlobError):
    """The bytes of an upload do not have the expected digest. The upload has been removed."""

    def __init__(self, *, expected: str, actual: str) -> None:
        super().__init__(f"the uploaded bytes have digest {actual}, not {expected}")
        self.expected = expected
        self.actual = actual


class BlobUnknown(BlobError):
    """The store holds no blob with this digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"no blob has digest {digest}")
        self.digest = digest


class BlobTooLarge(BlobError):
    """A blob was to be read whole and has more bytes than the caller accepts."""

    def __init__(self, digest: str, *, size: int, limit: int) -> None:
        super().__init__(f"blob {digest} has {size} bytes, more than the limit of {limit}")
        self.digest = digest
        self.size = size
        self.limit = limit


class RangeInvalid(BlobError):
    """A byte range must satisfy ``0 <= start <= end``."""

    def __init__(self, *, start: int, end: int | None) -> None:
        super().__init__(f"byte range must satisfy 0 <= start <= end, not start={start} end={end}")
        self.start = start
        self.end = end


class UploadUnknown(BlobError):
    """No upload has this id: it was never begun, or is already committed or cancelled."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"no upload has id {upload!r}")
        self.upload = upload


class UploadInvalid(UploadUnknown):
    """The text cannot be an upload id, which is 32 to 36 characters of ``0-9a-f-`` (a UUID)."""


class UploadExists(BlobError):
    """An upload was to be begun under an id that is in use."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"upload {upload!r} exists already")
        self.upload = upload


class OffsetMismatch(BlobError):
    """An append did not start at the end of the upload; `size` is where it ends, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the upload has {size} bytes, so the next append must start at offset {size}")
        self.size = size


class UploadBusy(BlobError):
    """Another append or commit is at work on the upload, in this process or another."""

    def __init__(self) -> None:
        super().__init__("another request is at work on this upload")


class InsideTransaction(BlobError):
    """The caller holds a database transaction open, which must not wait for disks or for hashing."""

    def __init__(self, transaction: str) -> None:
        super().__init__(f"the blob store was called inside the database transaction {transaction!r}")
        self.transaction = transaction


class StoreUrlInvalid(BlobError):
    """The URL does not name a blob store; the message says what is wrong with it."""


class StorageFailed(BlobError):
    """The medium refused an operation; `errno` is the system's error number."""

    def __init__(self, message: str, *, errno: int | None) -> None:
        super().__init__(message)
        self.errno = errno


class StorageFull(StorageFailed):
    """There is no space or quota left, or only the reserve. What an upload has stays; it can be resumed."""


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise StorageFailed or StorageFull for what the system refuses in the block."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if is_full(error):
            raise StorageFull(f"the blob store is full: {reason}", errno=error.errno) from error
        raise StorageFailed(f"the blob store failed: {reason}", errno=error.errno) from error


def name_aside(digest: str) -> str:
    """A new name for what is set aside as a blob with this digest."""
    algorithm, _, hexadecimal = digest.partition(":")
    return f"{algorithm}-{hexadecimal}.{now_ms()}"


def require_upload_id(upload: str) -> str:
    """Return the id unchanged. Raises UploadInvalid for what could be more than a plain name."""
    if _UPLOAD_ID.fullmatch(upload) is None:
        raise UploadInvalid(upload)
    return upload


def refuse_inside_transaction() -> None:
    """Raise InsideTransaction if the running task is inside a database transaction."""
    transaction = open_transaction.get()
    if transaction is not None:
        raise InsideTransaction(transaction)


def resolve_range(size: int, start: int, end: int | None) -> tuple[int, int]:
    """Return the half-open range clamped to a blob of `size` bytes. Raises RangeInvalid."""
    if start < 0 or (end is not None and end < start):
        raise RangeInvalid(start=start, end=end)
    return min(start, size), size if end is None else min(end, size)


class BlobStore(Protocol):
    """Content-addressed bytes, and the uploads from which they are made.

    A driver needs of its medium to put, to get with a range, to delete, to list, and to put in parts. It
    knows no times and no rights: `storage.blob_rows` says which blobs may be deleted, and keeps a commit and
    a deletion of one digest apart.

    Sizes and offsets are bytes, digests are ``sha256:<64 hex>`` or ``sha512:<128 hex>``. Every method that
    takes a digest raises DigestInvalid, every method that takes an upload id raises UploadInvalid (an
    UploadUnknown), and all may raise StorageFailed. All but `close` raise InsideTransaction when the caller
    holds a database transaction open.

    An upload belongs to the store and not to a process: several processes may append to it in turn, and what
    was appended survives the death of any of them. Only `commit` waits until the bytes survive a power loss,
    which may shorten an unfinished upload; a client then resumes at `upload_size`.

    A cancelled call returns only when the disk operation under way has ended, so nothing runs on behind it.
    """

    kind: str
    """The scheme of its address."""

    pours: bool
    """Whether a stream may have parts that are poured (`Inflow`)."""

    async def create_upload(self, upload: str) -> None:
        """Begin an empty upload. Raises UploadExists."""

    async def append(self, upload: str, offset: int, stream: AsyncIterable[Piece | Inflow]) -> int:
        """Add the stream at `offset`, which must be the present size, and return the new size.

        Raises OffsetMismatch and UploadBusy before the stream is read; of several appends at once exactly one
        proceeds.
        Raises UploadUnknown, also when the upload is cancelled meanwhile, and StorageFull.
        If the stream raises, the bytes received until then are kept and its error is passed on. After that,
        as after StorageFull, which drops the last piece, `upload_size` says where to resume.
        """

    async def upload_size(self, upload: str) -> int:
        """Return how many bytes the upload has. Raises UploadUnknown."""

    def read_upload(self, upload: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes ``[start, end)`` of an upload, clamped to what it has by now, in pieces.

        While another process appends, too; whoever follows the upload asks again for what came since. Nobody
        has compared these bytes with a digest. Raises RangeInvalid, and UploadUnknown also where the upload
        ends meanwhile.
        """

    async def commit(self, upload: str, digest: str) -> int:
        """Turn the upload into the blob `digest`, durable and visible, and return its size.

        If the blob exists, its bytes stay. On DigestMismatch the upload is removed and nothing becomes
        visible. Raises UploadUnknown, and UploadBusy while an append is under way.

        Whoever may be deleting the same digest must be waited for: call `storage.blob_rows.commit`.
        """

    async def cancel(self, upload: str) -> None:
        """Remove the upload; an unknown one is no error. A running append ends with UploadUnknown."""

    async def stat(self, digest: str) -> int | None:
        """Return the size of the blob, or None if there is none."""

    def read(self, digest: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes ``[start, end)``, clamped to the blob, in pieces of at most 1 MiB.

        Raises BlobUnknown and RangeInvalid on the first iteration. A blob deleted meanwhile is still read
        to its end.
        """

    async def open_file(self, digest: str) -> FileIO | None:
        """The blob as an open file, which the caller closes; None where blobs are no files.

        Raises BlobUnknown. A blob deleted meanwhile is still read to its end.
        """

    async def read_all(self, digest: str, *, limit: int) -> bytes:
        """Return the whole blob. Raises BlobUnknown, and BlobTooLarge if it has more than `limit` bytes."""

    async def location(self, digest: str) -> str | None:
        """A URL from which anyone can read the blob for some minutes; None where there is no such thing.

        Whether there is such a blob is not asked.
        """

    async def delete(self, digest: str) -> bool:
        """Remove the blob and say whether it was there."""

    def digests(self) -> AsyncIterator[tuple[str, int]]:
        """Yield (digest, size) of every blob, in the order of the digests as texts.

        Blobs committed or deleted during the walk may or may not appear.
        """

    async def stored_at_ms(self, digest: str) -> int | None:
        """When the bytes of the blob were written, by the clock of the medium; None if there is no blob."""

    async def set_aside(self, digest: str, content: bytes | None = None) -> str:
        """Keep in the quarantine what the store has as this blob, or other bytes; the name of what is kept.

        The blob stays until it is deleted. Nothing reads a quarantine but people. Raises BlobUnknown.
        """

    def quarantined(self) -> AsyncIterator[tuple[str, int]]:
        """Yield (name, size) of what was set aside, in no particular order."""

    def uploads(self) -> AsyncIterator[str]:
        """Yield the id of every upload, and of what is left of one, in no particular order."""

    async def check(self) -> None:
        """Raise StorageFailed unless there is where to read and write, as far as that shows without writing.

        A store that is yet to be made is good, and one that was there before and is not now is bad.
        """

    async def free_bytes(self) -> int | None:
        """The free space of the medium in bytes; None where there is no such figure, as for a bucket."""

    async def close(self) -> None:
        """Release threads and memory. Uploads and blobs of a durable store stay."""
