"""Indexes without all of their images through every door, with SPARSE_INDEX."""

from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from quayside.settings.settings import Settings
from resolvers.access.scopes import SCOPES
from resolvers.accounts import account
from resolvers.oauth.token import create_access_token
from tests.quayside.registry import kit, people

HERE, ELSEWHERE = b"a layer that is here", b"a layer that is elsewhere"
PRESENT, ABSENT = kit.encode(kit.image_document(HERE)), kit.encode(kit.image_document(ELSEWHERE))
INDEX = kit.index_document(PRESENT, ABSENT)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, features=settings.features | {"SPARSE_INDEX"})


async def test_an_index_without_an_image_is_pushed_pulled_and_listed(
    repository: kit.Repository, application: Starlette, settings: Settings
) -> None:
    await repository.push_image(HERE)
    index = await repository.push_manifest(INDEX, "v1")

    assert (await repository.get_manifest("v1")).content == index
    assert (await repository.get_manifest(kit.digest_of(PRESENT))).content == PRESENT
    absent = await repository.get_manifest(kit.digest_of(ABSENT))
    assert (absent.status_code, kit.error_codes(absent)) == (404, ["MANIFEST_UNKNOWN"])
    # What it lists may come later; an image never without its layers.
    refused = await repository.put_manifest(kit.digest_of(ABSENT), ABSENT)
    assert (refused.status_code, kit.error_codes(refused)) == (404, ["MANIFEST_BLOB_UNKNOWN"])

    async with people.acting(settings) as context:
        owner = await account.by_name(people.OWNER)
        assert owner is not None
        scopes = frozenset(row.scope for row in SCOPES.values() if row.is_grantable)
        token = await create_access_token(context, owner, scopes, title="test")
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        capabilities = await client.get("/api/v1/registry/capabilities")
        listed = await client.get(
            f"/api/v1/repository/{people.OWNER}/app/tag/", headers={"Authorization": f"Bearer {token}"}
        )

    assert (capabilities.status_code, capabilities.json()) == (
        200,
        {
            "sparse_manifests": {
                "supported": True,
                "required_architectures": [],
                "optional_architectures_allowed": True,
            },
            "mirror_architectures": ["amd64", "arm64", "ppc64le", "s390x"],
        },
    )
    (tag,) = listed.json()["tags"]
    assert {
        key: value for key, value in tag.items() if key.startswith(("is_sparse", "child", "present"))
    } == {
        "is_sparse": True,
        "child_manifest_count": 2,
        "present_child_count": 1,
        "child_manifests_presence": {kit.digest_of(PRESENT): True, kit.digest_of(ABSENT): False},
    }

    await repository.push_image(ELSEWHERE)
    assert (await repository.get_manifest(kit.digest_of(ABSENT))).content == ABSENT


async def test_an_image_that_is_there_has_the_size_that_an_index_tells(repository: kit.Repository) -> None:
    await repository.push_image(HERE)
    index = kit.encode({**INDEX, "manifests": [INDEX["manifests"][0] | {"size": 7}]})

    refused = await repository.put_manifest("v1", index)

    assert (refused.status_code, kit.error_codes(refused)) == (400, ["MANIFEST_INVALID"])
