"""Proxy caches at REST beyond what was recorded: the caller's own namespace, and texts of refusals."""

from typing import Any

from quayside.settings.settings import Settings
from storage.statements import fetch
from tests.contract.world import World, callers, observed
from tests.factories import Factory

NOTHING = {"upstream_registry": "", "expiration_s": "", "insecure": ""}


async def test_the_own_namespace_is_no_cache_and_becomes_none(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    async with callers(world, observed(settings_with_files)) as caller:
        shown = await caller.ask("maren", "GET", "/organization/maren/proxycache")
        statuses = [
            (await caller.ask("maren", method, f"/organization/maren/{path}", body)).status_code
            for method, path, body in (
                ("POST", "proxycache", {"upstream_registry": "localhost"}),
                ("POST", "validateproxycache", {"upstream_registry": "localhost"}),
                ("DELETE", "proxycache", None),
            )
        ]

    assert (shown.status_code, shown.json()) == (200, NOTHING)
    assert statuses == [404, 404, 404]


async def test_refusals_say_what_is_wrong_and_store_nothing(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    await world.cache()
    tries: list[tuple[Any, str]] = [
        ({"upstream_registry": "https://host"}, "External registry reference must not include a URL scheme"),
        ({"upstream_registry": "host/Name"}, "External registry reference has an invalid path"),
        ({"upstream_registry": "127.0.0.2"}, "The provided registry URL is not allowed"),
        ({"upstream_registry": "[::1]:5000/a"}, "The provided registry URL is not allowed"),
        ({"upstream_registry": "nowhere.invalid"}, "The host nowhere.invalid cannot be found."),
        ({"upstream_registry": "localhost", "expiration_s": 0}, "expirationS: must be from 1 to"),
        ({"upstream_registry": "localhost", "expiration_s": "1"}, "'1' is not of type 'integer'"),
        ({"upstream_registry": "localhost", "insecure": "no"}, "'no' is not of type 'boolean'"),
        ({"upstream_registry": "localhost", "upstream_registry_password": "p"}, "upstreamUsername: a"),
    ]
    async with callers(world, observed(settings_with_files)) as caller:
        wrong = []
        for path in ("proxycache", "validateproxycache"):
            for body, text in tries:
                answer = await caller.ask("maren", "POST", f"/organization/harbour-cache/{path}", body)
                found = answer.status_code, answer.json().get("detail", "")[: len(text)]
                if found != (400, text):
                    wrong.append((path, body, answer.text))
        dead = await caller.ask(
            "maren",
            "POST",
            "/organization/harbour-cache/validateproxycache",
            {"upstream_registry": "localhost:1", "insecure": True},
        )

    assert wrong == []
    assert (dead.status_code, dead.json()["detail"]) == (
        400,
        "Failed to validate Proxy cache configuration",
    )
    assert await fetch("SELECT id FROM proxy_cache") == []
