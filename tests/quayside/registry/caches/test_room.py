"""Room that pull-through caches make under a quota: what goes, what stays, and when nothing does."""

import asyncio

import httpx
import orjson

from quayside.settings.settings import Settings
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheSettings
from storage.clock import now_ms
from storage.statements import execute
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.quayside.registry.caches.caching import (
    ORG,
    QUIET_S,
    at,
    get,
    held_bytes,
    limit,
    pull,
    tag_names,
)
from tests.quayside.registry.people import acting
from tests.quotas import reserved, set_quota, stored
from tests.upstreams.upstream import FakeUpstream
from tests.waiting import until


async def test_a_quota_makes_what_was_pulled_longest_ago_go(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    shared = b"s" * 30_000
    for number, name in enumerate(("a", "b", "c")):
        upstream.image("lib/app", name, shared, bytes([number]) * 50_000)
    await limit(settings, 170_000)

    first = [await pull(registry, "a"), await pull(registry, "b")]
    clock.move(QUIET_S)
    async with acting(settings):
        # As if `a` had been pulled again since.
        await execute(
            "INSERT INTO manifest_pulls (manifest_id, pulls, last_pulled_at_ms) VALUES (1, 1, ?)"
            " ON CONFLICT (manifest_id) DO UPDATE SET last_pulled_at_ms = excluded.last_pulled_at_ms",
            now_ms() - 1000,
        )
    third = await pull(registry, "c")
    names = await tag_names(settings)
    held = await held_bytes(settings)
    clock.move(QUIET_S)
    again = await pull(registry, "b")

    assert {status for one in (*first, third, again) for status in one} == {200}
    assert names == ["a", "c"]
    assert held <= 170_000
    assert (await held_bytes(settings)) <= 170_000


async def test_nothing_goes_that_was_pushed_or_is_locked_or_would_not_be_enough(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    async with acting(settings) as context:
        await configuration.delete(context, ORG)
    own = at(registry, "mine")
    await own.push_blobs(kit.CONFIG, b"own" * 20_000)
    await own.push_manifest(kit.image_document(b"own" * 20_000), "own")
    async with acting(settings) as context:
        await configuration.create(
            context, ORG, ProxyCacheSettings(upstream_registry=f"{upstream.host}/lib", is_insecure=True)
        )
    for number, name in enumerate(("locked", "a", "b")):
        upstream.image("lib/app", name, bytes([number]) * 50_000)
    upstream.image("lib/app", "big", b"z" * 300_000)
    upstream.image("lib/app", "large", b"y" * 130_000)
    await limit(settings, 235_000)

    first = [await pull(registry, name) for name in ("locked", "a", "b")]
    async with acting(settings):
        await execute("UPDATE tag SET is_immutable = ? WHERE name = 'locked'", True)
    clock.move(QUIET_S)
    # The limit has no room for the one, and would have none for the other without all that may go.
    refused = [await pull(registry, "big"), await pull(registry, "large")]
    kept = await tag_names(settings)
    async with acting(settings):
        await execute("UPDATE repository SET state = 'READ_ONLY' WHERE name = 'app'")
    upstream.image("lib/lib2", "new", b"n" * 50_000)
    refused.append(await pull(registry, "new", "lib2"))
    async with acting(settings):
        await execute("UPDATE repository SET state = 'NORMAL' WHERE name = 'app'")
    third = await pull(registry, "new", "lib2")

    assert {status for one in (*first, third) for status in one} == {200}
    assert refused == [(200, 403)] * 3
    assert kept == ["a", "b", "big", "large", "locked", "own"]
    assert await tag_names(settings) == ["b", "big", "large", "locked", "new", "own"]


async def test_room_is_made_for_configurations_and_for_layers_that_come_together(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    layers = [bytes([number]) * 30_000 for number in range(4)]
    config = orjson.dumps({"architecture": "arm64", "os": "linux", "author": "x" * 30_000})
    upstream.image("lib/app", "a", b"a" * 80_000)
    for content in (config, *layers):
        upstream.blob("lib/app", content)
    upstream.manifest("lib/app", "c", kit.image_document(*layers, config=config))
    await limit(settings, 170_000)

    first = await pull(registry, "a")
    clock.move(QUIET_S)
    async with acting(settings):
        # Hardly anything fits: not even the configuration.
        await set_quota(ORG, await stored(ORG) + 2_000)
    found = await get(registry, "manifests/c")
    await limit(settings, 170_000)
    upstream.image("lib/app", "b", b"b" * 80_000)
    second = await pull(registry, "b")
    clock.move(QUIET_S)
    await get(registry, "manifests/c")
    async with asyncio.TaskGroup() as group:
        got = [
            group.create_task(get(registry, f"blobs/{layer['digest']}")) for layer in found.json()["layers"]
        ]

    assert {*first, found.status_code, *second} == {200}
    assert [each.result().status_code for each in got] == [200] * 4
    assert await tag_names(settings) == ["c"]
    async with acting(settings):
        assert await reserved(ORG) == 0


async def test_what_is_being_pulled_does_not_go(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings, clock: Clock
) -> None:
    async def waits() -> bool:
        return upstream.waiting() == 1

    upstream.image("lib/app", "a", b"a" * 60_000, b"A" * 1000, b"slow" * 500)
    upstream.image("lib/app", "b", b"b" * 60_000)
    upstream.image("lib/app", "c", b"c" * 60_000)
    await limit(settings, 140_000)

    one, two, slow = [layer["digest"] for layer in (await get(registry, "manifests/a")).json()["layers"]]
    first = [(await get(registry, f"blobs/{one}")).status_code, *await pull(registry, "b")]
    at_once = await pull(registry, "c")
    clock.move(QUIET_S)
    upstream.rule(f"GET .*/blobs/{slow}", pause_at=10)
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(get(registry, f"blobs/{slow}"))
        await until(waits)
        later = await pull(registry, "c")
        kept = await tag_names(settings)
        upstream.go()
    second = await get(registry, f"blobs/{two}")

    assert {*first, second.status_code, under_way.result().status_code} == {200}
    assert at_once == (200, 403)
    assert later == (200, 200)
    assert kept == ["a", "c"]
