"""Every driver, under the condition that it leaves nothing behind."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from storage.blobs import BlobStore, FilesystemBlobStore, MemoryBlobStore, open_blob_store
from storage.blobs.objects import ObjectBlobStore
from tests.storage.blobs.helpers import (
    all_digests,
    all_uploads,
    files_below,
    multipart_uploads_of,
    objects_of,
    open_files_below,
)

DRIVERS = ("filesystem", "memory", "object-directory", "object-memory")
"""The drivers that need no server."""


def make_store(driver: str, root: Path) -> BlobStore:
    """An empty store of one of these drivers; those that keep files keep them below the root."""
    match driver:
        case "filesystem":
            return FilesystemBlobStore(root)
        case "memory":
            return MemoryBlobStore()
        case "object-directory":
            return ObjectBlobStore(LocalStore(root, mkdir=True))
        case _:
            return ObjectBlobStore(MemoryStore())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(params=[*DRIVERS, "s3"])
async def store(request: pytest.FixtureRequest, root: Path) -> AsyncIterator[BlobStore]:
    """An empty store. A test must end every upload that it begins; blobs are removed here."""
    url = request.getfixturevalue("s3_url") if request.param == "s3" else None
    others = {thread.ident for thread in threading.enumerate()}
    store = open_blob_store(url) if url else make_store(request.param, root)
    yield store
    assert await all_uploads(store) == []
    for digest in await all_digests(store):
        assert await store.delete(digest) is True
    assert await all_digests(store) == {}
    if isinstance(store, ObjectBlobStore):
        for name in [name async for name, _ in store.quarantined()]:
            await store._bucket.delete([f"quarantine/{name}"])
    for path in (root / "quarantine").glob("*"):
        path.unlink()
    await store.close()
    if url:
        assert objects_of(url) == []
        assert multipart_uploads_of(url) == []
    assert files_below(root) == []
    assert open_files_below(root) == []
    left = [thread for thread in threading.enumerate() if thread.ident not in others]
    assert [thread.name for thread in left if thread.name.startswith("blobs")] == []


@pytest.fixture
async def disk(root: Path) -> AsyncIterator[FilesystemBlobStore]:
    """A filesystem store whose files the test looks at."""
    store = FilesystemBlobStore(root)
    yield store
    await store.close()
    assert open_files_below(root) == []
