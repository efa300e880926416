"""Which images have a package: by name and range of versions, as far as the viewer may see."""

import pytest

from resolvers.scan import having, search
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch_one
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_pushed, status
from tests.schema.client import GraphQL

SEARCH = """
query ($name: String!, $range: String, $ecosystem: PackageEcosystem, $first: Int! = 50, $after: Cursor,
       $since: DateTime) {
  packageSearch(name: $name, versionRange: $range, ecosystem: $ecosystem) {
    images(first: $first, after: $after, pulledSince: $since) {
      totalCount pageInfo { nextCursor }
      nodes { repository { path } manifest { digest tagNames } packages { name version ecosystem } } } } }
"""


async def tags(client: GraphQL, name: str, **variables: object) -> list[tuple[str, list[str]]]:
    """The tags of the images that are found, and the versions that they have."""
    found = (await client.data(SEARCH, name=name, **variables))["packageSearch"]["images"]
    assert found["totalCount"] == len(found["nodes"])
    return [
        ("".join(one["manifest"]["tagNames"]), [package["version"] for package in one["packages"]])
        for one in found["nodes"]
    ]


@pytest.fixture
async def images(factory: Factory) -> None:
    """Four images with tags, and one without; the newest replaces a package of its base."""
    await factory.repository("ada/app")
    base = layer({**RELEASE, STATUS: status(curl="8.0-1"), **python_package("Typing_Extensions", "4.9")})
    await factory.image("ada/app", base, tag="a")
    await factory.image("ada/app", layer({**RELEASE, STATUS: status(curl="8.0-10")}), tag="b")
    await factory.image("ada/app", layer({**RELEASE, STATUS: status(curl="8.0~rc1-1")}), tag="c")
    await factory.image("ada/app", layer({**RELEASE, STATUS: status(curl="8.0-5")}))
    await factory.image("ada/app", base, layer({STATUS: status(curl="9-1")}), tag="d")
    await scan_pushed(factory)


WAYS = pytest.mark.parametrize(("few", "most"), [(500, 4), (0, 0.1), (0, 1_000)])
"""Images are looked at one by one, found by their packages, or tried in their order."""


@WAYS
async def test_images_are_found_by_versions_in_the_order_of_their_ecosystem(
    factory: Factory, ada: GraphQL, images: None, few: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(having, "_FEW", few)
    monkeypatch.setattr(having, "_MOST", most)
    every = [("d", ["9-1"]), ("c", ["8.0~rc1-1"]), ("b", ["8.0-10"]), ("a", ["8.0-1"])]

    assert await tags(ada, "curl") == every
    assert await tags(ada, "curl", ecosystem="DEB") == every
    assert await tags(ada, "curl", ecosystem="RPM") == []
    assert await tags(ada, "curl", range=">=8.0-1") == [every[0], every[2], every[3]]
    assert await tags(ada, "curl", range="> 8.0~, <8.0-10") == [every[1], every[3]]
    assert await tags(ada, "curl", range="<=8.0-10 >8.0-1") == [every[2]]
    assert await tags(ada, "curl", range="8.0-1") == [every[3]]
    assert await tags(ada, "curl", range="= 7") == await tags(ada, "cur") == await tags(ada, "") == []
    # The base of the newest has it as well, under a name that its ecosystem writes in several ways.
    assert await tags(ada, "typing.extensions", range=">4.8.9") == [("d", ["4.9"]), ("a", ["4.9"])]


@WAYS
async def test_pages_follow_each_other_and_pulls_count(
    factory: Factory, ada: GraphQL, images: None, few: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(having, "_FEW", few)
    monkeypatch.setattr(having, "_MOST", most)
    seen, cursor = [], None
    for _ in range(4):
        page = (await ada.data(SEARCH, name="curl", first=1, after=cursor))["packageSearch"]["images"]
        assert page["totalCount"] == 4
        seen += [tag for node in page["nodes"] for tag in node["manifest"]["tagNames"]]
        cursor = page["pageInfo"]["nextCursor"]
    assert (seen, cursor) == (["d", "c", "b", "a"], None)
    row = await fetch_one("SELECT manifest_id FROM tag WHERE name = 'b'")
    assert row is not None
    await execute("INSERT INTO manifest_pulls VALUES (?, 1, ?)", row["manifest_id"], now_ms())
    assert [tag for tag, _ in await tags(ada, "curl", since="2026-01-01T00:00:00Z")] == ["b"]
    assert await tags(ada, "curl", since="2999-01-01T00:00:00Z") == []


async def test_nothing_is_told_of_what_the_viewer_may_not_see(
    factory: Factory, ada: GraphQL, graphql: GraphQL, images: None
) -> None:
    await factory.user("bob")
    bob = graphql.with_token(await factory.token("bob"))
    for client in (bob, graphql):
        assert await tags(client, "curl") == await tags(client, "curl", range=">1") == []
    await execute("UPDATE repository SET visibility = 'public'")
    assert len(await tags(graphql, "curl")) == 4


async def test_an_image_of_an_index_with_a_tag_is_found(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    content = layer(python_package("flask", "3.0.0"))
    digest = await factory.image("ada/app", content)
    await scan_pushed(factory)
    assert await tags(ada, "flask") == []
    await factory.manifest("ada/app", kit.index_document(kit.encode(kit.image_document(content))), tag="all")
    found = (await ada.data(SEARCH, name="flask"))["packageSearch"]["images"]["nodes"]
    assert [node["manifest"]["digest"] for node in found] == [digest]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"range": ">=8.0 <"}, "versionRange: must be comparisons"),
        ({"range": ">>1"}, "versionRange: must be comparisons"),
        ({"range": " ".join(["1"] * 11)}, "at most 10 of them"),
        ({"range": ">one two", "ecosystem": "PYPI"}, "versionRange: one is no version of this ecosystem."),
    ],
)
async def test_a_range_that_is_none_is_refused(ada: GraphQL, variables: dict[str, str], message: str) -> None:
    answer = await ada.answer(SEARCH, name="curl", **variables)

    assert message in answer["errors"][0]["message"]


async def test_a_name_of_too_many_packages_is_refused(
    factory: Factory, ada: GraphQL, images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_MOST", 4)

    answer = await ada.answer(SEARCH, name="curl")

    assert answer["errors"][0]["message"] == "name: more than 4 packages have it; ask for fewer."
    assert len(await tags(ada, "typing-extensions")) == 2


async def test_packages_are_read_where_they_are_asked_for(ada: GraphQL, images: None) -> None:
    with count_statements() as one:
        await ada.data('{ packageSearch(name: "curl") { images { nodes { manifest { digest } } } } }')
    with count_statements() as more:
        await tags(ada, "curl")

    assert not any("package p" in statement and "ROW_NUMBER" in statement for statement in one.statements)
    assert any("package p" in statement and "ROW_NUMBER" in statement for statement in more.statements)
