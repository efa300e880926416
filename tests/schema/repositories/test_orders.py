"""Lists of repositories by pulls and by last change, in both directions."""

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.repositories import popularity, ranking, repository
from resolvers.repositories.repository import Visibility
from storage.clock import now_ms
from storage.statements import count_statements, execute
from tests.factories import Factory
from tests.schema.client import GraphQL

LIST = """query ($order: RepositoryOrder!, $first: Int! = 50, $after: Cursor, $starred: Boolean) {
  repositories(orderBy: $order, first: $first, after: $after, isStarred: $starred) {
    totalCount pageInfo { hasNextPage nextCursor } nodes { path popularity lastModifiedAt } } }"""
ORGANIZATION = """query ($order: RepositoryOrder!) { organization(name: "acme") {
  repositories(orderBy: $order) { totalCount nodes { path } } } }"""
NUMBERS = {"a": (5, 3_000), "b": (0, None), "c": (12, 1_000), "d": (5, 2_000), "e": (0, None)}
"""The pulls of each repository, and when a tag of it last began, in milliseconds."""


async def pull(path: str, pulls: int, *, days_ago: int = 0) -> None:
    """Count pulls of a repository on a day."""
    record = await repository.find(path)
    assert record is not None
    await execute(
        "INSERT INTO daily_activity (repository_id, namespace_id, day, actor_kind, pulls, checks, pushes)"
        " VALUES (?, ?, ?, 'user', ?, 50, 50)",
        *(record.id, record.namespace_id, now_ms() // popularity.DAY_MS - days_ago, pulls),
    )


async def change(path: str, at_ms: int) -> None:
    """Let the last tag of a repository have begun at a time."""
    record = await repository.find(path)
    assert record is not None
    await execute("UPDATE tag SET started_at_ms = ? WHERE repository_id = ?", at_ms, record.id)


@pytest.fixture
async def used(factory: Factory, ada: GraphQL) -> GraphQL:
    """A client of `ada`, who sees `NUMBERS` in her organization."""
    await factory.organization("acme", owner="ada")
    for name, (pulls, changed) in NUMBERS.items():
        await factory.repository(f"acme/{name}", by="ada")
        if pulls:
            await pull(f"acme/{name}", pulls - 2)
            await pull(f"acme/{name}", 2, days_ago=popularity.DAYS - 1)
        # What is older does not count.
        await pull(f"acme/{name}", 1_000, days_ago=popularity.DAYS)
        if changed is not None:
            await factory.image(f"acme/{name}", b"layer" * (4 if name == "d" else 1), tag="latest")
            await change(f"acme/{name}", changed)
    return ada


async def names(client: GraphQL, order: str, **variables: object) -> str:
    found = (await client.data(LIST, order=order, **variables))["repositories"]
    return " ".join(node["path"].removeprefix("acme/") for node in found["nodes"])


ORDERS = {
    "CREATED_AT": "a b c d e",
    "NEWEST_FIRST": "e d c b a",
    "NAME": "a b c d e",
    "NAME_REVERSED": "e d c b a",
    "POPULARITY": "c d a e b",
    "UNPOPULAR_FIRST": "b e a d c",
    "LAST_MODIFIED_AT": "a d c e b",
    "UNMODIFIED_FIRST": "b e c d a",
    "SIZE": "d c a e b",
    "SMALLEST_FIRST": "b e a c d",
}


@pytest.mark.parametrize("order", ORDERS)
async def test_every_order_alone_and_page_by_page(used: GraphQL, order: str) -> None:
    assert await names(used, order) == ORDERS[order]

    pages: list[list[str]] = []
    after = None
    while True:
        page = (await used.data(LIST, order=order, first=2, after=after))["repositories"]
        assert page["totalCount"] == 5
        pages.append([node["path"].removeprefix("acme/") for node in page["nodes"]])
        after = page["pageInfo"]["nextCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert " ".join(name for page in pages for name in page) == ORDERS[order]

    listed = (await used.data(ORGANIZATION, order=order))["organization"]["repositories"]
    assert listed["totalCount"] == 5
    assert " ".join(node["path"].removeprefix("acme/") for node in listed["nodes"]) == ORDERS[order]


async def test_the_orders_are_those_of_the_numbers_shown(used: GraphQL) -> None:
    by_pulls = (await used.data(LIST, order="POPULARITY"))["repositories"]["nodes"]
    by_change = (await used.data(LIST, order="LAST_MODIFIED_AT"))["repositories"]["nodes"]

    assert [node["popularity"] for node in by_pulls] == [12, 5, 5, 0, 0]
    assert [node["lastModifiedAt"] for node in by_change] == [
        "1970-01-01T00:00:03Z",
        "1970-01-01T00:00:02Z",
        "1970-01-01T00:00:01Z",
        None,
        None,
    ]


async def test_others_stay_in_place_while_one_moves_between_pages(used: GraphQL) -> None:
    first = (await used.data(LIST, order="POPULARITY", first=2))["repositories"]
    assert [node["path"] for node in first["nodes"]] == ["acme/c", "acme/d"]

    # when the last of the first page and one of the next page are pulled more
    await execute("UPDATE daily_activity SET pulls = pulls + 100 WHERE pulls = 3")
    after = first["pageInfo"]["nextCursor"]

    # then the rest is listed once
    assert await names(used, "POPULARITY", after=after) == "e b"
    assert await names(used, "POPULARITY") == "d a c e b"


async def test_lists_by_a_number_hold_only_what_the_viewer_may_see(factory: Factory, used: GraphQL) -> None:
    await factory.user("bob")
    bob = used.with_token(await factory.token("bob"))
    for path in ("acme/a", "acme/e"):
        await factory.grant(path, "bob", RepositoryRole.READ, by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    await pull("acme/open", 6)

    assert await names(bob, "POPULARITY") == "open a e"
    assert await names(bob, "UNMODIFIED_FIRST") == "e open a"
    assert await names(used.with_token(None), "LAST_MODIFIED_AT") == "open"
    await bob.data('mutation { repositoryStar(repository: "acme/e") { errors { code } } }')
    assert await names(bob, "POPULARITY", starred=True) == "e"
    assert await names(bob, "POPULARITY", starred=False) == "open a"
    assert (await bob.data(LIST, order="POPULARITY", starred=True))["repositories"]["totalCount"] == 1


async def test_too_many_repositories_for_an_order_are_refused(
    used: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "MAX_RANKED", 5)
    assert await names(used, "POPULARITY") == "c d a e b"

    monkeypatch.setattr(ranking, "MAX_RANKED", 4)
    for starred in (None, False):
        answer = await used.answer(LIST, order="POPULARITY", starred=starred)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
        assert error["message"] == (
            "orderBy: at most 4 repositories can be put in this order, and the list has more."
            " Narrow it down, for example to a namespace."
        )
    assert await names(used, "NAME_REVERSED") == "e d c b a"


async def test_cursors_of_other_orders_and_pages_of_nothing_are_refused(used: GraphQL) -> None:
    page = (await used.data(LIST, order="NAME", first=2))["repositories"]

    assert await used.refusal(LIST, order="POPULARITY", after=page["pageInfo"]["nextCursor"]) == "BAD_REQUEST"
    assert await used.refusal(LIST, order="POPULARITY", after="x") == "BAD_REQUEST"
    assert await used.refusal(LIST, order="POPULARITY", first=0) == "BAD_REQUEST"


async def test_a_page_costs_two_statements_more_however_many_repositories(
    factory: Factory, used: GraphQL
) -> None:
    async def cost(order: str) -> int:
        await used.data(LIST, order=order)
        with count_statements() as count:
            await used.data(LIST, order=order)
        return len(count.statements)

    plain = await cost("NAME_REVERSED")
    few = await cost("POPULARITY")
    for name in ("f", "g", "h"):
        await factory.repository(f"acme/{name}", by="ada")
    many = await cost("POPULARITY")

    # `totalCount` is known already.
    assert (few, many) == (plain + 1, plain + 1)
