"""Explanations of access through GraphQL, and lists of accounts with access."""

from functools import partial
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts.grantee import GranteeKind
from resolvers.repositories.repository import Visibility
from storage.statements import execute
from tests.counting import least_statements
from tests.factories import EVERY_SCOPE, READ_ONLY_SUPERUSER, Factory
from tests.schema.client import GraphQL, endpoint

EXPLAIN = """
query ($p: RepositoryPath! = "acme/app", $a: String) { explainAccess(repository: $p, account: $a) {
  account { name } repository { path } role maximumRole isBlocked grants { source role team { name } } } }
"""
ACCESS = """
query ($r: RepositoryRole, $first: Int! = 50, $after: Cursor, $p: RepositoryPath! = "acme/app") {
  repository(path: $p) { access(minimumRole: $r, first: $first, after: $after) {
    totalCount pageInfo { nextCursor }
    nodes { account { name } role grants { source role team { name } } } } } }
"""
GRANTS = """
query ($a: String!, $s: [GrantSource!]) { repository(path: "acme/app") {
  grants(account: $a, sources: $s) { source role team { name } } } }
"""

Triple = tuple[str, str, str | None]

OWNER = ("ORGANIZATION_ADMIN", "ADMIN", "owners")
CREATOR = ("DIRECT", "ADMIN", None)
PUBLIC = ("PUBLIC", "READ", None)


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """`ada` owns and made `acme/app`; `bob` may push through a team and pull directly, `acme+bot` pull.

    `eve` has nothing, `max` is in a team without permissions.
    """
    for name in ("bob", "eve", "max"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "makers", TeamRole.MEMBER, ["bob"])
    await factory.team("acme", "guests", TeamRole.MEMBER, ["max"])
    await factory.robot("acme+bot", by="ada")
    await factory.repository("acme/app", by="ada")
    await factory.grant("acme/app", "makers", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="ada")
    await factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.READ, by="ada")
    return ada


async def explained(
    client: GraphQL, **variables: Any
) -> tuple[str | None, list[tuple[str, str, str | None]]]:
    """The role and the grants as triples of source, role and team."""
    found = (await client.data(EXPLAIN, **variables))["explainAccess"]
    return found["role"], triples(found["grants"])


def triples(grants: list[dict[str, Any]]) -> list[Triple]:
    return [(one["source"], one["role"], one["team"] and one["team"]["name"]) for one in grants]


async def listed(client: GraphQL, **variables: Any) -> dict[str, str]:
    """The role of each account with access, by name."""
    nodes = (await client.data(ACCESS, **variables))["repository"]["access"]["nodes"]
    return {node["account"]["name"]: node["role"] for node in nodes}


async def test_an_explanation_lists_all_grants_strongest_first(owner: GraphQL) -> None:
    found = (await owner.data(EXPLAIN, a="bob"))["explainAccess"]

    assert found == {
        "account": {"name": "bob"},
        "repository": {"path": "acme/app"},
        "role": "WRITE",
        "maximumRole": "ADMIN",
        "isBlocked": False,
        "grants": [
            {"source": "TEAM", "role": "WRITE", "team": {"name": "makers"}},
            {"source": "DIRECT", "role": "READ", "team": None},
        ],
    }
    assert await explained(owner, a="ada") == ("ADMIN", [CREATOR, OWNER])
    assert await explained(owner, a="acme+bot") == ("READ", [("DIRECT", "READ", None)])
    assert await explained(owner, a="max") == (None, [])


async def test_grants_of_namespace_owners_and_of_public_repositories(
    owner: GraphQL, graphql: GraphQL, factory: Factory
) -> None:
    await factory.repository("ada/open", visibility=Visibility.PUBLIC)

    assert await explained(owner, p="ada/open") == ("ADMIN", [("OWNER", "ADMIN", None), PUBLIC])
    assert await explained(owner, p="ada/open", a="eve") == ("READ", [PUBLIC])
    anonymous = (await graphql.data(EXPLAIN, p="ada/open"))["explainAccess"]
    assert (anonymous["account"], anonymous["role"]) == (None, "READ")
    assert triples(anonymous["grants"]) == [PUBLIC]


async def test_scopes_cap_the_role_but_not_the_grants(owner: GraphQL, factory: Factory) -> None:
    reading = owner.with_token(await factory.token("ada", frozenset({Scope.REPO_READ})))
    await factory.repository("ada/open", visibility=Visibility.PUBLIC)
    nothing = owner.with_token(await factory.token("ada", frozenset({Scope.USER_READ})))

    capped = (await reading.data(EXPLAIN))["explainAccess"]
    by_name = (await reading.data(EXPLAIN, a="ada"))["explainAccess"]
    public = (await nothing.data(EXPLAIN, p="ada/open"))["explainAccess"]

    assert (capped["role"], capped["maximumRole"]) == ("READ", "READ")
    assert triples(capped["grants"]) == [CREATOR, OWNER]
    assert by_name == capped
    assert (public["role"], public["maximumRole"]) == ("READ", None)


async def test_superusers_have_a_grant_only_with_full_access(owner: GraphQL, factory: Factory) -> None:
    await factory.user("root", is_superuser=True)
    token = await factory.token("root", frozenset({Scope.SUPER_USER}))
    full = factory.with_features("SUPERUSERS_FULL_ACCESS")

    plain = await explained(owner, a="root")
    without = await listed(owner)
    async with endpoint(full) as open_door:
        own = await explained(open_door.with_token(token))
        of_others = await explained(open_door.with_token(owner.token), a="root")
        everybody = await listed(open_door.with_token(owner.token), r="ADMIN")

    superuser = ("ADMIN", [("SUPERUSER", "ADMIN", None)])
    assert (plain, own, of_others) == ((None, []), superuser, superuser)
    assert without == {"acme+bot": "READ", "ada": "ADMIN", "bob": "WRITE"}
    assert everybody == {"ada": "ADMIN", "root": "ADMIN"}


async def test_read_only_superusers_have_one_role_whatever_they_were_granted(
    owner: GraphQL, factory: Factory
) -> None:
    await factory.read_only_superuser()
    await factory.grant("acme/app", READ_ONLY_SUPERUSER, RepositoryRole.WRITE, by="ada")
    await factory.team("acme", "inspectors", TeamRole.ADMIN, [READ_ONLY_SUPERUSER])
    without = factory.without_features("SUPER_USERS")

    role, grants = await explained(owner, a=READ_ONLY_SUPERUSER)
    reading, writing = await listed(owner), await listed(owner, r="WRITE")
    async with endpoint(without) as plain:
        ordinary = await listed(plain.with_token(owner.token), r="ADMIN")

    assert (role, ("SUPERUSER", "READ", None) in grants, len(grants)) == ("READ", True, 3)
    assert reading == {"acme+bot": "READ", "ada": "ADMIN", "bob": "WRITE", READ_ONLY_SUPERUSER: "READ"}
    assert writing == {"ada": "ADMIN", "bob": "WRITE"}
    assert ordinary == {"ada": "ADMIN", READ_ONLY_SUPERUSER: "ADMIN"}


async def test_explanations_agree_with_decisions(owner: GraphQL, factory: Factory) -> None:
    await factory.user("root", is_superuser=True)
    await factory.read_only_superuser()
    await factory.grant("acme/app", READ_ONLY_SUPERUSER, RepositoryRole.ADMIN, by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    document = """query ($p: RepositoryPath!) {
      explainAccess(repository: $p) { role } repository(path: $p) { viewerRole } }"""

    answers = {}
    async with endpoint(factory.with_features("SUPERUSERS_FULL_ACCESS")) as open_door:
        for name in ("ada", "bob", "eve", "max", "root", READ_ONLY_SUPERUSER, "acme+bot"):
            for scopes in (EVERY_SCOPE, *(frozenset({scope}) for scope in sorted(EVERY_SCOPE))):
                client = open_door.with_token(await factory.token(name, scopes))
                for path in ("acme/app", "acme/open"):
                    answers[name, scopes, path] = await client.answer(document, p=path)

    for answer in answers.values():
        explanation, acted = answer["data"]["explainAccess"], answer["data"]["repository"]
        assert (explanation and explanation["role"]) == (acted and acted["viewerRole"])
    roles = {
        answer["data"]["repository"] and answer["data"]["repository"]["viewerRole"]
        for answer in answers.values()
    }
    assert roles == {None, "READ", "WRITE", "ADMIN"}


async def test_absent_repositories_and_accounts_are_null(owner: GraphQL, factory: Factory) -> None:
    eve = owner.with_token(await factory.token("eve"))

    assert (await owner.data(EXPLAIN, p="acme/none"))["explainAccess"] is None
    assert (await owner.data(EXPLAIN, a="nobody"))["explainAccess"] is None
    assert (await owner.data(EXPLAIN, a="acme"))["explainAccess"] is None
    assert await eve.refusal(EXPLAIN, a="nobody") == await eve.refusal(EXPLAIN, a="bob") == "FORBIDDEN"


async def test_accounts_with_write_access_and_their_grants(owner: GraphQL) -> None:
    found = (await owner.data(ACCESS, r="WRITE"))["repository"]["access"]

    assert found["totalCount"] == 2
    assert [(node["account"]["name"], node["role"], triples(node["grants"])) for node in found["nodes"]] == [
        ("ada", "ADMIN", [CREATOR, OWNER]),
        ("bob", "WRITE", [("TEAM", "WRITE", "makers"), ("DIRECT", "READ", None)]),
    ]
    assert await listed(owner) == {"acme+bot": "READ", "ada": "ADMIN", "bob": "WRITE"}
    assert await listed(owner, r="ADMIN") == {"ada": "ADMIN"}


async def test_accounts_with_access_come_in_pages(owner: GraphQL) -> None:
    names, cursor = [], None
    for _ in range(3):
        page = (await owner.data(ACCESS, first=1, after=cursor))["repository"]["access"]
        names += [node["account"]["name"] for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]

    assert (names, cursor) == (["acme+bot", "ada", "bob"], None)


async def test_the_owner_of_a_namespace_has_access_without_a_permission(
    owner: GraphQL, factory: Factory
) -> None:
    await factory.repository("ada/own", visibility=Visibility.PUBLIC)

    assert await listed(owner, p="ada/own") == {"ada": "ADMIN"}


@pytest.mark.parametrize("blocked", ["is_enabled = FALSE", "deleted_at_ms = 1"])
async def test_blocked_accounts_and_robots_of_blocked_owners_have_no_access(
    owner: GraphQL, factory: Factory, blocked: str
) -> None:
    await factory.robot("bob+bot")
    await factory.repository("bob/app")
    await factory.grant("bob/app", "ada", RepositoryRole.ADMIN, by="bob")
    await factory.grant("bob/app", "bob+bot", RepositoryRole.WRITE, by="bob")
    await execute("UPDATE account SET is_enabled = FALSE WHERE name = 'bob'")

    bob = (await owner.data(EXPLAIN, p="bob/app", a="bob"))["explainAccess"]
    robot = (await owner.data(EXPLAIN, p="bob/app", a="bob+bot"))["explainAccess"]

    assert (bob["isBlocked"], bob["role"], triples(bob["grants"])) == (
        True,
        None,
        [("OWNER", "ADMIN", None)],
    )
    assert (robot["isBlocked"], robot["role"]) == (True, None)
    assert await listed(owner, p="bob/app") == {"ada": "ADMIN"}
    await execute(f"UPDATE account SET {blocked} WHERE name = 'bob'")
    assert "bob" not in await listed(owner)


async def test_grants_are_listed_by_source(owner: GraphQL) -> None:
    async def grants(account: str, *sources: str) -> Any:
        variables = {"s": list(sources)} if sources else {}
        found = (await owner.data(GRANTS, a=account, **variables))["repository"]["grants"]
        return found and triples(found)

    assert await grants("bob") == [("TEAM", "WRITE", "makers"), ("DIRECT", "READ", None)]
    assert await grants("bob", "DIRECT", "OWNER") == [("DIRECT", "READ", None)]
    assert await grants("ada", "TEAM", "DIRECT") == [CREATOR]
    assert [await grants(name) for name in ("eve", "max", "nobody", "acme")] == [None] * 4


async def test_lists_of_access_and_defaults_cost_no_n_plus_1(owner: GraphQL, factory: Factory) -> None:
    questions = {
        "access": ACCESS,
        "permissions": """query { repository(path: "acme/app") { permissions(first: 100) { nodes {
            role isOrganizationMember
            grantee { ... on Account { name isMemberOf(organization: "acme") } ... on Team { name }
            } } } } }""",
        "defaults": """query { organization(name: "acme") { permissionPrototypes(first: 100) { nodes {
            role activatingAccount { name isMemberOf(organization: "acme") }
            delegate { ... on Account { name } ... on Team { name } } } } } }""",
    }

    async def costs() -> dict[str, int]:
        found = {}
        for name, document in questions.items():
            await owner.data(document)
            found[name] = await least_statements(partial(owner.data, document))
        return found

    async def add(number: int) -> None:
        await factory.user(f"user{number}")
        await factory.grant("acme/app", f"user{number}", RepositoryRole.READ, by="ada")
        await factory.team("acme", f"team{number}", TeamRole.MEMBER, [f"user{number}"])
        await factory.grant(
            "acme/app", f"team{number}", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="ada"
        )
        for kind, name in (("USER", f"user{number}"), ("TEAM", f"team{number}")):
            await owner.payload(
                """mutation ($k: GranteeKind!, $n: String!, $by: String!) { permissionPrototypeCreate(
                  organization: "acme", input: { role: READ, delegate: { kind: $k, name: $n },
                  activatingAccount: { name: $by } }) { errors { code } } }""",
                k=kind,
                n=name,
                by=f"user{number}",
            )

    await add(0)
    few = await costs()
    for number in range(1, 12):
        await add(number)
    many = await costs()

    assert many == few
    # The sign-in, the repository or organization and the decision on it; then the list, what it names, and
    # whether the viewer may know who is a member.
    assert few == {"access": 9, "permissions": 10, "defaults": 9}


async def test_repository_administrators_see_no_secrets_of_robots_and_teams(
    owner: GraphQL, factory: Factory
) -> None:
    await factory.grant("acme/app", "eve", RepositoryRole.ADMIN, by="ada")
    eve = owner.with_token(await factory.token("eve"))
    tokens = """{ repository(path: "acme/app") { access { nodes {
      account { name ... on Robot { token } } } } } }"""
    members = """{ repository(path: "acme/app") { permission(grantee: { kind: TEAM, name: "makers" }) {
      grantee { ... on Team { viewerCanView members { totalCount } } } } } }"""

    nodes = (await eve.data(tokens))["repository"]["access"]["nodes"]
    answer = await eve.answer(members)

    assert {"name": "acme+bot", "token": None} in [node["account"] for node in nodes]
    assert answer["data"]["repository"]["permission"]["grantee"] == {"viewerCanView": False, "members": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
