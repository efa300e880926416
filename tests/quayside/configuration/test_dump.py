"""The dump of the configuration at the door: what superusers get, with the findings of `doctor`."""

import os
from dataclasses import replace
from typing import Any

import httpx

from quayside.configuration.shown import json_schema, records
from quayside.settings.settings import Settings
from tests.contract.world import World, callers
from tests.factories import Factory

PATH = "/superuser/config"


async def _ask(factory: Factory, settings: Settings, actor: str = "ingrid") -> httpx.Response:
    world = World(factory)
    await world.people()
    async with callers(world, settings) as caller:
        return await caller.ask(actor, "GET", PATH)


async def test_superusers_get_settings_findings_and_schema(
    factory: Factory, settings_with_files: Settings
) -> None:
    # Given a server behind a proxy that the settings do not name, and a superuser who is no user
    settings = replace(
        settings_with_files, public_url="https://registry.example", superusers=frozenset({"nobody"})
    )

    answer = await _ask(factory, settings)

    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    warning = found.pop("warning")
    assert found == {
        "config": {one.name: one.value for one in records(settings)},
        "env": {},
        "schema": json_schema(),
    }
    assert warning == {
        "proxies": "PUBLIC_URL is https://registry.example without a TLS_CERT, so that a proxy is in front,"
        " but TRUSTED_PROXIES names none: limits, logs and sign-ins take all its clients for one address."
    }
    assert os.environ["PATH"] not in answer.text


async def test_it_can_be_switched_off(factory: Factory, settings_with_files: Settings) -> None:
    off = replace(settings_with_files, features=settings_with_files.features - {"SUPERUSER_CONFIGDUMP"})

    answer = await _ask(factory, off)

    assert (answer.status_code, answer.json()["error_type"]) == (403, "insufficient_scope")
