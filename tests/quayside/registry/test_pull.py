"""Pulling: manifests and blobs by GET and HEAD (OCI Distribution 1.1, "Pull")."""

import httpx
import pytest

from storage.statements import count_statements
from tests.quayside.registry import kit

BLOB = bytes(range(256)) * 8


async def test_the_api_version_check(registry: httpx.AsyncClient) -> None:
    answer = await registry.get("/v2/")

    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize("by", ["tag", "digest"])
async def test_a_manifest_is_served_exactly_as_pushed(repository: kit.Repository, by: str) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer")
    # White space and order are the client's, so that serializing it again would change the bytes.
    body = b"\n " + kit.encode(kit.image_document(b"layer") | {"vendor": {"x": 1}}) + b"\n"
    assert (await repository.put_manifest("latest", body)).status_code == 201

    answer = await repository.get_manifest("latest" if by == "tag" else kit.digest_of(body))

    assert answer.status_code == 200
    assert answer.content == body
    assert answer.headers["Content-Type"] == kit.OCI_MANIFEST
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Docker-Content-Digest"] == kit.digest_of(body)


async def test_a_pull_takes_two_statements(
    repository: kit.Repository,
) -> None:
    body = await repository.push_image(b"layer", tag="latest")
    await repository.get_manifest("latest")

    for reference in ("latest", kit.digest_of(body)):
        with count_statements() as count:
            await repository.get_manifest(reference)
        assert len(count.statements) == 2
    with count_statements() as count:
        await repository.get_blob(kit.digest_of(b"layer"))
    assert len(count.statements) == 2


@pytest.mark.parametrize("by", ["tag", "digest"])
async def test_head_of_a_manifest_has_its_headers_only(repository: kit.Repository, by: str) -> None:
    body = await repository.push_image(b"layer", tag="latest")

    reference = "latest" if by == "tag" else kit.digest_of(body)
    answer = await repository.client.head(repository.url(f"manifests/{reference}"))

    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["Content-Type"] == kit.OCI_MANIFEST
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Docker-Content-Digest"] == kit.digest_of(body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["absent", kit.digest_of(b"absent"), ".NOT_A_TAG"])
async def test_an_absent_manifest_is_not_found(
    repository: kit.Repository, method: str, reference: str
) -> None:
    await repository.push_image(b"layer", tag="latest")

    answer = await repository.client.request(method, repository.url(f"manifests/{reference}"))

    assert answer.status_code == 404
    if method == "GET":
        assert kit.error_codes(answer) == ["MANIFEST_UNKNOWN"]


@pytest.mark.parametrize(
    "rest", ["manifests/sha256:baddigeststring", "blobs/sha256:baddigeststring", "blobs/x"]
)
async def test_a_malformed_digest_is_invalid(repository: kit.Repository, rest: str) -> None:
    await repository.push_blob(b"content")

    answer = await repository.client.get(repository.url(rest))

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]


@pytest.mark.parametrize(
    "name", ["Owner/app", "owner//app", "owner/-app", "owner/.app", "owner/app/", "owner/" + "a" * 256]
)
async def test_a_malformed_name_is_invalid(registry: httpx.AsyncClient, name: str) -> None:
    answer = await registry.get(f"/v2/{name}/manifests/latest")

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["NAME_INVALID"]


@pytest.mark.parametrize("content", [BLOB, b"", b"{}"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_blob_is_served(repository: kit.Repository, content: bytes, algorithm: str) -> None:
    digest = await repository.push_blob(content, algorithm=algorithm)

    got = await repository.get_blob(digest)
    head = await repository.client.head(repository.url(f"blobs/{digest}"))

    for answer in (got, head):
        assert answer.status_code == 200
        assert answer.headers["Content-Length"] == str(len(content))
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.headers["Accept-Ranges"] == "bytes"
    assert got.content == content
    assert head.content == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_absent_blob_is_not_found(repository: kit.Repository, method: str) -> None:
    await repository.push_blob(b"content")

    answer = await repository.client.request(method, repository.url(f"blobs/{kit.digest_of(b'absent')}"))

    assert answer.status_code == 404
    if method == "GET":
        assert kit.error_codes(answer) == ["BLOB_UNKNOWN"]


@pytest.mark.parametrize(
    ("header", "part", "content_range"),
    [
        ("bytes=500-1499", BLOB[500:1500], "bytes 500-1499/2048"),
        ("bytes=500-", BLOB[500:], "bytes 500-2047/2048"),
        ("bytes=-500", BLOB[-500:], "bytes 1548-2047/2048"),
        ("bytes=2000-5000", BLOB[2000:], "bytes 2000-2047/2048"),
        ("bytes=0-0", BLOB[:1], "bytes 0-0/2048"),
    ],
)
async def test_a_range_of_a_blob_is_served(
    repository: kit.Repository, header: str, part: bytes, content_range: str
) -> None:
    digest = await repository.push_blob(BLOB)

    answer = await repository.get_blob(digest, Range=header)

    assert answer.status_code == 206
    assert answer.content == part
    assert answer.headers["Content-Length"] == str(len(part))
    assert answer.headers["Content-Range"] == content_range
    assert answer.headers["Docker-Content-Digest"] == digest


@pytest.mark.parametrize("header", ["bytes=5000-10000", "bytes=2048-", "bytes=500-0", "bytes=-0"])
async def test_a_range_without_bytes_cannot_be_served(repository: kit.Repository, header: str) -> None:
    digest = await repository.push_blob(BLOB)

    answer = await repository.get_blob(digest, Range=header)

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */2048"
    assert kit.error_codes(answer) == ["SIZE_INVALID"]


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "items=0-1", "nonsense"])
async def test_a_range_that_is_not_understood_yields_the_whole_blob(
    repository: kit.Repository, header: str
) -> None:
    digest = await repository.push_blob(BLOB)

    answer = await repository.get_blob(digest, Range=header)

    assert answer.status_code == 200
    assert answer.content == BLOB


async def test_a_blob_of_many_pieces_is_served_whole(repository: kit.Repository) -> None:
    content = BLOB * 1600  # 3.1 MiB, more than three pieces of the store.
    digest = await repository.push_blob(content)

    assert (await repository.get_blob(digest)).content == content
    part = await repository.get_blob(digest, Range="bytes=1048570-2097160")
    assert part.content == content[1048570:2097161]


async def test_a_blob_of_one_repository_is_unknown_to_another(registry: httpx.AsyncClient) -> None:
    one, other = kit.Repository(registry, "owner/one"), kit.Repository(registry, "owner/other")
    digest = await one.push_blob(b"mine")
    await other.push_blob(b"something else")

    assert (await one.get_blob(digest)).status_code == 200
    answer = await other.get_blob(digest)
    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["BLOB_UNKNOWN"]


@pytest.mark.parametrize(
    "name", ["owner/tags", "owner/a/tags/list", "owner/blobs/uploads", "owner/x/manifests"]
)
async def test_names_may_spell_words_of_addresses(registry: httpx.AsyncClient, name: str) -> None:
    repository = kit.Repository(registry, name)

    body = await repository.push_image(b"layer", tag="manifests")

    assert (await repository.get_manifest("manifests")).content == body
    assert (await repository.get_blob(kit.digest_of(b"layer"))).content == b"layer"
    assert (await registry.get(repository.url("tags/list"))).json() == {"name": name, "tags": ["manifests"]}
    encoded = await registry.get(f"/v2/{name.replace('/', '%2F')}/manifests/manifests")
    assert encoded.content == body


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
async def test_if_none_match_yields_304(repository: kit.Repository, kind: str, form: str) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    digest = kit.digest_of(body if kind == "manifests" else b"layer")
    url = repository.url(f"{kind}/{digest}")

    unchanged = await repository.client.get(url, headers={"If-None-Match": form.format(digest)})
    changed = await repository.client.get(url, headers={"If-None-Match": '"other"'})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == changed.headers["ETag"] == f'"{digest}"'
    assert kit.digest_of(changed.content) == digest


async def test_if_range_with_another_etag_yields_the_whole_blob(repository: kit.Repository) -> None:
    digest = await repository.push_blob(BLOB)

    same = await repository.get_blob(digest, **{"Range": "bytes=0-9", "If-Range": f'"{digest}"'})
    other = await repository.get_blob(digest, **{"Range": "bytes=0-9", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, BLOB[:10])
    assert (other.status_code, other.content) == (200, BLOB)


async def test_other_methods_and_addresses_are_refused(registry: httpx.AsyncClient) -> None:
    refused = await registry.post("/v2/owner/app/manifests/latest")
    unknown = await registry.get("/v2/owner/app/nothing")

    assert refused.status_code == 405
    assert refused.headers["Allow"] == "DELETE, GET, HEAD, PUT"
    assert kit.error_codes(refused) == ["UNSUPPORTED"]
    assert unknown.status_code == 404
    assert kit.error_codes(unknown) == ["UNSUPPORTED"]
