"""Races of garbage collection and pushes: acknowledged content can be pulled, whichever comes first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from resolvers.content import garbage_collection, push
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import tag
from storage import blob_rows
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.workers.contents import (
    DAY_MS,
    WINDOW_MS,
    backdate,
    collected,
    end_tags,
    held,
    rights,
    stored,
)

PATH = "ada/app"
LEFT = b"left over"
DIGEST = kit.digest_of(LEFT)
Action = Callable[[], Awaitable[object]]


@pytest.fixture
async def record(factory: Factory) -> RepositoryRecord:
    """The repository `ada/app`, with an old blob that nothing names."""
    await factory.user("ada")
    record = await factory.repository(PATH)
    await factory.blob(PATH, LEFT)
    await backdate()
    return record


class Interrupted:
    """A blob store that does something once, at the moment that a test chose: as its bytes are listed, or
    before they are deleted."""

    def __init__(self, blobs: BlobStore, *, at: str, action: Action) -> None:
        self._blobs, self._at, self._action = blobs, at, action

    def __getattr__(self, name: str) -> object:
        return getattr(self._blobs, name)

    async def _reach(self, place: str) -> None:
        if place == self._at:
            self._at = ""
            await self._action()

    async def digests(self) -> AsyncIterator[tuple[str, int]]:
        found = [blob async for blob in self._blobs.digests()]
        await self._reach("listed")
        for blob in found:
            yield blob

    async def delete(self, digest: str) -> bool:
        await self._reach("delete")
        return await self._blobs.delete(digest)


async def commit_again(factory: Factory) -> int:
    """Upload the bytes as a client does that did not look for them, up to the commit; their size."""
    upload = push_id()
    await factory.blobs.create_upload(upload)

    async def pieces() -> AsyncIterator[bytes]:
        yield LEFT

    await factory.blobs.append(upload, 0, pieces())
    return await blob_rows.commit(factory.blobs, upload, DIGEST)


async def push_again(factory: Factory) -> None:
    """Push the blob as such a client does."""
    size = await commit_again(factory)
    record = await repository.find(PATH)
    assert record is not None
    await push.link_blob(record.id, DIGEST, size)


def push_id() -> str:
    return "22222222-2222-4222-8222-222222222222"


async def test_bytes_that_are_pushed_again_before_they_are_claimed_stay(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    async def again() -> None:
        await push_again(factory)

    await collected(Interrupted(blobs, at="listed", action=again))  # type: ignore[arg-type]

    assert await rights(PATH) == {DIGEST} == await stored(blobs)
    assert await blobs.read_all(DIGEST, limit=100) == LEFT


async def test_a_push_waits_for_the_deletion_of_the_same_bytes(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    pushes: list[asyncio.Task[None]] = []

    async def begin_push() -> None:
        pushes.append(asyncio.create_task(push_again(factory)))
        await asyncio.sleep(0.2)
        assert not pushes[0].done()
        assert await rights(PATH) == set()

    done = await collected(Interrupted(blobs, at="delete", action=begin_push))  # type: ignore[arg-type]
    await pushes[0]

    assert done[-1].blobs == 1
    assert await rights(PATH) == {DIGEST} == await stored(blobs)
    assert await blobs.read_all(DIGEST, limit=100) == LEFT


async def test_bytes_that_are_committed_and_not_yet_linked_stay(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    sizes: list[int] = []

    async def commit() -> None:
        sizes.append(await commit_again(factory))

    await collected(Interrupted(blobs, at="listed", action=commit))  # type: ignore[arg-type]
    assert await stored(blobs) == {DIGEST}
    await push.link_blob(record.id, DIGEST, sizes[0])

    assert await blobs.read_all(DIGEST, limit=100) == LEFT
    assert await rights(PATH) == {DIGEST}


@pytest.mark.parametrize("at", ["listed", "delete"])
async def test_a_mount_meanwhile_has_the_bytes_or_is_refused(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord, at: str
) -> None:
    target = await factory.repository("ada/target")
    await push.link_blob(target.id, DIGEST, len(LEFT))
    await backdate()
    context = await factory.as_account("ada")
    third = await factory.repository("ada/third")
    answers: list[bool] = []

    async def mount() -> None:
        answers.append(await push.mount_blob(context, third.id, third.namespace_id, DIGEST, source=None))

    await collected(Interrupted(blobs, at=at, action=mount))  # type: ignore[arg-type]

    # The rights were taken back before, so that no source was left.
    assert answers == [False]
    assert await stored(blobs) == set()


async def _start(work: Awaitable[object], gate: asyncio.Event) -> object:
    await gate.wait()
    return await work


async def test_a_right_given_in_an_open_transaction_keeps_the_blob(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    await execute("DELETE FROM repository_blob")
    gate = asyncio.Event()
    run = asyncio.create_task(_start(collected(blobs), gate))

    async with transaction("test.link"):
        assert await push._grant(record.id, "digest", DIGEST)
        gate.set()
        await asyncio.sleep(0.05)
    await run

    assert await stored(blobs) == {DIGEST} == await rights(PATH)


async def test_a_push_during_the_claim_of_the_blob_makes_it_anew(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    await execute("DELETE FROM repository_blob")
    (row,) = await fetch("SELECT id FROM blob")
    gate = asyncio.Event()
    pushing = asyncio.create_task(_start(push_again(factory), gate))

    async with transaction("test.claim"):
        claim = await blob_rows._claim([row["id"]], now_ms())
        assert [claimed["id"] for claimed in claim.rows] == [row["id"]]
        gate.set()
        await asyncio.sleep(0.05)
    assert await blob_rows.delete_claimed(blobs, claim) == {row["id"]}
    await pushing

    assert await stored(blobs) == {DIGEST} == await rights(PATH)


async def test_a_mount_during_the_claim_of_the_blob_is_refused(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    await execute("DELETE FROM repository_blob")
    (row,) = await fetch("SELECT id FROM blob")
    gate = asyncio.Event()

    async def mount() -> push.Granted | None:
        async with transaction("test.mount"):
            return await push._grant(record.id, "id", row["id"])

    mounting = asyncio.create_task(_start(mount(), gate))

    async with transaction("test.claim"):
        await blob_rows._claim([row["id"]], now_ms())
        gate.set()
        await asyncio.sleep(0.05)

    assert await mounting is None
    assert await rights(PATH) == set()


async def test_a_tag_that_is_restored_first_keeps_its_manifest(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    """The window passes between the check and the lock; the first holder of the lock wins."""
    image = await factory.image(PATH, b"layer", tag="v1")
    await end_tags("v1", ago_ms=WINDOW_MS - DAY_MS)
    await backdate()
    (row,) = await fetch("SELECT id FROM manifest")
    await tag.restore(await factory.as_account("ada"), PATH, "v1", image)

    assert await garbage_collection._tombstone(record.id, [row["id"]]) == []
    assert await held(PATH) == {image}


async def test_an_index_pushed_meanwhile_keeps_what_it_lists(
    factory: Factory,
    blobs: BlobStore,
    record: RepositoryRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = await factory.image(PATH, b"layer", tag="v1")
    await end_tags("v1", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    tombstone = garbage_collection._tombstone
    indexes: list[str] = []

    async def push_first(repository_id: int, ids: list[int]) -> list[int]:
        document = kit.index_document(kit.encode(kit.image_document(b"layer")))
        indexes.append(await factory.manifest(PATH, document, tag="multi"))
        return await tombstone(repository_id, ids)

    monkeypatch.setattr(garbage_collection, "_tombstone", push_first)

    await collected(blobs)

    assert await held(PATH) == {image, *indexes}
    assert (
        await rights(PATH) == {kit.digest_of(blob) for blob in (kit.CONFIG, b"layer")} == await stored(blobs)
    )


async def test_a_manifest_pushed_meanwhile_keeps_its_blobs(
    factory: Factory,
    blobs: BlobStore,
    record: RepositoryRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await factory.blob(PATH, kit.CONFIG)
    await backdate()
    revoke_rights = garbage_collection._revoke_rights

    async def push_first(repository_id: int, ids: list[int], old_ms: int) -> list[int]:
        await factory.manifest(PATH, kit.image_document(LEFT), tag="v1")
        return await revoke_rights(repository_id, ids, old_ms)

    monkeypatch.setattr(garbage_collection, "_revoke_rights", push_first)

    await collected(blobs)

    assert await rights(PATH) == {kit.digest_of(kit.CONFIG), DIGEST} == await stored(blobs)
