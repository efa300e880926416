from pathlib import Path

import pytest

from storage.blobs import FilesystemBlobStore, MemoryBlobStore, StoreUrlInvalid, open_blob_store
from tests.storage.blobs.helpers import files_below, paths_below, push, sha256


async def test_file_url_names_a_directory(tmp_path: Path) -> None:
    store = open_blob_store(f"file://{tmp_path}/two%20words")
    assert isinstance(store, FilesystemBlobStore)
    await push(store, [b"x"], sha256(b"x"))
    await store.close()
    digest = sha256(b"x").removeprefix("sha256:")
    assert files_below(tmp_path) == [f"two words/blobs/sha256/{digest[:2]}/{digest}"]


async def test_opening_a_store_touches_no_disk(tmp_path: Path) -> None:
    store = open_blob_store(f"file://{tmp_path}/absent")
    await store.close()
    assert paths_below(tmp_path) == []


def test_memory_url() -> None:
    assert isinstance(open_blob_store("memory:"), MemoryBlobStore)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://bucket", "blob store scheme 's3' is unknown; use file:///directory or memory:"),
        ("", "blob store scheme '' is unknown; use file:///directory or memory:"),
        ("/var/lib", "blob store scheme '' is unknown; use file:///directory or memory:"),
        ("file:relative", "a file blob store URL must be file:///absolute/directory"),
        ("file://host/dir", "a file blob store URL must be file:///absolute/directory"),
        ("file:///", "a file blob store URL must be file:///absolute/directory"),
        ("file:///dir?x=1", "a blob store URL takes neither a query nor a fragment"),
        ("memory:#x", "a blob store URL takes neither a query nor a fragment"),
        ("memory:dir", "the memory blob store URL is memory: and nothing more"),
    ],
)
def test_other_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(StoreUrlInvalid) as raised:
        open_blob_store(url)
    assert str(raised.value) == message
