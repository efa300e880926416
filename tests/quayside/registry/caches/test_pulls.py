"""Pull-through caches at `/v2`: what is asked of the upstream, what is stored, and who makes repositories."""

import asyncio
from typing import Any

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheSettings
from resolvers.repositories import repository as repositories
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.quayside.registry.caches.caching import (
    LAYERS,
    ORG,
    at,
    get,
    gets,
    heads,
    rows,
)
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER, acting, permit
from tests.upstreams.upstream import FakeUpstream


async def test_what_was_pulled_once_is_served_without_asking(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    digest = upstream.image("lib/app", "v1", *LAYERS)

    first = await get(registry, "manifests/v1", "HEAD")
    pulled = await get(registry, f"manifests/{digest}")
    blobs = [
        await get(registry, f"blobs/{entry['digest']}")
        for entry in (pulled.json()["config"], *pulled.json()["layers"])
    ]
    asked = heads(upstream), gets(upstream)
    again = [
        await get(registry, rest, params={"ns": "docker.io"})
        for rest in ("manifests/v1", f"manifests/{digest}", f"blobs/{kit.digest_of(LAYERS[0])}")
    ]
    part = await get(registry, f"blobs/{kit.digest_of(LAYERS[1])}", headers={"Range": "bytes=2-4"})

    assert first.headers["Docker-Content-Digest"] == digest
    assert "Warning" not in first.headers
    assert kit.digest_of(pulled.content) == digest
    assert [blob.content for blob in blobs[1:]] == list(LAYERS)
    assert [blob.status_code for blob in (*blobs, *again, part)] == [200] * 6 + [206]
    assert part.content == LAYERS[1][2:5]
    assert asked == (
        ["app/manifests/v1"],
        sorted(
            [f"app/manifests/{digest}"]
            + [
                f"app/blobs/{entry['digest']}"
                for entry in (pulled.json()["config"], *pulled.json()["layers"])
            ]
        ),
    )
    assert (heads(upstream), gets(upstream)) == asked
    (made,) = await rows(
        settings, "SELECT r.visibility, t.name, t.is_expiration FROM repository r JOIN tag t ON TRUE"
    )
    assert tuple(made) in {("private", "v1", 1), ("private", "v1", True)}
    kinds = await rows(settings, "SELECT kind FROM audit_log WHERE kind LIKE 'push%' OR kind LIKE '%_tag'")
    assert kinds == [("create_tag",)]


async def test_a_tag_is_confirmed_by_one_head_and_moves_with_the_upstream(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    old = upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")

    clock.move(61)
    unmoved = await asyncio.gather(*[get(registry, "manifests/v1") for _ in range(8)])
    asked = heads(upstream), gets(upstream)
    new = upstream.image("lib/app", "v1", LAYERS[1])
    early = await get(registry, "manifests/v1")
    clock.move(61)
    moved = await asyncio.gather(*[get(registry, "manifests/v1") for _ in range(8)])

    assert {answer.headers["Docker-Content-Digest"] for answer in (*unmoved, early)} == {old}
    assert {answer.headers["Docker-Content-Digest"] for answer in moved} == {new}
    assert len(asked[0]) == 2
    assert len(heads(upstream)) == 3
    assert gets(upstream).count(f"app/manifests/{new}") == 1
    history = await rows(settings, "SELECT has_ended, life FROM tag ORDER BY id")
    assert [(bool(ended), life) for ended, life in history] == [(True, 0), (False, 0)]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "30"}}])
async def test_what_is_stored_is_served_with_a_warning_while_the_upstream_is_down_or_limits(
    fault: dict[str, Any], registry: httpx.AsyncClient, upstream: FakeUpstream, clock: Clock
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")
    upstream.rule("manifests/", **fault)

    clock.move(61)
    within = await get(registry, "manifests/v1")
    clock.move(3600)
    beyond = await get(registry, "manifests/v1")
    absent = await get(registry, "manifests/v2")
    by_digest = await get(registry, f"manifests/{digest}")

    for answer in (within, beyond):
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (200, digest)
        assert answer.headers["Warning"].startswith('299 - "outdated, since the upstream could not be asked')
        assert answer.headers["X-Quayside-Cache"] == "stale"
    assert by_digest.status_code == 200
    assert "Warning" not in by_digest.headers
    is_limited = fault["status"] == 429
    assert absent.status_code == fault["status"]
    assert absent.json()["errors"][0]["code"] == ("TOOMANYREQUESTS" if is_limited else "UNAVAILABLE")
    assert 1 <= int(absent.headers["Retry-After"]) <= 30


async def test_a_tag_ends_when_the_upstream_has_it_no_longer_or_refuses_for_too_long(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    for name in ("gone", "refused"):
        upstream.image("lib/app", name, LAYERS[0], annotations={"name": name})
        await get(registry, f"manifests/{name}")
    upstream.rule("manifests/gone", status=404)
    upstream.rule("manifests/refused", status=403)

    clock.move(61)
    gone = [await get(registry, "manifests/gone") for _ in range(2)]
    within = await get(registry, "manifests/refused")
    clock.move(3600)
    beyond = await get(registry, "manifests/refused")

    assert [answer.status_code for answer in gone] == [404, 404]
    assert gone[0].json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert (within.status_code, within.headers["X-Quayside-Cache"]) == (200, "stale")
    assert (beyond.status_code, beyond.json()["errors"][0]["code"]) == (403, "DENIED")
    kinds = await rows(settings, "SELECT kind FROM audit_log WHERE kind = 'delete_tag'")
    assert kinds == [("delete_tag",)]


async def test_what_was_pushed_before_stays_where_the_upstream_has_nothing_of_that_name(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    async with acting(settings) as context:
        await configuration.delete(context, ORG)
    repository = at(registry)
    await repository.push_blobs(kit.CONFIG, b"own")
    own = kit.digest_of(await repository.push_manifest(kit.image_document(b"own"), "own"))
    await repository.push_manifest(kit.image_document(b"own"), "shared")
    theirs = upstream.image("lib/app", "shared", LAYERS[0])
    async with acting(settings) as context:
        await configuration.create(
            context, ORG, ProxyCacheSettings(upstream_registry=f"{upstream.host}/lib", is_insecure=True)
        )

    found = [await get(registry, f"manifests/{name}") for name in ("own", "own", "shared")]

    assert [answer.headers.get("Docker-Content-Digest") for answer in found] == [own, own, theirs]


async def test_only_who_may_create_repositories_begins_and_then_permissions_decide(
    registry: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    upstream: FakeUpstream,
    settings: Settings,
) -> None:
    upstream.image("lib/app", "v1", LAYERS[0])
    before = [await get(client, "manifests/v1") for client in (stranger, anonymous)]
    nothing = [await get(registry, f"manifests/{name}") for name in ("v9", "v9")]
    asked = heads(upstream)
    none = await rows(settings, "SELECT id FROM repository")

    made = await get(registry, "manifests/v1")
    refused = await get(stranger, "manifests/v1")
    async with acting(settings) as context:
        await permit(context, f"{ORG}/app", STRANGER, RepositoryRole.READ)
    allowed = await get(stranger, "manifests/v1")
    blob = await get(stranger, f"blobs/{kit.digest_of(LAYERS[0])}")

    assert [answer.status_code for answer in (*before, *nothing)] == [401, 401, 404, 404]
    assert nothing[0].json()["errors"][0]["code"] == "NAME_UNKNOWN"
    assert none == []
    assert asked == ["app/manifests/v9"] * 2
    assert [answer.status_code for answer in (made, refused, allowed, blob)] == [200, 401, 200, 200]
    assert heads(upstream) == [*asked, "app/manifests/v1"]


async def test_pushes_are_refused(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    upstream.image("lib/app", "v1", LAYERS[0])
    absent = await registry.post(f"/v2/{ORG}/other/blobs/uploads/")
    await get(registry, "manifests/v1")
    begun = await registry.post(f"/v2/{ORG}/app/blobs/uploads/")
    put = await at(registry).put_manifest("v2", kit.encode(kit.image_document(LAYERS[0])))
    deleted = await get(registry, "manifests/v1", "DELETE")

    for answer in (absent, begun, put):
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["code"]) == (403, "DENIED")
        assert f"The organization {ORG} is a pull-through cache" in error["message"]
    assert deleted.status_code == 202
    assert await rows(settings, "SELECT name FROM repository") == [("app",)]
    assert await rows(settings, "SELECT uuid FROM upload") == []


async def test_a_blob_is_there_only_for_manifests_of_the_repository(
    registry: httpx.AsyncClient, stranger: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    """An upstream that names the private blob of another namespace has to have it."""
    secret = b"secret" * 100
    theirs = kit.Repository(stranger, f"{STRANGER}/hidden")
    await theirs.push_blobs(kit.CONFIG, secret)
    await theirs.push_manifest(kit.image_document(secret), "v1")
    upstream.blob("lib/app", kit.CONFIG)
    upstream.manifest("lib/app", "v1", kit.image_document(secret))

    manifest = await get(registry, "manifests/v1")
    named = await get(registry, f"blobs/{kit.digest_of(secret)}")
    other = await get(registry, f"blobs/{kit.digest_of(b'never named')}")

    assert manifest.status_code == 200
    assert (named.status_code, named.json()["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")
    assert other.status_code == 404
    assert "app/blobs/" + kit.digest_of(b"never named") not in gets(upstream)


async def test_a_pull_gives_the_cache_nothing_of_what_the_puller_may_read_elsewhere(
    registry: httpx.AsyncClient, stranger: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    """An upstream that names private blobs of whoever pulls would publish them to other readers."""
    secret, config = b"secret" * 100, kit.CONFIG.replace(b"amd64", b"s390x")
    mine = kit.Repository(registry, f"{OWNER}/private")
    await mine.push_blobs(config, secret)
    await mine.push_manifest(kit.image_document(secret, config=config), "v1")
    # The stranger may read the cache, also another repository of it, where the blob is by right.
    upstream.image("lib/app", "ok", LAYERS[0])
    upstream.image("lib/closed", "v1", secret)
    await get(registry, "manifests/ok")
    await registry.get(f"/v2/{ORG}/closed/manifests/v1")
    closed = await registry.get(f"/v2/{ORG}/closed/blobs/{kit.digest_of(secret)}")
    async with acting(settings) as context:
        await permit(context, f"{ORG}/app", STRANGER, RepositoryRole.READ)
    upstream.blob("lib/app", kit.CONFIG)
    upstream.manifest("lib/app", "layer", kit.image_document(secret))
    upstream.manifest("lib/app", "config", kit.image_document(config=config))
    blob = f"blobs/{kit.digest_of(secret)}"

    before = await get(stranger, blob)
    manifests = [await get(registry, f"manifests/{name}") for name in ("layer", "config")]
    named = await get(registry, blob)
    after = [await get(stranger, rest) for rest in (blob, f"blobs/{kit.digest_of(config)}")]
    asked = gets(upstream)
    upstream.blob("lib/app", secret)
    fetched = [await get(client, blob) for client in (registry, stranger)]

    assert closed.content == secret
    assert [answer.status_code for answer in (before, *manifests, named, *after)] == [404, 200, 404] + [
        404
    ] * 3
    assert {f"app/{blob}", f"app/blobs/{kit.digest_of(config)}"} <= set(asked)
    assert [answer.content for answer in fetched] == [secret] * 2


async def test_many_pulls_of_a_cold_image_fetch_each_blob_once(
    registry: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    layers = [bytes([number]) * 300_000 for number in range(4)]
    digest = upstream.image("lib/app", "v1", *layers)

    async def pull() -> list[bytes]:
        found = await get(registry, "manifests/v1")
        blobs = [get(registry, f"blobs/{layer['digest']}") for layer in found.json()["layers"]]
        return [answer.content for answer in await asyncio.gather(*blobs)]

    pulled = await asyncio.gather(*[pull() for _ in range(10)])

    assert all(contents == layers for contents in pulled)
    assert heads(upstream) == ["app/manifests/v1"]
    fetched = gets(upstream)
    assert fetched.count(f"app/manifests/{digest}") == 1
    assert [fetched.count(f"app/blobs/{kit.digest_of(layer)}") for layer in layers] == [1] * 4


async def test_referrers_are_those_of_the_upstream_and_those_that_are_stored(
    registry: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    image = (await get(registry, "manifests/v1")).content
    upstream.blob("lib/app", kit.EMPTY)
    found = []
    for kind, content in (("application/x.sbom", b"bill"), ("application/x.sig", b"signed")):
        upstream.blob("lib/app", content)
        document = kit.artifact_document(kind, content, subject=kit.descriptor(image, kit.OCI_MANIFEST))
        found.append(upstream.manifest("lib/app", "sha256:", document))

    listed = await get(registry, f"referrers/{digest}")
    chosen = await get(registry, f"referrers/{digest}", params={"artifactType": "application/x.sig"})
    pulled = await get(registry, f"manifests/{found[0]}")
    blob = await get(registry, f"blobs/{pulled.json()['layers'][0]['digest']}")
    again = await get(registry, f"referrers/{digest}")
    upstream.rule("referrers/", status=503)
    stale = await get(registry, f"referrers/{digest}")

    assert sorted(entry["digest"] for entry in listed.json()["manifests"]) == sorted(found)
    assert [entry["digest"] for entry in chosen.json()["manifests"]] == [found[1]]
    assert chosen.headers["OCI-Filters-Applied"] == "artifactType"
    assert (pulled.status_code, blob.content) == (200, b"bill")
    assert sorted(entry["digest"] for entry in again.json()["manifests"]) == sorted(found)
    assert [entry["digest"] for entry in stale.json()["manifests"]] == [found[0]]
    assert stale.headers["X-Quayside-Cache"] == "stale"


async def test_docker_and_buildkit_ask_as_they_do(
    unauthenticated: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    """The requests that they send, one by one: HEAD by tag, GET by digest, BuildKit with the name's host."""
    digest, layer = upstream.image("lib/app", "v1", LAYERS[0]), kit.digest_of(LAYERS[0])
    accept = {"Accept": f"{kit.DOCKER_MANIFEST}, {kit.DOCKER_LIST}, {kit.OCI_MANIFEST}, {kit.OCI_INDEX}, */*"}
    challenged = await get(
        unauthenticated, "manifests/v1", "HEAD", params={"ns": "docker.io"}, headers=accept
    )
    asked = kit.challenge_of(challenged)
    granted = await unauthenticated.get(
        "/v2/auth",
        params={"service": asked["service"], "scope": asked["scope"]},
        auth=httpx.BasicAuth(OWNER, PASSWORD),
    )
    headers = accept | {"Authorization": f"Bearer {granted.json()['token']}"}
    found = [
        await get(unauthenticated, rest, method, params=query, headers=headers)
        for query in ({}, {"ns": "docker.io"})
        for method, rest in (
            ("HEAD", "manifests/v1"),
            ("GET", f"manifests/{digest}"),
            ("GET", f"blobs/{layer}"),
        )
    ]

    assert asked["scope"] == f"repository:{ORG}/app:pull"
    assert [answer.status_code for answer in found] == [200] * 6
    assert [answer.headers["Docker-Content-Digest"] for answer in found] == [digest, digest, layer] * 2
    assert [answer.content for answer in (found[2], found[5])] == [LAYERS[0]] * 2


async def test_failures_of_an_upstream_are_told_without_its_login(
    registry: httpx.AsyncClient, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    login = ProxyCacheSettings(
        upstream_registry=f"{upstream.host}/lib", is_insecure=True, username="reader", password="grape-vine"
    )
    async with acting(settings) as context:
        await configuration.delete(context, ORG)
        await configuration.create(context, ORG, login)
        await repositories.create(
            context, namespace=ORG, name="app", visibility=repositories.Visibility.PRIVATE
        )
    upstream.ask_for("bearer", username="reader", password="another")
    refused = [await get(registry, f"manifests/{name}") for name in ("v1", "v1", "v2")]
    tokens = upstream.asked("^GET /token")
    async with acting(settings) as context:
        await configuration.delete(context, ORG)
        await configuration.create(context, ORG, login)
    upstream.ask_for("bearer", username="reader", password="grape-vine")
    upstream.image("lib/app", "v1", LAYERS[0])
    upstream.rule(f"blobs/{kit.digest_of(LAYERS[0])}", status=418)
    allowed = await get(registry, "manifests/v1")
    layer = await get(registry, f"blobs/{kit.digest_of(LAYERS[0])}")

    told = [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in refused]
    assert told == [(403, "DENIED")] * 3
    assert len(tokens) == 1
    assert (allowed.status_code, layer.status_code) == (200, 502)
    said = "".join(f"{answer.text}{answer.headers}" for answer in (*refused, layer))
    assert "grape-vine" not in f"{said}{caplog.text}"
