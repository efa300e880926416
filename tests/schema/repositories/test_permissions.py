"""Direct permissions through GraphQL: grantees, changes, and end of registry tokens."""

import asyncio

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.grantee import GranteeKind
from storage.statements import decode_json, execute, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL

SET = """
mutation ($p: RepositoryPath! = "acme/app", $k: GranteeKind! = USER, $n: String!, $r: RepositoryRole!) {
  repositoryPermissionSet(repository: $p, grantee: { kind: $k, name: $n }, role: $r) {
    permission { role name granteeKind isOrganizationMember repository { path }
      grantee { __typename ... on Account { name } ... on Team { name role } } }
    errors { code field message } } }
"""
DELETE = """
mutation ($p: RepositoryPath! = "acme/app", $k: GranteeKind! = USER, $n: String!) {
  repositoryPermissionDelete(repository: $p, grantee: { kind: $k, name: $n }) {
    name errors { code field message } } }
"""
LIST = """
query ($k: GranteeKind, $first: Int! = 50, $after: Cursor) { repository(path: "acme/app") {
  permissions(granteeKind: $k, first: $first, after: $after) {
    totalCount pageInfo { nextCursor } nodes { name role isOrganizationMember } } } }
"""
ONE = """
query ($k: GranteeKind! = USER, $n: String!) { repository(path: "acme/app") {
  permission(grantee: { kind: $k, name: $n }) { name role } } }
"""


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """The user `ada` with `acme/app`; `bob` is in the team `makers`, `eve` has no access."""
    for name in ("bob", "eve"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.organization("other", owner="ada")
    await factory.team("acme", "makers", TeamRole.MEMBER, ["bob"])
    await factory.robot("acme+bot", by="ada")
    await factory.repository("acme/app", by="ada")
    return ada


async def epoch() -> int:
    (row,) = await fetch("SELECT auth_epoch FROM repository WHERE name = 'app'")
    return int(row["auth_epoch"])


async def events(*kinds: str) -> list[tuple[str, str]]:
    rows = await fetch("SELECT kind, metadata FROM event ORDER BY id")
    return [(row["kind"], row["metadata"]) for row in rows if row["kind"] in kinds]


@pytest.mark.parametrize(
    ("kind", "name", "type_", "member"),
    [
        ("USER", "bob", "User", True),
        ("USER", "eve", "User", False),
        ("USER", "acme+bot", "Robot", True),
        ("TEAM", "makers", "Team", None),
    ],
)
async def test_a_permission_is_given_changed_and_taken(
    owner: GraphQL, kind: str, name: str, type_: str, member: bool | None
) -> None:
    before = await epoch()

    given = await owner.payload(SET, k=kind, n=name, r="READ")
    changed = await owner.payload(SET, k=kind, n=name, r="WRITE")
    found = (await owner.data(ONE, k=kind, n=name))["repository"]["permission"]
    taken = await owner.payload(DELETE, k=kind, n=name)
    gone = (await owner.data(ONE, k=kind, n=name))["repository"]["permission"]

    grantee = {"__typename": type_, "name": name} | ({"role": "MEMBER"} if type_ == "Team" else {})
    assert given["permission"] == {
        "role": "READ",
        "name": name,
        "granteeKind": kind,
        "isOrganizationMember": member,
        "repository": {"path": "acme/app"},
        "grantee": grantee,
    }
    assert changed["permission"] == given["permission"] | {"role": "WRITE"}
    assert (found, taken["name"], gone) == ({"name": name, "role": "WRITE"}, name, None)
    # Only what takes a right away makes the rights of registry tokens be judged again.
    assert await epoch() == before + 1


async def test_a_repository_of_a_user_has_no_organization_members_and_no_teams(
    owner: GraphQL, factory: Factory
) -> None:
    await factory.repository("ada/own")
    await factory.robot("ada+bot")

    given = await owner.payload(SET, p="ada/own", n="ada+bot", r="READ")
    refused = await owner.payload_error(SET, p="ada/own", k="TEAM", n="makers", r="READ")

    assert given["permission"]["isOrganizationMember"] is None
    assert refused == ("UNKNOWN_REFERENCE", "grantee")


async def test_permissions_are_listed_by_kind_and_in_pages(owner: GraphQL, factory: Factory) -> None:
    for name in ("bob", "eve", "acme+bot"):
        await factory.grant("acme/app", name, RepositoryRole.READ, by="ada")
    await factory.grant("acme/app", "makers", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="ada")

    users = (await owner.data(LIST, k="USER"))["repository"]["permissions"]
    teams = (await owner.data(LIST, k="TEAM"))["repository"]["permissions"]
    first = (await owner.data(LIST, first=3))["repository"]["permissions"]
    second = (await owner.data(LIST, first=3, after=first["pageInfo"]["nextCursor"]))["repository"]

    # Whoever creates a repository in an organization administers it.
    assert [(one["name"], one["role"], one["isOrganizationMember"]) for one in users["nodes"]] == [
        ("ada", "ADMIN", True),
        ("bob", "READ", True),
        ("eve", "READ", False),
        ("acme+bot", "READ", True),
    ]
    assert (users["totalCount"], teams["totalCount"], first["totalCount"]) == (4, 1, 5)
    assert teams["nodes"] == [{"name": "makers", "role": "WRITE", "isOrganizationMember": None}]
    assert [one["name"] for one in [*first["nodes"], *second["permissions"]["nodes"]]] == [
        "ada",
        "bob",
        "eve",
        "acme+bot",
        "makers",
    ]


async def test_events_of_permissions_have_grantee_and_role(owner: GraphQL) -> None:
    await owner.payload(SET, n="bob", r="WRITE")
    await owner.payload(DELETE, n="bob")
    await owner.payload(SET, k="TEAM", n="makers", r="READ")

    rows = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE '%permission' ORDER BY id")
    keys = {"username", "team", "role", "repo", "namespace"}
    found = [
        (row["kind"], {key: value for key, value in decode_json(row["metadata"]).items() if key in keys})
        for row in rows
    ]

    place = {"repo": "app", "namespace": "acme"}
    assert found == [
        ("change_repo_permission", {"username": "bob", "role": "write", **place}),
        ("delete_repo_permission", {"username": "bob", **place}),
        ("change_repo_permission", {"team": "makers", "role": "read", **place}),
    ]


async def test_a_permission_on_a_concurrently_deleted_repository_is_not_found(owner: GraphQL) -> None:
    await execute("UPDATE repository SET deleted_at_ms = 1, name = uuid WHERE name = 'app'")

    assert await owner.payload_error(SET, n="bob", r="READ") == ("NOT_FOUND", "repository")


async def test_concurrent_writers_of_a_permission_all_succeed(owner: GraphQL) -> None:
    roles = ["READ", "WRITE", "ADMIN"] * 5

    payloads = await asyncio.gather(*(owner.payload(SET, n="bob", r=role) for role in roles))

    rows = await fetch(
        "SELECT p.role FROM repository_permission p JOIN account a ON a.id = p.account_id"
        " WHERE a.name = 'bob'"
    )
    last = (await events("change_repo_permission"))[-1]
    assert len(rows) == 1
    assert [payload["permission"]["role"] for payload in payloads] == roles
    assert decode_json(last[1])["role"] == rows[0]["role"]


async def test_of_two_concurrent_deletions_of_a_permission_one_is_not_found(owner: GraphQL) -> None:
    await owner.payload(SET, n="bob", r="READ")

    answers = await asyncio.gather(owner.data(DELETE, n="bob"), owner.data(DELETE, n="bob"))

    payloads = [answer["repositoryPermissionDelete"] for answer in answers]
    assert sorted(str(payload["name"]) for payload in payloads) == ["None", "bob"]
    assert [error["code"] for payload in payloads for error in payload["errors"]] == ["NOT_FOUND"]
    assert len(await events("delete_repo_permission")) == 1
