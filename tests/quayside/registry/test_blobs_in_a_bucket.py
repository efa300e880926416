"""Pushing and pulling with a blob store in a bucket, whose bytes clients may be sent to."""

from pathlib import Path

import httpx
import pytest

from quayside.settings.settings import Settings, load_settings
from tests.quayside.registry import kit

LAYER = b"quayside"
DIGEST = kit.digest_of(LAYER)


@pytest.fixture(params=[pytest.param(True, id="redirects"), pytest.param(False, id="proxied")])
def redirects(request: pytest.FixtureRequest) -> bool:
    """Whether clients are sent to the bucket."""
    return bool(request.param)


@pytest.fixture(params=["s3"])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, s3_url: str, redirects: bool
) -> Settings:
    """Settings of a server with its blobs in a bucket, or in files."""
    return load_settings(
        {
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": database_url,
            "BLOB_URL": s3_url if request.param == "s3" else f"file://{tmp_path}/blobs",
            "BLOB_REDIRECTS": str(redirects).lower(),
            "SECRET_KEY": "k" * 32,
        },
        {},
    )


async def _fetch(location: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(location, headers=headers)


async def test_chunks_become_a_blob_that_can_be_pulled(repository: kit.Repository, redirects: bool) -> None:
    begun = await repository.client.post(repository.url("blobs/uploads/"))
    location = begun.headers["Location"]
    first = await repository.client.patch(location, content=b"quay", headers={"Content-Range": "0-3"})
    twice = await repository.client.patch(location, content=b"quay", headers={"Content-Range": "0-3"})
    status = await repository.client.get(location)
    finished = await repository.client.put(location, params={"digest": DIGEST}, content=b"side")

    assert [answer.status_code for answer in (begun, first, twice, status, finished)] == [
        202, 202, 416, 204, 201,
    ]  # fmt: skip
    assert (first.headers["Range"], twice.headers["Range"], status.headers["Range"]) == ("0-3",) * 3
    answer = await repository.get_blob(DIGEST)
    if redirects:
        answer = await _fetch(answer.headers["Location"])
    assert (answer.status_code, answer.content) == (200, LAYER)


async def test_a_wrong_digest_leaves_nothing(repository: kit.Repository) -> None:
    refused = await repository.client.post(
        repository.url("blobs/uploads/"), params={"digest": kit.digest_of(b"other")}, content=LAYER
    )

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    assert (await repository.client.head(repository.url(f"blobs/{DIGEST}"))).status_code == 404


async def test_a_pull_is_sent_to_the_bucket_if_that_is_allowed(
    repository: kit.Repository, redirects: bool, s3_endpoint: str
) -> None:
    await repository.push_blobs(LAYER)

    head = await repository.client.head(repository.url(f"blobs/{DIGEST}"))
    known = await repository.client.get(
        repository.url(f"blobs/{DIGEST}"), headers={"If-None-Match": f'"{DIGEST}"'}
    )
    answer = await repository.get_blob(DIGEST)
    part = await repository.client.get(repository.url(f"blobs/{DIGEST}"), headers={"Range": "bytes=4-"})

    assert (head.status_code, head.headers["Content-Length"], known.status_code) == (200, "8", 304)
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    if not redirects:
        assert (answer.status_code, answer.content) == (200, LAYER)
        assert (part.status_code, part.content) == (206, b"side")
        return
    assert (answer.status_code, part.status_code, answer.content) == (307, 307, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"].startswith(f"{s3_endpoint}/")
    assert (await _fetch(answer.headers["Location"])).content == LAYER
    assert (await _fetch(part.headers["Location"], Range="bytes=4-")).content == b"side"


async def test_nobody_is_sent_to_what_they_may_not_pull(
    repository: kit.Repository, stranger: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    await repository.push_blobs(LAYER)

    for client in (stranger, anonymous):
        answer = await client.get(repository.url(f"blobs/{DIGEST}"))
        assert answer.status_code == 401
        assert "Location" not in answer.headers
    other = kit.Repository(repository.client, "owner/other")
    await other.push_blobs(b"else")
    absent = await other.get_blob(DIGEST)
    assert (absent.status_code, "Location" in absent.headers) == (404, False)


@pytest.mark.parametrize("settings", ["file"], indirect=True)
async def test_files_have_no_address_to_be_sent_to(repository: kit.Repository) -> None:
    await repository.push_blobs(LAYER)

    answer = await repository.get_blob(DIGEST)

    assert (answer.status_code, answer.content) == (200, LAYER)
