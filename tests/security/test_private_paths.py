"""A private repository looks absent on all paths of `/v2` to callers who may not pull."""

import httpx

from tests.quayside.registry import kit

LAYER = b"layer"
PRIVATE, ABSENT = "owner/app", "owner/abc"


async def answers(client: httpx.AsyncClient, path: str, upload: str) -> list[tuple[int, str, dict[str, str]]]:
    """The answers of all paths of a repository, without its name and the request ids."""
    image = kit.digest_of(kit.encode(kit.image_document(LAYER)))
    layer = kit.digest_of(LAYER)
    requests: list[tuple[str, str, dict[str, str]]] = [
        (method, address, headers)
        for method in ("GET", "HEAD")
        for address, headers in (
            ("manifests/v1", {}),
            (f"manifests/{image}", {}),
            (f"manifests/{image}", {"If-None-Match": f'"{image}"'}),
            (f"blobs/{layer}", {}),
            (f"blobs/{layer}", {"Range": "bytes=0-1"}),
            (f"blobs/{layer}", {"If-None-Match": f'"{layer}"'}),
            ("tags/list", {}),
            (f"referrers/{image}", {}),
            (f"blobs/uploads/{upload}", {}),
        )
    ] + [
        ("POST", "blobs/uploads/", {}),
        ("POST", f"blobs/uploads/?mount={layer}&from={PRIVATE}", {}),
        ("PATCH", f"blobs/uploads/{upload}", {}),
        ("PUT", f"blobs/uploads/{upload}?digest={layer}", {}),
        ("DELETE", f"blobs/uploads/{upload}", {}),
        ("PUT", "manifests/v1", {}),
        ("DELETE", "manifests/v1", {}),
        ("DELETE", f"manifests/{image}", {}),
        ("DELETE", f"blobs/{layer}", {}),
    ]
    found = []
    for method, address, headers in requests:
        answer = await client.request(method, f"/v2/{path}/{address}", headers=headers)
        told = {
            name: value.replace(path, "NAME")
            for name, value in answer.headers.items()
            if name not in {"x-request-id", "date"}
        }
        found.append((answer.status_code, answer.text.replace(path, "NAME"), told))
    return found


async def test_a_private_repository_answers_outsiders_as_an_absent_one_does(
    repository: kit.Repository, anonymous: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await repository.push_image(LAYER, tag="v1")
    location = await repository.start_upload()
    upload = location.rpartition("/")[2]

    for client in (anonymous, stranger):
        private = await answers(client, PRIVATE, upload)
        assert private == await answers(client, ABSENT, upload)
        assert {status for status, _, _ in private} == {401}

    assert (await repository.get_manifest("v1")).status_code == 200
    assert (await repository.client.get(location)).status_code == 204
