"""Copies blobs from one blob store to another: those that it lacks, some at a time, digests compared."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final

from storage.backups.manifest import BackupError
from storage.blob_bytes import BlobUnreadable, has_its_digest, pieces_of
from storage.blobs import BlobError, BlobStore, BlobUnknown, DigestInvalid, DigestMismatch

AT_ONCE: Final = 4
MOST_LOST: Final = 1_000
"""Where so many are lost and none is there, this is not the store of that database."""


@dataclass(slots=True)
class Transfer:
    """Copies of blobs from `source` to `target`, which nobody else writes to.

    `tell` hears of each piece how many bytes are done. `lost` are digests that the source did not have, could
    not read, or had with other bytes, which are not copied.
    """

    source: BlobStore
    target: BlobStore
    tell: Callable[[int], None]
    found: int = 0
    added: int = 0
    added_bytes: int = 0
    lost: list[str] = field(default_factory=list)

    async def run(self, blobs: Iterator[tuple[str, int]]) -> None:
        """Copy the blobs, given with their sizes. Raises `BlobError` and `BackupError`."""
        await self._forget_uploads()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._work(blobs))
        except BaseExceptionGroup as errors:
            # One of them has ended the others.
            raise errors.exceptions[0] from None

    async def _work(self, blobs: Iterator[tuple[str, int]]) -> None:
        for digest, size in blobs:
            await self._bring(digest, size)

    async def _bring(self, digest: str, size: int) -> None:
        try:
            present = await self.target.stat(digest)
            if present is not None:
                if await is_whole(self.target, digest, present, size):
                    self.found += 1
                    self.tell(size)
                    return
                # Such as a disk leaves that lost power.
                await self.target.delete(digest)
            await self._copy(digest)
        except (BlobUnknown, BlobUnreadable, DigestMismatch, DigestInvalid):
            self.lost.append(digest)
            if len(self.lost) > MOST_LOST and not self.found:
                raise BackupError(
                    f"The blob store has none of more than {MOST_LOST} blobs that the database names, such "
                    f"as {digest}, so that it is probably not that of this database; correct BLOB_URL."
                ) from None

    async def _copy(self, digest: str) -> None:
        async def pieces() -> AsyncGenerator[bytes, None]:
            async with aclosing(pieces_of(self.source, digest)) as source:
                async for piece in source:
                    yield piece
                    self.tell(len(piece))

        upload = str(uuid.uuid4())
        await self.target.create_upload(upload)
        try:
            # Where the target is full, the file of the source is closed before its store is.
            async with aclosing(pieces()) as content:
                await self.target.append(upload, 0, content)
            size = await self.target.commit(upload, digest)
            self.found += 1
            self.added, self.added_bytes = self.added + 1, self.added_bytes + size
        except BaseException:
            with suppress(BlobError):
                await self.target.cancel(upload)
            raise

    async def _forget_uploads(self) -> None:
        """Remove what a copy left that was killed."""
        for upload in [upload async for upload in self.target.uploads()]:
            await self.target.cancel(upload)


async def is_whole(store: BlobStore, digest: str, present: int, size: int) -> bool:
    """Whether a blob with `present` bytes is whole. It is with its digest, whatever the database says."""
    try:
        return present == size or await has_its_digest(store, digest)
    except BlobUnknown:
        return False
