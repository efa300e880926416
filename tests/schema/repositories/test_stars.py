"""Stars through GraphQL: authorization, counts, lists."""

import asyncio

import pytest

from resolvers.access.scopes import Scope
from resolvers.repositories import purge, repository
from resolvers.repositories.repository import Visibility
from storage.statements import count_statements, fetch
from tests import state
from tests.factories import Factory
from tests.schema.client import GraphQL

STAR = """mutation ($path: RepositoryPath!) { repositoryStar(repository: $path) {
  repository { path isStarred starCount } errors { code field message } } }"""
UNSTAR = """mutation ($path: RepositoryPath!) { repositoryUnstar(repository: $path) {
  repository { path isStarred starCount } errors { code field message } } }"""
STARRED = "{ viewer { starredRepositories { totalCount nodes { path isStarred } } } }"
LISTED = "query ($is: Boolean) { repositories(isStarred: $is, includePublic: false) { nodes { path } } }"


async def starred(client: GraphQL) -> list[str]:
    found = (await client.data(STARRED))["viewer"]["starredRepositories"]
    assert found["totalCount"] == len(found["nodes"])
    assert all(node["isStarred"] for node in found["nodes"])
    return [node["path"] for node in found["nodes"]]


async def listed(client: GraphQL, is_starred: bool | None) -> list[str]:
    nodes = (await client.data(LISTED, **{"is": is_starred}))["repositories"]["nodes"]
    return [node["path"] for node in nodes]


async def test_stars_are_per_viewer_and_their_count_is_public(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    bob = ada.with_token(await factory.token("bob"))
    for name in ("app", "other"):
        await factory.repository(f"ada/{name}", visibility=Visibility.PUBLIC)

    mine = await ada.payload(STAR, path="ada/app")
    theirs = await bob.payload(STAR, path="ada/app")

    assert mine["repository"] == {"path": "ada/app", "isStarred": True, "starCount": 1}
    assert theirs["repository"] == {"path": "ada/app", "isStarred": True, "starCount": 2}
    assert (await starred(ada), await starred(bob)) == (["ada/app"], ["ada/app"])
    assert [await listed(ada, choice) for choice in (True, False, None)] == [
        ["ada/app"],
        ["ada/other"],
        ["ada/app", "ada/other"],
    ]
    # Starred public repositories are listed even without includePublic.
    assert [await listed(bob, choice) for choice in (True, False)] == [["ada/app"], []]


async def test_starring_and_unstarring_are_idempotent(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")

    counts = [
        (await ada.payload(document, path="ada/app"))["repository"]["starCount"]
        for document in (STAR, STAR, UNSTAR, UNSTAR)
    ]

    assert counts == [1, 1, 0, 0]
    assert await starred(ada) == []


async def test_concurrent_stars_of_one_viewer_count_once(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")

    await asyncio.gather(*(ada.payload(STAR, path="ada/app") for _ in range(8)))

    assert await fetch("SELECT COUNT(*) AS n FROM star") == [{"n": 1}]


async def test_starring_requires_read_access_and_discloses_nothing(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.repository("ada/secret")
    await factory.repository("ada/public", visibility=Visibility.PUBLIC)
    await factory.robot("ada+bot")
    bob = ada.with_token(await factory.token("bob"))
    narrow = ada.with_token(await factory.token("ada", frozenset({Scope.REPO_ADMIN, Scope.USER_READ})))
    robot = ada.with_token(await factory.token("ada+bot"))
    before = await state.dump()

    refused = [
        await client.refusal(document, path=path)
        for document in (STAR, UNSTAR)
        for client, path in (
            (bob, "ada/secret"),
            (bob, "ada/nothing"),
            (ada.with_token(None), "ada/public"),
            (narrow, "ada/secret"),
            (robot, "ada/public"),
        )
    ]

    assert refused == ["FORBIDDEN", "FORBIDDEN", "UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN"] * 2
    assert await state.dump() == before
    assert [await ada.payload_error(document, path="ada/nothing") for document in (STAR, UNSTAR)] == [
        ("NOT_FOUND", "repository")
    ] * 2


async def test_a_starred_repository_that_becomes_private_is_no_longer_listed(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.user("bob")
    bob = ada.with_token(await factory.token("bob"))
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    await bob.payload(STAR, path="ada/app")

    await repository.change_visibility(await factory.as_account("ada"), "ada/app", Visibility.PRIVATE)

    assert await starred(bob) == []
    assert await listed(bob, True) == []


async def test_the_stars_of_a_deleted_repository_vanish(factory: Factory, ada: GraphQL) -> None:
    record = await factory.repository("ada/app")
    await ada.payload(STAR, path="ada/app")

    await repository.delete(await factory.as_account("ada"), "ada/app")
    again = await factory.repository("ada/app")

    assert await starred(ada) == []
    assert again.id != record.id
    assert (await ada.data('{ repository(path: "ada/app") { isStarred starCount } }'))["repository"] == {
        "isStarred": False,
        "starCount": 0,
    }
    await purge.purge_repository(record.id)
    assert await fetch("SELECT COUNT(*) AS n FROM star") == [{"n": 0}]


async def test_anonymous_viewers_have_no_stars(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    anonymous = ada.with_token(None)

    assert (await anonymous.data("{ repositories { nodes { isStarred starCount } } }"))["repositories"] == {
        "nodes": [{"isStarred": None, "starCount": 0}]
    }
    assert await anonymous.refusal(LISTED, **{"is": True}) == "UNAUTHENTICATED"


@pytest.mark.parametrize("number", [2, 30])
async def test_a_list_with_stars_takes_two_statements_more_however_long(
    factory: Factory, ada: GraphQL, number: int
) -> None:
    for one in range(number):
        await factory.repository(f"ada/r{one}")
        await ada.payload(STAR, path=f"ada/r{one}")

    async def ask() -> None:
        found = await ada.data("{ repositories(isStarred: true) { nodes { path isStarred starCount } } }")
        assert [node["starCount"] for node in found["repositories"]["nodes"]] == [1] * number

    await ask()
    with count_statements() as count:
        await ask()

    # The sign-in, the repositories, the viewer's stars, everybody's stars.
    assert len(count.statements) == 4
    # The list has authorized each repository, so no role is read again.


async def test_repositories_are_listed_by_name_page_by_page(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    for path in ("ada/b", "acme/z", "ada/a", "acme/m"):
        await factory.repository(path, by="ada")
    document = """query ($after: Cursor) { repositories(first: 1, after: $after, orderBy: NAME) {
      nodes { path } pageInfo { nextCursor } } }"""
    cursor, found = None, []

    for _ in range(4):
        page = (await ada.data(document, after=cursor))["repositories"]
        found += [node["path"] for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]

    assert (found, cursor) == (["acme/m", "acme/z", "ada/a", "ada/b"], None)


async def test_a_star_on_what_became_private_can_be_taken_back(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    bob = ada.with_token(await factory.token("bob"))
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    await bob.payload(STAR, path="ada/app")
    await ada.payload(
        """mutation { repositoryVisibilityChange(repository: "ada/app", visibility: PRIVATE) {
          errors { code } } }"""
    )
    unstar = UNSTAR.replace("repository { path isStarred starCount } ", "")

    assert (await bob.payload(unstar, path="ada/app")) == {"errors": []}
    assert await fetch("SELECT * FROM star") == []
    # Without a star, it is refused like a repository that does not exist.
    refused = [await bob.refusal(unstar, path=path) for path in ("ada/app", "ada/none")]
    assert refused == ["FORBIDDEN"] * 2
