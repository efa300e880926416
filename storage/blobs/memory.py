"""Blobs in the memory of one process: for tests, and for trying things out. Nothing survives the process."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobTooLarge,
    BlobUnknown,
    DigestMismatch,
    Inflow,
    OffsetMismatch,
    Piece,
    UploadBusy,
    UploadExists,
    UploadUnknown,
    name_aside,
    refuse_inside_transaction,
    require_upload_id,
    resolve_range,
)
from storage.blobs.digest import Hasher, parse_digest
from storage.clock import now_ms


@dataclass
class _Upload:
    content: bytearray = field(default_factory=bytearray)
    is_busy: bool = False


class MemoryBlobStore:
    """The BlobStore that keeps everything in dictionaries."""

    kind = "memory"
    pours = False

    def __init__(self) -> None:
        self._uploads: dict[str, _Upload] = {}
        self._blobs: dict[str, bytes] = {}
        self._stored_at_ms: dict[str, int] = {}
        self._aside: dict[str, bytes] = {}

    async def create_upload(self, upload: str) -> None:
        refuse_inside_transaction()
        if require_upload_id(upload) in self._uploads:
            raise UploadExists(upload)
        self._uploads[upload] = _Upload()

    async def append(self, upload: str, offset: int, stream: AsyncIterable[Piece | Inflow]) -> int:
        refuse_inside_transaction()
        state = self._idle_upload(upload)
        if offset != len(state.content):
            raise OffsetMismatch(len(state.content))
        state.is_busy = True
        try:
            async for piece in cast(AsyncIterable[Piece], stream):
                self._require_same(upload, state)
                state.content += piece
            self._require_same(upload, state)
        finally:
            state.is_busy = False
        return len(state.content)

    async def upload_size(self, upload: str) -> int:
        refuse_inside_transaction()
        return len(self._upload(upload).content)

    async def read_upload(
        self, upload: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        state = self._upload(upload)
        start, end = resolve_range(len(state.content), start, end)
        for position in range(start, end, CHUNK_SIZE):
            self._require_same(upload, state)
            yield bytes(state.content[position : min(position + CHUNK_SIZE, end)])

    async def commit(self, upload: str, digest: str) -> int:
        refuse_inside_transaction()
        algorithm, _ = parse_digest(digest)
        state = self._idle_upload(upload)
        state.is_busy = True
        try:
            content = bytes(state.content)
            actual = await asyncio.to_thread(_digest_of, content, algorithm)
            self._require_same(upload, state)
        finally:
            state.is_busy = False
        del self._uploads[upload]
        if actual != digest:
            raise DigestMismatch(expected=digest, actual=actual)
        if digest not in self._blobs:
            self._blobs[digest] = content
            self._stored_at_ms[digest] = now_ms()
        return len(content)

    async def cancel(self, upload: str) -> None:
        refuse_inside_transaction()
        self._uploads.pop(require_upload_id(upload), None)

    async def check(self) -> None:
        refuse_inside_transaction()

    async def free_bytes(self) -> None:
        refuse_inside_transaction()

    async def stat(self, digest: str) -> int | None:
        refuse_inside_transaction()
        parse_digest(digest)
        content = self._blobs.get(digest)
        return None if content is None else len(content)

    async def read(self, digest: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        refuse_inside_transaction()
        content = self._blob(digest)
        start, end = resolve_range(len(content), start, end)
        for position in range(start, end, CHUNK_SIZE):
            yield content[position : min(position + CHUNK_SIZE, end)]

    async def open_file(self, digest: str) -> None:
        refuse_inside_transaction()
        parse_digest(digest)

    async def read_all(self, digest: str, *, limit: int) -> bytes:
        refuse_inside_transaction()
        content = self._blob(digest)
        if len(content) > limit:
            raise BlobTooLarge(digest, size=len(content), limit=limit)
        return content

    async def location(self, digest: str) -> str | None:
        refuse_inside_transaction()
        parse_digest(digest)
        return None

    async def delete(self, digest: str) -> bool:
        refuse_inside_transaction()
        parse_digest(digest)
        return self._blobs.pop(digest, None) is not None

    async def digests(self) -> AsyncIterator[tuple[str, int]]:
        refuse_inside_transaction()
        for digest, content in sorted(self._blobs.items()):
            yield digest, len(content)

    async def stored_at_ms(self, digest: str) -> int | None:
        refuse_inside_transaction()
        return self._stored_at_ms[digest] if await self.stat(digest) is not None else None

    async def set_aside(self, digest: str, content: bytes | None = None) -> str:
        refuse_inside_transaction()
        name = name_aside(digest)
        self._aside[name] = self._blob(digest) if content is None else content
        return name

    async def quarantined(self) -> AsyncIterator[tuple[str, int]]:
        refuse_inside_transaction()
        for name, content in list(self._aside.items()):
            yield name, len(content)

    async def uploads(self) -> AsyncIterator[str]:
        refuse_inside_transaction()
        for upload in list(self._uploads):
            yield upload

    async def close(self) -> None:
        self._uploads.clear()
        self._blobs.clear()
        self._aside.clear()

    def _upload(self, upload: str) -> _Upload:
        try:
            return self._uploads[require_upload_id(upload)]
        except KeyError:
            raise UploadUnknown(upload) from None

    def _idle_upload(self, upload: str) -> _Upload:
        state = self._upload(upload)
        if state.is_busy:
            raise UploadBusy
        return state

    def _require_same(self, upload: str, state: _Upload) -> None:
        """Raise UploadUnknown if the upload was cancelled while a stream or a hash was under way."""
        if self._uploads.get(upload) is not state:
            raise UploadUnknown(upload)

    def _blob(self, digest: str) -> bytes:
        parse_digest(digest)
        try:
            return self._blobs[digest]
        except KeyError:
            raise BlobUnknown(digest) from None


def _digest_of(content: bytes, algorithm: str) -> str:
    hasher = Hasher(algorithm)
    hasher.update(content)
    return hasher.digest
