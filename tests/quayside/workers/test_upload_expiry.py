"""Uploads that nobody goes on with: whose they are, or whose they were, they end."""

import pytest

from resolvers.content import upload as uploads
from resolvers.repositories.repository import RepositoryRecord
from storage.blobs import BlobStore, UploadUnknown
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.storage.blobs.helpers import all_uploads, new_upload, stream

HOUR_MS = 3_600_000


@pytest.fixture
async def record(factory: Factory) -> RepositoryRecord:
    """The repository `ada/app`."""
    await factory.user("ada")
    return await factory.repository("ada/app")


async def _account(factory: Factory) -> int:
    return (await factory.viewer("ada")).require_account().id


async def _begin(factory: Factory, record: RepositoryRecord, *, ago_ms: int) -> str:
    """An upload with bytes, begun some time ago."""
    begun = await uploads.begin(
        factory.site, factory.blobs, record.id, record.namespace_id, await _account(factory)
    )
    upload = begun.uuid
    await factory.blobs.append(upload, 0, stream(b"quay"))
    await execute("UPDATE upload SET created_at_ms = ? WHERE uuid = ?", now_ms() - ago_ms, upload)
    return upload


async def _strays() -> list[str]:
    return [row["uuid"] for row in await fetch("SELECT uuid FROM stray_upload ORDER BY uuid")]


async def test_an_upload_that_nobody_used_for_two_days_ends(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    old = await _begin(factory, record, ago_ms=49 * HOUR_MS)
    new = await _begin(factory, record, ago_ms=47 * HOUR_MS)

    await uploads.expire(blobs)

    assert await all_uploads(blobs) == [new]
    assert [row["uuid"] for row in await fetch("SELECT uuid FROM upload")] == [new]
    with pytest.raises(UploadUnknown):
        await uploads.require(factory.site, old, record.id, await _account(factory))


async def test_whoever_comes_back_to_an_upload_keeps_it(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    upload = await _begin(factory, record, ago_ms=49 * HOUR_MS)
    started = now_ms()

    assert (await uploads.require(factory.site, upload, record.id, await _account(factory))).uuid == upload
    await uploads.expire(blobs)

    (row,) = await fetch("SELECT used_at_ms FROM upload")
    assert started <= row["used_at_ms"] <= now_ms()
    assert await blobs.upload_size(upload) == 4


async def test_an_upload_in_use_is_not_written_to_the_database_each_time(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    upload = await _begin(factory, record, ago_ms=HOUR_MS - 60_000)

    await uploads.require(factory.site, upload, record.id, await _account(factory))

    assert await fetch("SELECT used_at_ms FROM upload") == [{"used_at_ms": None}]


async def test_an_upload_without_a_row_ends_two_days_after_it_is_found(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    """It is that of a push that died, or of a deleted repository: the store does not tell how old it is."""
    stray = new_upload()
    await blobs.create_upload(stray)
    deleted = await _begin(factory, record, ago_ms=1)
    await execute("DELETE FROM upload")

    await uploads.expire(blobs)
    await execute("UPDATE stray_upload SET found_at_ms = ? WHERE uuid = ?", now_ms() - 49 * HOUR_MS, stray)
    found = await _strays()
    await uploads.expire(blobs)

    assert found == sorted([stray, deleted])
    assert await all_uploads(blobs) == [deleted]
    assert await _strays() == [deleted]


async def test_a_stray_that_ended_by_itself_is_forgotten(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord
) -> None:
    upload = new_upload()
    await blobs.create_upload(upload)
    await uploads.expire(blobs)
    await blobs.cancel(upload)
    await execute("UPDATE stray_upload SET found_at_ms = 1")

    await uploads.expire(blobs)

    assert await _strays() == []


async def test_every_upload_is_looked_at_however_many(
    factory: Factory, blobs: BlobStore, record: RepositoryRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "BATCH", 2)
    old = [await _begin(factory, record, ago_ms=49 * HOUR_MS) for _ in range(5)]
    strays = sorted(new_upload() for _ in range(5))
    for stray in strays:
        await blobs.create_upload(stray)

    await uploads.expire(blobs)

    assert len(set(old)) == 5
    assert await all_uploads(blobs) == await _strays() == strays
    assert await fetch("SELECT uuid FROM upload") == []
