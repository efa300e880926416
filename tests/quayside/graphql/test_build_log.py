"""Logs of builds, followed while they are written: order, reconnecting, rights, and the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.builds import build, log
from resolvers.builds.build import BuildRecord
from resolvers.builds.follow import Tail
from resolvers.builds.phases import Phase
from resolvers.repositories import permission, repository
from storage.statements import count_statements, execute
from tests import live
from tests.factories import Factory
from tests.resolvers.builds.building import StandIn, order, run_next

FOLLOW = """subscription($uuid: String!, $start: Int! = 0) {
  buildLog(repository: "ada/app", uuid: $uuid, start: $start) { start total lines { number kind text } } }"""


@pytest.fixture
async def ordered(factory: Factory) -> BuildRecord:
    """A build for a repository of `ada`, to which `bob` may write."""
    for name in ("ada", "bob", "eve"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    await factory.grant("ada/app", "eve", RepositoryRole.READ, by="ada")
    return await order(factory, "ada/app")


@asynccontextmanager
async def following(
    factory: Factory, door: live.Door, found: BuildRecord, start: int = 0, *, by: str = "ada"
) -> AsyncIterator[live.Client]:
    """A client that follows the log of a build."""
    async with live.connected(door.address) as client:
        await client.init({"Authorization": f"Bearer {await factory.token(by)}"})
        await client.subscribe(query=FOLLOW, uuid=found.uuid, start=start)
        yield client


async def part(client: live.Client) -> list[tuple[int, str]]:
    """The lines of the next part."""
    message = await client.next()
    assert message["type"] == "next", message
    return [(line["number"], line["text"]) for line in message["payload"]["data"]["buildLog"]["lines"]]


async def lines(client: live.Client, count: int) -> list[tuple[int, str]]:
    """The next lines, at least so many."""
    found: list[tuple[int, str]] = []
    while len(found) < count:
        found += await part(client)
    return found


async def error(client: live.Client) -> str:
    """The code of the error with which a subscription ends."""
    message = await client.next()
    assert message["type"] == "error", message
    return str(message["payload"][0]["extensions"]["code"])


async def test_every_line_comes_once_and_in_order_over_a_reconnect(
    factory: Factory, ordered: BuildRecord
) -> None:
    # Given a build that runs, and a client that follows it
    builder = StandIn(stops_in=Phase.BUILDING)
    async with live.serving(factory) as door:
        async with following(factory, door, ordered) as client:
            running = asyncio.create_task(run_next(factory, builder))
            seen = await lines(client, 8)

        # When it comes again after more was printed, and the build ends
        writer = await log.LogWriter.open(ordered.id)
        await writer.write([f"more {number}" for number in range(1_100)])
        async with following(factory, door, ordered, start=len(seen)) as client:
            seen += await lines(client, 1_100)
            await execute("UPDATE build SET phase = 'complete', ended_at_ms = 1 WHERE id = ?", ordered.id)
            await log.archive(ordered.id)
            end = await client.next()

        # Then it has them all, and so has one that comes for what was archived
        assert [number for number, _ in seen] == list(range(1_108))
        assert [text for _, text in seen[:3]] == ["build-scheduled", "in build-scheduled", "unpacking"]
        assert (seen[-1], end) == ((1_107, "more 1099"), {"id": "1", "type": "complete"})
        async with following(factory, door, ordered, start=600) as client:
            assert [len(await part(client)), len(await part(client))] == [500, 8]
            assert (await client.next())["type"] == "complete"
        assert len(door.fanout.subscriptions) == 0
        builder.goes_on.set()
        await running


async def test_an_archive_is_read_once_for_all_its_parts(ordered: BuildRecord) -> None:
    await (await log.LogWriter.open(ordered.id)).write([f"line {number}" for number in range(1_100)])
    await execute("UPDATE build SET phase = 'complete', ended_at_ms = 1 WHERE id = ?", ordered.id)
    await log.archive(ordered.id)
    tail = Tail(ordered.id)

    with count_statements() as count:
        parts = await asyncio.gather(*(tail.read(start) for start in (0, 500, 1_000)))
        parts.append(await tail.read(700))

    assert [(len(part.page.lines), part.is_last) for part in parts] == [
        *((500, False), (500, False), (100, True), (400, True))
    ]
    assert [line.text for line in parts[3].page.lines[:2]] == ["line 700", "line 701"]
    assert len([text for text in count.statements if text.startswith("SELECT content")]) == 1


async def test_a_log_ends_for_who_may_no_longer_read_it(factory: Factory, ordered: BuildRecord) -> None:
    bob = Grantee(GranteeKind.USER, "bob")
    ada = await factory.as_account("ada")
    async with (
        live.serving(factory) as door,
        following(factory, door, ordered, by="eve") as reader,
        following(factory, door, ordered, by="bob") as writer,
        following(factory, door, ordered) as owner,
    ):
        assert await error(reader) == "FORBIDDEN"
        # When one who follows loses the right to write, and then lines come
        await permission.set_permission(ada, "ada/app", bob, RepositoryRole.READ)
        assert await error(writer) == "FORBIDDEN"
        await (await log.LogWriter.open(ordered.id)).write(["secret"])
        assert await part(owner) == [(0, "secret")]

        # And when the repository goes, the owner's ends too
        await repository.delete(ada, "ada/app")
        assert await error(owner) == "NOT_FOUND"


async def test_a_log_ends_with_the_token_and_when_a_build_that_waits_is_cancelled(
    factory: Factory, ordered: BuildRecord
) -> None:
    async with (
        live.serving(factory) as door,
        following(factory, door, ordered) as one,
        following(factory, door, ordered, by="bob") as other,
    ):
        await execute(
            "DELETE FROM access_token WHERE account_id = (SELECT id FROM account WHERE name = 'bob')"
        )
        await factory.robot("ada+ci")
        assert await error(other) == "UNAUTHENTICATED"
        await build.cancel(await factory.as_account("ada"), "ada/app", ordered.uuid)
        assert (await one.next())["type"] == "complete"


async def test_what_cannot_be_followed_is_refused(factory: Factory, ordered: BuildRecord) -> None:
    token = await factory.token("ada", frozenset({Scope.REPO_READ}))
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init({"Authorization": f"Bearer {token}"})
        await client.subscribe("1", query=FOLLOW, uuid=ordered.uuid)
        assert await error(client) == "FORBIDDEN"
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init({"Authorization": f"Bearer {await factory.token('ada')}"})
        await client.subscribe("2", query=FOLLOW, uuid="00000000-0000-0000-0000-000000000000")
        assert await error(client) == "BAD_REQUEST"
