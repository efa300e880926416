"""Objects by their opaque ids, with the same access checks as by path."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.repositories.repository import Visibility
from schema import schema
from schema.node import NODES
from schema.node_id import decode_id, encode_id
from storage.statements import execute
from tests.factories import Factory, image_config
from tests.schema.client import GraphQL

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
IDS = """{
  user(username: "ada") { id }
  organization(name: "acme") {
    id
    team(name: "owners") { id }
    applications { nodes { id } }
    permissionPrototypes { nodes { id } }
  }
  namespace(name: "acme") {
    id
    robot(shortName: "bot") { id }
    immutabilityPolicies { nodes { id } }
    prunePolicies { nodes { id } }
    notifications { nodes { id deliveries { nodes { id } } } }
  }
  repository(path: "acme/app") {
    id
    tag(name: "latest") { id manifest { id labels { nodes { id } } } }
    permissions { nodes { id } }
    builds { nodes { id } }
    buildTriggers { nodes { id } }
    immutabilityPolicies { nodes { id } }
    prunePolicies { nodes { id } }
    notifications { nodes { id deliveries { nodes { id } } } }
  }
  followed: repository(path: "acme/followed") { mirror { id } }
  viewer { teamInvites { nodes { id } } inbox { nodes { id } } }
  auditLog(owner: { namespace: "acme" }, first: 1) { nodes { id } }
  jobs(first: 1) { nodes { id } }
}"""

MADE = """mutation {
  applicationCreate(organization: "acme", input: { name: "dashboard" }) { errors { code } }
  permissionPrototypeCreate(organization: "acme",
    input: { role: READ, delegate: { kind: USER, name: "acme+bot" } }) { errors { code } }
  ofNamespace: immutabilityPolicyCreate(owner: { namespace: "acme" },
    input: { tagPattern: "v.*" }) { errors { code } }
  ofRepository: immutabilityPolicyCreate(owner: { repository: "acme/app" },
    input: { tagPattern: "r.*" }) { errors { code } }
  buildRequest(repository: "acme/app", input: { archiveUrl: "https://9.9.9.9/x" }) { errors { code } }
  buildTriggerCreate(repository: "acme/app") { errors { code } }
  mirrorCreate(repository: "acme/followed", input: { source: "9.9.9.9/a", robot: "acme+bot",
    syncIntervalS: 60, syncStartsAt: "2126-01-01T00:00:00Z",
    rule: { ruleKind: TAG_GLOB_CSV, ruleValue: ["v*"] } }) { errors { code } }
  inNamespace: prunePolicyCreate(owner: { namespace: "acme" },
    input: { method: NUMBER_OF_TAGS, value: 9 }) { errors { code } }
  inRepository: prunePolicyCreate(owner: { repository: "acme/app" },
    input: { method: CREATION_DATE, value: "9y" }) { errors { code } }
  toldOfNamespace: notificationCreate(owner: { namespace: "acme" },
    input: { event: QUOTA_ERROR, method: FLOWDOCK, config: { flow_api_token: "1" } }) { errors { code } }
  toldOfRepository: notificationCreate(owner: { repository: "acme/app" },
    input: { event: REPO_PUSH, method: FLOWDOCK, config: { flow_api_token: "1" } }) {
    notification { uuid } errors { code } }
}"""
TESTED = """mutation ($notification: String!) { notificationTest(owner: { repository: "acme/app" },
  notification: $notification) { errors { code } } }"""

PUBLIC = {"User", "Organization", "Application"}
"""What anybody may look up by name."""


def identity(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


NO_IDS = [
    "",
    "x",
    "é",
    "\\",
    "AAAA",
    identity("Repository:"),
    identity("Repository:0"),
    identity("Repository:-1"),
    identity("Repository:9223372036854775808"),
    identity("Repository:99999999999999999999999"),
    identity("Tag:424242"),
    identity("Robot:1"),
    identity("Nothing:1"),
    identity("1"),
    identity("Organization:123"),
    identity("User:1"),
    "é" * 22,
    "A" * 22,
    "A" * 21 + "=",
    "A" * 20_000,
]


def identities(node: Any) -> Iterator[str]:
    """Every id in an answer."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [value] if name == "id" else identities(value)
    elif isinstance(node, list):
        for one in node:
            yield from identities(one)


@pytest.fixture
async def ids(factory: Factory, ada: GraphQL) -> dict[str, list[str]]:
    """The ids of objects of each type, private where possible, as `ada` sees them, who owns `acme`."""
    await execute("UPDATE account SET is_superuser = ? WHERE name = 'ada'", True)
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+bot", by="ada")
    for name in ("app", "followed"):
        await factory.repository(f"acme/{name}", by="ada")
    config = image_config("amd64", config={"Labels": {"release": "1"}})
    await factory.image("acme/app", b"layer", config=config, tag="latest")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.READ, by="ada")
    made = await ada.data(MADE)
    await ada.payload(TESTED, notification=made["toldOfRepository"].pop("notification")["uuid"])
    for payload in made.values():
        assert payload == {"errors": []}
    await factory.user("host")
    await factory.organization("inn", owner="host")
    await factory.team("inn", "guests", TeamRole.MEMBER)
    host = ada.with_token(await factory.token("host"))
    await host.payload("""mutation { teamMemberAdd(organization: "inn", team: "guests", account: "ada") {
        errors { code } } }""")
    found: dict[str, list[str]] = {}
    for id_ in identities(await ada.data(IDS)):
        node = (await ada.data(NODE, id=id_))["node"]
        assert node == {"__typename": node["__typename"], "id": id_}
        found.setdefault(node["__typename"], []).append(id_)
    return found


async def seen(client: GraphQL, ids: dict[str, list[str]]) -> set[str]:
    """The types of the objects that a client finds."""
    answers = [(await client.data(NODE, id=id_))["node"] for same in ids.values() for id_ in same]
    return {node["__typename"] for node in answers if node}


def test_node_knows_every_type_that_is_a_node() -> None:
    node = schema._schema.type_map["Node"]

    assert set(NODES) == {type_.name for type_ in schema._schema.get_possible_types(node)}  # type: ignore[arg-type]


async def test_every_id_finds_its_object(ada: GraphQL, ids: dict[str, list[str]]) -> None:
    assert ids.keys() == NODES.keys()
    every = [id_ for same in ids.values() for id_ in same]
    assert len(set(every)) == len(every)
    # Those of a namespace and of a repository are found in different ways.
    assert len(ids["ImmutabilityPolicy"]) == len(ids["PrunePolicy"]) == len(ids["Notification"]) == 2


async def test_outsiders_find_what_is_public_and_nothing_else(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]]
) -> None:
    await factory.user("bob")
    await factory.user("root", is_superuser=True)

    for client in (graphql, graphql.with_token(await factory.token("bob"))):
        assert await seen(client, ids) == PUBLIC
    # Without SUPERUSERS_FULL_ACCESS superusers see jobs and the log, and no more of what belongs to others.
    assert await seen(graphql.with_token(await factory.token("root")), ids) == PUBLIC | {"AuditEntry", "Job"}


async def test_a_member_finds_what_members_may_list(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]]
) -> None:
    await factory.user("bob")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])

    found = await seen(graphql.with_token(await factory.token("bob")), ids)

    assert found == PUBLIC | {"Namespace", "Team", "Robot"}


async def test_the_administrator_of_a_repository_finds_what_belongs_to_it(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]]
) -> None:
    await factory.user("bob")
    await factory.grant("acme/app", "bob", RepositoryRole.ADMIN, by="ada")
    client = graphql.with_token(await factory.token("bob"))

    found = await seen(client, ids)

    policies = [
        [(await client.data(NODE, id=id_))["node"] for id_ in ids[kind]]
        for kind in ("ImmutabilityPolicy", "PrunePolicy", "Notification")
    ]
    assert found == PUBLIC | {
        "Build",
        "BuildTrigger",
        "AuditEntry",
        "ImmutabilityPolicy",
        "Label",
        "Manifest",
        "Notification",
        "NotificationDelivery",
        "PrunePolicy",
        "Repository",
        "RepositoryPermission",
        "Tag",
    }
    assert [found.count(None) for found in policies] == [1, 1, 1]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.REPO_READ, {"Build", "Repository", "Tag", "Manifest", "Label"}),
        (Scope.USER_READ, {"TeamInvite"}),
        (Scope.USER_ADMIN, {"InboxNotice", "TeamInvite"}),
        (
            Scope.ORG_ADMIN,
            {
                "AuditEntry",
                "ImmutabilityPolicy",
                "Namespace",
                "Notification",
                "PermissionPrototype",
                "PrunePolicy",
                "Robot",
                "Team",
            },
        ),
    ],
)
async def test_scopes_hold_back_what_a_node_opens(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]], scope: Scope, expected: set[str]
) -> None:
    client = graphql.with_token(await factory.token("ada", frozenset({scope})))

    assert await seen(client, ids) == PUBLIC | expected


async def test_a_public_repository_opens_its_tags_and_manifests(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]], ada: GraphQL
) -> None:
    await ada.payload(
        """mutation { repositoryVisibilityChange(repository: "acme/app", visibility: PUBLIC) {
          repository { path } errors { code } } }"""
    )

    assert await seen(graphql, ids) == PUBLIC | {"Build", "Repository", "Tag", "Manifest", "Label"}


async def test_deleted_objects_are_not_found(ada: GraphQL, ids: dict[str, list[str]]) -> None:
    await ada.payload('mutation { repositoryDelete(repository: "acme/app") { path errors { code } } }')
    gone = ids.keys() - await seen(ada, ids)
    assert gone == {
        "Build",
        "BuildTrigger",
        "Repository",
        "Tag",
        "Manifest",
        "Label",
        "RepositoryPermission",
        "NotificationDelivery",
    }

    await ada.payload('mutation { organizationDelete(organization: "acme") { name errors { code } } }')
    # The invitation is into another organization, the notice tells of it; log and jobs are of the registry.
    assert await seen(ada, ids) == {"AuditEntry", "User", "TeamInvite", "InboxNotice", "Job"}


DELETIONS = {
    "Label": """mutation ($digest: Digest!, $uuid: String!) { gone: manifestLabelDelete(
        repository: "acme/app", manifest: $digest, label: $uuid) { deletedId errors { code } } }""",
    "RepositoryPermission": """mutation { gone: repositoryPermissionDelete(repository: "acme/app",
        grantee: { kind: USER, name: "acme+bot" }) { deletedId errors { code } } }""",
    "ImmutabilityPolicy": """mutation ($uuid: String!) { gone: immutabilityPolicyDelete(
        owner: { repository: "acme/app" }, policy: $uuid) { deletedId errors { code } } }""",
    "PrunePolicy": """mutation ($uuid: String!) { gone: prunePolicyDelete(
        owner: { repository: "acme/app" }, policy: $uuid) { deletedId errors { code } } }""",
    "Notification": """mutation ($uuid: String!) { gone: notificationDelete(
        owner: { repository: "acme/app" }, notification: $uuid) { deletedId errors { code } } }""",
    "PermissionPrototype": """mutation ($uuid: String!) { gone: permissionPrototypeDelete(
        organization: "acme", prototype: $uuid) { deletedId errors { code } } }""",
    "Application": """mutation ($clientId: String!) { gone: applicationDelete(
        organization: "acme", clientId: $clientId) { deletedId errors { code } } }""",
    "Robot": """mutation { gone: robotDelete(owner: "acme", shortName: "bot") {
        deletedId errors { code } } }""",
    "Team": """mutation { gone: teamDelete(organization: "acme", team: "crew") {
        deletedId errors { code } } }""",
    "Repository": """mutation { gone: repositoryDelete(repository: "acme/app") {
        deletedId errors { code } } }""",
    "Organization": """mutation { gone: organizationDelete(organization: "acme") {
        deletedId errors { code } } }""",
}

WANTED = """{
  organization(name: "acme") {
    id team(name: "crew") { id }
    applications { nodes { id clientId } }
    permissionPrototypes { nodes { id uuid } }
  }
  namespace(name: "acme") { robot(shortName: "bot") { id } }
  repository(path: "acme/app") {
    id
    permission(grantee: { kind: USER, name: "acme+bot" }) { id }
    immutabilityPolicies { nodes { id uuid } }
    prunePolicies { nodes { id uuid } }
    notifications { nodes { id uuid } }
    tag(name: "latest") { manifest { digest labels { nodes { id uuid source } } } }
  }
}"""


async def test_a_deletion_returns_the_id_of_what_is_gone(
    factory: Factory, ada: GraphQL, ids: dict[str, list[str]]
) -> None:
    await factory.team("acme", "crew", TeamRole.MEMBER)
    digest = (await ada.data(WANTED))["repository"]["tag"]["manifest"]["digest"]
    await ada.payload(
        """mutation ($digest: Digest!) { manifestLabelCreate(repository: "acme/app", manifest: $digest,
          input: { key: "note", value: "1" }) { label { id } errors { code } } }""",
        digest=digest,
    )
    seen = await ada.data(WANTED)
    found: dict[str, dict[str, str]] = {
        "Organization": seen["organization"],
        "Team": seen["organization"]["team"],
        "Application": seen["organization"]["applications"]["nodes"][0],
        "PermissionPrototype": seen["organization"]["permissionPrototypes"]["nodes"][0],
        "Robot": seen["namespace"]["robot"],
        "Repository": seen["repository"],
        "RepositoryPermission": seen["repository"]["permission"],
        "ImmutabilityPolicy": seen["repository"]["immutabilityPolicies"]["nodes"][0],
        "PrunePolicy": seen["repository"]["prunePolicies"]["nodes"][0],
        "Notification": seen["repository"]["notifications"]["nodes"][0],
        "Label": next(
            label
            for label in seen["repository"]["tag"]["manifest"]["labels"]["nodes"]
            if label["source"] == "API"
        ),
    }

    for name, document in DELETIONS.items():
        values = {"digest": digest, "uuid": found[name].get("uuid"), "clientId": found[name].get("clientId")}
        payload = await ada.payload(document, **values)

        assert payload["deletedId"] == found[name]["id"], name
        assert await ada.data(NODE, id=payload["deletedId"]) == {"node": None}


async def test_a_deleted_user_is_not_found(
    graphql: GraphQL, factory: Factory, ids: dict[str, list[str]]
) -> None:
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'ada'")

    assert await graphql.data(NODE, id=ids["User"][0]) == {"node": None}


async def test_an_invalid_id_finds_nothing(ada: GraphQL) -> None:
    found = {id_: (await ada.data(NODE, id=id_))["node"] for id_ in NO_IDS}

    assert found == dict.fromkeys(NO_IDS)


async def test_an_id_of_one_type_opens_no_row_of_another(
    factory: Factory, graphql: GraphQL, ada: GraphQL
) -> None:
    await factory.user("bob")
    private = await factory.repository("ada/one")
    public = await factory.repository("ada/two", visibility=Visibility.PUBLIC)
    await factory.image("ada/one", b"secret", tag="latest")

    for type_name in ("Tag", "Manifest"):
        for number in range(1, 5):
            answer = await graphql.data(NODE, id=encode_id(type_name, number))
            assert answer == {"node": None}
    assert await graphql.data(NODE, id=encode_id("Repository", private.id)) == {"node": None}
    assert (await graphql.data(NODE, id=encode_id("Repository", public.id)))["node"] is not None


async def test_ids_cannot_be_counted_through(factory: Factory, graphql: GraphQL) -> None:
    users = [(await factory.user(f"user{number}")).id for number in range(3)]
    ids = [(await graphql.data(f'{{ user(username: "user{n}") {{ id }} }}'))["user"]["id"] for n in range(3)]

    old = [(await graphql.data(NODE, id=identity(f"User:{number}")))["node"] for number in users]
    blocks = [base64.urlsafe_b64decode(id_ + "==") for id_ in ids]
    near = [
        base64.urlsafe_b64encode(block[:15] + bytes([block[15] ^ bit])).decode().rstrip("=")
        for block in blocks
        for bit in (1, 2, 128)
    ]
    found = [(await graphql.data(NODE, id=id_))["node"] for id_ in near]

    assert old == [None] * 3
    assert found == [None] * 9
    # No two rows, and no row and its type, share a part that would tell them.
    assert len({block[:8] for block in blocks} | {block[8:] for block in blocks}) == 6


def test_an_id_is_opaque_and_short() -> None:
    ids = {encode_id(name, number) for name in NODES for number in (1, 2, 2**63 - 1)}

    assert len(ids) == 3 * len(NODES)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", id_) for id_ in ids)
    assert [decode_id(encode_id(name, 7), name) for name in NODES] == [7] * len(NODES)
    assert decode_id(encode_id("User", 7), "Tag") is None
