"""Robots in GraphQL: what they show to whom, and what a change of them invalidates."""

import asyncio
from typing import Any

import pytest

from resolvers.access import credentials
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts import robot
from resolvers.errors import InvalidCredentials
from storage.statements import count_statements, decode_json, execute, fetch, fetch_one
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL
from tests.state import dump

ROBOTS = """
query ($name: String, $first: Int! = 50, $after: Cursor, $order: RobotOrder! = NAME) {
  namespace(name: $name) { robots(first: $first, after: $after, orderBy: $order) {
    totalCount pageInfo { nextCursor } nodes {
    name shortName description lastAccessedAt token unstructuredMetadata federation { issuer subject }
    access { teams { nodes { name } } permissions { nodes { role repository { path } } } } } } } }
"""
REGENERATE = """
mutation ($owner: String, $name: String!) { robotTokenRegenerate(owner: $owner, shortName: $name) {
  robot { token } errors { code field message } } }
"""
DELETE = """
mutation ($owner: String, $name: String!) { robotDelete(owner: $owner, shortName: $name) {
  name errors { code field message } } }
"""
TRUST = """
mutation ($owner: String, $name: String!, $who: [ExternalIdentityInput!]!) {
  robotFederationSet(owner: $owner, shortName: $name, identities: $who) {
    robot { federation { issuer subject } } errors { code field message } } }
"""
TRUST_NOBODY = """
mutation ($owner: String, $name: String!) { robotFederationClear(owner: $owner, shortName: $name) {
  robot { federation { issuer subject } } errors { code field message } } }
"""
IDENTITY = {"issuer": "https://issuer.example", "subject": "repo:acme/app"}


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """The user `ada` with the organization acme and two robots: `build` with access, `spare` without."""
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    for name in ("build", "spare"):
        await factory.robot(f"acme+{name}", by="ada")
    await factory.team("acme", "machines", TeamRole.MEMBER, ["acme+build", "bob"])
    for name in ("app", "web"):
        await factory.repository(f"acme/{name}", by="ada")
        await factory.grant(f"acme/{name}", "acme+build", RepositoryRole.WRITE, by="ada")
    return ada


async def epoch(name: str) -> int:
    row = await fetch_one("SELECT auth_epoch FROM account WHERE name = ?", name)
    assert row is not None
    return int(row["auth_epoch"])


async def events(kind: str) -> list[Any]:
    rows = await fetch("SELECT metadata FROM event WHERE kind = ? ORDER BY id", kind)
    told = [decode_json(row["metadata"]) for row in rows]
    # Every event names the token that caused it, which these tests do not check.
    return [
        {key: metadata[key] for key in metadata if not key.startswith("oauth_token")} for metadata in told
    ]


async def signs_in(factory: Factory, name: str, password: str) -> bool:
    try:
        await credentials.basic_viewer(name, password, site=factory.site, secrets=factory.secrets)
    except InvalidCredentials:
        return False
    return True


async def test_an_administrator_sees_robots_with_tokens_and_permissions(
    factory: Factory, owner: GraphQL
) -> None:
    await owner.payload(TRUST, owner="acme", name="build", who=[IDENTITY])

    data = await owner.data(ROBOTS, name="acme")

    build, spare = data["namespace"]["robots"]["nodes"]
    tokens = {node.pop("name"): node.pop("token") for node in (build, spare)}
    assert build == {
        "shortName": "build",
        "description": "",
        "lastAccessedAt": None,
        "unstructuredMetadata": {},
        "federation": [IDENTITY],
        "access": {
            "teams": {"nodes": [{"name": "machines"}]},
            "permissions": {
                "nodes": [
                    {"role": "WRITE", "repository": {"path": "acme/app"}},
                    {"role": "WRITE", "repository": {"path": "acme/web"}},
                ]
            },
        },
    }
    assert spare["access"] == {"teams": {"nodes": []}, "permissions": {"nodes": []}}
    assert data["namespace"]["robots"]["totalCount"] == 2
    for name, token in tokens.items():
        assert await signs_in(factory, name, token)


async def test_a_plain_member_sees_only_the_names_of_robots(
    graphql: GraphQL, factory: Factory, owner: GraphQL
) -> None:
    member = graphql.with_token(await factory.token("bob"))

    data = await member.data(ROBOTS, name="acme")

    assert [node["name"] for node in data["namespace"]["robots"]["nodes"]] == ["acme+build", "acme+spare"]
    for node in data["namespace"]["robots"]["nodes"]:
        hidden = {key: node[key] for key in ("token", "unstructuredMetadata", "federation", "access")}
        assert hidden == dict.fromkeys(hidden)
        assert node["description"] == ""


async def test_outsiders_see_only_the_name_of_a_robot(
    graphql: GraphQL, factory: Factory, owner: GraphQL
) -> None:
    await factory.user("carl")
    await factory.grant("acme/app", "carl", RepositoryRole.ADMIN, by="ada")
    client = graphql.with_token(await factory.token("carl"))

    data = await client.data(
        """{ repository(path: "acme/app") { permissions { nodes { grantee { ... on Robot {
          name description lastAccessedAt token unstructuredMetadata federation { issuer }
          access { __typename }
        } } } } } }"""
    )

    (met,) = [node["grantee"] for node in data["repository"]["permissions"]["nodes"] if node["grantee"]]
    assert met.pop("name") == "acme+build"
    assert met == dict.fromkeys(met)


async def test_the_owner_may_be_left_out_for_own_robots(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    client = graphql.with_token(await factory.token("ada", frozenset({Scope.USER_ADMIN})))

    made = await client.payload(
        """mutation { robotCreate(input: { shortName: "ci", description: "Builds.",
          unstructuredMetadata: { team: "platform" } }) {
          robot { name shortName description token unstructuredMetadata } errors { code } } }"""
    )

    token = made["robot"].pop("token")
    assert made["robot"] == {
        "name": "ada+ci",
        "shortName": "ci",
        "description": "Builds.",
        "unstructuredMetadata": {"team": "platform"},
    }
    nodes = (await client.data(ROBOTS))["namespace"]["robots"]["nodes"]
    assert [(node["name"], node["token"]) for node in nodes] == [("ada+ci", token)]
    assert await events("create_robot") == [
        {"robot": "ci", "description": "Builds.", "unstructured_metadata": {"team": "platform"}}
    ]


async def test_restricted_users_have_no_robots_of_their_own(factory: Factory, owner: GraphQL) -> None:
    restricted = factory.with_features("RESTRICTED_USERS")

    with pytest.raises(Exception, match="Unauthorized"):
        await robot.create(await restricted.as_account("ada"), owner=None, short_name="ci")
    made = await robot.create(await restricted.as_account("ada"), owner="acme", short_name="ci")

    assert made.name == "acme+ci"


async def test_a_new_token_invalidates_the_old_one(factory: Factory, owner: GraphQL) -> None:
    before = (await owner.data(ROBOTS, name="acme"))["namespace"]["robots"]["nodes"][0]["token"]

    payload = await owner.payload(REGENERATE, owner="acme", name="build")

    assert not await signs_in(factory, "acme+build", before)
    assert await signs_in(factory, "acme+build", payload["robot"]["token"])
    assert (await epoch("acme+build"), await epoch("acme+spare")) == (1, 0)
    assert await events("regenerate_robot_token") == [{"robot": "build"}]


async def test_of_concurrent_new_tokens_one_is_valid(factory: Factory, owner: GraphQL) -> None:
    payloads = await asyncio.gather(
        *(owner.payload(REGENERATE, owner="acme", name="build") for _ in range(8))
    )

    good = [
        payload for payload in payloads if await signs_in(factory, "acme+build", payload["robot"]["token"])
    ]
    assert (len(good), await epoch("acme+build")) == (1, 8)


async def test_a_deleted_robot_loses_its_permissions_and_keeps_its_events(
    factory: Factory, owner: GraphQL
) -> None:
    await owner.payload(TRUST, owner="acme", name="build", who=[IDENTITY])
    told = await fetch("SELECT id FROM event")
    people = {row["id"] for row in await fetch("SELECT id FROM account WHERE kind = 'user'")}

    payload = await owner.payload(DELETE, owner="acme", name="build")

    state = await dump()
    assert payload["name"] == "acme+build"
    assert [row["name"] for row in state["account"] if row["kind"] == "robot"] == ["acme+spare"]
    assert state["robot_federation"] == []
    assert {row["account_id"] for row in state["repository_permission"] + state["team_member"]} == people
    assert len(state["event"]) == len(told) + 1
    assert await events("delete_robot") == [{"robot": "build"}]
    assert await owner.payload_error(DELETE, owner="acme", name="build") == ("NOT_FOUND", "shortName")


async def test_a_name_can_be_reused_but_the_old_token_stays_invalid(factory: Factory, owner: GraphQL) -> None:
    before = (await owner.data(ROBOTS, name="acme"))["namespace"]["robots"]["nodes"][0]["token"]
    old = await fetch_one("SELECT id FROM account WHERE name = 'acme+build'")
    await owner.payload(DELETE, owner="acme", name="build")

    made = await factory.robot("acme+build", by="ada")

    assert old is not None
    assert made.id > old["id"]
    assert not await signs_in(factory, "acme+build", before)


async def test_a_robot_of_one_owner_is_not_found_under_another(factory: Factory, owner: GraphQL) -> None:
    await factory.robot("ada+mine")
    before = await dump()

    for document in (REGENERATE, DELETE, TRUST_NOBODY):
        assert await owner.payload_error(document, owner="acme", name="mine") == ("NOT_FOUND", "shortName")
        assert await owner.payload_error(document, owner="ada", name="build") == ("NOT_FOUND", "shortName")
    data = await owner.data('{ namespace(name: "acme") { robot(shortName: "mine") { name } } }')

    assert data == {"namespace": {"robot": None}}
    assert await dump() == before


async def test_the_federation_of_a_robot_is_replaced_as_a_whole(owner: GraphQL) -> None:
    other = IDENTITY | {"subject": "repo:acme/web"}

    await owner.payload(TRUST, owner="acme", name="build", who=[IDENTITY, other])
    assert await epoch("acme+build") == 0
    payload = await owner.payload(TRUST, owner="acme", name="build", who=[other])
    await owner.payload(TRUST, owner="acme", name="build", who=[other])

    assert payload["robot"] == {"federation": [other]}
    # Tokens end when an identity may no longer act as the robot.
    assert await epoch("acme+build") == 1
    assert await events("create_robot_federation") == [
        {"config": [IDENTITY, other], "robot": "build"},
        {"config": [other], "robot": "build"},
    ]

    payload = await owner.payload(TRUST_NOBODY, owner="acme", name="build")

    await owner.payload(TRUST_NOBODY, owner="acme", name="build")

    assert payload["robot"] == {"federation": []}
    assert await epoch("acme+build") == 2
    assert await events("delete_robot_federation") == [{"robot": "build"}]


async def test_of_concurrent_replacements_one_wins_as_a_whole(owner: GraphQL) -> None:
    lists = [[{"issuer": f"https://{n}.example", "subject": s} for s in "ab"] for n in range(8)]

    await asyncio.gather(*(owner.payload(TRUST, owner="acme", name="build", who=one) for one in lists))

    data = await owner.data(
        '{ namespace(name: "acme") { robot(shortName: "build") { federation { issuer subject } } } }'
    )
    assert data["namespace"]["robot"]["federation"] in lists


async def test_more_than_a_hundred_identities_are_refused(owner: GraphQL) -> None:
    who = [{"issuer": "https://issuer.example", "subject": str(number)} for number in range(101)]

    assert await owner.refusal(TRUST, owner="acme", name="build", who=who) == "TOO_COMPLEX"


async def test_robots_are_paged_in_either_order(factory: Factory, owner: GraphQL) -> None:
    for number in range(3):
        await factory.robot(f"acme+r{number}", by="ada")
    for moment, name in enumerate(("acme+r1", "acme+build"), start=1):
        await execute("UPDATE account SET last_accessed_at_ms = ? WHERE name = ?", moment * 60_000, name)
    expected = {
        "NAME": ["build", "r0", "r1", "r2", "spare"],
        "LAST_ACCESSED_AT": ["build", "r1", "spare", "r0", "r2"],
    }

    for order, names in expected.items():
        found, after = [], None
        for _ in range(3):
            page = (await owner.data(ROBOTS, name="acme", first=2, after=after, order=order))["namespace"][
                "robots"
            ]
            found += [node["shortName"] for node in page["nodes"]]
            after = page["pageInfo"]["nextCursor"]
        assert (found, after) == (names, None)


async def test_a_page_of_robots_costs_as_many_statements_as_one_robot(
    factory: Factory, owner: GraphQL
) -> None:
    async def cost() -> int:
        with count_statements() as count:
            await owner.data(ROBOTS.replace("totalCount", ""), name="acme", first=10)
        return len(count.statements)

    await cost()
    before = await cost()
    for number in range(8):
        made = await factory.robot(f"acme+more{number}", by="ada")
        await factory.grant("acme/web", made.name, RepositoryRole.READ, by="ada")

    assert before <= 11
    assert await cost() == before


async def test_a_token_without_a_repository_scope_sees_only_names_of_repositories(
    graphql: GraphQL, factory: Factory, owner: GraphQL
) -> None:
    await factory.image("acme/app", b"layer", tag="v1")
    client = graphql.with_token(await factory.token("ada", frozenset({Scope.ORG_ADMIN})))
    document = """{ namespace(name: "acme") { robot(shortName: "build") { access {
      permissions(first: 1) { nodes { repository { path isPublic %s } } } } } } }"""

    async def repository(client: GraphQL, fields: str) -> Any:
        answer = await client.answer(document % fields)
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        access = answer["data"]["namespace"]["robot"]["access"]
        return access["permissions"]["nodes"][0]["repository"] if access else None, codes

    assert await repository(client, "") == ({"path": "acme/app", "isPublic": False}, set())
    for fields in (
        "description",
        "badgeToken",
        "lastModifiedAt",
        'tag(name: "v1") { name }',
        "tags { totalCount }",
        "manifests { totalCount }",
    ):
        found, codes = await repository(client, fields)
        assert (codes, found.popitem()[1]) == ({"FORBIDDEN"}, None)
    scopes = frozenset({Scope.ORG_ADMIN, Scope.REPO_READ})
    reader = graphql.with_token(await factory.token("ada", scopes))
    assert await repository(reader, "tags { totalCount }") == (
        {"path": "acme/app", "isPublic": False, "tags": {"totalCount": 1}},
        set(),
    )


async def test_the_token_of_a_robot_is_refused_by_graphql(factory: Factory, owner: GraphQL) -> None:
    made = await factory.robot("ada+bot")

    response = await owner.http.post(
        "/graphql",
        json={"query": "{ viewer { name } }"},
        headers={"Authorization": f"Bearer {made.token}"},
    )

    assert response.status_code == 401


async def test_only_the_scope_of_the_owner_shows_a_token(
    graphql: GraphQL, factory: Factory, owner: GraphQL
) -> None:
    await factory.robot("ada+own")
    enough = {"acme": {Scope.ORG_ADMIN}, "ada": {Scope.USER_ADMIN, Scope.ORG_ADMIN}}

    for name, scopes in enough.items():
        client = graphql.with_token(await factory.token("ada", EVERY_SCOPE - scopes))
        nodes = (await client.data(ROBOTS, name=name))["namespace"]["robots"]["nodes"]
        assert {node["token"] for node in nodes} == {None}
        for scope in scopes:
            client = graphql.with_token(await factory.token("ada", frozenset({scope})))
            nodes = (await client.data(ROBOTS, name=name))["namespace"]["robots"]["nodes"]
            assert None not in {node["token"] for node in nodes}
