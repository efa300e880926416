"""Content-addressed bytes behind one small interface."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage.blobs.base import (
    CHUNK_SIZE,
    BlobError,
    BlobStore,
    BlobTooLarge,
    BlobUnknown,
    DigestInvalid,
    DigestMismatch,
    Inflow,
    InsideTransaction,
    OffsetMismatch,
    Piece,
    RangeInvalid,
    Sink,
    StorageFailed,
    StorageFull,
    StoreUrlInvalid,
    UploadBusy,
    UploadExists,
    UploadInvalid,
    UploadUnknown,
)
from storage.blobs.digest import Hasher, parse_digest
from storage.blobs.filesystem import FilesystemBlobStore
from storage.blobs.memory import MemoryBlobStore

__all__ = [
    "CHUNK_SIZE",
    "BlobError",
    "BlobStore",
    "BlobTooLarge",
    "BlobUnknown",
    "DigestInvalid",
    "DigestMismatch",
    "FilesystemBlobStore",
    "Hasher",
    "Inflow",
    "InsideTransaction",
    "MemoryBlobStore",
    "OffsetMismatch",
    "Piece",
    "RangeInvalid",
    "Sink",
    "StorageFailed",
    "StorageFull",
    "StoreUrlInvalid",
    "UploadBusy",
    "UploadExists",
    "UploadInvalid",
    "UploadUnknown",
    "open_blob_store",
    "parse_digest",
]


def open_blob_store(url: str, *, reserve_bytes: int = 0) -> BlobStore:
    """Return the store that the URL names: ``file:///absolute/directory``, ``memory:`` or ``s3://bucket/…``.

    Uploads leave `reserve_bytes` of a disk free. Nothing is asked of the store yet; a directory is created
    with the first upload. Raises StoreUrlInvalid.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        # The client library is large, and not needed for the default.
        from storage.blobs.s3 import open_s3_blob_store

        return open_s3_blob_store(url)
    if parts.query or parts.fragment:
        raise StoreUrlInvalid("a blob store URL takes neither a query nor a fragment")
    match parts.scheme:
        case "file":
            directory = Path(unquote(parts.path))
            if parts.netloc or not directory.is_absolute() or directory == Path("/"):
                raise StoreUrlInvalid("a file blob store URL must be file:///absolute/directory")
            return FilesystemBlobStore(directory, reserve_bytes)
        case "memory":
            if parts.netloc or parts.path:
                raise StoreUrlInvalid("the memory blob store URL is memory: and nothing more")
            return MemoryBlobStore()
        case scheme:
            raise StoreUrlInvalid(
                f"blob store scheme {scheme!r} is unknown; use file:///directory, s3://bucket or memory:"
            )
