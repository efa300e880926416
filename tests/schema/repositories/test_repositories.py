"""Repositories through GraphQL: one, lists, changes."""

import re

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.grantee import GranteeKind
from resolvers.repositories.repository import Visibility
from tests.factories import Factory
from tests.schema.client import GraphQL

LIST = """
query ($first: Int! = 50, $after: Cursor, $namespace: String, $visibility: Visibility,
       $public: Boolean! = true) {
  repositories(first: $first, after: $after, namespace: $namespace, visibility: $visibility,
               includePublic: $public) {
    totalCount pageInfo { hasNextPage nextCursor } nodes { path viewerRole }
  }
}
"""
CREATE = """
mutation ($input: RepositoryCreateInput!) { repositoryCreate(input: $input) {
  repository { path visibility viewerRole description } errors { code field message } } }
"""

FOREIGN_CURSORS = [
    "",
    "x",
    "é",
    "W10",  # []
    "WyJ4IiwxXQ",  # ["x",1]
    "WyJrIiwiYSJd",  # ["k","a"]: a text where a number belongs
    "WyJrIiwxLDJd",  # ["k",1,2]: too many values
    "WyJrIiw5OTk5OTk5OTk5OTk5OTk5OTk5OV0",  # ["k",99999999999999999999]
    "WyJrIiwxODQ0Njc0NDA3MzcwOTU1MTYxNV0",  # ["k",18446744073709551615]
    "WyJrIix0cnVlXQ",  # ["k",true]
    "WyJvIiwtMV0",  # ["o",-1]
    "WyJvIiwxZTk5XQ",  # ["o",1e99]
    "WyJvIiwidHdvIl0",  # ["o","two"]
    "bnVsbA",  # null
]


async def paths(client: GraphQL, **variables: object) -> list[str]:
    return [node["path"] for node in (await client.data(LIST, **variables))["repositories"]["nodes"]]


async def test_all_fields_of_a_repository(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/tools/app", by="ada")

    data = await ada.data(
        """{ repository(path: "acme/tools/app") { path namespace namespaceKind isInOrganization name
          description visibility isPublic state createdAt tagExpirationS badgeToken viewerRole viewerCanWrite
          viewerCanAdminister } }"""
    )

    repository = data["repository"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", repository.pop("createdAt"))
    assert re.fullmatch(r"[A-Z0-9]{40}", repository.pop("badgeToken"))
    assert repository == {
        "path": "acme/tools/app",
        "namespace": "acme",
        "namespaceKind": "ORGANIZATION",
        "isInOrganization": True,
        "name": "tools/app",
        "description": None,
        "visibility": "PRIVATE",
        "isPublic": False,
        "state": "NORMAL",
        "tagExpirationS": 14 * 86_400,
        "viewerRole": "ADMIN",
        "viewerCanWrite": True,
        "viewerCanAdminister": True,
    }


async def test_a_public_repository_is_readable_anonymously(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)

    data = await graphql.data(
        """{ repository(path: "ada/app") { isPublic badgeToken viewerRole viewerCanWrite
          viewerCanAdminister } }"""
    )

    assert data["repository"] == {
        "isPublic": True,
        "badgeToken": None,
        "viewerRole": "READ",
        "viewerCanWrite": False,
        "viewerCanAdminister": False,
    }


async def test_viewer_can_write_depends_on_role_and_state(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await ada.payload(
        """mutation { repositoryStateChange(repository: "ada/app", state: READ_ONLY) {
          repository { state } errors { code } } }"""
    )

    data = await ada.data('{ repository(path: "ada/app") { state viewerRole viewerCanWrite } }')

    assert data["repository"] == {"state": "READ_ONLY", "viewerRole": "ADMIN", "viewerCanWrite": False}


async def test_a_path_without_a_name_is_not_a_path(graphql: GraphQL) -> None:
    document = "query ($p: RepositoryPath!) { repository(path: $p) { path } }"

    for path in ("app", "", "/", "ada/", "/ada"):
        assert await graphql.refusal(document, p=path) == "BAD_REQUEST"


async def test_lists_hold_visible_repositories_oldest_first(graphql: GraphQL, factory: Factory) -> None:
    for name in ("ada", "bob", "cyd"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.repository("ada/private")
    await factory.repository("ada/public", visibility=Visibility.PUBLIC)
    await factory.repository("acme/direct", by="ada")
    await factory.repository("acme/team", by="ada")
    await factory.repository("acme/hidden", by="ada")
    await factory.team("acme", "writers", TeamRole.MEMBER, ["cyd"])
    await factory.grant("acme/direct", "bob", RepositoryRole.READ, by="ada")
    await factory.grant("acme/team", "writers", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="ada")

    seen = {None: await paths(graphql)}
    for name in ("ada", "bob", "cyd"):
        seen[name] = await paths(graphql.with_token(await factory.token(name)))

    assert seen == {
        None: ["ada/public"],
        "ada": ["ada/private", "ada/public", "acme/direct", "acme/team", "acme/hidden"],
        "bob": ["ada/public", "acme/direct"],
        "cyd": ["ada/public", "acme/team"],
    }


async def test_lists_are_narrowed_by_namespace_visibility_and_grant(
    graphql: GraphQL, factory: Factory, ada: GraphQL
) -> None:
    await factory.user("bob")
    await factory.repository("ada/private")
    await factory.repository("ada/public", visibility=Visibility.PUBLIC)
    await factory.repository("bob/public", visibility=Visibility.PUBLIC)

    assert await paths(ada, namespace="ada") == ["ada/private", "ada/public"]
    assert await paths(ada, namespace="bob") == ["bob/public"]
    assert await paths(ada, namespace="nobody") == []
    assert await paths(ada, visibility="PRIVATE") == ["ada/private"]
    assert await paths(ada, visibility="PUBLIC", namespace="ada") == ["ada/public"]
    assert await paths(ada, public=False) == ["ada/private", "ada/public"]
    assert await paths(graphql, public=False) == []


async def test_each_repository_of_a_list_shows_the_viewers_own_role(
    graphql: GraphQL, factory: Factory
) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    for name, role in (("a", RepositoryRole.READ), ("b", RepositoryRole.WRITE), ("c", RepositoryRole.ADMIN)):
        await factory.repository(f"ada/{name}")
        await factory.grant(f"ada/{name}", "bob", role, by="ada")

    data = await graphql.with_token(await factory.token("bob")).data(LIST)

    assert data["repositories"]["nodes"] == [
        {"path": "ada/a", "viewerRole": "READ"},
        {"path": "ada/b", "viewerRole": "WRITE"},
        {"path": "ada/c", "viewerRole": "ADMIN"},
    ]


async def test_pages_miss_and_repeat_nothing_while_repositories_come_and_go(
    factory: Factory, ada: GraphQL
) -> None:
    for number in range(10):
        await factory.repository(f"ada/r{number}")
    seen: list[str] = []
    cursor = None

    for round_ in range(20):
        page = (await ada.data(LIST, first=2, after=cursor))["repositories"]
        seen += [node["path"] for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]
        if cursor is None:
            break
        if round_ < 3:
            await factory.repository(f"ada/late{round_}")
        if round_ == 1:
            await ada.payload('mutation { repositoryDelete(repository: "ada/r0") { path errors { code } } }')

    assert seen == [*(f"ada/r{number}" for number in range(10)), "ada/late0", "ada/late1", "ada/late2"]


async def test_a_cursor_that_this_list_did_not_make_is_refused(ada: GraphQL) -> None:
    codes = {cursor: await ada.refusal(LIST, after=cursor) for cursor in FOREIGN_CURSORS}

    assert codes == dict.fromkeys(FOREIGN_CURSORS, "BAD_REQUEST")


async def test_page_sizes_are_limited_to_a_hundred(ada: GraphQL) -> None:
    codes = {first: await ada.refusal(LIST, first=first) for first in (-1, 0, 101, 2**31 - 1)}

    assert codes == {-1: "BAD_REQUEST", 0: "BAD_REQUEST", 101: "TOO_COMPLEX", 2**31 - 1: "TOO_COMPLEX"}


async def test_a_new_repository_is_private_and_its_creator_administers_it(
    factory: Factory, ada: GraphQL
) -> None:
    payload = await ada.payload(CREATE, input={"name": "a/b/c", "description": "# Hello"})

    assert payload["repository"] == {
        "path": "ada/a/b/c",
        "visibility": "PRIVATE",
        "viewerRole": "ADMIN",
        "description": "# Hello",
    }


async def test_a_member_with_the_role_creator_administers_new_repositories(
    graphql: GraphQL, factory: Factory
) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    bob = graphql.with_token(await factory.token("bob"))

    payload = await bob.payload(CREATE, input={"namespace": "acme", "name": "app", "visibility": "PUBLIC"})

    assert payload["repository"] == {
        "path": "acme/app",
        "visibility": "PUBLIC",
        "viewerRole": "ADMIN",
        "description": None,
    }
    data = await bob.data(
        '{ repository(path: "acme/app") { permissions { nodes { name role grantee: granteeKind } } } }'
    )
    assert data["repository"]["permissions"]["nodes"] == [{"name": "bob", "role": "ADMIN", "grantee": "USER"}]


async def test_description_visibility_and_state_are_changed(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")

    described = await ada.payload(
        """mutation { repositoryUpdate(repository: "ada/app", input: { description: "new" }) {
          repository { description } errors { code } } }"""
    )
    opened = await ada.payload(
        """mutation { repositoryVisibilityChange(repository: "ada/app", visibility: PUBLIC) {
          repository { visibility } errors { code } } }"""
    )
    cleared = await ada.payload(
        """mutation { repositoryUpdate(repository: "ada/app", input: { description: null }) {
          repository { description visibility } errors { code } } }"""
    )

    assert described["repository"] == {"description": "new"}
    assert opened["repository"] == {"visibility": "PUBLIC"}
    assert cleared["repository"] == {"description": None, "visibility": "PUBLIC"}
