"""REST routes of tags: cases without a record."""

from __future__ import annotations

import pytest

from quayside.http import context_factory
from quayside.settings.settings import Settings
from schema.response import ResponseLimits
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory

TAG = f"/repository/{ORGANIZATION}/beacon/tag/1.0"


async def test_an_expiration_of_a_locked_tag_is_400(factory: Factory, settings_with_files: Settings) -> None:
    world = World(factory)
    await world.people()
    for prepare in (World.organization, World.repositories, World.images):
        await prepare(world)

    async with callers(world, settings_with_files) as caller:
        await caller.ask("maren", "PUT", TAG, {"immutable": True})
        answer = await caller.ask("maren", "PUT", TAG, {"expiration": "{in three days}"})

    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "Cannot set expiration on immutable tag '1.0'"},
    )


async def test_a_list_that_content_makes_too_large_is_refused(
    factory: Factory, settings_with_files: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(factory)
    await world.people()
    for prepare in (World.organization, World.repositories, World.images):
        await prepare(world)
    monkeypatch.setattr(context_factory, "TRUSTED_RESPONSE", ResponseLimits(values=20))

    async with callers(world, settings_with_files) as caller:
        whole = await caller.ask("maren", "GET", f"/repository/{ORGANIZATION}/beacon/tag/")
        small = await caller.ask("maren", "GET", f"/repository/{ORGANIZATION}/beacon/tag/?specificTag=none")

    assert (whole.status_code, whole.json()["error_type"]) == (400, "invalid_request")
    assert (
        whole.json()["error_message"] == "The response would have more than 20 values; ask for less at once."
    )
    assert (small.status_code, small.json()["tags"]) == (200, [])
