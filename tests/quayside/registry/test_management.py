"""Deleting tags, manifests and blobs (OCI Distribution 1.1, "Content Management")."""

import httpx
import pytest

from tests.quayside.registry import kit


async def delete(repository: kit.Repository, rest: str) -> httpx.Response:
    return await repository.client.delete(repository.url(rest))


async def test_a_deleted_tag_is_gone_and_its_manifest_stays(repository: kit.Repository) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    assert (await repository.put_manifest("v2", body)).status_code == 201

    assert (await delete(repository, "manifests/v1")).status_code == 202

    absent = await repository.get_manifest("v1")
    assert absent.status_code == 404
    assert kit.error_codes(absent) == ["MANIFEST_UNKNOWN"]
    assert (await repository.get_manifest("v2")).content == body
    assert (await repository.get_manifest(kit.digest_of(body))).content == body
    assert (await repository.client.get(repository.url("tags/list"))).json()["tags"] == ["v2"]


async def test_a_deleted_manifest_takes_its_tags_with_it(repository: kit.Repository) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    other = await repository.push_image(b"other", tag="v2")

    assert (await delete(repository, f"manifests/{kit.digest_of(body)}")).status_code == 202

    for reference in ("v1", kit.digest_of(body)):
        assert (await repository.get_manifest(reference)).status_code == 404
    assert (await repository.get_manifest("v2")).content == other


async def test_a_deleted_manifest_can_be_pushed_again(repository: kit.Repository) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    await delete(repository, f"manifests/{kit.digest_of(body)}")

    assert await repository.push_image(b"layer", tag="v1") == body
    assert (await repository.get_manifest("v1")).content == body


async def test_a_deleted_referrer_is_no_longer_listed(repository: kit.Repository) -> None:
    subject = kit.descriptor(await repository.push_image(b"layer"), kit.OCI_MANIFEST)
    await repository.push_blob(kit.EMPTY)
    artifact = await repository.push_manifest(
        kit.artifact_document("application/vnd.example", subject=subject)
    )

    assert (await delete(repository, f"manifests/{kit.digest_of(artifact)}")).status_code == 202

    answer = await repository.client.get(repository.url(f"referrers/{subject['digest']}"))
    assert answer.json()["manifests"] == []


async def test_deleting_a_blob_affects_one_repository(registry: httpx.AsyncClient) -> None:
    one, other = kit.Repository(registry, "owner/one"), kit.Repository(registry, "owner/other")
    digest = await one.push_blob(b"content")
    await other.push_blob(b"content")

    assert (await delete(one, f"blobs/{digest}")).status_code == 202

    for method in ("GET", "HEAD", "DELETE"):
        assert (await registry.request(method, one.url(f"blobs/{digest}"))).status_code == 404
    assert (await other.get_blob(digest)).content == b"content"
    assert await one.push_blob(b"content") == digest
    assert (await one.get_blob(digest)).content == b"content"


@pytest.mark.parametrize(
    ("rest", "status", "code"),
    [
        ("manifests/absent", 404, "MANIFEST_UNKNOWN"),
        (f"manifests/{kit.digest_of(b'absent')}", 404, "MANIFEST_UNKNOWN"),
        (f"blobs/{kit.digest_of(b'absent')}", 404, "BLOB_UNKNOWN"),
        ("manifests/sha256:abc", 400, "DIGEST_INVALID"),
        ("blobs/sha256:abc", 400, "DIGEST_INVALID"),
    ],
)
async def test_what_is_absent_cannot_be_deleted(
    repository: kit.Repository, rest: str, status: int, code: str
) -> None:
    await repository.push_image(b"layer", tag="v1")

    answer = await delete(repository, rest)

    assert answer.status_code == status
    assert kit.error_codes(answer) == [code]
