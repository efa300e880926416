"""The creation of the first user by REST, which clients use although the reference does not list it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from quayside.settings.settings import Settings
from tests import state
from tests.contract.world import World, callers
from tests.factories import Factory


def initialize(http: httpx.AsyncClient, **more: Any) -> Any:
    """The request that makes the first user."""
    body = {"username": "maren", "password": "a-long-rope", **more}
    return http.post("/api/v1/user/initialize", json=body)


async def test_the_first_user_is_made_once(factory: Factory, settings_with_files: Settings) -> None:
    async with callers(World(factory), settings_with_files) as caller:
        made = await initialize(caller.http, email="maren@harbour.example", access_token=True)
        again = await initialize(caller.http, username="ole")
        token = made.json()["access_token"]
        shown = await caller.http.get("/api/v1/user/", headers={"Authorization": f"Bearer {token}"})

    assert made.status_code == 200
    assert made.json().keys() == {"username", "email", "encrypted_password", "access_token"}
    assert (made.json()["username"], made.json()["email"]) == ("maren", "maren@harbour.example")
    assert (again.status_code, again.json()) == (
        400,
        {"message": "Cannot initialize user in a non-empty database"},
    )
    assert (shown.json()["username"], shown.json()["super_user"]) == ("maren", True)


async def test_the_first_user_gets_a_token_only_if_asked_for(
    factory: Factory, settings_with_files: Settings
) -> None:
    async with callers(World(factory), settings_with_files) as caller:
        made = await initialize(caller.http)

    assert made.status_code == 200
    assert made.json().keys() == {"username", "email", "encrypted_password"}


@pytest.mark.parametrize(
    ("more", "status"),
    [({"password": "short"}, 400), ({"username": 5}, 400), ({"username": "Not A Name"}, 400)],
)
async def test_the_first_user_must_keep_the_rules(
    more: dict[str, Any], status: int, factory: Factory, settings_with_files: Settings
) -> None:
    async with callers(World(factory), settings_with_files) as caller:
        before = await state.dump()
        answer = await initialize(caller.http, **more)
        after = await state.dump()

    assert after == before
    assert (answer.status_code, [*answer.json()]) == (status, ["message"])


async def test_the_first_user_is_made_from_the_machine_itself_or_with_the_code(
    factory: Factory, settings_with_files: Settings
) -> None:
    async with callers(World(factory), settings_with_files, address="192.0.2.7") as caller:
        refused = await initialize(caller.http, code="guessed")

    assert refused.status_code == 403
    assert refused.json().keys() == {"message"}


async def test_without_the_feature_there_is_no_such_route(
    factory: Factory, settings_with_files: Settings
) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features - {"USER_INITIALIZE"})
    async with callers(World(factory), settings) as caller:
        answer = await initialize(caller.http)

    assert answer.status_code == 404


async def test_a_page_of_another_site_cannot_make_the_first_user(
    factory: Factory, settings_with_files: Settings
) -> None:
    # given a browser on the machine itself, which shows a page of somebody else
    async with callers(World(factory), settings_with_files) as caller:
        caller.http.headers["Origin"] = "https://elsewhere.example"
        refused = await initialize(caller.http)
        caller.http.headers["Origin"] = settings_with_files.public_url
        made = await initialize(caller.http)

    assert refused.status_code == 403
    assert made.status_code == 200
