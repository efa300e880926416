"""Grace period: garbage collection must keep content that a client found by HEAD before it pushes."""

from collections.abc import AsyncIterator

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.content import push
from resolvers.content.garbage_collection import collect
from storage.blobs import open_blob_store
from storage.database import Database
from storage.statements import execute, fetch
from tests.quayside.registry import kit

LAYER = b"layer"
DIGEST = kit.digest_of(LAYER)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The registry's database, beside it."""
    opened = await Database.connect(settings.database_url)
    opened.make_current()
    yield opened
    await opened.close()


@pytest.fixture
async def left(repository: kit.Repository, database: Database) -> kit.Repository:
    """The repository, with old unreferenced blobs of an image."""
    await repository.push_blobs(kit.CONFIG, LAYER)
    await execute("UPDATE repository_blob SET created_at_ms = 1")
    return repository


async def _collect() -> None:
    store = open_blob_store("memory:")
    async for _ in collect(store):
        pass
    await store.close()


async def _rights() -> int:
    return len(await fetch("SELECT id FROM repository_blob"))


async def test_head_of_a_blob_renews_its_grace_period(left: kit.Repository) -> None:
    for content in (kit.CONFIG, LAYER):
        found = await left.client.head(left.url(f"blobs/{kit.digest_of(content)}"))
        assert found.status_code == 200
    await _collect()

    await left.push_manifest(kit.image_document(LAYER), "v1")

    assert (await left.get_blob(DIGEST)).content == LAYER


async def test_head_of_a_concurrently_collected_blob_is_404(
    left: kit.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = push.renew_blob

    async def late(repository_id: int, digest: str) -> bool:
        await _collect()
        return await renew(repository_id, digest)

    monkeypatch.setattr(push, "renew_blob", late)

    assert (await left.client.head(left.url(f"blobs/{DIGEST}"))).status_code == 404
    assert await _rights() == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_pulling_does_not_renew_the_grace_period_of_a_blob(
    left: kit.Repository, anonymous: httpx.AsyncClient, database: Database, method: str
) -> None:
    await execute("UPDATE repository SET visibility = 'public', auth_epoch = auth_epoch + 1")

    pulled = await anonymous.request(method, left.url(f"blobs/{DIGEST}"))
    await _collect()

    assert pulled.status_code == 200
    assert await _rights() == 0


@pytest.fixture
async def lost(repository: kit.Repository, database: Database) -> str:
    """The digest of a garbage image: its only tag ended long ago, and it was not pushed since."""
    body = await repository.push_image(LAYER, tag="v1")
    await execute("UPDATE tag SET started_at_ms = 1, ended_at_ms = 2")
    await execute("UPDATE manifest SET created_at_ms = 1")
    return kit.digest_of(body)


async def test_head_of_a_manifest_renews_its_grace_period(repository: kit.Repository, lost: str) -> None:
    found = await repository.client.head(repository.url(f"manifests/{lost}"))
    assert found.status_code == 200
    await _collect()

    assert (await repository.get_manifest(lost)).status_code == 200


async def test_pulling_does_not_renew_the_grace_period_of_a_manifest(
    repository: kit.Repository, lost: str, anonymous: httpx.AsyncClient
) -> None:
    await execute("UPDATE repository SET visibility = 'public', auth_epoch = auth_epoch + 1")

    assert (await anonymous.head(repository.url(f"manifests/{lost}"))).status_code == 200
    assert (await repository.get_manifest(lost)).status_code == 200
    await _collect()

    assert (await repository.get_manifest(lost)).status_code == 404


async def test_head_of_a_concurrently_collected_manifest_is_404(
    repository: kit.Repository, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = push.renew_manifest

    async def late(manifest_id: int) -> bool:
        await _collect()
        return await renew(manifest_id)

    monkeypatch.setattr(push, "renew_manifest", late)

    assert (await repository.client.head(repository.url(f"manifests/{lost}"))).status_code == 404
