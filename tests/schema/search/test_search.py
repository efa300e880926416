"""Search through GraphQL: visibility, ranking, consistency with changes, any text."""

from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts import organization
from resolvers.repositories import popularity, purge, repository
from resolvers.repositories.repository import Visibility
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch
from tests.bench.many import fill
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, Json, endpoint

SEARCH = """query ($text: String!, $kinds: [SearchKind!], $perKind: Int! = 100, $first: Int! = 50,
                $after: Cursor) {
  search(text: $text, kinds: $kinds, perKind: $perKind, first: $first, after: $after) {
    totalCount pageInfo { nextCursor }
    nodes { score item { __typename
      ... on Repository { path } ... on Organization { name } ... on User { name }
      ... on Team { name } ... on Robot { name } } } } }"""
GRANTEES = """query ($prefix: String!, $namespace: String, $all: Boolean! = true) {
  grantees(prefix: $prefix, namespace: $namespace, includeTeams: $all, includeOrganization: $all) {
    __typename ... on User { name } ... on Robot { name } ... on Team { name }
    ... on Organization { name } } }"""


async def found(client: GraphQL, text: str, **more: Any) -> list[str]:
    nodes = (await client.data(SEARCH, text=text, **more))["search"]["nodes"]
    return [name_of(node) for node in nodes]


def name_of(node: Json) -> str:
    item = node["item"]
    return str(item["path"] if "path" in item else item["name"])


async def scored(client: GraphQL, text: str, **more: Any) -> list[tuple[str, str, float]]:
    nodes = (await client.data(SEARCH, text=text, **more))["search"]["nodes"]
    return [(node["item"]["__typename"], name_of(node), node["score"]) for node in nodes]


async def offered(client: GraphQL, prefix: str, namespace: str | None = None, **more: Any) -> list[str]:
    nodes = (await client.data(GRANTEES, prefix=prefix, namespace=namespace, **more))["grantees"]
    return [f"{node['__typename']} {node['name']}" for node in nodes]


async def describe(factory: Factory, path: str, description: str) -> None:
    owner = await factory.as_account(path.partition("/")[0])
    await repository.update(owner, path, description=description)


async def pull(path: str, pulls: int, *, days_ago: int = 0) -> None:
    """Count pulls of a repository on a day."""
    record = await repository.find(path)
    assert record is not None
    await execute(
        "INSERT INTO daily_activity (repository_id, namespace_id, day, actor_kind, pulls, checks, pushes)"
        " VALUES (?, ?, ?, 'user', ?, 0, 0)",
        *(record.id, record.namespace_id, now_ms() // popularity.DAY_MS - days_ago, pulls),
    )


async def test_exact_matches_rank_before_prefixes_parts_and_descriptions(
    factory: Factory, ada: GraphQL
) -> None:
    for name in ("words", "my-lamp", "lamp-post", "lamp", "other"):
        await factory.repository(f"ada/{name}")
    await describe(factory, "ada/words", "All about LAMPS and light")

    assert await scored(ada, "lamp") == [
        ("Repository", "ada/lamp", 4.0),
        ("Repository", "ada/lamp-post", 3.8),
        ("Repository", "ada/my-lamp", 3.2),
        ("Repository", "ada/words", 2.0),
    ]
    assert await found(ada, "  LAMP ") == await found(ada, "lamp")


async def test_equal_matches_rank_by_pulls_then_by_changes(factory: Factory, ada: GraphQL) -> None:
    for name in ("lib-a", "lib-b", "lib-c"):
        await factory.repository(f"ada/{name}")
    await factory.image("ada/lib-b", b"layer", tag="latest")
    await pull("ada/lib-c", 7)
    await pull("ada/lib-c", 1_000, days_ago=400)

    assert await found(ada, "lib") == ["ada/lib-c", "ada/lib-b", "ada/lib-a"]
    listed = await ada.data("{ repositories { nodes { name popularity } } }")
    assert [node["popularity"] for node in listed["repositories"]["nodes"]] == [0.0, 0.0, 7.0]


async def test_the_most_pulled_of_too_many_matches_are_found(factory: Factory, graphql: GraphQL) -> None:
    await factory.user("ada")
    owner = await factory.organization("bulk", owner="ada")
    await fill(owner.id, 0, 1_000)
    await pull("bulk/image-000006-x", 5)
    await pull("bulk/image-000003-x", 900)
    for text in ("mage", "im", "harbour", ""):
        assert "bulk/image-000003-x" not in await found(graphql, text, first=100, kinds=["REPOSITORY"])

    await popularity.update_levels()

    for text in ("mage", "im", "harbour", ""):
        paths = await found(graphql, text, first=100, kinds=["REPOSITORY"])
        assert len(paths) == 100
        assert paths[:2] == ["bulk/image-000003-x", "bulk/image-000006-x"], text


async def test_levels_of_popularity_follow_the_pulls_of_ninety_days(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("ada")
    monkeypatch.setattr(popularity, "READ_BATCH", 2)
    monkeypatch.setattr(popularity, "WRITE_BATCH", 2)
    for name, pulls in (("a", 0), ("b", 1), ("c", 3), ("d", 4), ("e", 2**40)):
        await factory.repository(f"ada/{name}")
        await pull(f"ada/{name}", pulls, days_ago=89)
    await pull("ada/d", 3)

    async def levels() -> list[int]:
        rows = await fetch("SELECT popularity_level AS level FROM repository ORDER BY name")
        return [row["level"] for row in rows]

    await popularity.update_levels()
    assert await levels() == [0, 1, 2, 3, 41]

    await execute("UPDATE daily_activity SET day = day - 1")
    with count_statements() as first:
        await popularity.update_levels()
    assert await levels() == [0, 0, 0, 2, 0]
    with count_statements() as second:
        await popularity.update_levels()
    assert [len([one for one in count.statements if "UPDATE" in one]) for count in (first, second)] == [4, 0]


async def test_searches_find_exactly_what_the_viewer_may_see(factory: Factory, graphql: GraphQL) -> None:
    for name in ("ada", "bob", "cy", "dee", "eve"):
        await factory.user(name)
    await factory.user("root", is_superuser=True)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["cy"])
    await factory.team("acme", "lamp-crew", TeamRole.MEMBER)
    for path in ("acme/lamp-one", "acme/lamp-two", "ada/lamp-own"):
        await factory.repository(path, by="ada")
        await repository.update(await factory.as_account("ada"), path, description="a shining thing")
    await factory.repository("ada/lamp-public", visibility=Visibility.PUBLIC)
    await factory.grant("acme/lamp-one", "bob", RepositoryRole.READ, by="ada")
    await factory.robot("acme+lamp-bot", by="ada")
    everything = ["acme/lamp-one", "acme/lamp-two", "ada/lamp-own", "ada/lamp-public"]
    expected = {
        "ada": {*everything, "acme+lamp-bot", "lamp-crew"},
        "bob": {"acme/lamp-one", "ada/lamp-public"},
        "cy": {"ada/lamp-public", "acme+lamp-bot", "lamp-crew"},
        "dee": {"ada/lamp-public"},
        "root": {"ada/lamp-public"},
    }

    for name, names in expected.items():
        client = graphql.with_token(await factory.token(name))
        assert set(await found(client, "lamp")) == names, name
        assert set(await found(client, "amp-")) == names, name
        shining = {path for path in names if "/" in path and path != "ada/lamp-public"}
        assert set(await found(client, "shining")) == shining, name
    assert await found(graphql, "lamp") == ["ada/lamp-public"]
    narrow = graphql.with_token(await factory.token("ada", frozenset({Scope.USER_READ})))
    assert await found(narrow, "lamp") == ["ada/lamp-public"]
    async with endpoint(factory.with_features("SUPERUSERS_FULL_ACCESS")) as other:
        root = other.with_token(await factory.token("root", EVERY_SCOPE))
        assert set(await found(root, "lamp", kinds=["REPOSITORY"])) == set(everything)
        assert set(await found(root, "reader", kinds=["TEAM"])) == {"readers"}
        assert set(await found(root, "lamp", kinds=["ROBOT"])) == {"acme+lamp-bot"}
        assert await offered(root, "r", "acme") == ["Team readers", "User root"]
        assert await offered(root, "lamp", "acme") == ["Team lamp-crew", "Robot acme+lamp-bot"]


async def test_people_organizations_teams_and_robots_are_found(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("adamant", owner="ada")
    await factory.user("nada")
    await factory.team("adamant", "adapters", TeamRole.MEMBER)
    await factory.robot("adamant+adabot", by="ada")
    await factory.robot("adamant+other", by="ada")

    assert await scored(ada, "ada") == [
        ("Team", "adapters", 1.9),
        ("User", "ada", 1.0),
        ("Organization", "adamant", 0.95),
        ("Robot", "adamant+adabot", 0.95),
        ("User", "nada", 0.8),
    ]
    assert await found(ada, "ada", kinds=["USER"], perKind=1) == ["ada"]
    assert await found(ada, "adamant+") == ["adamant+adabot", "adamant+other"]
    anonymous = ada.with_token(None)
    assert await found(anonymous, "ada") == ["ada", "adamant", "nada"]


async def test_the_best_of_too_many_teams_and_robots_are_found(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    for number in range(105):
        await factory.team("acme", f"my-lamp{number}", TeamRole.MEMBER)
        await factory.robot(f"acme+my_lamp{number}", by="ada")
    await factory.team("acme", "lamp", TeamRole.MEMBER)
    await factory.robot("acme+lamp", by="ada")

    assert (await scored(ada, "lamp", kinds=["TEAM"]))[0] == ("Team", "lamp", 2.0)
    assert (await scored(ada, "lamp", kinds=["ROBOT"], perKind=5))[0] == ("Robot", "acme+lamp", 1.0)


async def test_the_index_follows_every_change(factory: Factory, ada: GraphQL) -> None:
    owner = await factory.as_account("ada")
    await factory.repository("ada/lantern")
    assert await found(ada, "antern") == ["ada/lantern"]

    await repository.update(owner, "ada/lantern", description="bright and warm")
    assert await found(ada, "warm") == ["ada/lantern"]
    await repository.update(owner, "ada/lantern", description="dim")
    assert (await found(ada, "warm"), await found(ada, "dim")) == ([], ["ada/lantern"])
    await repository.update(owner, "ada/lantern", description=None)
    assert await found(ada, "dim") == []

    record = await repository.delete(owner, "ada/lantern")
    assert record is not None
    assert (await found(ada, "antern"), await found(ada, record.uuid)) == ([], [])
    await factory.repository("ada/lantern")
    await purge.purge_repository(record.id)
    assert await found(ada, "antern") == ["ada/lantern"]

    await factory.organization("lighthouse", owner="ada")
    await factory.repository("lighthouse/lens", by="ada")
    assert await found(ada, "ighthous") == ["lighthouse"]
    await organization.delete(owner, "lighthouse")
    assert (await found(ada, "ighthous"), await found(ada, "lens")) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"lamp" OR name:x',
        "lamp*",
        "%",
        "_",
        "***",
        "---",
        "'; DROP TABLE repository",
        "(",
        "NEAR(a b)",
        "\\",
        "^lamp",
        "lamp -post",
        "x" * 10_000,
        "é" * 3,
        "/",
        "//",
        "ada//lamp",
        "\U0010ffff",
        "?",
        "$1",
    ],
)
async def test_any_text_is_accepted_and_finds_only_matches(factory: Factory, ada: GraphQL, text: str) -> None:
    for visibility in Visibility:
        await factory.repository(f"ada/lamp-{visibility.value}", visibility=visibility)
        await describe(factory, f"ada/lamp-{visibility.value}", "plain words")

    assert await found(ada, text) == []
    assert await offered(ada, text, "ada") == []


@pytest.mark.parametrize("visibility", Visibility)
async def test_special_characters_are_searched_literally(
    factory: Factory, ada: GraphQL, visibility: Visibility
) -> None:
    for name, text in (("one", 'say "hello" 100%_sure'), ("two", "say hello 100 xsure")):
        await factory.repository(f"ada/{name}", visibility=visibility)
        await describe(factory, f"ada/{name}", text)

    assert await found(ada, '"hello"') == ["ada/one"]
    assert await found(ada, "100%_sure") == ["ada/one"]
    assert await found(ada, "0 xsur") == ["ada/two"]


async def test_short_texts_find_the_beginnings_of_names(factory: Factory, ada: GraphQL) -> None:
    for name in ("go", "gopher", "argo"):
        await factory.repository(f"ada/{name}")

    assert await found(ada, "go", kinds=["REPOSITORY"]) == ["ada/go", "ada/gopher"]
    assert await found(ada, "rgo", kinds=["REPOSITORY"]) == ["ada/argo"]


async def test_text_before_a_slash_matches_namespace_or_name(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    for path in ("acme/tools/lamp", "acme/lamp", "ada/lamp"):
        await factory.repository(path, by="ada")

    assert await found(ada, "acme/lam") == ["acme/lamp", "acme/tools/lamp"]
    assert await found(ada, "tools/la") == ["acme/tools/lamp"]
    assert await found(ada, "acme/tools/la") == ["acme/tools/lamp"]
    assert set(await found(ada, "acme/")) == {"acme/lamp", "acme/tools/lamp"}


async def test_an_empty_text_finds_all_repositories_if_only_those_are_requested(
    factory: Factory, ada: GraphQL
) -> None:
    for name in ("one", "two"):
        await factory.repository(f"ada/{name}")

    assert set(await found(ada, "", kinds=["REPOSITORY"])) == {"ada/one", "ada/two"}
    assert await found(ada, " ") == []


async def test_pages_show_each_result_once(factory: Factory, ada: GraphQL) -> None:
    for number in range(7):
        await factory.repository(f"ada/lamp-{number}")
    cursor, names = None, []

    for _ in range(4):
        page = (await ada.data(SEARCH, text="lamp", first=2, after=cursor))["search"]
        assert page["totalCount"] == 7
        names += [name_of(node) for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]

    assert cursor is None
    assert sorted(names) == [f"ada/lamp-{number}" for number in range(7)]
    assert await ada.refusal(SEARCH, text="lamp", perKind=101) == "BAD_REQUEST"


@pytest.mark.parametrize("number", [2, 30])
async def test_a_search_costs_no_n_plus_1(factory: Factory, ada: GraphQL, number: int) -> None:
    await factory.organization("lamps", owner="ada")
    for one in range(number):
        await factory.repository(f"ada/lamp{one}")
        await factory.user(f"lamp{one}")
        await factory.team("lamps", f"lamp{one}", TeamRole.MEMBER)
        await factory.robot(f"lamps+lamp{one}", by="ada")
    await ada.data(SEARCH, text="lamp", first=100)

    with count_statements() as count:
        nodes = (await ada.data(SEARCH, text="lamp", first=100))["search"]["nodes"]

    assert len(nodes) == min(100, 4 * number + 1)
    # The sign-in; how much ada sees, which decides how it is searched; the search; its count; and a statement
    # for each table: repositories, accounts, teams.
    assert len(count.statements) == 7


async def test_grantees_are_completed_by_prefix(factory: Factory, ada: GraphQL) -> None:
    for name in ("bea", "beatrice", "zed"):
        await factory.user(name)
    await factory.organization("bees", owner="ada")
    await factory.team("bees", "beaters", TeamRole.MEMBER)
    await factory.robot("bees+beacon", by="ada")
    zed = ada.with_token(await factory.token("zed"))

    assert await offered(ada, "bea", "bees") == [
        "Team beaters",
        "User bea",
        "User beatrice",
        "Robot bees+beacon",
    ]
    assert await offered(ada, "be", "bees", all=False) == ["User bea", "User beatrice", "Robot bees+beacon"]
    assert await offered(ada, "bees+b", "bees") == ["Robot bees+beacon"]
    assert await offered(ada, "BÉ e", "bees") == ["Organization bees"]
    # Non-members see users only, and so do members who name no namespace.
    for client in (zed, ada.with_token(None)):
        assert await offered(client, "be", "bees") == ["User bea", "User beatrice"]
    assert await offered(ada, "be") == ["User bea", "User beatrice"]
    assert await offered(ada, "") == []


async def test_users_match_exactly_without_partial_autocomplete(
    factory: Factory,
) -> None:
    await factory.user("ada")
    await factory.user("adam")
    async with endpoint(factory.without_features("PARTIAL_USER_AUTOCOMPLETE")) as client:
        assert await offered(client, "ad") == []
        assert await offered(client, "ada") == ["User ada"]
        assert (await found(client, "ad"), await found(client, "dam"), await found(client, "adam")) == (
            [],
            [],
            ["adam"],
        )


async def test_at_most_ten_grantees_of_a_kind(factory: Factory, ada: GraphQL) -> None:
    for number in range(12):
        await factory.user(f"zo{number:02}")

    assert await offered(ada, "zo") == [f"User zo{number:02}" for number in range(10)]
