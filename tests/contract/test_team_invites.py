"""REST routes of teams without a record: invitations by code, teams of another organization."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import TeamRole
from storage.statements import fetch
from tests import state
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory

TEAM = f"/organization/{ORGANIZATION}/team/deckhands"


@pytest.fixture
async def caller(factory: Factory, settings_with_files: Settings) -> AsyncIterator[Caller]:
    """The harbour with an empty team."""
    world = World(factory)
    await world.people()
    await world.organization()
    await factory.team(ORGANIZATION, "deckhands", TeamRole.MEMBER)
    async with callers(world, settings_with_files) as asking:
        yield asking


async def mailed_code() -> str:
    """The code of the newest invitation."""
    (row,) = await fetch("SELECT body FROM mail ORDER BY id DESC LIMIT 1")
    found = re.search(r"The code of the invitation is (\w+)\.", row["body"])
    assert found is not None
    return found[1]


async def test_an_invitation_is_accepted_by_its_code_once(caller: Caller) -> None:
    await caller.ask("maren", "PUT", f"{TEAM}/invite/mate@harbour.example")
    path = f"/teaminvite/{await mailed_code()}"

    assert (await caller.ask("anonymous", "PUT", path)).status_code == 403
    assert (await caller.ask("tove", "PUT", "/teaminvite/another")).status_code == 404
    accepted = await caller.ask("tove", "PUT", path)
    assert (accepted.status_code, accepted.json()) == (200, {"org": ORGANIZATION, "team": "deckhands"})
    assert (await caller.ask("ole", "PUT", path)).status_code == 404


async def test_the_invitation_of_a_user_is_declined_by_nobody_else(caller: Caller) -> None:
    await caller.ask("maren", "PUT", f"{TEAM}/members/ole")
    path = f"/teaminvite/{await mailed_code()}"

    refused = await caller.ask("tove", "DELETE", path)
    assert (refused.status_code, refused.json()) == (400, {"message": "The invitation is for another user."})
    assert (await caller.ask("ole", "DELETE", path)).status_code == 204
    assert (await caller.ask("ole", "DELETE", path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/permissions", 404),
        ("GET", "/members", 404),
        ("PUT", "/members/ole", 404),
        ("DELETE", "/members/ole", 404),
        ("PUT", "/invite/mate@harbour.example", 404),
        ("DELETE", "/invite/mate@harbour.example", 404),
        ("DELETE", "", 400),
    ],
)
async def test_a_team_is_found_under_its_own_organization_alone(
    method: str, path: str, status: int, caller: Caller
) -> None:
    factory = caller.world.factory
    await factory.organization("far-harbour", owner="maren")
    await factory.team("far-harbour", "pilots", TeamRole.MEMBER, ["ole"])
    await caller.ask("maren", "GET", "/user/")  # The first use of a token writes its time.
    before = await state.dump()

    answer = await caller.ask("maren", method, f"/organization/{ORGANIZATION}/team/pilots{path}")

    assert answer.status_code == status
    assert await state.dump() == before


async def test_routes_of_mail_are_not_there_while_mail_is_off(
    caller: Caller, settings_with_files: Settings
) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features - {"MAILING"})
    async with callers(caller.world, settings) as without:
        for method in ("PUT", "DELETE"):
            answer = await without.ask("maren", method, f"{TEAM}/invite/mate@harbour.example")
            assert (answer.status_code, list(answer.json())) == (404, ["message"])
        # and everybody is added at once
        added = await without.ask("maren", "PUT", f"{TEAM}/members/ole", {})
        assert (added.status_code, added.json()["invited"]) == (200, False)
