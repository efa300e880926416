"""The bytes of a blob, read to be copied or compared with its digest, as far as the disk can read them."""

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from storage.blobs import BlobError, BlobStore, Hasher, StorageFailed, parse_digest


class BlobUnreadable(BlobError):
    """The disk has the blob and cannot read all of it."""


async def pieces_of(blobs: BlobStore, digest: str) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a blob. Raises `BlobUnknown`, `BlobUnreadable` and `StorageFailed`.

    Whoever may stop halfway closes it, and with it the file, which cannot be closed after the store is.
    """
    pieces = blobs.read(digest)
    try:
        async for piece in pieces:
            yield piece
    except StorageFailed as error:
        if error.errno == errno.EIO:
            raise BlobUnreadable(f"the disk cannot read {digest}") from error
        raise
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def has_its_digest(
    blobs: BlobStore, digest: str, tell: Callable[[int], None] = lambda size: None
) -> bool:
    """Read a blob to see whether its bytes have its digest; not those that the disk cannot read.

    `tell` hears the size of each piece. Raises `BlobUnknown` and `StorageFailed`.
    """
    hasher = Hasher(parse_digest(digest)[0])
    try:
        async with aclosing(pieces_of(blobs, digest)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(hasher.update, piece)
                tell(len(piece))
    except BlobUnreadable:
        return False
    return hasher.digest == digest
