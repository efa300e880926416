"""Default permissions through GraphQL, and the permissions of new repositories."""

import asyncio
from typing import Any

import pytest

from resolvers.access.roles import TeamRole
from storage.statements import decode_json, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL

CREATE = """
mutation (
  $o: String! = "acme", $k: GranteeKind! = USER, $n: String!, $r: RepositoryRole!, $by: AccountInput
) {
  permissionPrototypeCreate(
    organization: $o, input: { role: $r, delegate: { kind: $k, name: $n }, activatingAccount: $by }
  ) {
    prototype { uuid role activatingAccount { name }
      delegate { __typename ... on Account { name } ... on Team { name } } }
    errors { code field message } } }
"""
UPDATE = """
mutation ($o: String! = "acme", $id: String!, $r: RepositoryRole!) {
  permissionPrototypeUpdate(organization: $o, prototype: $id, input: { role: $r }) {
    prototype { uuid role } errors { code field message } } }
"""
DELETE = """
mutation ($o: String! = "acme", $id: String!) {
  permissionPrototypeDelete(organization: $o, prototype: $id) { uuid errors { code field message } } }
"""
LIST = """
query ($first: Int! = 50, $after: Cursor) { organization(name: "acme") {
  permissionPrototypes(first: $first, after: $after) {
    totalCount pageInfo { nextCursor } nodes { uuid role activatingAccount { name }
      delegate { ... on Account { name } ... on Team { name } } } } } }
"""
NEW = """
mutation ($n: String!, $o: String! = "acme") { repositoryCreate(input: { namespace: $o, name: $n }) {
  repository { path } errors { code field message } } }
"""
PERMISSIONS = "query ($p: RepositoryPath!) { repository(path: $p) { permissions { nodes { name role } } } }"


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """The user `ada` with the organizations `acme` and `other`; `bob` may create repositories in `acme`."""
    for name in ("bob", "eve"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.organization("other", owner="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    await factory.robot("acme+bot", by="ada")
    return ada


async def made(owner: GraphQL, **variables: Any) -> str:
    """The uuid of a new default permission."""
    return str((await owner.payload(CREATE, **variables))["prototype"]["uuid"])


def about(metadata: Any) -> dict[str, Any]:
    """The metadata of an event without the token."""
    told = decode_json(metadata)
    return {key: value for key, value in told.items() if not key.startswith("oauth_token")}


async def given(owner: GraphQL, path: str) -> dict[str, str]:
    """The direct permissions on a repository, by name."""
    nodes = (await owner.data(PERMISSIONS, p=path))["repository"]["permissions"]["nodes"]
    return {node["name"]: node["role"] for node in nodes}


async def test_default_permissions_are_made_listed_changed_and_removed(owner: GraphQL) -> None:
    robot = await owner.payload(CREATE, n="acme+bot", r="WRITE")
    team = await owner.payload(CREATE, k="TEAM", n="makers", r="READ", by={"name": "bob"})
    ids = [payload["prototype"]["uuid"] for payload in (robot, team)]
    changed = await owner.payload(UPDATE, id=ids[0], r="ADMIN")
    first = (await owner.data(LIST, first=1))["organization"]["permissionPrototypes"]
    second = (await owner.data(LIST, first=1, after=first["pageInfo"]["nextCursor"]))["organization"]
    removed = await owner.payload(DELETE, id=ids[0])
    left = (await owner.data(LIST))["organization"]["permissionPrototypes"]["nodes"]

    assert robot["prototype"] == {
        "uuid": ids[0],
        "role": "WRITE",
        "activatingAccount": None,
        "delegate": {"__typename": "Robot", "name": "acme+bot"},
    }
    assert team["prototype"] == {
        "uuid": ids[1],
        "role": "READ",
        "activatingAccount": {"name": "bob"},
        "delegate": {"__typename": "Team", "name": "makers"},
    }
    assert changed["prototype"] == {"uuid": ids[0], "role": "ADMIN"}
    assert (first["totalCount"], removed["uuid"]) == (2, ids[0])
    assert first["nodes"] == [
        {"uuid": ids[0], "role": "ADMIN", "activatingAccount": None, "delegate": {"name": "acme+bot"}}
    ]
    assert second["permissionPrototypes"]["nodes"] == left
    assert left == [
        {
            "uuid": ids[1],
            "role": "READ",
            "activatingAccount": {"name": "bob"},
            "delegate": {"name": "makers"},
        }
    ]


async def test_default_permissions_are_recorded(owner: GraphQL) -> None:
    one = await made(owner, n="eve", r="WRITE", by={"name": "bob"})
    await owner.payload(UPDATE, id=one, r="READ")
    await owner.payload(DELETE, id=one)
    other = await made(owner, k="TEAM", n="makers", r="READ")

    rows = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE '%prototype%' ORDER BY id")

    told = {"prototypeid": one, "username": "ada", "activating_username": "bob", "delegate_user": "eve"}
    assert [(row["kind"], about(row["metadata"])) for row in rows] == [
        ("create_prototype_permission", told | {"role": "write"}),
        ("modify_prototype_permission", told | {"role": "read", "original_role": "write"}),
        ("delete_prototype_permission", told | {"role": "read"}),
        (
            "create_prototype_permission",
            {
                "prototypeid": other,
                "username": "ada",
                "activating_username": None,
                "delegate_team": "makers",
                "role": "read",
            },
        ),
    ]


async def test_a_new_repository_gets_general_defaults_and_those_of_its_creator(
    owner: GraphQL, factory: Factory
) -> None:
    await made(owner, n="eve", r="READ")
    await made(owner, n="eve", r="WRITE", by={"name": "bob"})
    await made(owner, k="TEAM", n="makers", r="WRITE")
    await made(owner, n="acme+bot", r="READ", by={"name": "ada"})
    # The creator administers it, whatever default permission they have.
    await made(owner, n="bob", r="READ")
    bob = owner.with_token(await factory.token("bob"))

    await owner.payload(NEW, n="of-ada")
    await bob.payload(NEW, n="of-bob")

    assert await given(owner, "acme/of-ada") == {
        "ada": "ADMIN",
        "eve": "READ",
        "makers": "WRITE",
        "acme+bot": "READ",
        "bob": "READ",
    }
    assert await given(owner, "acme/of-bob") == {"bob": "ADMIN", "eve": "WRITE", "makers": "WRITE"}


async def test_a_default_for_the_creator_takes_precedence(owner: GraphQL) -> None:
    await made(owner, n="eve", r="READ", by={"name": "ada"})
    await made(owner, n="eve", r="ADMIN")

    await owner.payload(NEW, n="app")

    assert await given(owner, "acme/app") == {"ada": "ADMIN", "eve": "READ"}


async def test_the_highest_of_several_default_roles_wins(owner: GraphQL) -> None:
    for role in ("READ", "ADMIN", "WRITE"):
        await made(owner, n="eve", r=role)
        await made(owner, k="TEAM", n="makers", r=role)

    await owner.payload(NEW, n="app")

    assert await given(owner, "acme/app") == {"ada": "ADMIN", "eve": "ADMIN", "makers": "ADMIN"}


async def test_default_permissions_leave_other_and_older_repositories_alone(owner: GraphQL) -> None:
    await owner.payload(NEW, n="older")
    one = await made(owner, n="eve", r="READ")
    await owner.payload(NEW, n="newer")
    await owner.payload(DELETE, id=one)
    await owner.payload(NEW, n="newest")
    await owner.payload(NEW, n="app", o="other")

    everywhere = {path: await given(owner, path) for path in ("acme/older", "acme/newest", "other/app")}
    assert everywhere == {path: {"ada": "ADMIN"} for path in everywhere}
    assert await given(owner, "acme/newer") == {"ada": "ADMIN", "eve": "READ"}


async def test_a_default_permission_is_found_in_its_own_organization_only(owner: GraphQL) -> None:
    one = await made(owner, n="eve", r="READ")

    changed = await owner.payload_error(UPDATE, o="other", id=one, r="ADMIN")
    removed = await owner.payload_error(DELETE, o="other", id=one)

    assert (changed, removed) == (("NOT_FOUND", "prototype"), ("NOT_FOUND", "prototype"))
    assert len((await owner.data(LIST))["organization"]["permissionPrototypes"]["nodes"]) == 1


async def test_of_two_concurrent_deletions_of_a_default_permission_one_is_not_found(owner: GraphQL) -> None:
    one = await made(owner, n="eve", r="READ")

    answers = await asyncio.gather(owner.data(DELETE, id=one), owner.data(DELETE, id=one))

    payloads = [answer["permissionPrototypeDelete"] for answer in answers]
    assert sorted(str(payload["uuid"]) for payload in payloads) == sorted([one, "None"])
    assert [error["code"] for payload in payloads for error in payload["errors"]] == ["NOT_FOUND"]


async def test_concurrent_changes_of_a_default_permission_are_recorded_in_order(owner: GraphQL) -> None:
    one = await made(owner, n="eve", r="READ")

    await asyncio.gather(*(owner.payload(UPDATE, id=one, r=role) for role in ["WRITE", "ADMIN", "READ"] * 4))

    rows = await fetch("SELECT metadata FROM event WHERE kind = 'modify_prototype_permission' ORDER BY id")
    told = [decode_json(row["metadata"]) for row in rows]
    final = (await owner.data(LIST))["organization"]["permissionPrototypes"]["nodes"][0]["role"]
    assert [one["original_role"] for one in told] == ["read", *(one["role"] for one in told[:-1])]
    assert told[-1]["role"] == final.lower()
