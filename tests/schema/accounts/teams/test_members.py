"""Members of an organization: their rights there, and the end of these when they are removed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.grantee import GranteeKind
from storage.statements import fetch
from tests import state
from tests.counting import least_statements
from tests.factories import Factory
from tests.schema.accounts.teams.documents import ADD, EXPEL, MEMBERS, REMOVE, TEAM
from tests.schema.client import GraphQL, Json

PEOPLE = """query ($first: Int!) { organization(name: "acme") {
  members(first: $first) { nodes {
    account { name } teams { nodes { name } } repositories { nodes { name } } } }
  collaborators(first: $first) { nodes { account { name } repositories { nodes { name } } } } } }"""


async def epoch(name: str) -> int:
    """The `auth_epoch` of an account, which registry tokens are compared with."""
    (row,) = await fetch("SELECT auth_epoch FROM account WHERE name = ?", name)
    return int(row["auth_epoch"])


async def test_members_and_collaborators_are_listed_with_teams_and_repositories(
    owner: GraphQL, factory: Factory
) -> None:
    for name in ("app", "tool"):
        await factory.repository(f"acme/{name}", by="ada")
    await factory.repository("ada/own")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    await owner.payload(ADD, team="crew", account="bob")
    await factory.robot("acme+bot", by="ada")
    await owner.payload(ADD, team="crew", account="acme+bot")
    for path, name in (
        ("acme/app", "cyd"),
        ("acme/tool", "bob"),
        ("ada/own", "cyd"),
        ("acme/app", "acme+bot"),
    ):
        await factory.grant(path, name, RepositoryRole.READ, by="ada")

    data = await owner.data(PEOPLE, first=50)

    def listed(rows: list[Json]) -> list[Any]:
        return [
            (
                row["account"]["name"],
                *(
                    [one["name"] for one in row[key]["nodes"]]
                    for key in ("teams", "repositories")
                    if key in row
                ),
            )
            for row in rows
        ]

    assert listed(data["organization"]["members"]["nodes"]) == [
        ("ada", ["owners"], ["app", "tool"]),
        ("bob", ["crew", "makers"], ["tool"]),
    ]
    assert listed(data["organization"]["collaborators"]["nodes"]) == [("cyd", ["app"])]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bob", True),
        ("acme+bot", True),
        ("cyd", False),
        ("ada+bot", False),
        ("acme", False),
        ("nobody", False),
    ],
)
async def test_one_member_by_name(name: str, found: bool, owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    for robot in ("acme+bot", "ada+bot"):
        await factory.robot(robot, by="ada")

    data = await owner.data(
        'query ($n: String!) { organization(name: "acme") { member(name: $n) { account { name } } } }', n=name
    )

    assert data["organization"]["member"] == ({"account": {"name": name}} if found else None)


async def test_a_removed_member_loses_all_rights_in_the_organization(
    owner: GraphQL, factory: Factory
) -> None:
    # given bob with every kind of right in two organizations
    for organization in ("acme", "other"):
        if organization == "other":
            await factory.organization(organization, owner="ada")
        await factory.team(organization, "makers", TeamRole.CREATOR, ["bob"])
        await factory.team(organization, "admins", TeamRole.ADMIN, ["bob"])
        await factory.repository(f"{organization}/app", by="ada")
        await factory.grant(f"{organization}/app", "bob", RepositoryRole.ADMIN, by="ada")
    await factory.grant("acme/app", "cyd", RepositoryRole.READ, by="ada")
    before = await epoch("acme")

    # when he is removed from one of them twice
    for _ in range(2):
        assert (await owner.payload(EXPEL, account="bob"))["name"] == "bob"

    # then he has no right there, and keeps those in the other
    rows = await fetch(
        "SELECT o.name AS name FROM team_member m JOIN team t ON t.id = m.team_id"
        " JOIN account o ON o.id = t.organization_id JOIN account a ON a.id = m.account_id"
        " WHERE a.name = 'bob'"
    )
    assert [row["name"] for row in rows] == ["other", "other"]
    rows = await fetch(
        "SELECT n.name AS namespace, a.name AS name FROM repository_permission p"
        " JOIN repository r ON r.id = p.repository_id JOIN account n ON n.id = r.namespace_id"
        " JOIN account a ON a.id = p.account_id WHERE a.name <> 'ada' ORDER BY p.id"
    )
    assert [(row["namespace"], row["name"]) for row in rows] == [("other", "bob"), ("acme", "cyd")]
    # and the rights of his registry tokens are judged again, the second time being nothing to judge
    assert await epoch("acme") == before + 1


CHANGES: dict[str, tuple[str, Callable[[GraphQL], Any]]] = {
    "leaves the team": ("acme", lambda owner: owner.payload(REMOVE, team="admins", account="bob")),
    "leaves the organization": ("acme", lambda owner: owner.payload(EXPEL, account="bob")),
    "the team loses its role": (
        "acme",
        lambda owner: owner.payload(
            """mutation { teamSet(organization: "acme", team: "admins", input: { role: MEMBER }) {
              errors { code } } }"""
        ),
    ),
    "the team is deleted": (
        "acme",
        lambda owner: owner.payload(
            'mutation { teamDelete(organization: "acme", team: "admins") { errors { code } } }'
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_rights_of_registry_tokens_are_judged_again_when_one_is_taken_away(
    change: str, owner: GraphQL, factory: Factory
) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    ended, make = CHANGES[change]
    before = {name: await epoch(name) for name in ("ada", "bob", "acme")}

    await make(owner)

    grown = {name: await epoch(name) - count for name, count in before.items()}
    assert grown == {name: int(name == ended) for name in before}


async def test_a_refused_removal_changes_nothing(owner: GraphQL) -> None:
    before = await state.dump()

    await owner.payload_error(REMOVE, team="owners", account="ada")
    await owner.payload_error(EXPEL, account="ada")

    assert await state.dump() == before


async def test_a_team_of_another_organization_is_not_found(owner: GraphQL, factory: Factory) -> None:
    await factory.organization("other", owner="ada")
    await factory.team("other", "others", TeamRole.MEMBER, ["bob"])
    before = await state.dump()

    assert await owner.data(TEAM, team="others") == {"organization": {"team": None}}
    assert await owner.payload_error(ADD, team="others", account="cyd") == ("NOT_FOUND", "team")
    assert await owner.payload_error(REMOVE, team="others", account="bob") == ("NOT_FOUND", "team")

    assert await state.dump() == before


async def test_the_repositories_of_a_team(owner: GraphQL, factory: Factory) -> None:
    for name, role in (
        ("web", RepositoryRole.WRITE),
        ("app", RepositoryRole.READ),
        ("gone", RepositoryRole.ADMIN),
    ):
        await factory.repository(f"acme/{name}", by="ada")
        await factory.grant(f"acme/{name}", "crew", role, kind=GranteeKind.TEAM, by="ada")
    await owner.payload('mutation { repositoryDelete(repository: "acme/gone") { errors { code } } }')

    data = await owner.data(
        """{ organization(name: "acme") { team(name: "crew") {
          permissions { totalCount nodes { role repository { path } } } } } }"""
    )

    assert data["organization"]["team"]["permissions"] == {
        "totalCount": 2,
        "nodes": [
            {"role": "WRITE", "repository": {"path": "acme/web"}},
            {"role": "READ", "repository": {"path": "acme/app"}},
        ],
    }


ONLY_MEMBERS = """query { organization(name: "acme") { members(first: 50) { nodes {
  account { name } teams { nodes { name } } repositories { nodes { name } } } } } }"""
ONLY_COLLABORATORS = """query { organization(name: "acme") { collaborators(first: 50) { nodes {
  account { name } repositories { nodes { name } } } } } }"""


async def test_lists_of_people_cost_a_constant_number_of_statements(owner: GraphQL, factory: Factory) -> None:
    async def statements() -> list[int]:
        # One list at a time: whether two of them share a statement depends on timing.
        return [
            await least_statements(partial(owner.data, ONLY_MEMBERS)),
            await least_statements(partial(owner.data, ONLY_COLLABORATORS)),
            await least_statements(partial(owner.data, MEMBERS, first=100, after=None, invited=True)),
        ]

    async def fill(first: int, last: int) -> None:
        for number in range(first, last):
            for name in (f"mate{number}", f"guest{number}"):
                await factory.user(name)
            await factory.team("acme", f"team{number}", TeamRole.MEMBER, [f"mate{number}"])
            await owner.payload(ADD, team="crew", account=f"mate{number}")
            await factory.repository(f"acme/app{number}", by="ada")
            for name in (f"mate{number}", f"guest{number}"):
                await factory.grant(f"acme/app{number}", name, RepositoryRole.READ, by="ada")

    await fill(0, 2)
    few = await statements()
    await fill(2, 25)
    many = await statements()

    assert many == few
    assert max(many) <= 14
