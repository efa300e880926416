"""A child process fails at each fault point of the driver for object stores; nothing acknowledged is lost."""

import os
import signal
from collections.abc import AsyncIterator

import pytest

from storage.blobs import BlobStore, open_blob_store
from storage.blobs.objects import OBJECT_SIZE
from tests.plugins.scale import SCALE
from tests.storage.blobs.helpers import (
    all_uploads,
    new_upload,
    objects_of,
    push,
    read,
    run_child,
    sha256,
    stream,
)

KILLED = (-signal.SIGKILL, [])
ACKNOWLEDGED = b"acknowledged before the fault"
OUTCOMES = [
    pytest.param("kill", KILLED, id="kill"),
    pytest.param("error", (0, ["StorageFailed"]), id="error"),
    pytest.param("enospc", (0, ["StorageFull"]), id="enospc"),
][: 3 if SCALE > 1 else 1]
SMALL = b"quay"
LARGE = os.urandom(OBJECT_SIZE + 5)
"""More than one part of a multipart upload."""
CONTENTS = [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large")]


@pytest.fixture
async def fresh(s3_url: str) -> AsyncIterator[BlobStore]:
    """A store of this process, beside a committed blob that no fault may touch."""
    store = open_blob_store(s3_url)
    await push(store, [ACKNOWLEDGED], sha256(ACKNOWLEDGED))
    yield store
    assert await read(store, sha256(ACKNOWLEDGED)) == ACKNOWLEDGED
    assert await all_uploads(store) == []
    await store.close()


async def begun(store: BlobStore, content: bytes) -> str:
    upload = new_upload()
    await store.create_upload(upload)
    assert await store.append(upload, 0, stream(content)) == len(content)
    return upload


@pytest.mark.long
@pytest.mark.parametrize(("kind", "outcome"), OUTCOMES)
@pytest.mark.parametrize(("point", "size"), [("append.before_write", 4), ("append.after_write", 8)])
async def test_a_failed_append_is_resumed_where_it_stopped(
    s3_url: str, fresh: BlobStore, point: str, size: int, kind: str, outcome: tuple[int, list[str]]
) -> None:
    upload = await begun(fresh, SMALL)
    assert await run_child(s3_url, "append", upload, "4", "side", fault=f"{point}:{kind}") == outcome
    assert await fresh.upload_size(upload) == size
    assert await fresh.append(upload, size, stream(b"quayside"[size:])) == 8
    assert await fresh.commit(upload, sha256(b"quayside")) == 8
    assert await read(fresh, sha256(b"quayside")) == b"quayside"


@pytest.mark.long
@pytest.mark.parametrize(("kind", "outcome"), OUTCOMES)
@pytest.mark.parametrize("point", ["commit.before_verify", "commit.before_copy_end"])
@pytest.mark.parametrize("content", CONTENTS)
async def test_a_commit_that_fails_before_its_end_shows_nothing_and_can_be_repeated(
    s3_url: str, fresh: BlobStore, point: str, content: bytes, kind: str, outcome: tuple[int, list[str]]
) -> None:
    digest = sha256(content)
    upload = await begun(fresh, content)
    assert await run_child(s3_url, "commit", upload, digest, fault=f"{point}:{kind}") == outcome
    assert await fresh.stat(digest) is None
    assert await fresh.upload_size(upload) == len(content)
    assert await fresh.commit(upload, digest) == len(content)
    assert await read(fresh, digest) == content


@pytest.mark.long
@pytest.mark.parametrize(("kind", "outcome"), OUTCOMES)
@pytest.mark.parametrize("point", ["commit.after_copy", "upload.before_removal"])
@pytest.mark.parametrize("content", CONTENTS)
async def test_a_commit_that_fails_after_the_copy_left_a_whole_blob_and_can_be_repeated(
    s3_url: str, fresh: BlobStore, point: str, content: bytes, kind: str, outcome: tuple[int, list[str]]
) -> None:
    digest = sha256(content)
    upload = await begun(fresh, content)
    assert await run_child(s3_url, "commit", upload, digest, fault=f"{point}:{kind}") == outcome
    assert await read(fresh, digest) == content
    assert await fresh.commit(upload, digest) == len(content)
    assert objects_of(s3_url) == sorted([f"blobs/{digest}", f"blobs/{sha256(ACKNOWLEDGED)}"])


@pytest.mark.long
@pytest.mark.parametrize(("kind", "outcome"), OUTCOMES)
async def test_an_upload_that_could_not_be_cancelled_can_be_cancelled_again(
    s3_url: str, fresh: BlobStore, kind: str, outcome: tuple[int, list[str]]
) -> None:
    upload = await begun(fresh, SMALL)
    assert await run_child(s3_url, "cancel", upload, fault=f"upload.before_removal:{kind}") == outcome
    assert await fresh.upload_size(upload) == 4
    await fresh.cancel(upload)
