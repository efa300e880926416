"""Pushing blobs: whole, in chunks, by mount (OCI Distribution 1.1, "Pushing blobs")."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.quayside.registry import kit

CONTENT = b"0123456789" * 3
DIGEST = kit.digest_of(CONTENT)
UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


async def assert_stored(
    repository: kit.Repository, answer: httpx.Response, content: bytes, digest: str
) -> None:
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == digest
    pulled = await repository.client.get(answer.headers["Location"])
    assert pulled.status_code == 200
    assert pulled.content == content


async def assert_absent(repository: kit.Repository, digest: str) -> None:
    assert (await repository.get_blob(digest)).status_code == 404


async def test_an_upload_begins_with_a_session(repository: kit.Repository) -> None:
    answer = await repository.client.post(repository.url("blobs/uploads/"))

    assert answer.status_code == 202
    assert UUID.search(answer.headers["Location"])
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Docker-Upload-UUID"] in answer.headers["Location"]
    assert answer.content == b""


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_post_then_put(repository: kit.Repository, algorithm: str) -> None:
    digest = kit.digest_of(CONTENT, algorithm=algorithm)
    location = await repository.start_upload(**{"digest-algorithm": algorithm})

    answer = await repository.finish_upload(location, digest, CONTENT)

    await assert_stored(repository, answer, CONTENT, digest)


@pytest.mark.parametrize("content", [CONTENT, b"", b"x" * 3_000_000])
async def test_a_single_post(repository: kit.Repository, content: bytes) -> None:
    digest = kit.digest_of(content)

    answer = await repository.client.post(
        repository.url("blobs/uploads/"), params={"digest": digest}, content=content
    )

    await assert_stored(repository, answer, content, digest)


@pytest.mark.parametrize("last_chunk_with_put", [False, True])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_chunks_in_order(repository: kit.Repository, algorithm: str, last_chunk_with_put: bool) -> None:
    digest = kit.digest_of(CONTENT, algorithm=algorithm)
    location = await repository.start_upload()

    for first, last_byte in ((0, 9), (10, 19)):
        answer = await repository.put_chunk(location, CONTENT[first : last_byte + 1], first)
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{last_byte}"
        location = answer.headers["Location"]
    if last_chunk_with_put:
        answer = await repository.finish_upload(location, digest, CONTENT[20:], {"Content-Range": "20-29"})
    else:
        location = (await repository.put_chunk(location, CONTENT[20:], 20)).headers["Location"]
        answer = await repository.finish_upload(location, digest)

    await assert_stored(repository, answer, CONTENT, digest)


async def test_a_streamed_chunk_of_unknown_length(repository: kit.Repository) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield CONTENT[:7]
        yield CONTENT[7:]

    location = await repository.start_upload()

    answer = await repository.client.patch(location, content=stream())
    assert answer.status_code == 202
    assert answer.headers["Range"] == "0-29"
    answer = await repository.finish_upload(answer.headers["Location"], DIGEST)

    await assert_stored(repository, answer, CONTENT, DIGEST)


@pytest.mark.parametrize("first", [0, 9, 11, 25])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_chunk_out_of_order_is_refused_and_the_upload_goes_on(
    repository: kit.Repository, method: str, first: int
) -> None:
    location = (await repository.put_chunk(await repository.start_upload(), CONTENT[:10], 0)).headers[
        "Location"
    ]

    if method == "PATCH":
        refused = await repository.put_chunk(location, CONTENT[10:20], first)
    else:
        refused = await repository.finish_upload(
            location, DIGEST, CONTENT[10:20], {"Content-Range": f"{first}-{first + 9}"}
        )
    status = await repository.client.get(location)

    assert refused.status_code == 416
    assert kit.error_codes(refused) == ["BLOB_UPLOAD_INVALID"]
    assert refused.headers["Range"] == "0-9"
    assert "Location" in refused.headers
    assert status.status_code == 204
    assert status.headers["Range"] == "0-9"
    assert "Content-Length" not in status.headers
    resumed = await repository.put_chunk(status.headers["Location"], CONTENT[10:], 10)
    answer = await repository.finish_upload(resumed.headers["Location"], DIGEST)
    await assert_stored(repository, answer, CONTENT, DIGEST)


@pytest.mark.parametrize(
    ("content_range", "status", "code"),
    [
        ("bytes 0-9/10", 400, "BLOB_UPLOAD_INVALID"),
        ("0-", 400, "BLOB_UPLOAD_INVALID"),
        ("9-0", 416, "BLOB_UPLOAD_INVALID"),
        ("0-10", 400, "SIZE_INVALID"),
    ],
)
async def test_a_wrong_content_range_changes_nothing(
    repository: kit.Repository, content_range: str, status: int, code: str
) -> None:
    location = await repository.start_upload()

    refused = await repository.client.patch(
        location, content=CONTENT[:10], headers={"Content-Range": content_range}
    )

    assert refused.status_code == status
    assert kit.error_codes(refused) == [code]
    answer = await repository.finish_upload(location, DIGEST, CONTENT)
    await assert_stored(repository, answer, CONTENT, DIGEST)


@pytest.mark.parametrize(("last_byte", "kept"), [(5, "0-0"), (40, "0-29")])
async def test_a_stream_of_another_length_than_its_range_is_refused(
    repository: kit.Repository, last_byte: int, kept: str
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield CONTENT

    location = await repository.start_upload()

    refused = await repository.client.patch(
        location, content=stream(), headers={"Content-Range": f"0-{last_byte}"}
    )

    assert refused.status_code == 400
    assert kit.error_codes(refused) == ["SIZE_INVALID"]
    assert (await repository.client.get(location)).headers["Range"] == kept


async def test_the_status_of_an_empty_upload(repository: kit.Repository) -> None:
    answer = await repository.client.get(await repository.start_upload())

    assert answer.status_code == 204
    assert answer.headers["Range"] == "0-0"
    assert UUID.search(answer.headers["Location"])


async def test_a_cancelled_upload_is_gone(repository: kit.Repository) -> None:
    location = await repository.start_upload()
    await repository.put_chunk(location, CONTENT, 0)

    cancelled = await repository.client.delete(location)

    assert cancelled.status_code == 204
    for answer in (
        await repository.client.get(location),
        await repository.put_chunk(location, CONTENT, 0),
        await repository.finish_upload(location, DIGEST, CONTENT),
        await repository.client.delete(location),
    ):
        assert answer.status_code == 404
        assert kit.error_codes(answer) == ["BLOB_UPLOAD_UNKNOWN"]
    await assert_absent(repository, DIGEST)


@pytest.mark.parametrize("upload", ["0" * 32, "not-a-uuid", "%2e%2e%2fx", "%00"])
async def test_an_unknown_upload(repository: kit.Repository, upload: str) -> None:
    await repository.push_blob(b"something")

    answer = await repository.client.get(repository.url(f"blobs/uploads/{upload}"))

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize("way", ["post", "put", "chunked", "streamed"])
async def test_content_with_another_digest_is_refused(repository: kit.Repository, way: str) -> None:
    wrong = kit.digest_of(b"something else")

    if way == "post":
        answer = await repository.client.post(
            repository.url("blobs/uploads/"), params={"digest": wrong}, content=CONTENT
        )
    else:
        location = await repository.start_upload()
        if way == "chunked":
            location = (await repository.put_chunk(location, CONTENT, 0)).headers["Location"]
        elif way == "streamed":
            location = (await repository.client.patch(location, content=CONTENT)).headers["Location"]
        answer = await repository.finish_upload(location, wrong, CONTENT if way == "put" else b"")

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]
    await assert_absent(repository, wrong)
    await assert_absent(repository, DIGEST)


@pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "0" * 32, "nonsense"])
async def test_a_malformed_digest_is_refused_and_the_upload_goes_on(
    repository: kit.Repository, digest: str
) -> None:
    location = await repository.start_upload()

    refused = await repository.finish_upload(location, digest, CONTENT)

    assert refused.status_code == 400
    assert kit.error_codes(refused) == ["DIGEST_INVALID"]
    answer = await repository.finish_upload(location, DIGEST, CONTENT)
    await assert_stored(repository, answer, CONTENT, DIGEST)


async def test_closing_without_a_digest_is_refused(repository: kit.Repository) -> None:
    answer = await repository.client.put(await repository.start_upload(), content=CONTENT)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]


async def test_an_unsupported_algorithm_is_refused(repository: kit.Repository) -> None:
    answer = await repository.client.post(
        repository.url("blobs/uploads/"), params={"digest-algorithm": "md5"}
    )

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]


async def test_pushing_a_blob_twice_is_no_error(repository: kit.Repository) -> None:
    assert await repository.push_blob(CONTENT) == await repository.push_blob(CONTENT)
    assert (await repository.get_blob(DIGEST)).content == CONTENT


async def test_uploads_belong_to_their_repository(registry: httpx.AsyncClient) -> None:
    one, other = kit.Repository(registry, "owner/one"), kit.Repository(registry, "owner/other")
    await other.push_blob(b"something")
    upload = (await one.start_upload()).rsplit("/", 1)[1].partition("?")[0]

    answer = await other.put_chunk(other.url(f"blobs/uploads/{upload}"), CONTENT, 0)

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["BLOB_UPLOAD_UNKNOWN"]


async def mount(repository: kit.Repository, digest: str, source: str | None = None) -> httpx.Response:
    origin = {} if source is None else {"from": source}
    return await repository.client.post(repository.url("blobs/uploads/"), params={"mount": digest, **origin})


@pytest.mark.parametrize("source", ["owner/source", None])
async def test_a_blob_is_mounted_from_another_repository(
    repository: kit.Repository, source: str | None
) -> None:
    await kit.Repository(repository.client, "owner/source").push_blob(CONTENT)

    answer = await mount(repository, DIGEST, source)

    await assert_stored(repository, answer, CONTENT, DIGEST)


@pytest.mark.parametrize("source", ["owner/source", "owner/absent", "nobody/nothing", "BAD", None])
async def test_an_unknown_blob_cannot_be_mounted_and_an_upload_begins(
    repository: kit.Repository, source: str | None
) -> None:
    await kit.Repository(repository.client, "owner/source").push_blob(b"something")

    answer = await mount(repository, DIGEST, source)

    assert answer.status_code == 202
    answer = await repository.finish_upload(answer.headers["Location"], DIGEST, CONTENT)
    await assert_stored(repository, answer, CONTENT, DIGEST)


@pytest.mark.parametrize("source", ["stranger/secret", None])
async def test_mounting_requires_read_access_to_the_source(
    repository: kit.Repository, stranger: httpx.AsyncClient, source: str | None
) -> None:
    await kit.Repository(stranger, "stranger/secret").push_blob(CONTENT)

    answer = await mount(repository, DIGEST, source)

    assert answer.status_code == 202
    await assert_absent(repository, DIGEST)


async def test_mounting_a_malformed_digest_is_refused(repository: kit.Repository) -> None:
    answer = await mount(repository, "sha256:abc", "owner/source")

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]
