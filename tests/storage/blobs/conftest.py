"""Every driver, under the condition that it leaves nothing behind."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.blobs import BlobStore, FilesystemBlobStore, MemoryBlobStore
from tests.storage.blobs.helpers import all_digests, all_uploads, files_below, open_files_below

DRIVERS = ("filesystem", "memory")


def make_store(driver: str, root: Path) -> BlobStore:
    return FilesystemBlobStore(root) if driver == "filesystem" else MemoryBlobStore()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(params=DRIVERS)
async def store(request: pytest.FixtureRequest, root: Path) -> AsyncIterator[BlobStore]:
    """An empty store. A test must end every upload that it begins; blobs are removed here."""
    others = {thread.ident for thread in threading.enumerate()}
    store = make_store(request.param, root)
    yield store
    assert await all_uploads(store) == []
    for digest in await all_digests(store):
        assert await store.delete(digest) is True
    assert await all_digests(store) == {}
    await store.close()
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
