"""Permissions and default permissions: cases without a record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.grantee import GranteeKind
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory
from tests.state import dump

PROTOTYPES = f"/organization/{ORGANIZATION}/prototypes"
BEACON = f"/repository/{ORGANIZATION}/beacon/permissions"


@pytest.fixture
async def caller(factory: Factory, settings_with_files: Settings) -> AsyncIterator[Caller]:
    """The harbour with a second organization, where `maren` asks."""
    world = World(factory)
    await world.people()
    for prepare in (world.organization, world.repositories, world.grantees, world.cache):
        await prepare()
    async with callers(world, settings_with_files) as opened:
        yield opened


async def make(caller: Caller, **body: Any) -> dict[str, Any]:
    """Create a default permission; the answer."""
    answer = await caller.ask("maren", "POST", PROTOTYPES, {"role": "read", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_default_permission_names_its_creator_and_its_delegate(caller: Caller) -> None:
    made = await make(
        caller,
        delegate={"name": f"{ORGANIZATION}+pilot", "kind": "user", "is_robot": True},
        activating_user={"name": "tove"},
    )

    for one in (made["delegate"], made["activating_user"]):
        assert set(one.pop("avatar")) == {"name", "hash", "color", "kind"}
    assert made == {
        "id": made["id"],
        "role": "read",
        "delegate": {
            "name": f"{ORGANIZATION}+pilot",
            "kind": "user",
            "is_robot": True,
            "is_org_member": True,
        },
        "activating_user": {"name": "tove", "kind": "user", "is_robot": False, "is_org_member": False},
    }


async def test_the_same_default_permission_may_be_made_twice(caller: Caller) -> None:
    one = await make(caller, delegate={"name": "keepers", "kind": "team"})
    other = await make(caller, delegate={"name": "keepers", "kind": "team"})

    listed = (await caller.ask("maren", "GET", PROTOTYPES)).json()["prototypes"]
    assert [prototype["id"] for prototype in listed] == [one["id"], other["id"]]


async def test_a_default_permission_of_another_organization_is_not_found(caller: Caller) -> None:
    made = await make(caller, delegate={"name": "ole", "kind": "user"})
    before = await dump()

    for method, body in (("PUT", {"role": "admin"}), ("DELETE", None)):
        path = f"/organization/harbour-cache/prototypes/{made['id']}"
        assert (await caller.ask("maren", method, path, body)).status_code == 404

    assert await dump() == before


async def test_the_own_namespace_has_no_default_permissions(caller: Caller) -> None:
    body = {"role": "read", "delegate": {"name": "ole", "kind": "user"}}

    answers = [
        await caller.ask("maren", "GET", "/organization/maren/prototypes"),
        await caller.ask("maren", "POST", "/organization/maren/prototypes", body),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("delegate", {"delegate": {"name": "nobodies", "kind": "team"}}),
        ("delegate", {"delegate": {"name": "ole", "kind": "robot"}}),
        ("delegate", {"delegate": {"name": "ole"}}),
        ("delegate", {"delegate": {"name": "far+bot", "kind": "user"}}),
        ("activating_user", {"delegate": {"name": "ole", "kind": "user"}, "activating_user": {}}),
        ("activating_user", {"delegate": {"name": "ole", "kind": "user"}, "activating_user": {"name": "x"}}),
    ],
)
async def test_a_default_permission_for_nobody_is_refused(
    caller: Caller, field: str, body: dict[str, Any]
) -> None:
    before = await dump()

    answer = await caller.ask("maren", "POST", PROTOTYPES, {"role": "read"} | body)

    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_request"), field
    assert await dump() == before


async def test_a_team_of_another_organization_gets_no_permission(caller: Caller, factory: Factory) -> None:
    before = await dump()

    # Every organization has a team of this name.
    shown = await caller.ask("maren", "GET", f"{BEACON}/team/owners")
    given = await caller.ask(
        "maren", "PUT", "/repository/maren/mine/permissions/team/owners", {"role": "read"}
    )

    assert (shown.status_code, shown.json()["message"]) == (400, "Team does not have permission for repo.")
    assert (given.status_code, given.json()["error_type"]) == (400, "invalid_request")
    assert await dump() == before


async def test_a_robot_of_another_namespace_gets_no_permission(caller: Caller, factory: Factory) -> None:
    await factory.robot("tove+bot")
    before = await dump()

    answer = await caller.ask("maren", "PUT", f"{BEACON}/user/tove+bot", {"role": "read"})

    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_request")
    assert await dump() == before


async def test_the_transitive_permission_counts_neither_administrators_nor_everybody(
    caller: Caller, factory: Factory
) -> None:
    ferry = f"{ORGANIZATION}/ferry"
    await factory.grant(ferry, "keepers", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="maren")

    async def shown(name: str) -> tuple[int, Any]:
        answer = await caller.ask("maren", "GET", f"/repository/{ferry}/permissions/user/{name}/transitive")
        return answer.status_code, answer.json().get("permissions")

    assert await shown("maren") == (200, [{"role": "admin"}])
    assert await shown("ole") == (200, [{"role": "write"}])
    assert await shown("tove") == (404, None)


async def test_deleting_a_missing_permission_has_the_text_that_clients_know(caller: Caller) -> None:
    texts = [
        (await caller.ask("maren", "DELETE", f"{BEACON}/{whose}")).json()["error_message"]
        for whose in ("user/ole", "user/nobody", "team/keepers", "team/nobodies")
    ]

    assert (
        texts
        == ["User does not have permission for repo."] * 2 + ["Team does not have permission for repo."] * 2
    )


async def test_a_member_without_access_is_refused_before_a_bad_role(caller: Caller) -> None:
    refused = await caller.ask("ole", "PUT", f"{BEACON}/user/tove", {"role": "king"})
    mistaken = await caller.ask("maren", "PUT", f"{BEACON}/user/tove", {"role": "king"})

    assert (refused.status_code, mistaken.status_code) == (403, 400)
