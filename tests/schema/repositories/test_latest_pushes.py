"""The latest pushes to a namespace, for its members."""

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.content import push
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from storage.statements import execute, fetch, is_postgres
from storage.transactions import transaction
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.schema.client import GraphQL

PUSHES = """query ($name: String!, $first: Int! = 50, $after: Cursor) { namespace(name: $name) {
  latestPushes(first: $first, after: $after) {
    nodes { tagName digest pushedBy { name } repository { path } pushedAt }
    pageInfo { nextCursor } } } }"""


async def push_image(factory: Factory, by: str, path: str, content: bytes, *tags: str) -> str:
    """Push an image with one layer as a user; its digest."""
    for blob in (kit.CONFIG, content):
        await factory.blob(path, blob)
    record, document = await repository.find(path), kit.image_document(content)
    assert record is not None
    pushed = await push.put_manifest(
        await factory.as_account(by),
        record,
        kit.encode(document),
        content_type=document["mediaType"],
        tags=list(tags),
    )
    return pushed.digest


async def seen_by(client: GraphQL, name: str = "acme") -> list[tuple[str, str, str]]:
    """Repository, tag and who pushed it, the latest first, read in pages of one."""
    found, after = [], None
    while True:
        place = (await client.data(PUSHES, name=name, first=1, after=after))["namespace"]["latestPushes"]
        found += [
            (node["repository"]["path"], node["tagName"], node["pushedBy"]["name"]) for node in place["nodes"]
        ]
        after = place["pageInfo"]["nextCursor"]
        if after is None:
            return found


async def test_members_see_the_latest_pushes_to_what_they_may_read(factory: Factory, ada: GraphQL) -> None:
    for name in ("bob", "carol", "eve"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob", "carol"])
    for name in ("app", "gone", "secret"):
        await factory.repository(f"acme/{name}", by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    await factory.repository("ada/own")
    await factory.grant("acme/app", "bob", RepositoryRole.WRITE, by="ada")
    digest = await push_image(factory, "bob", "acme/app", b"one", "v1")
    await push_image(factory, "ada", "acme/secret", b"two", "v1")
    await push_image(factory, "ada", "acme/gone", b"two", "v1")
    await push_image(factory, "ada", "acme/open", b"three", "latest")
    await push_image(factory, "bob", "acme/app", b"four")
    await push_image(factory, "ada", "ada/own", b"five", "mine")
    await ada.data('mutation { repositoryDelete(repository: "acme/gone") { path } }')

    bob, carol = [ada.with_token(await factory.token(name)) for name in ("bob", "carol")]
    reading = ada.with_token(await factory.token("ada", frozenset({Scope.ORG_ADMIN})))

    public = ("acme/open", "latest", "ada")
    assert await seen_by(ada) == [public, ("acme/secret", "v1", "ada"), ("acme/app", "v1", "bob")]
    assert await seen_by(bob) == [public, ("acme/app", "v1", "bob")]
    assert await seen_by(carol) == await seen_by(reading) == [public]
    assert await seen_by(ada, "ada") == [("ada/own", "mine", "ada")]
    first = (await bob.data(PUSHES, name="acme"))["namespace"]["latestPushes"]["nodes"][1]
    assert first["digest"] == digest


async def test_strangers_are_refused(factory: Factory, ada: GraphQL) -> None:
    await factory.user("eve")
    await factory.organization("acme", owner="ada")

    eve = ada.with_token(await factory.token("eve"))
    answers = [await eve.answer(PUSHES, name=name) for name in ("acme", "nobody")]

    assert [answer["data"]["namespace"] for answer in answers] == [None, None]
    assert [error["extensions"]["code"] for answer in answers for error in answer["errors"]] == [
        "FORBIDDEN"
    ] * 2


@pytest.mark.usefixtures("factory")
async def test_pushes_are_read_in_the_order_of_their_index() -> None:
    query = (
        "SELECT e.id FROM event e CROSS JOIN repository r WHERE e.namespace_id = 1 AND e.kind = 'push_repo'"
        " AND r.id = e.repository_id ORDER BY e.id DESC LIMIT 51"
    )
    if is_postgres():
        async with transaction("explain"):
            # Tables as small as those of a test are scanned and sorted unless that is forbidden.
            for way in ("seqscan", "sort", "bitmapscan"):
                await execute(f"SET LOCAL enable_{way} = off")
            plan = " ".join(row["QUERY PLAN"] for row in await fetch(f"EXPLAIN {query}"))
    else:
        plan = " ".join(row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {query}"))
    assert "idx_event_pushes" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
