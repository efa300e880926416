"""How caches ask their upstream: places among the requests under way, and what is remembered of failures."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.caches import check, configuration, release
from resolvers.caches import upstream as asking
from resolvers.caches.configuration import ProxyCacheSettings
from resolvers.job_kinds import Run, Tools
from storage.election import hold_lease
from storage.secrets import Secrets
from storage.statements import decode_json, execute, fetch
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.quayside.registry.caches.caching import LAYERS, ORG, at, get, gets, heads, rows
from tests.quayside.registry.conftest import client_of
from tests.quayside.registry.people import OWNER, PASSWORD, acting
from tests.upstreams.upstream import FakeUpstream


async def names_of(registry: httpx.AsyncClient, reference: str) -> Sequence[str]:
    """The digests of the layers of an image of `caching/app`."""
    return [layer["digest"] for layer in (await get(registry, f"manifests/{reference}")).json()["layers"]]


async def test_slow_blobs_leave_places_for_tags_and_do_not_wait_for_theirs_for_ever(
    registry: httpx.AsyncClient, upstream: FakeUpstream, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.image("lib/app", "small", b"small")
    upstream.image("lib/app", "large", *(bytes([number]) * 3000 for number in range(34)))
    await get(registry, "manifests/small")
    digests = await names_of(registry, "large")
    upstream.rule("GET .*/blobs/", pause_at=10, times=asking.BLOBS_AT_ONCE)
    monkeypatch.setattr(asking, "BLOB_TURN_S", 0.5)
    pulls = [asyncio.create_task(get(registry, f"blobs/{digest}")) for digest in digests]
    while upstream.waiting() < asking.BLOBS_AT_ONCE:  # noqa: ASYNC110 (the fake is another process)
        await asyncio.sleep(0.01)

    clock.move(61)
    checked = await asyncio.wait_for(get(registry, "manifests/small", "HEAD"), 8)
    while sum(pull.done() for pull in pulls) < len(pulls) - asking.BLOBS_AT_ONCE:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    upstream.go()
    pulled = await asyncio.gather(*pulls)

    assert (checked.status_code, checked.headers.get("Warning")) == (200, None)
    assert heads(upstream).count("app/manifests/small") == 2
    assert sorted(answer.status_code for answer in pulled) == [200] * 24 + [503] * 10


@pytest.mark.parametrize(("is_refused", "heads_of_other"), [(True, 1), (False, 2)])
async def test_a_refusal_is_remembered_for_its_repository_and_nonsense_for_its_tag(
    is_refused: bool, heads_of_other: int, registry: httpx.AsyncClient, upstream: FakeUpstream, clock: Clock
) -> None:
    for name in ("v1", "v2"):
        upstream.image("lib/app", name, LAYERS[0])
        await get(registry, f"manifests/{name}")
    upstream.rule("manifests/v1", status=403 if is_refused else 418)

    clock.move(61)
    found = [await get(registry, "manifests/v1") for _ in range(4)]
    other = await get(registry, "manifests/v2")

    assert {(answer.status_code, answer.headers["X-Quayside-Cache"]) for answer in found} == {(200, "stale")}
    assert heads(upstream).count("app/manifests/v1") == 2
    assert (other.status_code, heads(upstream).count("app/manifests/v2")) == (200, heads_of_other)


async def test_referrers_are_not_asked_for_while_the_upstream_is_down(
    registry: httpx.AsyncClient, upstream: FakeUpstream, clock: Clock
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")
    upstream.rule("/v2/", status=503)
    clock.move(61)
    await get(registry, "manifests/v1")
    asked = len(upstream.asked("."))

    found = [await get(registry, f"referrers/{digest}") for _ in range(3)]

    assert {(answer.status_code, answer.headers["X-Quayside-Cache"]) for answer in found} == {(200, "stale")}
    assert len(upstream.asked(".")) == asked


async def test_tags_that_only_the_cache_has_are_asked_for_once_in_a_while(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    async with acting(settings) as context:
        await configuration.delete(context, ORG)
    repository = at(registry)
    await repository.push_blobs(kit.CONFIG, b"own")
    own = kit.digest_of(await repository.push_manifest(kit.image_document(b"own"), "own"))
    async with acting(settings) as context:
        await configuration.create(
            context, ORG, ProxyCacheSettings(upstream_registry=f"{upstream.host}/lib", is_insecure=True)
        )

    counts = []
    for _ in range(2):
        found = [await get(registry, "manifests/own") for _ in range(3)]
        counts.append((heads(upstream), {answer.headers["Docker-Content-Digest"] for answer in found}))
        clock.move(61)

    assert counts == [(["app/manifests/own"], {own}), (["app/manifests/own"] * 2, {own})]


async def test_a_login_that_no_key_reads_leaves_what_is_stored(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")
    secret = Secrets(["x" * 32]).encrypt("lost")
    async with acting(settings):
        # Another id, as if the process had begun anew.
        await execute(
            "UPDATE proxy_cache SET id = 77, username_encrypted = ?, password_encrypted = ?", secret, secret
        )
    clock.move(61)

    found = await get(registry, "manifests/v1")
    absent = await get(registry, "manifests/v2")

    assert (found.status_code, found.headers["Docker-Content-Digest"]) == (200, digest)
    assert "login of this cache cannot be read" in found.headers["Warning"]
    assert (absent.status_code, absent.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")


async def test_a_tag_that_the_upstream_has_does_not_end_because_its_content_is_missing(
    registry: httpx.AsyncClient, upstream: FakeUpstream, clock: Clock
) -> None:
    old = upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")
    new = upstream.image("lib/app", "v1", LAYERS[1])
    upstream.rule(f"GET .*/manifests/{new}", status=404)
    clock.move(61)

    found = await get(registry, "manifests/v1")

    assert (found.status_code, found.headers["Docker-Content-Digest"]) == (200, old)
    assert found.headers["X-Quayside-Cache"] == "stale"


async def test_two_processes_ask_once(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    other = create_app(settings, jobs=False)
    async with (
        other.router.lifespan_context(other),
        client_of(other, settings, kit.TokenFlow(OWNER, PASSWORD)) as second,
    ):
        first = await asyncio.gather(*(get(client, "manifests/v1") for client in (registry, second) * 3))
        before = len(heads(upstream))
        clock.move(61)
        later = await asyncio.gather(*(get(client, "manifests/v1") for client in (registry, second) * 3))

    assert {answer.headers["Docker-Content-Digest"] for answer in (*first, *later)} == {digest}
    assert gets(upstream).count(f"app/manifests/{digest}") == 1
    assert len(heads(upstream)) == before + 1


async def test_a_former_cache_keeps_the_tags_whose_content_has_come(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    images = [upstream.image("lib/app", name, name.encode()) for name in ("whole", "part", "one", "two")]
    bodies = [(await get(registry, f"manifests/{image}")).content for image in images]
    descriptors = [kit.descriptor(body, kit.OCI_MANIFEST) for body in bodies]
    elsewhere = kit.descriptor(b"never pulled", kit.OCI_MANIFEST)
    upstream.index("lib/app", "index", descriptors[2], elsewhere)
    upstream.index("lib/app", "mixed", descriptors[2], descriptors[3])
    upstream.index("lib/app", "bare", elsewhere)
    for name in ("whole", "part", "index", "mixed", "bare"):
        await get(registry, f"manifests/{name}")
    for layer in (b"whole", b"one"):
        assert (await get(registry, f"blobs/{kit.digest_of(layer)}")).status_code == 200

    async with acting(settings) as context:
        await configuration.delete(context, ORG)
        ((kind, payload),) = [
            (row["kind"], decode_json(row["payload"]))
            for row in await fetch("SELECT kind, payload FROM job WHERE kind = 'cache.release'")
        ]
        for _ in range(2):
            await release.run_release(Run(payload, Tools(context)))
    clock.move(10 * 86_400)
    listed = (await registry.get(f"/v2/{ORG}/app/tags/list")).json()["tags"]
    pulled = await get(registry, "manifests/whole")
    pushed = await at(registry).put_manifest("whole", pulled.content)

    assert kind == configuration.RELEASE
    assert listed == ["index", "whole"]
    assert (pulled.status_code, pushed.status_code) == (200, 201)
    ended = await rows(settings, "SELECT kind FROM audit_log WHERE kind = 'delete_tag'")
    assert len(ended) == 3


async def test_a_cache_that_is_one_again_goes_on(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    upstream.image("lib/app", "v1", LAYERS[0])
    await get(registry, "manifests/v1")
    async with acting(settings) as context:
        (row,) = await fetch("SELECT organization_id FROM proxy_cache")
        await release.release(context, row["organization_id"])

    assert await rows(settings, "SELECT name FROM tag WHERE has_ended OR ended_at_ms IS NULL") == []


async def test_a_check_that_takes_long_stays_the_only_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "RENEW_S", 0.01)

    async def never() -> bool:
        return False

    held = "SELECT name, expires_at_ms FROM lease WHERE name LIKE 'cache:%'"
    async with acting(settings) as context, check.alone(context, (1, "v1"), never) as is_ours:
        (before,) = await fetch(held)
        await execute("UPDATE lease SET expires_at_ms = expires_at_ms - 20000 WHERE name = ?", before["name"])
        async with asyncio.timeout(10):
            while (await fetch(held))[0]["expires_at_ms"] < before["expires_at_ms"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        is_taken = await hold_lease(before["name"], "another", duration_ms=check.LEASE_MS)

    assert (is_ours, is_taken) == (True, False)
    assert await rows(settings, held) == []
