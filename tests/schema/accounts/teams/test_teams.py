"""Teams, their roles, and who is in them."""

import asyncio

import pytest

from resolvers.access.roles import TeamRole
from resolvers.accounts import team
from resolvers.errors import QuaysideError
from resolvers.repositories import membership
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.schema.accounts.teams.documents import ADD, EXPEL, INVITE, MEMBERS, REMOVE, TEAM, kinds, subjects
from tests.schema.client import GraphQL


async def test_a_team_is_created_changed_and_deleted(owner: GraphQL) -> None:
    created = await owner.payload(
        """mutation { teamCreate(organization: "acme", input: { name: "makers", role: CREATOR }) {
          team { name role description memberCount } errors { code } } }"""
    )
    assert created["team"] == {"name": "makers", "role": "CREATOR", "description": "", "memberCount": 0}

    await owner.payload(
        """mutation { teamUpdate(organization: "acme", team: "makers", input: { description: "# Hands" }) {
          team { name } errors { code } } }"""
    )
    data = await owner.data(TEAM, team="makers")
    assert data["organization"]["team"] == {
        "name": "makers",
        "role": "CREATOR",
        "description": "# Hands",
        "memberCount": 0,
        "repositoryCount": 0,
        "viewerCanView": True,
        "viewerCanAdminister": True,
        "avatar": {"name": "makers", "kind": "TEAM"},
        "organization": {"name": "acme"},
    }

    await owner.payload(
        'mutation { teamDelete(organization: "acme", team: "makers") { name errors { code } } }'
    )
    assert await owner.data(TEAM, team="makers") == {"organization": {"team": None}}
    assert await kinds() == ["org_create_team", "org_set_team_description", "org_delete_team"]


async def test_setting_a_team_is_an_upsert(owner: GraphQL) -> None:
    document = """mutation ($input: TeamSetInput!) {
      teamSet(organization: "acme", team: "t1", input: $input) {
        isNew team { role description } errors { code } } }"""

    first = await owner.payload(document, input={"role": "CREATOR", "description": "x"})
    second = await owner.payload(document, input={"role": "MEMBER"})
    await owner.payload(document, input={"role": "MEMBER"})

    assert (first["isNew"], first["team"]) == (True, {"role": "CREATOR", "description": "x"})
    assert (second["isNew"], second["team"]) == (False, {"role": "MEMBER", "description": "x"})
    assert await kinds() == ["org_create_team", "org_set_team_role"]


async def test_the_last_administrator_cannot_give_up_the_role(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    document = 'mutation { teamDelete(organization: "acme", team: "owners") { name errors { message } } }'

    # bob would still be an administrator, but not the viewer
    data = await owner.data(document)
    assert data["teamDelete"]["errors"] == [{"message": "You would no longer administer 'acme'."}]

    # bob, who administers by another team, may delete it
    bob = owner.with_token(await factory.token("bob"))
    assert (await bob.data(document))["teamDelete"] == {"name": "owners", "errors": []}
    assert (await owner.answer(TEAM, team="admins"))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("account", ["robot", "disabled"])
async def test_only_accounts_that_can_sign_in_count_as_administrators(
    account: str, owner: GraphQL, factory: Factory
) -> None:
    await factory.robot("acme+bot", by="ada")
    await factory.team("acme", "admins", TeamRole.ADMIN, ["acme+bot" if account == "robot" else "bob"])
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'bob'", False)

    assert await owner.payload_error(EXPEL, account="ada") == ("INVALID", "account")
    assert await owner.payload_error(REMOVE, team="owners", account="ada") == ("INVALID", "account")


async def test_two_administrators_cannot_remove_each_other(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    contexts = [await factory.as_account(name) for name in ("ada", "bob")]

    found = await asyncio.gather(
        membership.remove_from_organization(contexts[0], "acme", "bob"),
        membership.remove_from_organization(contexts[1], "acme", "ada"),
        return_exceptions=True,
    )

    assert sum(isinstance(one, QuaysideError) for one in found) == 1
    (left,) = await fetch(
        "SELECT COUNT(*) AS n FROM team_member m JOIN team t ON t.id = m.team_id WHERE t.role = 'admin'"
    )
    assert left["n"] == 1


async def test_twenty_concurrent_callers_create_one_team(owner: GraphQL, factory: Factory) -> None:
    context = await factory.as_account("ada")

    made = await asyncio.gather(
        *(team.put(context, "acme", "many", role=TeamRole.MEMBER, description=str(n)) for n in range(20))
    )

    assert sorted(is_new for _, is_new in made) == [False] * 19 + [True]
    assert len({record.id for record, _ in made}) == 1


async def test_outsiders_are_invited_and_members_are_added(owner: GraphQL, factory: Factory) -> None:
    await factory.robot("acme+bot", by="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["cyd"])

    added = {
        name: (await owner.payload(ADD, team="crew", account=name))["isInvited"]
        for name in ("bob", "cyd", "acme+bot")
    }

    assert added == {"bob": True, "cyd": False, "acme+bot": False}
    assert await subjects(owner) == ["cyd", "acme+bot", "bob?"]
    assert await subjects(owner, invited=False) == ["cyd", "acme+bot"]
    assert await kinds() == ["org_invite_team_member", "org_add_team_member", "org_add_team_member"]
    # An invitation is not a membership.
    bob = owner.with_token(await factory.token("bob"))
    assert await bob.refusal(TEAM, team="crew") == "FORBIDDEN"


@pytest.mark.parametrize("flag", ["REQUIRE_TEAM_INVITE", "MAILING"])
async def test_without_invitations_everybody_is_added(flag: str, owner: GraphQL, factory: Factory) -> None:
    context = await factory.without_features(flag).as_account("ada")

    _, is_invited = await membership.add(context, "acme", "crew", "bob")

    assert not is_invited
    assert await subjects(owner) == ["bob"]


async def test_members_see_each_other_but_not_the_invitations(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "makers", TeamRole.CREATOR, ["cyd"])
    await owner.payload(ADD, team="crew", account="cyd")
    await owner.payload(ADD, team="crew", account="bob")
    cyd = owner.with_token(await factory.token("cyd"))

    assert await subjects(cyd) == ["cyd"]
    data = await cyd.data(TEAM, team="crew")
    shown = data["organization"]["team"]
    assert (shown["viewerCanView"], shown["viewerCanAdminister"]) == (True, False)


async def test_the_list_of_a_team_pages_through_members_and_invitations(
    owner: GraphQL, factory: Factory
) -> None:
    names = [f"user{number}" for number in range(4)]
    for name in names:
        await factory.user(name)
    await factory.team("acme", "makers", TeamRole.CREATOR, names[:2])
    for name in (*names, "bob"):
        await owner.payload(ADD, team="crew", account=name)
    await owner.payload(INVITE, email="eve@example.com")

    seen: list[str] = []
    after = None
    while True:
        data = await owner.data(MEMBERS, first=2, after=after, invited=True)
        found = data["organization"]["team"]["members"]
        assert found["totalCount"] == 6
        seen += [row["subject"].get("name") or row["subject"]["email"] for row in found["nodes"]]
        after = found["pageInfo"]["nextCursor"]
        if after is None:
            break

    assert seen == [*names, "bob", "eve@example.com"]
