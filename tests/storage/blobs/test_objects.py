"""What only the driver for object stores promises: its names, its multipart uploads, a shared bucket."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from storage.blobs import (
    BlobStore,
    DigestMismatch,
    OffsetMismatch,
    StorageFailed,
    UploadUnknown,
    objects,
    open_blob_store,
)
from storage.blobs.objects import OBJECT_SIZE
from tests.storage.blobs.helpers import (
    all_digests,
    all_uploads,
    multipart_uploads_of,
    new_upload,
    objects_of,
    push,
    read,
    run_child,
    sha256,
    sha512,
    start_child,
    stream,
)

MIB = 1024 * 1024


@pytest.fixture
async def bucket(s3_url: str) -> AsyncIterator[BlobStore]:
    """A store in a bucket, whose objects the test looks at."""
    store = open_blob_store(s3_url)
    yield store
    await store.close()


async def begun(store: BlobStore, *pieces: bytes) -> str:
    """An upload, each piece of which came with a request of its own."""
    upload, size = new_upload(), 0
    await store.create_upload(upload)
    for piece in pieces:
        size = await store.append(upload, size, stream(piece))
    return upload


async def test_each_append_is_an_object_of_its_own(bucket: BlobStore, s3_url: str) -> None:
    upload = await begun(bucket, b"quay", b"si", b"de")
    await push(bucket, [b"abc"], sha512(b"abc"))

    assert objects_of(s3_url) == [
        f"blobs/{sha512(b'abc')}",
        f"uploads/{upload}/00000000000000000000",
        f"uploads/{upload}/00000000000000000004",
        f"uploads/{upload}/00000000000000000006",
        f"uploads/{upload}/begun",
    ]
    await bucket.commit(upload, sha256(b"quayside"))
    assert objects_of(s3_url) == [f"blobs/{sha256(b'quayside')}", f"blobs/{sha512(b'abc')}"]


async def test_a_long_append_is_several_objects_and_its_blob_is_put_in_parts(
    bucket: BlobStore, s3_url: str
) -> None:
    content = os.urandom(2 * OBJECT_SIZE + 3)
    upload = new_upload()
    await bucket.create_upload(upload)

    pieces = [content[start : start + MIB] for start in range(0, len(content), MIB)]
    assert await bucket.append(upload, 0, stream(*pieces)) == len(content)
    parts = [name.rpartition("/")[2] for name in objects_of(s3_url)]
    assert await bucket.commit(upload, sha256(content)) == len(content)

    assert parts == [*(f"{number * OBJECT_SIZE:020}" for number in range(3)), "begun"]
    assert await read(bucket, sha256(content)) == content
    assert (await _etag(bucket, sha256(content))).endswith('-3"')


async def test_a_blob_of_many_parts_has_larger_ones(
    bucket: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 takes 10,000 parts, so those of 8 MiB do for some 70 GiB."""
    monkeypatch.setattr(objects, "MAX_PARTS", 2)
    content = os.urandom(2 * OBJECT_SIZE + 3)

    await push(bucket, [content], sha256(content))

    assert await read(bucket, sha256(content)) == content
    assert (await _etag(bucket, sha256(content))).endswith('-2"')


async def _etag(store: BlobStore, digest: str) -> str:
    """The entity tag that S3 gives an object; of one put in parts it ends in their number."""
    location = await store.location(digest)
    assert location is not None
    async with httpx.AsyncClient() as client:
        return (await client.get(location)).headers["ETag"]


async def test_chunks_smaller_than_the_parts_of_s3_become_a_large_blob(bucket: BlobStore) -> None:
    pieces = [os.urandom(MIB) for _ in range(10)]
    upload = await begun(bucket, *pieces)

    assert await bucket.commit(upload, sha256(b"".join(pieces))) == 10 * MIB
    assert await read(bucket, sha256(b"".join(pieces))) == b"".join(pieces)


async def test_a_wrong_digest_of_a_large_upload_leaves_nothing(bucket: BlobStore, s3_url: str) -> None:
    upload = await begun(bucket, os.urandom(OBJECT_SIZE + 1))

    with pytest.raises(DigestMismatch):
        await bucket.commit(upload, sha256(b"other"))

    assert (objects_of(s3_url), multipart_uploads_of(s3_url)) == ([], [])


async def test_a_cancelled_commit_aborts_its_multipart_upload(
    bucket: BlobStore, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(3 * OBJECT_SIZE)
    upload = await begun(bucket, content)
    is_reading = asyncio.Event()
    update = objects.Hasher.update

    def slow(hasher: objects.Hasher, piece: bytes) -> None:
        loop.call_soon_threadsafe(is_reading.set)
        update(hasher, piece)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(objects.Hasher, "update", slow)
    commit = asyncio.create_task(bucket.commit(upload, sha256(content)))
    await is_reading.wait()
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit

    assert (await bucket.stat(sha256(content)), multipart_uploads_of(s3_url)) == (None, [])
    assert await bucket.commit(upload, sha256(content)) == len(content)


async def test_two_stores_append_alternately(bucket: BlobStore, s3_url: str) -> None:
    other = open_blob_store(s3_url)
    upload = await begun(bucket, b"one ")
    assert await other.append(upload, 4, stream(b"two ")) == 8
    assert await bucket.append(upload, 8, stream(b"three")) == 13
    assert await other.commit(upload, sha256(b"one two three")) == 13
    assert await read(bucket, sha256(b"one two three")) == b"one two three"
    await other.close()


async def test_an_append_that_another_store_overtakes_is_refused(bucket: BlobStore, s3_url: str) -> None:
    other = open_blob_store(s3_url)
    upload = await begun(bucket, b"both ")

    async def slow() -> AsyncIterator[bytes]:
        yield b"late"
        assert await other.append(upload, 5, stream(b"first")) == 10

    with pytest.raises(OffsetMismatch) as raised:
        await bucket.append(upload, 5, slow())

    assert raised.value.size == 10
    assert await other.commit(upload, sha256(b"both first")) == 10
    await other.close()


async def test_an_append_to_an_upload_that_another_store_ended_leaves_nothing(
    bucket: BlobStore, s3_url: str
) -> None:
    other = open_blob_store(s3_url)
    upload = await begun(bucket, b"quay")

    async def slow() -> AsyncIterator[bytes]:
        yield b"side"
        await other.commit(upload, sha256(b"quay"))

    with pytest.raises(UploadUnknown):
        await bucket.append(upload, 4, slow())

    assert objects_of(s3_url) == [f"blobs/{sha256(b'quay')}"]
    await other.close()


async def test_what_is_left_of_an_upload_is_listed_and_can_only_be_cancelled(
    bucket: BlobStore, s3_url: str
) -> None:
    """A process was killed while it removed the objects: the first of them is gone."""
    upload = await begun(bucket, b"quay", b"side")
    await bucket._bucket.delete([f"uploads/{upload}/begun"])  # type: ignore[attr-defined]

    assert await all_uploads(bucket) == [upload]
    with pytest.raises(UploadUnknown):
        await bucket.upload_size(upload)
    with pytest.raises(UploadUnknown):
        await bucket.append(upload, 8, stream(b"!"))
    with pytest.raises(UploadUnknown):
        await bucket.commit(upload, sha256(b"quayside"))
    await bucket.cancel(upload)
    assert objects_of(s3_url) == []


async def test_bytes_beyond_a_gap_are_not_part_of_an_upload(bucket: BlobStore, s3_url: str) -> None:
    upload = await begun(bucket, b"quay")
    await bucket._bucket.put(f"uploads/{upload}/{6:020}", b"stray")  # type: ignore[attr-defined]

    assert await bucket.upload_size(upload) == 4
    assert await bucket.commit(upload, sha256(b"quay")) == 4
    assert objects_of(s3_url) == [f"blobs/{sha256(b'quay')}"]


async def test_objects_that_do_not_fit_the_layout_are_passed_over(bucket: BlobStore) -> None:
    await push(bucket, [b"abc"], sha256(b"abc"))
    for path in ("blobs/notes.txt", "uploads/notes.txt", "uploads/notes/begun"):
        await bucket._bucket.put(path, b"x")  # type: ignore[attr-defined]

    assert await all_digests(bucket) == {sha256(b"abc"): 3}
    assert await all_uploads(bucket) == []


async def test_a_location_gives_the_bytes_to_whoever_has_it(bucket: BlobStore) -> None:
    await push(bucket, [b"quayside"], sha256(b"quayside"))
    location = await bucket.location(sha256(b"quayside"))
    assert location is not None

    async with httpx.AsyncClient() as client:
        whole = await client.get(location)
        part = await client.get(location, headers={"Range": "bytes=4-"})
        absent = await client.get(await bucket.location(sha256(b"absent")) or "")

    assert (whole.status_code, whole.content) == (200, b"quayside")
    assert (part.status_code, part.content) == (206, b"side")
    assert absent.status_code == 404
    assert parse_qs(urlsplit(location).query)["X-Amz-Expires"] == ["1200"]


async def test_a_store_that_cannot_be_reached_is_a_storage_error(
    s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.blobs.s3.RETRIES", 0)
    away = open_blob_store(s3_url.replace(s3_endpoint, "http://127.0.0.1:1"))
    elsewhere = open_blob_store(s3_url.replace("quayside-tests", "no-such-bucket"))

    for store, reason in ((away, "error sending request"), (elsewhere, "(NoSuchBucket)")):
        with pytest.raises(StorageFailed) as raised:
            await store.check()
        message = str(raised.value)
        assert message.startswith("the blob store failed: ")
        assert reason in message
        assert "\n" not in message
        with pytest.raises(StorageFailed):
            await all_digests(store)
        await store.close()


async def test_a_store_that_does_not_answer_does_not_work(
    s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "CHECK_TIMEOUT_S", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    store = open_blob_store(s3_url.replace(s3_endpoint, f"http://127.0.0.1:{port}"))

    with pytest.raises(StorageFailed, match="did not answer within"):
        await store.check()

    silent.close()
    await store.close()


async def test_processes_append_to_one_upload_at_once(bucket: BlobStore, s3_url: str) -> None:
    upload = await begun(bucket)
    texts = [letter * 100 for letter in "abc"]

    children = [await start_child(s3_url, "append-each", upload, text, "8") for text in texts]
    answers = [await child.communicate() for child in children]

    assert [errors for _, errors in answers] == [b""] * 3
    assert [answer.startswith(b"appended ") for answer, _ in answers] == [True] * 3
    content = b"".join([await _part(bucket, upload, number * 100) for number in range(24)])
    assert sorted(content[start : start + 100] for start in range(0, 2400, 100)) == sorted(
        text.encode() for text in texts * 8
    )
    assert await run_child(s3_url, "commit", upload, sha256(content)) == (0, ["committed 2400"])
    assert await read(bucket, sha256(content)) == content


async def _part(store: BlobStore, upload: str, offset: int) -> bytes:
    got = await store._bucket.get(f"uploads/{upload}/{offset:020}", 0, None)  # type: ignore[attr-defined]
    return bytes(await got.bytes_async())
