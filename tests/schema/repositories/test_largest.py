"""The largest blobs and tags of a namespace."""

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.repositories import purge, repository
from resolvers.sizes import exclusive
from resolvers.tags import largest
from tests.counting import least_statements
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, Json
from tests.schema.manifests.test_reclaimable import stored_bytes

BLOBS = """query ($first: Int!, $after: Cursor) { namespace(name: "acme") {
  largestBlobs(first: $first, after: $after) { totalCount pageInfo { nextCursor }
    nodes { digest sizeBytes repositoryCount repositories { path } } } } }"""
TAGS = """query ($first: Int!, $after: Cursor) { namespace(name: "acme") {
  largestTags(first: $first, after: $after) { totalCount pageInfo { nextCursor }
    nodes { name storedBytes } } } }"""


@pytest.fixture
async def acme(factory: Factory, ada: GraphQL) -> GraphQL:
    """A client of `ada`, whose organization has two repositories that share a layer."""
    await factory.organization("acme", owner="ada")
    for name in ("app", "other"):
        await factory.repository(f"acme/{name}", by="ada")
        await factory.image(f"acme/{name}", b"shared" * 90, name.encode() * 7, tag=name)
    await factory.image("acme/app", b"middle" * 10, tag="small")
    bodies = [
        kit.encode(kit.image_document(b"shared" * 90, b"app" * 7)),
        kit.encode(kit.image_document(b"middle" * 10)),
    ]
    await factory.manifest("acme/app", kit.index_document(*bodies), tag="both")
    return ada


async def pages(client: GraphQL, document: str, field: str, first: int) -> list[Json]:
    """The items of all pages of a list."""
    found: list[Json] = []
    after = None
    while True:
        shown = (await client.data(document, first=first, after=after))["namespace"][field]
        found += shown["nodes"]
        after = shown["pageInfo"]["nextCursor"]
        if after is None:
            assert len(found) == shown["totalCount"]
            return found


async def test_the_largest_blobs_with_the_repositories_that_hold_them(
    factory: Factory, acme: GraphQL
) -> None:
    shown = await pages(acme, BLOBS, "largestBlobs", 2)
    await factory.user("bob")
    await factory.repository("ada/app")
    await factory.image("ada/app", b"shared" * 90, b"x" * 5000)
    few = await least_statements(lambda: acme.data(BLOBS, first=2))
    many = await least_statements(lambda: acme.data(BLOBS, first=20))

    both = [{"path": "acme/app"}, {"path": "acme/other"}]
    contents = [b"shared" * 90, kit.CONFIG, b"middle" * 10, b"other" * 7, b"app" * 7]
    assert shown == [
        {
            "digest": kit.digest_of(content),
            "sizeBytes": len(content),
            "repositoryCount": len(where),
            "repositories": where,
        }
        for content, where in zip(contents, (both, both, both[:1], both[1:], both[:1]), strict=True)
    ]
    assert await pages(acme, BLOBS, "largestBlobs", 50) == shown
    assert few == many


async def test_members_see_the_repositories_that_they_may_see(factory: Factory, acme: GraphQL) -> None:
    await factory.user("bob")
    await factory.team("acme", "devs", TeamRole.MEMBER, ["bob"])
    await factory.grant("acme/other", "bob", RepositoryRole.READ, by="ada")
    bob = acme.with_token(await factory.token("bob"))

    first = (await bob.data(BLOBS, first=1))["namespace"]["largestBlobs"]["nodes"][0]
    shown = await pages(bob, BLOBS, "largestBlobs", 10)
    tags = await pages(bob, TAGS, "largestTags", 10)
    await factory.user("eve")
    eve = acme.with_token(await factory.token("eve"))

    assert (first["repositoryCount"], first["repositories"]) == (2, [{"path": "acme/other"}])
    # What only the hidden repository holds has no name, as its tags have none.
    contents = [b"shared" * 90, kit.CONFIG, None, b"other" * 7, None]
    assert [blob["digest"] for blob in shown] == [one and kit.digest_of(one) for one in contents]
    assert [blob["repositories"] for blob in shown] == [
        [{"path": "acme/other"}] if one else [] for one in contents
    ]
    assert [tag["name"] for tag in tags] == ["other"]
    assert await eve.refusal(BLOBS, first=1) == await eve.refusal(TAGS, first=1) == "FORBIDDEN"


async def test_the_largest_tags(acme: GraphQL, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = await pages(acme, TAGS, "largestTags", 3)
    whole = await pages(acme, TAGS, "largestTags", 10)
    monkeypatch.setattr(largest, "MAX_TAGS", 3)
    answer = await acme.answer(TAGS, first=10)

    sizes = [tag["storedBytes"] for tag in shown]
    assert [tag["name"] for tag in shown] == ["both", "other", "app", "small"]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] == len(kit.encode(kit.image_document(b"middle" * 10))) + 60 + len(kit.CONFIG)
    assert whole == shown
    assert "At most 3 tags" in answer["errors"][0]["message"]


async def test_deleting_a_repository_frees_what_it_alone_holds(factory: Factory, acme: GraphQL) -> None:
    ask = """{ repositories(namespace: "acme", orderBy: NAME) { nodes { path storage {
        storedBytes exclusiveBytes sharedBytes reclaimableBytes } } } }"""
    shown = (await acme.data(ask))["repositories"]["nodes"]
    for number in range(3):
        await factory.repository(f"acme/more{number}", by="ada")
        if number == 0:
            few = await least_statements(lambda: acme.data(ask))
    many = await least_statements(lambda: acme.data(ask))
    before = await stored_bytes("acme")
    record = await repository.delete(await factory.as_account("ada"), "acme/app")
    assert record is not None
    await purge.purge_repository(record.id)

    app, other = (node["storage"] for node in shown)
    shared = 540 + len(kit.CONFIG)
    own = len(kit.encode(kit.image_document(b"shared" * 90, b"other" * 7))) + 35
    assert other == {
        "storedBytes": shared + own,
        "exclusiveBytes": own,
        "sharedBytes": shared,
        "reclaimableBytes": own,
    }
    assert app["sharedBytes"] == shared
    assert app["storedBytes"] == app["exclusiveBytes"] + shared
    assert before - await stored_bytes("acme") == app["reclaimableBytes"]
    assert few == many


async def test_what_a_repository_shares_is_for_members_and_bounded(
    factory: Factory, acme: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = '{ repository(path: "acme/app") { storage { storedBytes exclusiveBytes sharedBytes } } }'
    await factory.user("eve")
    await factory.grant("acme/app", "eve", RepositoryRole.READ, by="ada")
    answers = [await acme.with_token(await factory.token("eve")).answer(ask)]
    monkeypatch.setattr(exclusive, "MAX_CONTENTS", 5)
    answers.append(await acme.answer(ask))

    for answer, code in zip(answers, ("FORBIDDEN", "BAD_REQUEST"), strict=True):
        storage = answer["data"]["repository"]["storage"]
        assert storage["storedBytes"] > 0
        assert (storage["exclusiveBytes"], storage["sharedBytes"]) == (None, None)
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code, code]
