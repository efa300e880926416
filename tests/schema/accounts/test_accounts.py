"""The viewer, users, organizations and namespaces: what they show to whom."""

import hashlib

import pytest

from resolvers.access.roles import TeamRole
from resolvers.access.scopes import Scope
from resolvers.avatar import PALETTE
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL

VIEWER = "{ viewer { name kind scopes isSuperuser user { name isViewer } } }"
MEMBERSHIPS = """
query ($first: Int!, $after: Cursor) { viewer { user { memberships(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor nextCursor }
  edges { cursor node { role organization { name } } } nodes { role }
} } } }
"""


async def test_nobody_is_signed_in_without_credentials(graphql: GraphQL) -> None:
    assert await graphql.data("{ viewer { name } }") == {"viewer": None}


async def test_the_viewer_is_the_account_of_the_token_with_its_scopes(
    graphql: GraphQL, factory: Factory
) -> None:
    await factory.user("ada", is_superuser=True)
    scopes = frozenset({Scope.USER_READ, Scope.REPO_READ})

    data = await graphql.with_token(await factory.token("ada", scopes)).data(VIEWER)

    assert data["viewer"] == {
        "name": "ada",
        "kind": "USER",
        "scopes": ["REPO_READ", "USER_READ"],
        "isSuperuser": False,
        "user": {"name": "ada", "isViewer": True},
    }


async def test_superuser_rights_need_the_scope(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada", is_superuser=True)

    token = await factory.token("ada", frozenset({Scope.SUPER_USER}))

    assert await graphql.with_token(token).data("{ viewer { isSuperuser } }") == {
        "viewer": {"isSuperuser": True}
    }


async def test_a_token_without_user_read_does_not_show_its_user(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    token = await factory.token("ada", frozenset({Scope.REPO_ADMIN}))

    answer = await graphql.with_token(token).answer("{ viewer { name user { name } } }")

    assert answer["data"] == {"viewer": {"name": "ada", "user": None}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_a_user_is_public_but_not_the_settings(
    graphql: GraphQL, factory: Factory, ada: GraphQL
) -> None:
    await factory.user("bob")
    document = (
        '{ user(username: "ada") { name isViewer avatar { name hash color kind } settings { email } } }'
    )
    digest = hashlib.sha256(b"ada").hexdigest()
    public = {
        "name": "ada",
        "isViewer": False,
        "avatar": {
            "name": "ada",
            "hash": digest,
            "color": PALETTE[int(digest[:8], 16) % 32],
            "kind": "USER",
        },
        "settings": None,
    }

    assert await graphql.data(document) == {"user": public}
    assert await graphql.with_token(await factory.token("bob")).data(document) == {"user": public}
    assert await ada.data(document) == {
        "user": public | {"isViewer": True, "settings": {"email": "ada@example.com"}}
    }


async def test_the_settings_require_user_admin(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    token = await factory.token("ada", EVERY_SCOPE - {Scope.USER_ADMIN})

    data = await graphql.with_token(token).data('{ user(username: "ada") { settings { email } } }')

    assert data == {"user": {"settings": None}}


async def test_the_settings_of_a_new_user(ada: GraphQL) -> None:
    data = await ada.data(
        """{ user(username: "ada") { settings {
          email isVerified hasPassword hasInvoiceEmail invoiceEmailAddress tagExpirationS
          givenName familyName company location } } }"""
    )

    assert data["user"]["settings"] == {
        "email": "ada@example.com",
        "isVerified": True,
        "hasPassword": False,
        "hasInvoiceEmail": False,
        "invoiceEmailAddress": None,
        "tagExpirationS": 14 * 86_400,
        "givenName": None,
        "familyName": None,
        "company": None,
        "location": None,
    }


async def test_an_unknown_user_is_null(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.robot("ada+bot")
    document = "query ($n: String!) { user(username: $n) { name } }"

    for name in ("acme", "ada+bot", "nobody", "ADA", "", "%", "ada'--", "a" * 5000):
        assert await graphql.data(document, n=name) == {"user": None}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query ($n: String!) { user(username: $n) { name } }", {"n": "\0"}),
        (r'{ user(username: "\u0000") { name } }', {}),
        (r'{ user(username: "a\u{0}b") { name } }', {}),
    ],
)
async def test_a_nul_character_is_refused(graphql: GraphQL, document: str, variables: dict[str, str]) -> None:
    assert await graphql.refusal(document, **variables) == "BAD_REQUEST"


async def test_an_organization_shows_name_and_avatar_to_everybody(
    graphql: GraphQL, factory: Factory, ada: GraphQL
) -> None:
    await factory.organization("acme", owner="ada")
    document = """{ organization(name: "acme") {
      name viewerRole viewerIsMember viewerCanAdminister avatar { kind } } }"""
    shown = {"name": "acme", "avatar": {"kind": "ORGANIZATION"}}

    assert (await graphql.data(document))["organization"] == shown | {
        "viewerRole": None,
        "viewerIsMember": False,
        "viewerCanAdminister": False,
    }
    assert (await ada.data(document))["organization"] == shown | {
        "viewerRole": "ADMIN",
        "viewerIsMember": True,
        "viewerCanAdminister": True,
    }


async def test_a_user_is_not_found_as_an_organization(ada: GraphQL) -> None:
    assert await ada.data('{ organization(name: "ada") { name } }') == {"organization": None}


async def test_teams_are_paged_with_their_counts(factory: Factory, ada: GraphQL) -> None:
    for name in ("bob", "cyd"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["bob", "cyd"])
    await factory.team("acme", "makers", TeamRole.CREATOR, ["cyd"])
    document = """query ($after: Cursor) { organization(name: "acme") { teams(first: 2, after: $after) {
      totalCount pageInfo { hasNextPage nextCursor }
      nodes { name role description memberCount repositoryCount viewerCanView } } } }"""

    first = (await ada.data(document))["organization"]["teams"]
    second = (await ada.data(document, after=first["pageInfo"]["nextCursor"]))["organization"]["teams"]

    empty = {"description": "", "repositoryCount": 0, "viewerCanView": True}
    assert first["nodes"] + second["nodes"] == [
        {"name": "owners", "role": "ADMIN", "memberCount": 1} | empty,
        {"name": "readers", "role": "MEMBER", "memberCount": 2} | empty,
        {"name": "makers", "role": "CREATOR", "memberCount": 1} | empty,
    ]
    assert (first["totalCount"], second["totalCount"]) == (3, 3)
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]) == (
        True,
        {"hasNextPage": False, "nextCursor": None},
    )


async def test_a_member_sees_all_teams_but_only_the_members_of_its_own(
    graphql: GraphQL, factory: Factory
) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["bob"])
    bob = graphql.with_token(await factory.token("bob"))

    data = await bob.data('{ organization(name: "acme") { teams { nodes { name viewerCanView } } } }')

    assert data["organization"]["teams"]["nodes"] == [
        {"name": "owners", "viewerCanView": False},
        {"name": "readers", "viewerCanView": True},
    ]


async def test_memberships_are_paged_by_name_with_the_highest_role(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    for name in ("zinc", "acme", "mill"):
        await factory.organization(name, owner="bob" if name == "mill" else "ada")
    await factory.team("mill", "readers", TeamRole.MEMBER, ["ada"])
    await factory.team("mill", "makers", TeamRole.CREATOR, ["ada"])

    first = (await ada.data(MEMBERSHIPS, first=2))["viewer"]["user"]["memberships"]
    cursor = first["pageInfo"]["nextCursor"]
    second = (await ada.data(MEMBERSHIPS, first=2, after=cursor))["viewer"]["user"]["memberships"]

    assert [edge["node"] for edge in first["edges"] + second["edges"]] == [
        {"role": "ADMIN", "organization": {"name": "acme"}},
        {"role": "CREATOR", "organization": {"name": "mill"}},
        {"role": "ADMIN", "organization": {"name": "zinc"}},
    ]
    cursors = [edge["cursor"] for edge in first["edges"]]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[1],
        "nextCursor": cursors[1],
    }
    assert second["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": second["edges"][0]["cursor"],
        "endCursor": second["edges"][0]["cursor"],
        "nextCursor": None,
    }
    assert first["totalCount"] == second["totalCount"] == 3


async def test_memberships_of_others_are_refused(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")

    assert await ada.refusal('{ user(username: "bob") { memberships { totalCount } } }') == "FORBIDDEN"


async def test_outsiders_see_no_membership_but_their_own(graphql: GraphQL, factory: Factory) -> None:
    for name in ("ada", "bob", "max"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "makers", TeamRole.MEMBER, ["max"])
    document = "query ($u: String!, $o: String!) { user(username: $u) { isMemberOf(organization: $o) } }"

    async def answers(viewer: str | None, organization: str = "acme") -> list[bool | None]:
        client = graphql.with_token(await factory.token(viewer) if viewer else None)
        return [
            (await client.data(document, u=name, o=organization))["user"]["isMemberOf"]
            for name in ("ada", "bob", "max")
        ]

    assert await answers("ada") == [True, False, True]
    assert await answers("max") == [True, False, True]
    assert await answers("bob") == [None, False, None]
    assert await answers(None) == [None, None, None]
    assert await answers("ada", "bob") == await answers("ada", "nothing") == [None, None, None]


async def test_a_namespace_shows_its_kind_and_the_role_in_it(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    document = "query ($n: String!) { namespace(name: $n) { name kind viewerRole } }"

    assert (await ada.data(document, n="ada"))["namespace"] == {
        "name": "ada",
        "kind": "USER",
        "viewerRole": "ADMIN",
    }
    assert (await ada.data(document, n="acme"))["namespace"] == {
        "name": "acme",
        "kind": "ORGANIZATION",
        "viewerRole": "ADMIN",
    }


async def test_the_viewer_can_tell_where_repositories_may_be_created(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    document = "query ($n: String!) { viewer { canCreateRepositoriesIn(namespace: $n) } }"

    for namespace, allowed in {"ada": True, "acme": True, "bob": False, "nobody": False}.items():
        data = await ada.data(document, n=namespace)
        assert data == {"viewer": {"canCreateRepositoriesIn": allowed}}


@pytest.mark.parametrize("token", ["x", "x" * 40, "é" * 40, "x" * 10_000, "\0"])
async def test_a_wrong_token_is_refused_and_not_treated_as_anonymous(graphql: GraphQL, token: str) -> None:
    response = await graphql.http.post(
        "/graphql",
        json={"query": "{ viewer { name } }"},
        headers=[(b"authorization", b"Bearer " + token.encode())],
    )

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        401,
        "UNAUTHENTICATED",
    )
