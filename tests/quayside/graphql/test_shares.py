"""Shares of subscriptions and connections: nobody takes all, over either transport."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from quayside.graphql.ws import SocketLimits
from resolvers.record.fanout import FanoutLimits
from resolvers.record.shares import Holder, Shares
from tests import live
from tests.factories import Factory
from tests.waiting import until

HERE, THERE = "127.0.0.1", "127.0.0.2"


def sentence(message: live.Json) -> str:
    """The sentence with which a subscription was refused for being one too many."""
    assert message["type"] == "error", message
    (error,) = message["payload"]
    assert error["extensions"] == {"code": "TOO_MANY"}
    text: str = error["message"]
    return text


@asynccontextmanager
async def streaming(
    address: str, token: str | None = None, *, source: str = HERE
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a stream of `events` after the comment with which it starts."""
    headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {token}"} if token else {})
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with (
        httpx.AsyncClient(transport=transport, trust_env=False) as http,
        http.stream(
            "POST", f"http://{address}/graphql", json={"query": live.EVENTS}, headers=headers
        ) as response,
    ):
        lines = response.aiter_lines()
        assert [await anext(lines), await anext(lines)] == [":", ""]
        yield lines


async def refusal(lines: AsyncIterator[str]) -> str:
    """The sentence with which a stream was refused for being one too many."""
    assert await anext(lines) == "event: next"
    (error,) = json.loads((await anext(lines)).removeprefix("data: "))["errors"]
    assert error["extensions"] == {"code": "TOO_MANY"}
    text: str = error["message"]
    return text


@pytest.mark.parametrize(
    ("one", "held", "expected"),
    [
        (Holder("a", 1), [], None),
        (Holder("a", 1), [Holder("b", 1)] * 2, None),
        (Holder("a", 1), [Holder("b", 1)] * 3, "This account has its maximum of 3 things; end one first."),
        (Holder("a", 1), [Holder("a", 2)] * 4, None),
        (Holder("a", 1), [Holder("a", 2)] * 5, "This address has its maximum of 5 things; end one first."),
        (Holder("a"), [Holder("a", 2)] * 5, "This address has its maximum of 5 things; end one first."),
        (
            Holder("a", 1),
            [Holder(str(n), n + 2) for n in range(20)],
            "This server has its maximum of 20 things; try again later.",
        ),
        (Holder("a", None, True), [Holder("a", None, True)], None),
        (
            Holder("a", None, True),
            [Holder("a", None, True)] * 2,
            "This address has its maximum of 2 things without signing in; end one, or sign in.",
        ),
        (Holder("b", None, True), [Holder("a", None, True)] * 2, None),
        (
            Holder("a", None, True),
            [Holder(str(n), None, True) for n in range(7)],
            "All 7 things for clients that are not signed in are taken; sign in, or try again later.",
        ),
        (Holder("a", 1), [Holder(str(n), None, True) for n in range(7)], None),
        # A client that has not said who it is takes nothing from the anonymous.
        (Holder("a", None, True), [Holder("b")] * 4 + [Holder("c")] * 4, None),
    ],
)
def test_a_share_refuses_with_a_sentence(one: Holder, held: list[Holder], expected: str | None) -> None:
    shares = Shares(total=20, account=3, address=5, anonymous=7)

    assert shares.anonymous_address == 2
    assert shares.refusal(one, held, "things") == expected


def test_nobody_anonymous_is_served_where_they_have_no_share() -> None:
    shares = Shares(anonymous=0)

    assert shares.refusal(Holder("a", None, True), [], "things") == (
        "All 0 things for clients that are not signed in are taken; sign in, or try again later."
    )


async def test_anonymous_clients_leave_the_rest_to_those_signed_in(factory: Factory) -> None:
    # given strangers who take all that anonymous clients have together
    await factory.user("ada")
    bearer = await factory.token("ada")
    await factory.repository("ada/app")
    limits = FanoutLimits(Shares(total=10, anonymous=4))
    async with live.serving(factory, fanout=limits) as door, AsyncExitStack() as stack:
        for number in range(1, 5):
            await stack.enter_async_context(live.listening(door.address, source=f"127.0.0.{number}"))
        assert len(door.fanout.subscriptions) == 4
        # when one more comes, from an address without any
        async with live.listening(door.address, source="127.0.0.9") as fifth:
            assert sentence(await fifth.next()) == (
                "All 4 subscriptions for clients that are not signed in are taken; sign in, or try again"
                " later."
            )
        async with streaming(door.address, source="127.0.0.9") as lines:
            assert await refusal(lines) == (
                "All 4 subscriptions for clients that are not signed in are taken; sign in, or try again"
                " later."
            )
        # then the owner, at the address of a stranger, still listens, over both transports
        async with live.listening(door.address, bearer, repository="ada/app", source="127.0.0.1") as owner:
            async with streaming(door.address, bearer):
                assert len(door.fanout.subscriptions) == 6
            await factory.image("ada/app", b"one", tag="v1")
            assert (await owner.event())["kind"] == "create_tag"


async def test_one_address_has_a_quarter_of_the_anonymous_share(factory: Factory) -> None:
    limits = FanoutLimits(Shares(anonymous=8))
    async with live.serving(factory, fanout=limits) as door, live.connected(door.address) as client:
        await client.init()
        for identity in ("1", "2", "3"):
            await client.subscribe(identity)
        assert sentence(await client.next()) == (
            "This address has its maximum of 2 subscriptions without signing in; end one, or sign in."
        )
        async with live.listening(door.address, source=THERE) as other:
            assert other.early == []
        # and when one ends, there is room for another
        await client.send(id="1", type="complete")
        await client.subscribe("4")
        assert client.early == []
        # The connection from elsewhere has been closed, which the server notices when it comes to it.

        async def are_two() -> bool:
            return len(door.fanout.subscriptions) == 2

        await until(are_two)


async def test_an_account_has_a_share_over_both_transports(factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    bearers = [await factory.token("ada"), await factory.token("ada")]
    limits = FanoutLimits(Shares(account=2))
    async with (
        live.serving(factory, fanout=limits) as door,
        live.listening(door.address, bearers[0]) as first,
        streaming(door.address, bearers[1], source=THERE),
        live.listening(door.address, bearers[1], source=THERE) as third,
        streaming(door.address, bearers[0]) as fourth,
        live.listening(door.address, await factory.token("bob")) as other,
    ):
        assert (first.early, other.early) == ([], [])
        assert sentence(await third.next()) == (
            "This account has its maximum of 2 subscriptions; end one first."
        )
        assert await refusal(fourth) == "This account has its maximum of 2 subscriptions; end one first."


async def test_an_address_has_a_share_whoever_comes_from_it(factory: Factory) -> None:
    bearers = []
    for name in ("ada", "bob", "cy"):
        await factory.user(name)
        bearers.append(await factory.token(name))
    limits = FanoutLimits(Shares(address=2))
    async with (
        live.serving(factory, fanout=limits) as door,
        live.listening(door.address, bearers[0]),
        live.listening(door.address, bearers[1]),
        live.listening(door.address, bearers[2]) as third,
        live.listening(door.address, bearers[2], source=THERE) as elsewhere,
    ):
        assert sentence(await third.next()) == (
            "This address has its maximum of 2 subscriptions; end one first."
        )
        assert elsewhere.early == []


async def test_connections_have_shares_too(factory: Factory) -> None:
    await factory.user("ada")
    payload = {"Authorization": f"Bearer {await factory.token('ada')}"}
    sockets = SocketLimits(connections=Shares(account=1, address=4, anonymous=4))
    async with (
        live.serving(factory, sockets=sockets) as door,
        live.connected(door.address) as first,
        live.connected(door.address) as second,
        live.connected(door.address, source=THERE) as third,
        live.connected(door.address) as owner,
        live.connected(door.address) as again,
    ):
        await first.init()
        # The anonymous share is known once the client says that it has no credential.
        await second.send(type="connection_init")
        assert await second.closed() == (
            1013,
            "This address has its maximum of 1 connections without signing in; end one, or sign in.",
        )
        await third.init()
        await owner.init(payload)
        await again.send(type="connection_init", payload=payload)
        assert await again.closed() == (1013, "This account has its maximum of 1 connections; end one first.")
        async with (
            live.connected(door.address) as fourth,
            live.connected(door.address) as fifth,
            live.connected(door.address) as sixth,
        ):
            assert await sixth.closed() == (
                1013,
                "This address has its maximum of 4 connections; end one first.",
            )
            await fourth.send(type="ping")
            assert await fourth.receive() == {"type": "pong"}
            await fifth.send(type="ping")
            assert await fifth.receive() == {"type": "pong"}
