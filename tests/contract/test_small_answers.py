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


@pytest.mark.parametrize(
    ("path", "event"),
    [
        (f"/organization/{ORGANIZATION}/notifications", "quota_error"),
        ("/user/namespacenotifications", "quota_warning"),
        (f"/repository/{ORGANIZATION}/beacon/notification", "repo_push"),
    ],
)
async def test_a_notification_is_made_shown_and_gone_as_clients_ask(
    factory: Factory, settings_with_files: Settings, path: str, event: str
) -> None:
    """With the key that some clients have for the configuration of the event, and with any final slash."""
    world = await populated(factory)
    await world.repositories()
    body = {"event": event, "method": "flowdock", "config": {"flow_api_token": "1"}, "event_config": {}}
    async with callers(world, settings_with_files) as caller:
        made = await caller.ask("maren", "POST", f"{path}/", body)
        one = f"{path}/{made.json()['uuid']}"
        listed = (await caller.ask("maren", "GET", path, None)).json()
        shown = [(await caller.ask("maren", "GET", one, None)).json()]
        statuses = [
            (await caller.ask("maren", method, f"{one}{more}", None)).status_code
            for method, more in (("POST", "/test"), ("POST", ""), ("DELETE", ""), ("DELETE", ""), ("GET", ""))
        ]
        left = (await caller.ask("maren", "GET", f"{path}/", None)).json()
        twice = await caller.ask("maren", "POST", path, body | {"eventConfig": {"level": 1}})

    assert made.status_code == 201
    assert made.json() == {
        "uuid": made.json()["uuid"],
        "title": None,
        "event": event,
        "method": "flowdock",
        "config": {"flow_api_token": "1"},
        "event_config": {},
        "number_of_failures": 0,
    }
    assert listed == {"notifications": [made.json()]}
    assert shown == [made.json()]
    assert statuses == [201 if "repository" in path else 200, 204, 204, 400, 404]
    assert left == {"notifications": []}
    assert twice.status_code == 400
