"""Commits and deletions of one digest: never at once, whoever dies or is slow."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from resolvers.content import push
from storage import blob_repair, blob_rows, deletion_hold
from storage.blob_repair import BlobRow, Outcome
from storage.blobs import (
    BlobStore,
    BlobUnknown,
    DigestMismatch,
    InsideTransaction,
    StorageFailed,
    open_blob_store,
)
from storage.clock import now_ms
from storage.statements import Row, count_statements, execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.plugins.scale import SCALE
from tests.storage.blobs.helpers import all_digests, all_uploads, new_upload, sha256, stream

CONTENT = b"quay"
DIGEST = sha256(CONTENT)
FOREVER = 2**62


async def commit(blobs: BlobStore, content: bytes = CONTENT) -> int:
    upload = new_upload()
    await blobs.create_upload(upload)
    await blobs.append(upload, 0, stream(content))
    return await blob_rows.commit(blobs, upload, sha256(content))


async def row_of(digest: str = DIGEST) -> Row | None:
    rows = await fetch("SELECT * FROM blob WHERE digest = ?", digest)
    return rows[0] if rows else None


@pytest.fixture
async def row(blobs: BlobStore, factory: Factory) -> Row:
    """The row of a blob that nobody has a right to, committed long ago."""
    await commit(blobs)
    await blob_rows.record({DIGEST: 4})
    await execute("UPDATE blob SET committed_at_ms = 1")
    found = await row_of()
    assert found is not None
    return found


async def mark_deleting(row: Row, *, until_ms: int) -> None:
    """What a collector leaves that was killed after its claim."""
    await execute(
        "UPDATE blob SET state = 'deleting', deleting_until_ms = ? WHERE id = ?", until_ms, row["id"]
    )


class Hooked:
    """A blob store that calls a function instead of `delete`, once for each digest."""

    def __init__(self, blobs: BlobStore, delete: Callable[[str], object]) -> None:
        self._blobs, self._delete = blobs, delete

    def __getattr__(self, name: str) -> object:
        return getattr(self._blobs, name)

    async def delete(self, digest: str) -> bool:
        answer = self._delete(digest)
        if asyncio.iscoroutine(answer):
            await answer
        return await self._blobs.delete(digest)


async def test_a_commit_writes_the_row_before_the_bytes_and_renews_it(
    blobs: BlobStore, factory: Factory
) -> None:
    for before in (None, "stored", "deleting"):
        started = now_ms()
        with count_statements() as count:
            assert await commit(blobs) == 4
        found = await row_of()
        assert found is not None
        # A push does not tell by its cost whether there was a row.
        assert len(count.statements) == 1
        assert (found["state"], found["deleting_until_ms"]) == ("stored", None)
        assert started <= found["committed_at_ms"] <= now_ms()
        assert found["size_bytes"] == (4 if before else 0)
        await blob_rows.record({DIGEST: 4})
        await execute("UPDATE blob SET committed_at_ms = 1")
        if before == "stored":
            await mark_deleting(found, until_ms=1)
    assert await all_digests(blobs) == {DIGEST: 4}


async def test_a_wrong_digest_leaves_a_row_without_bytes_to_the_collector(
    blobs: BlobStore, factory: Factory
) -> None:
    upload = new_upload()
    await blobs.create_upload(upload)
    await blobs.append(upload, 0, stream(b"other"))
    with pytest.raises(DigestMismatch):
        await blob_rows.commit(blobs, upload, DIGEST)
    left = await row_of()
    assert left is not None
    assert (left["size_bytes"], await all_digests(blobs)) == (0, {})
    assert await blob_rows.remove(blobs, [left["id"]], committed_before_ms=FOREVER) == set()
    assert await row_of() is None


async def test_recording_writes_sizes_and_keeps_everything_else(blobs: BlobStore, row: Row) -> None:
    await execute("UPDATE blob SET size_bytes = 0")
    await blob_rows.record({DIGEST: 4, sha256(b"new"): 3})

    assert await row_of() == row
    new = await row_of(sha256(b"new"))
    assert new is not None
    assert (new["state"], new["size_bytes"]) == ("stored", 3)
    assert new["committed_at_ms"] == new["created_at_ms"] > now_ms() - 60_000


async def test_what_is_old_and_unused_is_deleted_with_its_row(blobs: BlobStore, row: Row) -> None:
    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=1) == set()
    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=2) == {row["id"]}
    assert (await row_of(), await all_digests(blobs)) == (None, {})


async def test_a_right_keeps_the_bytes(blobs: BlobStore, row: Row, factory: Factory) -> None:
    await factory.user("ada")
    repository = await factory.repository("ada/app")
    await execute(
        "INSERT INTO repository_blob (repository_id, blob_id, created_at_ms) VALUES (?, ?, 1)",
        repository.id,
        row["id"],
    )

    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=FOREVER) == set()
    assert await row_of() == row


async def test_a_commit_takes_back_what_a_killed_collector_left(blobs: BlobStore, row: Row) -> None:
    """At the latest when the lease is over: until then, a deletion may be on its way to the store."""
    await mark_deleting(row, until_ms=now_ms() + 400)
    began = now_ms()

    await commit(blobs)

    assert now_ms() - began >= 400
    taken = await row_of()
    assert taken is not None
    assert (taken["id"], taken["state"], taken["deleting_until_ms"]) == (row["id"], "stored", None)
    assert await all_digests(blobs) == {DIGEST: 4}


@pytest.mark.parametrize("lease_ms", [-1, 400])
async def test_a_collector_goes_on_where_another_one_was_killed(
    blobs: BlobStore, row: Row, lease_ms: int
) -> None:
    began = now_ms()
    await mark_deleting(row, until_ms=began + lease_ms)

    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=0) == {row["id"]}

    assert now_ms() - began >= lease_ms
    assert (await row_of(), await all_digests(blobs)) == (None, {})


async def test_a_collector_leaves_to_another_one_what_that_is_deleting(blobs: BlobStore, row: Row) -> None:
    deletions: list[str] = []
    gate = asyncio.Event()

    async def wait(digest: str) -> None:
        deletions.append(digest)
        await gate.wait()

    store = Hooked(blobs, wait)
    runs = [
        asyncio.create_task(blob_rows.remove(store, [row["id"]], committed_before_ms=2))  # type: ignore[arg-type]
        for _ in range(2)
    ]
    await asyncio.sleep(0.2)
    gate.set()

    assert sorted(map(len, await asyncio.gather(*runs))) == [0, 1]
    assert deletions == [DIGEST]
    assert (await row_of(), await all_digests(blobs)) == (None, {})


async def test_a_deletion_that_fails_is_repeated_by_the_next_run(
    blobs: BlobStore, row: Row, factory: Factory
) -> None:
    await commit(blobs, b"other")
    await blob_rows.record({sha256(b"other"): 5})
    other = await row_of(sha256(b"other"))
    assert other is not None

    def refuse(digest: str) -> None:
        if digest == DIGEST:
            raise StorageFailed("the blob store failed: no route", errno=None)

    ids = [row["id"], other["id"]]
    with pytest.raises(StorageFailed):
        await blob_rows.remove(Hooked(blobs, refuse), ids, committed_before_ms=FOREVER)  # type: ignore[arg-type]

    left = await row_of()
    assert left is not None
    assert left["state"] == "deleting"
    assert await row_of(sha256(b"other")) is None
    await mark_deleting(row, until_ms=now_ms() - 1)
    assert await blob_rows.remove(blobs, ids, committed_before_ms=FOREVER) == {row["id"]}
    assert await all_digests(blobs) == {}


async def test_a_deletion_that_hangs_is_given_up_within_the_lease(
    blobs: BlobStore, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_rows, "DELETE_TIMEOUT_MS", 50)

    with pytest.raises(StorageFailed) as raised:
        await blob_rows.remove(
            Hooked(blobs, lambda _: asyncio.sleep(60)),  # type: ignore[arg-type]
            [row["id"]],
            committed_before_ms=2,
        )

    assert str(raised.value) == f"the blob store did not delete {DIGEST} within 0 seconds"
    assert await all_digests(blobs) == {DIGEST: 4}


async def test_no_deletion_begins_at_the_end_of_a_lease(
    blobs: BlobStore, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_rows, "DELETE_TIMEOUT_MS", 300)
    monkeypatch.setattr(blob_rows, "LEASE_MS", 599)

    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=2) == set()

    left = await row_of()
    assert left is not None
    assert left["state"] == "deleting"
    assert await all_digests(blobs) == {DIGEST: 4}


async def test_a_transaction_does_not_wait_for_the_store(blobs: BlobStore, row: Row) -> None:
    for operation in (
        lambda: blob_rows.commit(blobs, new_upload(), DIGEST),
        lambda: blob_rows.remove(blobs, [row["id"]], committed_before_ms=2),
    ):
        async with transaction("test.blob"):
            with pytest.raises(InsideTransaction):
                await operation()


@pytest.fixture(params=["files", "bucket"])
async def shared(request: pytest.FixtureRequest, blobs: BlobStore) -> AsyncIterator[BlobStore]:
    """A store on which several things go on at once: of files, or in a bucket."""
    if request.param == "files":
        yield blobs
        return
    bucket = open_blob_store(request.getfixturevalue("s3_url"))
    yield bucket
    await bucket.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2 * SCALE))
async def test_whoever_commits_beside_collectors_has_the_bytes(
    shared: BlobStore, factory: Factory, seed: int
) -> None:
    """A blob is old and unused as soon as no client is about it; whoever links it can read it to the end."""
    chance = random.Random(seed)
    await factory.user("ada")
    repository = await factory.repository("ada/app")
    contents = [f"content {number}".encode() for number in range(3)]
    locks = {content: asyncio.Lock() for content in contents}
    clients = dict.fromkeys(contents, 0)
    is_over = False
    removed = pushed = 0

    async def client() -> None:
        nonlocal pushed
        for _ in range(12):
            content = chance.choice(contents)
            digest = sha256(content)
            async with locks[content]:
                clients[content] += 1
            size = await commit(shared, content)
            await push.link_blob(repository.id, digest, size)
            assert await shared.read_all(digest, limit=100) == content
            await asyncio.sleep(chance.random() / 100)
            assert await shared.read_all(digest, limit=100) == content
            pushed += 1
            async with locks[content]:
                clients[content] -= 1
                if not clients[content]:
                    await execute(
                        "DELETE FROM repository_blob WHERE blob_id IN (SELECT id FROM blob WHERE digest = ?)",
                        digest,
                    )
                    await execute("UPDATE blob SET committed_at_ms = 1 WHERE digest = ?", digest)
            await asyncio.sleep(chance.random() / 50)

    async def collector() -> None:
        nonlocal removed
        while not is_over:
            ids = [row["id"] for row in await fetch("SELECT id FROM blob")]
            gone = await blob_rows.remove(shared, ids, committed_before_ms=2)
            removed += len(gone)
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(collector())
        await asyncio.gather(*(client() for _ in range(3)))
        is_over = True

    assert pushed == 36
    assert removed > 0
    assert await all_uploads(shared) == []


async def look() -> BlobRow:
    found = await blob_repair.look(DIGEST)
    assert found is not None
    return found


async def test_an_absent_blob_is_back_with_a_commit_that_began_later(
    blobs: BlobStore, factory: Factory
) -> None:
    await factory.user("ada")
    repository = await factory.repository("ada/app")
    await factory.blob("ada/app", CONTENT)
    assert await blob_repair.quarantine(blobs, await look()) is Outcome.DONE
    assert await push.held_blobs(repository.id, [DIGEST]) == set()
    assert (await all_digests(blobs), [size async for _, size in blobs.quarantined()]) == ({}, [4])

    # A commit that began before, or fails, does not make the blob seem to be there.
    with pytest.raises(BlobUnknown):
        await push.link_blob(repository.id, DIGEST, 4)
    upload = new_upload()
    await blobs.create_upload(upload)
    await blobs.append(upload, 0, stream(b"other"))
    with pytest.raises(DigestMismatch):
        await blob_rows.commit(blobs, upload, DIGEST)
    assert (await look()).state == "absent"

    assert await commit(blobs) == 4
    assert (await look()).state == "absent"
    await push.link_blob(repository.id, DIGEST, 4)
    assert await push.held_blobs(repository.id, [DIGEST]) == {DIGEST}
    assert ((await look()).state, (await look()).deleting_until_ms) == ("stored", None)


async def test_a_row_that_changed_since_is_not_repaired(blobs: BlobStore, row: Row) -> None:
    seen = await look()
    await commit(blobs)
    assert await blob_repair.mark_absent(seen) is Outcome.CHANGED
    assert await blob_repair.mark_stored(seen, 9) is Outcome.CHANGED
    assert await blob_repair.quarantine(blobs, seen) is Outcome.CHANGED
    assert await blob_repair.remove_stray(blobs, DIGEST) is Outcome.CHANGED
    assert (await all_digests(blobs), (await look()).state) == ({DIGEST: 4}, "stored")


async def test_an_absent_blob_without_rights_is_left_to_the_collector_except_during_a_push(
    blobs: BlobStore, row: Row
) -> None:
    assert await blob_repair.mark_absent(await look()) is Outcome.DONE
    await asyncio.sleep(0.002)
    await commit(blobs)
    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=2) == set()
    assert await all_digests(blobs) == {DIGEST: 4}
    assert await blob_rows.remove(blobs, [row["id"]], committed_before_ms=FOREVER) == {row["id"]}
    assert await row_of() is None


async def test_nothing_is_set_aside_or_removed_while_deletion_is_held(blobs: BlobStore, row: Row) -> None:
    await deletion_hold.hold("backup")
    assert await blob_repair.quarantine(blobs, await look()) is Outcome.HELD
    await execute("DELETE FROM blob")
    assert await blob_repair.remove_stray(blobs, DIGEST) is Outcome.HELD
    assert (await all_digests(blobs), [name async for name in blobs.quarantined()]) == ({DIGEST: 4}, [])
    await deletion_hold.release("backup")
    assert await blob_repair.remove_stray(blobs, DIGEST) is Outcome.DONE
    assert (await all_digests(blobs), await row_of()) == ({}, None)


async def test_a_quarantine_that_was_held_up_deletes_nothing_that_a_push_may_have_brought(
    blobs: BlobStore, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # As if writing the row had taken five of the ten seconds that the claim lasts.
        patch.setattr(blob_repair, "now_ms", lambda: now_ms() - 5_000)
        assert await blob_repair.quarantine(blobs, await look()) is Outcome.CHANGED
    assert (await all_digests(blobs), (await look()).state) == ({DIGEST: 4}, "deleting")

    await execute("UPDATE blob SET deleting_until_ms = 1")
    assert await blob_repair.quarantine(blobs, await look()) is Outcome.DONE
    assert (await all_digests(blobs), (await look()).state) == ({}, "absent")
