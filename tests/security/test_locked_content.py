"""A locked tag protects its content: the manifests of an index, and blobs, cannot be deleted."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.tags.tag import TagChanges
from resolvers.tags.tag import update as update_tag
from tests.quayside.registry import kit, people


async def lock(settings: Settings, path: str, name: str, *, is_locked: bool = True) -> None:
    async with people.acting(settings) as context:
        await update_tag(context, path, name, TagChanges(is_immutable=is_locked))


async def child(repository: kit.Repository, image: bytes) -> httpx.Response:
    return await repository.client.delete(repository.url(f"manifests/{kit.digest_of(image)}"))


async def layer(repository: kit.Repository, image: bytes) -> httpx.Response:
    return await repository.client.delete(repository.url(f"blobs/{kit.digest_of(b'layer')}"))


async def configuration(repository: kit.Repository, image: bytes) -> httpx.Response:
    return await repository.client.delete(repository.url(f"blobs/{kit.digest_of(kit.CONFIG)}"))


@pytest.mark.parametrize("attack", [child, layer, configuration])
async def test_nothing_below_a_locked_tag_can_be_deleted(
    repository: kit.Repository,
    settings: Settings,
    attack: Callable[[kit.Repository, bytes], Awaitable[httpx.Response]],
) -> None:
    image = await repository.push_image(b"layer")
    inner = await repository.push_manifest(kit.index_document(image))
    await repository.push_manifest(kit.index_document(inner), "v1")
    await lock(settings, "owner/app", "v1")

    refused = await attack(repository, image)

    assert (refused.status_code, kit.error_codes(refused)) == (403, ["DENIED"])
    assert (await repository.get_manifest(kit.digest_of(image))).content == image
    assert (await repository.get_blob(kit.digest_of(b"layer"))).content == b"layer"
    assert (await repository.get_blob(kit.digest_of(kit.CONFIG))).content == kit.CONFIG


@pytest.mark.parametrize("attack", [child, layer, configuration])
async def test_content_of_no_locked_tag_can_be_deleted(
    repository: kit.Repository,
    settings: Settings,
    attack: Callable[[kit.Repository, bytes], Awaitable[httpx.Response]],
) -> None:
    image = await repository.push_image(b"layer")
    await repository.push_manifest(kit.index_document(image), "v1")
    await lock(settings, "owner/app", "v1")
    await lock(settings, "owner/app", "v1", is_locked=False)

    assert (await attack(repository, image)).status_code == 202
