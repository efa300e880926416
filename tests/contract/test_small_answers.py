"""Answers of REST that no recorded exchange of the contract holds."""

from dataclasses import replace
from typing import Literal

import pytest

from quayside.settings.settings import Settings
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory


async def populated(factory: Factory) -> World:
    world = World(factory)
    await world.people()
    await world.organization()
    return world


@pytest.mark.parametrize(("codes", "status"), [("documented", 201), ("observed", 200)])
async def test_a_token_of_an_application_is_made_with_the_status_of_the_mode(
    factory: Factory,
    settings_with_files: Settings,
    codes: Literal["documented", "observed"],
    status: int,
) -> None:
    settings = replace(settings_with_files, rest_status_codes=codes)
    applications = f"/organization/{ORGANIZATION}/applications"
    async with callers(await populated(factory), settings) as caller:
        made = (await caller.ask("maren", "POST", applications, {"name": "Pilot"})).json()
        path = f"{applications}/{made['client_id']}/tokens"

        answer = await caller.ask("maren", "POST", path, {"name": "ci", "scope": "repo:read"})

    assert (answer.status_code, len(answer.json()["token"])) == (status, 40)


async def test_a_robot_made_without_metadata_shows_null_and_later_an_empty_object(
    factory: Factory, settings_with_files: Settings
) -> None:
    path = f"/organization/{ORGANIZATION}/robots/bare"
    async with callers(await populated(factory), settings_with_files) as caller:
        made = await caller.ask("maren", "PUT", path, {"description": "x"})
        read = await caller.ask("maren", "GET", path, None)

    assert (made.status_code, made.json()["unstructured_metadata"]) == (201, None)
    assert read.json()["unstructured_metadata"] == {}
