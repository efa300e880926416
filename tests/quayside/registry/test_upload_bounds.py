"""How many uploads an account may have open, and how much in them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.content import upload
from tests.quayside.registry import kit
from tests.quayside.registry.people import STRANGER

ADVICE = "end or cancel some, or wait: they end two days after their last use"


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation where an account may have three uploads open, and ten bytes in them."""
    # So small that each counts at once.
    monkeypatch.setattr(upload, "NOTED_FROM_BYTES", 1)
    monkeypatch.setattr(upload, "NOTED_EVERY_BYTES", 1)
    return replace(settings, uploads_per_account=3, upload_bytes_per_account=10)


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    """A body of unknown length."""
    for piece in content:
        yield piece
        await asyncio.sleep(0)


async def test_an_account_has_so_many_uploads(
    repository: kit.Repository, stranger: httpx.AsyncClient
) -> None:
    locations = [await repository.start_upload() for _ in range(3)]

    at_once = {"params": {"digest": kit.digest_of(b"a")}, "content": b"a"}
    for refused in (
        await repository.client.post(repository.url("blobs/uploads/")),
        await repository.client.post(repository.url("blobs/uploads/"), **at_once),  # type: ignore[arg-type]
    ):
        assert (refused.status_code, kit.error_codes(refused)) == (429, ["TOOMANYREQUESTS"])
        message = f"this account has 3 uploads open and may have 3; {ADVICE}"
        assert refused.json()["errors"][0]["message"] == message
    await kit.Repository(stranger, f"{STRANGER}/app").start_upload()

    # Those that end make place, whether they are finished, cancelled or refused.
    await repository.finish_upload(locations[0], kit.digest_of(b"a"), b"a")
    await repository.start_upload()
    await repository.client.delete(locations[1])
    await repository.start_upload()
    await repository.finish_upload(locations[2], kit.digest_of(b"other"), b"a")
    assert (await repository.client.post(repository.url("blobs/uploads/"), **at_once)).status_code == 201  # type: ignore[arg-type]
    await repository.start_upload()
    assert (await repository.client.post(repository.url("blobs/uploads/"))).status_code == 429


async def test_requests_at_once_get_no_more_than_there_are(repository: kit.Repository) -> None:
    first = await repository.start_upload()
    await repository.client.delete(first)

    answers = await asyncio.gather(
        *(repository.client.post(repository.url("blobs/uploads/")) for _ in range(12))
    )

    assert sorted(one.status_code for one in answers) == [202] * 3 + [429] * 9


async def test_an_account_has_so_much_in_uploads(
    repository: kit.Repository, stranger: httpx.AsyncClient, unauthenticated: httpx.AsyncClient
) -> None:
    one, other = await repository.start_upload(), await repository.start_upload()
    assert (await repository.client.patch(one, content=b"12345678")).status_code == 202

    # A body that announces too much is refused before it is read, another one where it exceeds the bound.
    announced = await repository.client.patch(other, content=b"123")
    # The client of the tests reads a body before it sends it, to be able to repeat it.
    bearer = {"Authorization": announced.request.headers["Authorization"]}
    growing = await unauthenticated.patch(other, content=pieces(b"1", b"2", b"3", b"4"), headers=bearer)
    for refused, has in ((announced, "0-0"), (growing, "0-1")):
        assert (refused.status_code, kit.error_codes(refused)) == (429, ["TOOMANYREQUESTS"])
        message = f"this account may have 10 bytes in open uploads and would have 11; {ADVICE}"
        assert refused.json()["errors"][0]["message"] == message
        assert refused.headers["Range"] == has
    alone = kit.Repository(stranger, f"{STRANGER}/app")
    assert (await alone.client.patch(await alone.start_upload(), content=b"1234567890")).status_code == 202
    digest = kit.digest_of(b"12345")
    whole = await repository.client.post(
        repository.url("blobs/uploads/"), params={"digest": digest}, content=b"12345"
    )
    assert whole.status_code == 429

    # A blob is no upload any more.
    await repository.finish_upload(one, kit.digest_of(b"12345678"))
    finished = await repository.finish_upload(other, digest, b"345", {"Content-Range": "2-4"})
    assert finished.status_code == 201
    assert (await repository.get_blob(digest)).content == b"12345"


async def test_a_wrong_offset_is_told_before_a_bound(repository: kit.Repository) -> None:
    location = await repository.start_upload()

    answer = await repository.put_chunk(location, b"1", 1_000_000)

    assert (answer.status_code, answer.headers["Range"]) == (416, "0-0")


async def test_a_refused_blob_leaves_no_upload(repository: kit.Repository) -> None:
    too_large = {"params": {"digest": kit.digest_of(b"x" * 11)}, "content": b"x" * 11}
    for _ in range(5):
        answer = await repository.client.post(repository.url("blobs/uploads/"), **too_large)  # type: ignore[arg-type]
        # Not that there are too many.
        assert "would have 11;" in answer.json()["errors"][0]["message"]
