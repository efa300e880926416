"""Keys that sign statements on built images: published as long as anybody may verify what they signed."""

import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from starlette.applications import Starlette

from resolvers.access.viewer import AccountKind, Viewer, ViewerAccount
from resolvers.attestations.referrer import Image, Referrer
from resolvers.attestations.signing import attest
from resolvers.context import Context
from resolvers.job_kinds import Run, Tools
from resolvers.keys import service_key
from resolvers.keys.own_key import STATEMENTS, ensure
from resolvers.keys.service_key import EXPIRED_MS, ServiceKeyChanges
from resolvers.keys.upkeep import tend_keys
from storage.clock import now_ms
from storage.models.site import ServiceKey
from storage.statements import execute, fetch
from tests.attested import verify
from tests.factories import Factory

KEYS = "/keys/services/builds/keys"
IMAGE = Image(f"sha256:{'a' * 64}", "application/vnd.oci.image.manifest.v1+json", 1234)


@pytest.fixture
async def root(factory: Factory) -> Context:
    account = await factory.user("root", is_superuser=True)
    viewer = Viewer(ViewerAccount(account.id, "root", AccountKind.USER, 0), is_superuser=True)
    return factory.context(viewer)


@pytest.fixture
def http(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry.test")


async def made(context: Context) -> dict[str, Any]:
    """The bundle of a new statement."""
    return bundle_of(await attest(context, IMAGE, ["ada/app"], "https://example.com/said", {"a": 1}))


def bundle_of(referrer: Referrer) -> dict[str, Any]:
    (layer,) = json.loads(referrer.body)["layers"]
    return dict(json.loads(referrer.blobs[layer["digest"]]))


def kid_of(bundle: dict[str, Any]) -> str:
    return str(bundle["verificationMaterial"]["publicKey"]["hint"])


async def published(http: httpx.AsyncClient) -> list[str]:
    return [key["kid"] for key in (await http.get(KEYS)).json()["keys"]]


async def test_an_old_statement_is_verified_after_rotations_and_the_end_of_its_key(
    root: Context, http: httpx.AsyncClient
) -> None:
    # Given a statement of a key that was replaced, has expired, and would have vanished long ago
    old = await made(root)
    await execute("UPDATE service_key SET created_at_ms = created_at_ms - rotation_duration_s * 1000")
    await tend_keys(Run({}, Tools(root)))
    new = await made(root)
    await execute(
        "UPDATE service_key SET expires_at_ms = ? WHERE kid = ?", now_ms() - EXPIRED_MS - 1, kid_of(old)
    )
    await tend_keys(Run({}, Tools(root)))

    # Then its public half is published, and whoever takes that verifies the statement
    assert await published(http) == [kid_of(new), kid_of(old)]
    answer = await http.get(f"{KEYS}/{kid_of(old)}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    assert verify(old["dsseEnvelope"], answer.json()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"{root.site.registry_host}/ada/app", "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://example.com/said",
        "predicate": {"a": 1},
    }
    with pytest.raises(InvalidSignature):
        verify(new["dsseEnvelope"] | {"payload": old["dsseEnvelope"]["payload"]}, answer.json())
    (row,) = await fetch("SELECT successor_kid FROM service_key WHERE kid = ?", kid_of(old))
    assert row["successor_kid"] == kid_of(new)


async def test_a_deleted_key_is_published_no_more_and_the_one_that_signs_has_a_successor(
    root: Context, http: httpx.AsyncClient
) -> None:
    old = await made(root)
    rotated = await service_key.rotate(root, "builds")
    assert (rotated.service, kid_of(await made(root))) == ("builds", rotated.kid)

    await service_key.delete(root, kid_of(old))
    await service_key.delete(root, rotated.kid)

    (signs,) = await published(http)
    assert (await http.get(f"{KEYS}/{kid_of(old)}")).status_code == 404
    assert signs == kid_of(await made(root)) != rotated.kid


async def test_an_expired_key_signs_no_more(root: Context) -> None:
    first = await ensure(root, STATEMENTS)
    await service_key.update(root, first.kid, ServiceKeyChanges(expires_at_ms=now_ms() + 60_000))
    assert kid_of(await made(root)) == first.kid
    await execute("UPDATE service_key SET expires_at_ms = ? WHERE kid = ?", now_ms() - 1, first.kid)

    assert kid_of(await made(root)) != first.kid


async def test_a_key_that_somebody_had_made_for_the_name_is_none_of_ours(
    root: Context, http: httpx.AsyncClient
) -> None:
    """Before the registry had keys of that name anybody's could be approved for it."""
    foreign = await service_key.create(root, service="builder")
    await ServiceKey.filter(kid=foreign.record.kid).update(service="builds")

    bundle = await made(root)

    assert kid_of(bundle) != foreign.record.kid
    assert await published(http) == [kid_of(bundle)]
    assert (await http.get(f"{KEYS}/{foreign.record.kid}")).status_code == 404
