"""What every driver must do. Each test runs once per driver."""

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncIterator

import pytest

from storage.blobs import (
    CHUNK_SIZE,
    BlobStore,
    BlobTooLarge,
    BlobUnknown,
    DigestInvalid,
    DigestMismatch,
    InsideTransaction,
    OffsetMismatch,
    RangeInvalid,
    UploadBusy,
    UploadExists,
    UploadInvalid,
    UploadUnknown,
)
from storage.blobs.objects import OBJECT_SIZE
from storage.clock import now_ms
from storage.transactions import open_transaction
from tests.storage.blobs.helpers import (
    all_digests,
    all_uploads,
    breaking_stream,
    gated_stream,
    new_upload,
    push,
    read,
    sha256,
    sha512,
    stream,
)

ABSENT = sha256(b"absent")


@pytest.mark.parametrize("digest_of", [sha256, sha512])
async def test_an_upload_becomes_a_blob(store: BlobStore, digest_of) -> None:
    digest = digest_of(b"quayside")
    upload = new_upload()
    await store.create_upload(upload)
    assert await store.append(upload, 0, stream(b"quay")) == 4
    assert await store.append(upload, 4, stream(b"si", b"de")) == 8
    assert await store.upload_size(upload) == 8
    assert await store.stat(digest) is None

    assert await store.commit(upload, digest) == 8

    assert await store.stat(digest) == 8
    assert await read(store, digest) == b"quayside"
    assert await store.read_all(digest, limit=8) == b"quayside"
    assert await all_digests(store) == {digest: 8}
    assert await all_uploads(store) == []


async def test_an_upload_is_read_while_it_grows(store: BlobStore) -> None:
    upload, large = new_upload(), os.urandom(2 * CHUNK_SIZE + 10)

    async def read_upload(start: int = 0, end: int | None = None) -> bytes:
        return b"".join([piece async for piece in store.read_upload(upload, start=start, end=end)])

    with pytest.raises(UploadUnknown):
        await read_upload()
    await store.create_upload(upload)
    assert await read_upload() == await read_upload(5) == b""
    await store.append(upload, 0, stream(b"quay"))
    assert await read_upload() == b"quay"
    await store.append(upload, 4, stream(large))
    assert await read_upload() == b"quay" + large
    assert await read_upload(2, 6) == b"ay" + large[:2]
    assert await read_upload(4 + CHUNK_SIZE) == large[CHUNK_SIZE:]
    assert await read_upload(len(large) + 4) == await read_upload(2, 2) == b""
    with pytest.raises(RangeInvalid):
        await read_upload(2, 1)
    await store.commit(upload, sha256(b"quay" + large))
    with pytest.raises(UploadUnknown):
        await read_upload()


async def test_an_empty_upload_becomes_the_empty_blob(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    assert await store.commit(upload, sha256(b"")) == 0
    assert await store.stat(sha256(b"")) == 0
    assert await read(store, sha256(b"")) == b""
    assert await store.read_all(sha256(b""), limit=0) == b""


async def test_an_empty_stream_adds_nothing(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    assert await store.append(upload, 0, stream(b"abc")) == 3
    assert await store.append(upload, 3, stream()) == 3
    assert await store.append(upload, 3, stream(b"", b"")) == 3
    assert await store.commit(upload, sha256(b"abc")) == 3


@pytest.mark.parametrize("offset", [-1, 0, 2, 4, 2**63])
async def test_append_elsewhere_than_at_the_end_is_refused_with_the_size(
    store: BlobStore, offset: int
) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(b"abc"))
    with pytest.raises(OffsetMismatch) as raised:
        await store.append(upload, offset, stream(b"xyz"))
    assert raised.value.size == 3
    assert await store.upload_size(upload) == 3
    assert await store.commit(upload, sha256(b"abc")) == 3


async def test_of_concurrent_appends_exactly_one_wins(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    pieces = [bytes([65 + number]) * 5 for number in range(6)]
    answers = await asyncio.gather(
        *(store.append(upload, 0, stream(piece)) for piece in pieces), return_exceptions=True
    )
    winners = [piece for piece, answer in zip(pieces, answers, strict=True) if answer == 5]
    losers = [answer for answer in answers if isinstance(answer, OffsetMismatch | UploadBusy)]
    assert (len(winners), len(losers)) == (1, 5)
    assert await store.commit(upload, sha256(winners[0])) == 5


async def test_an_append_under_way_holds_off_appends_and_commits(store: BlobStore) -> None:
    upload = new_upload()
    entered, gate = asyncio.Event(), asyncio.Event()
    await store.create_upload(upload)
    first = asyncio.create_task(store.append(upload, 0, gated_stream(b"ab", entered, gate, b"cd")))
    await entered.wait()

    with pytest.raises(UploadBusy):
        await store.append(upload, 0, stream(b"other"))
    with pytest.raises(UploadBusy):
        await store.commit(upload, sha256(b"ab"))

    gate.set()
    assert await first == 4
    assert await store.commit(upload, sha256(b"abcd")) == 4


async def test_cancelling_ends_an_append_under_way(store: BlobStore) -> None:
    upload = new_upload()
    entered, gate = asyncio.Event(), asyncio.Event()
    await store.create_upload(upload)
    append = asyncio.create_task(store.append(upload, 0, gated_stream(b"ab", entered, gate, b"cd")))
    await entered.wait()
    await store.cancel(upload)
    gate.set()
    with pytest.raises(UploadUnknown) as raised:
        await append
    assert raised.value.upload == upload


async def test_a_stream_that_raises_keeps_what_was_received(store: BlobStore) -> None:
    upload = new_upload()
    large = os.urandom(CHUNK_SIZE + 10)
    await store.create_upload(upload)
    with pytest.raises(ConnectionResetError) as raised:
        await store.append(upload, 0, breaking_stream(large, b"tail", error=ConnectionResetError("gone")))
    assert str(raised.value) == "gone"
    assert await store.upload_size(upload) == CHUNK_SIZE + 14

    assert await store.append(upload, CHUNK_SIZE + 14, stream(b"!")) == CHUNK_SIZE + 15
    assert await store.commit(upload, sha256(large + b"tail!")) == CHUNK_SIZE + 15


async def test_an_append_keeps_few_of_many_small_pieces(store: BlobStore) -> None:
    # Given a client that sends byte by byte
    count = 20_000
    upload, kept, most = new_upload(), set[int](), 0

    async def dripping() -> AsyncIterator[memoryview]:
        nonlocal most
        for number in range(count):
            piece = memoryview(b"a")
            kept.add(number)
            weakref.finalize(piece, kept.remove, number)
            yield piece
            del piece
            most = max(most, len(kept))

    await store.create_upload(upload)
    assert await store.append(upload, 0, dripping()) == count
    # Threads may still have the batches before.
    assert most <= 8192
    assert await store.commit(upload, sha256(b"a" * count)) == count


async def test_a_cancelled_append_keeps_what_was_received(store: BlobStore) -> None:
    upload = new_upload()
    entered, gate = asyncio.Event(), asyncio.Event()
    await store.create_upload(upload)
    append = asyncio.create_task(store.append(upload, 0, gated_stream(b"ab", entered, gate, b"cd")))
    await entered.wait()
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert await store.append(upload, 2, stream(b"yz")) == 4
    assert await store.commit(upload, sha256(b"abyz")) == 4


@pytest.mark.parametrize("digest_of", [sha256, sha512])
async def test_a_wrong_digest_removes_the_upload(store: BlobStore, digest_of) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(b"abc"))
    with pytest.raises(DigestMismatch) as raised:
        await store.commit(upload, digest_of(b"other"))
    assert (raised.value.expected, raised.value.actual) == (digest_of(b"other"), digest_of(b"abc"))
    assert await all_uploads(store) == []
    assert await all_digests(store) == {}
    with pytest.raises(UploadUnknown):
        await store.upload_size(upload)


async def test_an_invalid_digest_keeps_the_upload(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    with pytest.raises(DigestInvalid):
        await store.commit(upload, "sha256:short")
    assert await store.commit(upload, sha256(b"")) == 0


async def test_committing_a_blob_again_keeps_it(store: BlobStore) -> None:
    digest = sha256(b"abc")
    await push(store, [b"abc"], digest)
    assert await push(store, [b"a", b"bc"], digest) == 3
    assert await all_digests(store) == {digest: 3}
    assert await read(store, digest) == b"abc"
    assert await all_uploads(store) == []


async def test_concurrent_commits_of_one_digest_all_succeed(store: BlobStore) -> None:
    content = os.urandom(100_000)
    digest = sha256(content)
    assert await asyncio.gather(*(push(store, [content], digest) for _ in range(8))) == [100_000] * 8
    assert await all_digests(store) == {digest: 100_000}
    assert await read(store, digest) == content


async def test_concurrent_commits_of_one_upload_succeed_once(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(b"abc"))
    answers = await asyncio.gather(
        *(store.commit(upload, sha256(b"abc")) for _ in range(4)), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, int)] == [3]
    refusals = [answer for answer in answers if not isinstance(answer, int)]
    assert len(refusals) == 3
    assert all(isinstance(answer, UploadBusy | UploadUnknown) for answer in refusals)
    assert await store.read_all(sha256(b"abc"), limit=3) == b"abc"


async def test_operations_on_an_unknown_upload(store: BlobStore) -> None:
    upload = new_upload()
    with pytest.raises(UploadUnknown):
        await store.append(upload, 0, stream(b"abc"))
    with pytest.raises(UploadUnknown):
        await store.upload_size(upload)
    with pytest.raises(UploadUnknown):
        await store.commit(upload, ABSENT)
    await store.cancel(upload)
    assert await all_uploads(store) == []


async def test_an_upload_is_cancelled_once_and_again(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(b"abc"))
    await store.cancel(upload)
    await store.cancel(upload)
    with pytest.raises(UploadUnknown):
        await store.append(upload, 3, stream(b"d"))


async def test_an_upload_id_is_used_once(store: BlobStore) -> None:
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(b"abc"))
    with pytest.raises(UploadExists):
        await store.create_upload(upload)
    assert await store.upload_size(upload) == 3
    await store.cancel(upload)


@pytest.mark.parametrize(
    "upload",
    [
        "",
        "abc",
        "../" + "a" * 32,
        "a" * 31,
        "a" * 37,
        "A" * 32,
        "a" * 32 + "\n",
        "/" * 32,
        "." * 32,
        "a" * 32 + "\0",
    ],
)
async def test_an_upload_id_that_is_not_a_uuid_is_refused(store: BlobStore, upload: str) -> None:
    for operation in (
        store.create_upload(upload),
        store.append(upload, 0, stream(b"abc")),
        store.upload_size(upload),
        store.commit(upload, ABSENT),
        store.cancel(upload),
    ):
        with pytest.raises(UploadInvalid):
            await operation


async def test_uploads_are_listed_before_and_after_their_first_append(store: BlobStore) -> None:
    uploads = sorted(new_upload() for _ in range(3))
    for upload in uploads:
        await store.create_upload(upload)
    assert await all_uploads(store) == uploads
    await store.append(uploads[1], 0, stream(b"quay"))
    assert await all_uploads(store) == uploads
    for upload in uploads:
        await store.cancel(upload)


RANGES = [
    (0, None),
    (0, 0),
    (5, 5),
    (0, 1),
    (1, None),
    (CHUNK_SIZE - 1, CHUNK_SIZE + 1),
    (CHUNK_SIZE, None),
    (1, 2 * CHUNK_SIZE + 1),
    (2 * CHUNK_SIZE, 2 * CHUNK_SIZE + 9),
    (2 * CHUNK_SIZE + 9, None),
    (2 * CHUNK_SIZE + 100, None),
    (5, 2**62),
]


async def test_ranges_are_half_open_and_clamped(store: BlobStore) -> None:
    content = os.urandom(2 * CHUNK_SIZE + 9)
    digest = sha256(content)
    await push(store, [content], digest)
    for start, end in RANGES:
        chunks = [chunk async for chunk in store.read(digest, start=start, end=end)]
        assert b"".join(chunks) == content[start:end], (start, end)
        assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK_SIZE] * (len(chunks) - 1), (start, end)
        assert all(0 < len(chunk) <= CHUNK_SIZE for chunk in chunks), (start, end)


@pytest.mark.parametrize(("start", "end"), [(-1, None), (0, -1), (3, 2)])
async def test_a_range_that_is_none_is_refused(store: BlobStore, start: int, end: int) -> None:
    await push(store, [b"abcdef"], sha256(b"abcdef"))
    with pytest.raises(RangeInvalid) as raised:
        await read(store, sha256(b"abcdef"), start=start, end=end)
    assert (raised.value.start, raised.value.end) == (start, end)


async def test_a_read_that_is_left_early_can_be_closed(store: BlobStore) -> None:
    content = os.urandom(3 * CHUNK_SIZE)
    await push(store, [content], sha256(content))
    async with contextlib.aclosing(store.read(sha256(content))) as chunks:  # type: ignore[type-var]
        assert await anext(chunks) == content[:CHUNK_SIZE]


async def test_a_blob_deleted_during_a_read_is_read_to_its_end(store: BlobStore) -> None:
    content = os.urandom(3 * CHUNK_SIZE)
    digest = sha256(content)
    await push(store, [content], digest)
    chunks = store.read(digest)
    first = await anext(chunks)
    assert await store.delete(digest) is True
    assert first + b"".join([chunk async for chunk in chunks]) == content


async def test_operations_on_an_unknown_blob(store: BlobStore) -> None:
    assert await store.stat(ABSENT) is None
    assert await store.delete(ABSENT) is False
    with pytest.raises(BlobUnknown) as raised:
        await read(store, ABSENT)
    assert raised.value.digest == ABSENT
    with pytest.raises(BlobUnknown):
        await store.read_all(ABSENT, limit=10)
    assert await all_digests(store) == {}


async def test_a_deleted_blob_is_gone_and_can_come_again(store: BlobStore) -> None:
    digest = sha256(b"abc")
    await push(store, [b"abc"], digest)
    assert await store.delete(digest) is True
    assert await store.delete(digest) is False
    assert await store.stat(digest) is None
    assert await push(store, [b"abc"], digest) == 3
    assert await read(store, digest) == b"abc"


@pytest.mark.parametrize("digest", ["", "sha256:abc", "latest", f"sha256:../../{'a' * 58}"])
async def test_an_invalid_digest_is_refused_everywhere(store: BlobStore, digest: str) -> None:
    for operation in (
        store.stat(digest),
        read(store, digest),
        store.read_all(digest, limit=1),
        store.location(digest),
        store.delete(digest),
        store.commit(new_upload(), digest),
    ):
        with pytest.raises(DigestInvalid):
            await operation


async def test_a_blob_larger_than_the_limit_is_not_read_whole(store: BlobStore) -> None:
    await push(store, [b"abcd"], sha256(b"abcd"))
    with pytest.raises(BlobTooLarge) as raised:
        await store.read_all(sha256(b"abcd"), limit=3)
    assert (raised.value.size, raised.value.limit) == (4, 3)


async def test_the_same_bytes_under_two_algorithms_are_two_blobs(store: BlobStore) -> None:
    await push(store, [b"abc"], sha256(b"abc"))
    await push(store, [b"abc"], sha512(b"abc"))
    assert await all_digests(store) == {sha256(b"abc"): 3, sha512(b"abc"): 3}


async def test_every_blob_and_upload_is_listed_once_however_many(
    store: BlobStore, request: pytest.FixtureRequest
) -> None:
    # A server answers some hundred requests in a second.
    count = 30 if request.node.callspec.params["store"] == "s3" else 300
    contents = [f"blob {number}".encode() for number in range(count)]
    for content in contents:
        await push(store, [content], sha256(content))
    seen = [digest async for digest, _ in store.digests()]
    assert seen == sorted(sha256(content) for content in contents)


async def test_what_is_set_aside_stays_when_the_blob_is_deleted(store: BlobStore) -> None:
    large = b"0123456789abcdef" * (OBJECT_SIZE // 16) + b"more than one object"
    for content in (b"quay", large):
        await push(store, [content], sha256(content))
    names = [await store.set_aside(sha256(content)) for content in (b"quay", large)]
    names.append(await store.set_aside(sha256(b"never stored"), b"other bytes"))

    assert await all_digests(store) == {sha256(content): len(content) for content in (b"quay", large)}
    assert await store.delete(sha256(b"quay")) is True
    kept = {name: size async for name, size in store.quarantined()}
    assert kept == dict(zip(names, (4, len(large), 11), strict=True))
    assert names[0].startswith(sha256(b"quay").replace(":", "-") + ".")
    assert await read(store, sha256(large)) == large
    with pytest.raises(BlobUnknown):
        await store.set_aside(sha256(b"quay"))


async def test_the_medium_knows_when_a_blob_was_written(store: BlobStore) -> None:
    before = now_ms()
    await push(store, [b"quay"], sha256(b"quay"))
    stored_at_ms = await store.stored_at_ms(sha256(b"quay"))
    assert stored_at_ms is not None
    # Clocks of object stores have seconds.
    assert before - 1_100 <= stored_at_ms <= now_ms() + 1_100
    assert await store.stored_at_ms(sha256(b"other")) is None


async def test_a_store_works_before_its_first_blob_and_after_it(store: BlobStore) -> None:
    await store.check()
    await push(store, [b"quay"], sha256(b"quay"))
    await store.check()


async def test_nothing_works_inside_a_database_transaction(store: BlobStore) -> None:
    upload = new_upload()
    digest = sha256(b"abc")
    await push(store, [b"abc"], digest)
    token = open_transaction.set("push.manifest")
    try:
        for operation in (
            store.create_upload(upload),
            store.append(upload, 0, stream(b"abc")),
            store.upload_size(upload),
            store.commit(upload, digest),
            store.cancel(upload),
            store.check(),
            store.stat(digest),
            store.location(digest),
            read(store, digest),
            store.read_all(digest, limit=3),
            store.delete(digest),
            store.stored_at_ms(digest),
            store.set_aside(digest),
            all_digests(store),
            all_uploads(store),
        ):
            with pytest.raises(InsideTransaction) as raised:
                await operation
            assert raised.value.transaction == "push.manifest"
    finally:
        open_transaction.reset(token)
    assert await all_digests(store) == {digest: 3}
    assert await all_uploads(store) == []
