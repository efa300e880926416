"""Holds on the deletion of bytes: nothing goes from their begin to their end, whoever collects or dies."""

import asyncio

import pytest

from storage import blob_rows, deletion_hold
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import Row, execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.storage.blobs.helpers import all_digests, new_upload, sha256, stream
from tests.storage.test_blob_rows import Hooked

CONTENT = b"quay"
DIGEST = sha256(CONTENT)


@pytest.fixture
async def row(blobs: BlobStore, factory: Factory) -> Row:
    """The row of a blob that nobody has a right to, committed long ago."""
    upload = new_upload()
    await blobs.create_upload(upload)
    await blobs.append(upload, 0, stream(CONTENT))
    await blob_rows.commit(blobs, upload, DIGEST)
    await execute("UPDATE blob SET committed_at_ms = 1")
    (found,) = await fetch("SELECT * FROM blob")
    return found


async def remove(blobs: BlobStore, row: Row) -> set[int]:
    return await blob_rows.remove(blobs, [row["id"]], committed_before_ms=2)


async def test_bytes_stay_until_every_holder_has_released_them(blobs: BlobStore, row: Row) -> None:
    for holder in ("one", "two", "one"):
        await deletion_hold.hold(holder)
    for holder in ("one", "another", "two"):
        assert await deletion_hold.is_held()
        assert await remove(blobs, row) == set()
        await blob_rows.remove_unused(blobs, DIGEST, committed_before_ms=2)
        assert await fetch("SELECT * FROM blob") == [row]
        await deletion_hold.release(holder)

    assert not await deletion_hold.is_held()
    assert await remove(blobs, row) == {row["id"]}
    assert await all_digests(blobs) == {}


async def test_a_hold_that_is_not_extended_ends(blobs: BlobStore, row: Row) -> None:
    await deletion_hold.hold("dead")
    await execute("UPDATE lease SET expires_at_ms = expires_at_ms - 40000")
    assert await deletion_hold.extend("dead")
    assert await remove(blobs, row) == set()
    # As if its holder had been killed a minute ago.
    await execute("UPDATE lease SET expires_at_ms = expires_at_ms - 60001")

    assert not await deletion_hold.extend("dead")
    assert not await deletion_hold.is_held()
    await deletion_hold.hold("heir")
    assert [one["holder"] for one in await fetch("SELECT holder FROM lease")] == ["heir"]
    assert await remove(blobs, row) == set()


async def test_a_hold_from_before_the_clock_went_back_holds_nothing(blobs: BlobStore, row: Row) -> None:
    await deletion_hold.hold("dead")
    await execute("UPDATE lease SET expires_at_ms = expires_at_ms + 86400000")

    assert not await deletion_hold.extend("dead")
    assert await remove(blobs, row) == {row["id"]}


async def test_a_hold_begins_when_the_deletion_under_way_has_ended(blobs: BlobStore, row: Row) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def delete(_: str) -> None:
        begun.set()
        await may_end.wait()

    removal = asyncio.create_task(remove(Hooked(blobs, delete), row))  # type: ignore[arg-type]
    await begun.wait()
    hold = asyncio.create_task(deletion_hold.hold("backup"))
    done, _ = await asyncio.wait([hold], timeout=0.5)
    assert not done
    may_end.set()

    assert await removal == {row["id"]}
    await asyncio.wait_for(hold, 2)
    assert await all_digests(blobs) == {}


async def test_a_hold_begins_after_the_transaction_that_marks_what_it_deletes(
    blobs: BlobStore, row: Row
) -> None:
    is_marking = asyncio.Event()

    async def begin() -> None:
        await is_marking.wait()
        await deletion_hold.hold("backup")

    hold = asyncio.create_task(begin())
    async with transaction("test.mark"):
        assert await deletion_hold.lets_delete()
        is_marking.set()
        await asyncio.sleep(0.05)
        await execute("UPDATE blob SET state = 'deleting', deleting_until_ms = ?", now_ms() + 5_000)
    done, _ = await asyncio.wait([hold], timeout=0.5)
    assert not done
    await execute("DELETE FROM blob")
    await asyncio.wait_for(hold, 2)

    async with transaction("test.mark"):
        assert not await deletion_hold.lets_delete()


async def test_a_hold_waits_no_longer_for_a_dead_collector_than_its_mark_lasts(
    row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion_hold, "MARK_MS", 300)
    await execute("UPDATE blob SET state = 'deleting', deleting_until_ms = ?", now_ms())

    await asyncio.wait_for(deletion_hold.hold("backup"), 2)

    assert await deletion_hold.is_held()
