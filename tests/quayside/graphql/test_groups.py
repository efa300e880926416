"""Subscriptions that are alike: judged once, rendered once, and ended together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest

from quayside.graphql.ws import SocketLimits
from resolvers.access.credentials import bearer_viewer
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.oauth import token
from resolvers.record import fanout as fanout_module
from resolvers.record.audience import EventAuthorizer
from resolvers.record.fanout import Fanout, FanoutLimits
from resolvers.record.live import Watch
from resolvers.record.shares import Shares
from resolvers.record.subscription import Subscription
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import Visibility
from schema import execute as execution
from storage.statements import count_statements, fetch_one
from tests import live
from tests.factories import Factory

SHARES = Shares(account=500, address=500, anonymous=500)
MANY = FanoutLimits(SHARES)
SOCKETS = SocketLimits(connections=SHARES)
KINDS = "subscription { events { kind } }"


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what is judged and rendered."""
    found: Counter[str] = Counter()
    rights, execute = EventAuthorizer.rights, execution.execute

    async def judged(authorizer: EventAuthorizer, *positional: Any, **named: Any) -> Any:
        found["judgements"] += 1
        return await rights(authorizer, *positional, **named)

    def rendered(*positional: Any, **named: Any) -> Any:
        found["renderings"] += "root_value" in named
        return execute(*positional, **named)

    with monkeypatch.context() as patch:
        patch.setattr(EventAuthorizer, "rights", judged)
        patch.setattr(execution, "execute", rendered)
        yield found


@asynccontextmanager
async def several(
    address: str, bearer: str | None, count: int, query: str = KINDS, **variables: Any
) -> AsyncIterator[list[live.Client]]:
    """Connections with one subscription each, which all read live."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await stack.enter_async_context(live.connected(address))
            await client.init({"Authorization": f"Bearer {bearer}"} if bearer else None)
            await client.subscribe(query=query, **variables)
            clients.append(client)
        yield clients


async def caught_up(fanout: Fanout) -> None:
    """Wait until no subscription reads old events."""
    async with asyncio.timeout(live.PATIENCE_S):
        while fanout.catching_up:  # noqa: ASYNC110 - There is nothing to await.
            await asyncio.sleep(0.01)


async def kinds_of(clients: list[live.Client]) -> list[str]:
    """The kind of the next event of each."""
    return [(await client.event())["kind"] for client in clients]


@pytest.mark.parametrize("count", [1, 7])
async def test_an_event_is_judged_and_rendered_once_for_all_that_are_alike(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    await factory.repository("ada/app")
    ada = await factory.as_account("ada")
    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, bearer, count) as clients,
    ):
        await caught_up(door.fanout)
        with counting(monkeypatch) as found:
            await repository.update(ada, "ada/app", description="one")
            assert await kinds_of(clients) == ["set_repo_description"] * count

    assert found == {"judgements": 1, "renderings": 1}


async def test_what_differs_in_selection_viewer_or_filter_is_rendered_for_itself(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("ada")
    bearer, other = await factory.token("ada"), await factory.token("ada")
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    ada = await factory.as_account("ada")
    limit = "subscription ($n: Boolean!) { events { kind namespace @include(if: $n) } }"
    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, bearer, 2) as alike,
        several(door.address, bearer, 2, "subscription { events { kind count } }") as counts,
        several(door.address, other, 2) as others,
        several(door.address, None, 2) as strangers,
        several(door.address, bearer, 2, live.EVENTS, namespace="ada") as narrow,
        several(door.address, bearer, 2, limit, n=True) as named,
        several(door.address, bearer, 2, limit, n=False) as unnamed,
    ):
        await caught_up(door.fanout)
        with counting(monkeypatch) as found:
            await repository.update(ada, "ada/app", description="one")
            for clients in (alike, counts, others, strangers, narrow):
                assert await kinds_of(clients) == ["set_repo_description"] * 2
            for client in named:
                assert await client.event() == {"kind": "set_repo_description", "namespace": "ada"}
            for client in unnamed:
                assert await client.event() == {"kind": "set_repo_description"}

    # One look at the rights of all viewers together.
    assert found == {"judgements": 1, "renderings": 7}


async def test_where_a_subscription_began_makes_no_difference(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given subscriptions that resume after different events
    await factory.user("ada")
    bearer = await factory.token("ada")
    await factory.repository("ada/app")
    ada = await factory.as_account("ada")
    async with live.serving(factory, fanout=MANY, sockets=SOCKETS) as door, AsyncExitStack() as stack:
        first = await stack.enter_async_context(live.listening(door.address, bearer, repository="ada/app"))
        clients = [first]
        for number in range(3):
            await repository.update(ada, "ada/app", description=str(number))
            cursor = (await first.event())["cursor"]
            clients.append(
                await stack.enter_async_context(
                    live.listening(door.address, bearer, repository="ada/app", after=cursor)
                )
            )
        await caught_up(door.fanout)
        for number, client in enumerate(clients[1:]):
            for _ in range(2 - number):
                await client.event()
        with counting(monkeypatch) as found:
            await repository.update(ada, "ada/app", description="all")
            cursors = {(await client.event())["cursor"] for client in clients}

    assert len(cursors) == 1
    assert found == {"judgements": 1, "renderings": 1}


async def test_a_permission_that_is_taken_away_ends_delivery_to_every_member(factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.repository("ada/open", visibility=Visibility.PUBLIC)
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")
    ada, bob = await factory.as_account("ada"), Grantee(GranteeKind.USER, "bob")
    query = "subscription { events(kinds: [set_repo_description]) { kind repositoryPath } }"
    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, await factory.token("bob"), 3, query) as clients,
    ):
        await repository.update(ada, "ada/app", description="may read")
        assert {(await client.event())["repositoryPath"] for client in clients} == {"ada/app"}
        await permission.delete_permission(ada, "ada/app", bob)
        await repository.update(ada, "ada/app", description="may not")
        await repository.update(ada, "ada/open", description="may")

        assert {(await client.event())["repositoryPath"] for client in clients} == {"ada/open"}


async def test_what_waits_is_judged_again_when_rights_have_changed(factory: Factory) -> None:
    # given two members, to which an event was offered that they have not taken
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")
    ada, bob = await factory.as_account("ada"), Grantee(GranteeKind.USER, "bob")
    viewer = await bearer_viewer(await factory.token("bob"), site=factory.site)
    watch = Watch(kinds=frozenset({"set_repo_description"}))
    async with live.serving(factory) as door:
        members = [await door.fanout.subscribe(viewer, watch) for _ in range(2)]
        batches = [member.batches() for member in members]
        first = [asyncio.ensure_future(anext(one)) for one in batches]
        await caught_up(door.fanout)
        await repository.update(ada, "ada/app", description="taken")
        for one in first:
            assert len((await one).events) == 1
        before = door.fanout.position
        await repository.update(ada, "ada/app", description="offered")
        await position_after(door.fanout, before)
        # when the permission is taken away, and given again after another event
        before = door.fanout.position
        await permission.delete_permission(ada, "ada/app", bob)
        await position_after(door.fanout, before)
        second = [asyncio.ensure_future(anext(one)) for one in batches]
        await asyncio.wait(second, timeout=0.2)
        before = door.fanout.position
        await permission.set_permission(ada, "ada/app", bob, RepositoryRole.READ)
        await position_after(door.fanout, before)
        await repository.update(ada, "ada/app", description="seen")

        # then what was offered meanwhile is not delivered
        for one in second:
            (event,) = (await one).events
            assert event.record.metadata["description"] == "seen"
        for one in batches:
            await one.aclose()


async def position_after(fanout: Fanout, before: tuple[int, int]) -> None:
    """Wait until the reader has passed a position, and has offered what it read."""
    async with asyncio.timeout(live.PATIENCE_S):
        while fanout.position <= before:  # noqa: ASYNC110 - There is nothing to await.
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


async def test_a_revoked_credential_ends_each_member(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    row = await fetch_one("SELECT uuid FROM access_token")
    assert row is not None
    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, bearer, 3) as clients,
    ):
        await token.revoke_access_token(await factory.as_account("ada"), row["uuid"])
        for client in clients:
            message = await client.next()
            assert (message["type"], message["payload"][0]["extensions"]["code"]) == (
                "error",
                "UNAUTHENTICATED",
            )


async def test_the_one_who_asked_first_may_leave(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    # given an event that takes long to render
    await factory.user("ada")
    bearer = await factory.token("ada")
    await factory.repository("ada/app")
    rendering, may_end = asyncio.Event(), asyncio.Event()
    render = execution._Selection._execute

    async def slow(selection: Any, event: Any) -> Any:
        rendering.set()
        await may_end.wait()
        return await render(selection, event)

    monkeypatch.setattr(execution._Selection, "_execute", slow)
    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, bearer, 3) as clients,
    ):
        await caught_up(door.fanout)
        await repository.update(await factory.as_account("ada"), "ada/app", description="one")
        await rendering.wait()
        await clients[0].connection.close()
        may_end.set()

        assert await kinds_of(clients[1:]) == ["set_repo_description"] * 2


@pytest.mark.parametrize("count", [1, 40])
async def test_bystanders_cost_a_push_a_few_statements_however_many_there_are(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    # given subscriptions that may not see a private repository, or watch something else
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.repository("bob/app", by="bob")
    ada = await factory.as_account("ada")
    bearer = await factory.token("bob")
    counts: list[int] = []
    offered: list[Subscription] = []
    offer, take = Fanout._offer, Subscription.offer

    async def counted(fanout: Fanout, rows: Any) -> None:
        with count_statements() as statements:
            await offer(fanout, rows)
        counts.append(len(statements.statements))

    def taken(subscription: Subscription, delivery: Any) -> None:
        offered.append(subscription)
        take(subscription, delivery)

    async with (
        live.serving(factory, fanout=MANY, sockets=SOCKETS) as door,
        several(door.address, None, count),
        several(door.address, bearer, count),
        several(door.address, bearer, count, live.EVENTS, repository="bob/app"),
        several(door.address, bearer, 1, live.EVENTS, namespace="ada"),
    ):
        await caught_up(door.fanout)
        monkeypatch.setattr(Fanout, "_offer", counted)
        monkeypatch.setattr(Subscription, "offer", taken)
        before = door.fanout.position
        await repository.update(ada, "ada/app", description="one")
        await position_after(door.fanout, before)

    # The repository, grants on it, and roles in its namespace.
    assert counts == [3]
    assert offered == []


async def test_requests_get_their_turn_while_many_are_woken(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("ada")
    viewer = await bearer_viewer(await factory.token("ada"), site=factory.site)
    await factory.repository("ada/app")
    turns: list[int] = []
    turn = 0
    take = Subscription.offer

    def taken(subscription: Subscription, delivery: Any) -> None:
        turns.append(turn)
        take(subscription, delivery)

    monkeypatch.setattr(Subscription, "offer", taken)
    async with live.serving(factory, fanout=MANY, sockets=SOCKETS) as door:
        subscriptions = [await door.fanout.subscribe(viewer, Watch()) for _ in range(320)]
        waiting = [asyncio.ensure_future(anext(one.batches())) for one in subscriptions]
        await caught_up(door.fanout)
        await repository.update(await factory.as_account("ada"), "ada/app", description="one")
        while len(turns) < 320:
            await asyncio.sleep(0)
            turn += 1
        await asyncio.gather(*waiting)

    assert max(Counter(turns).values()) == fanout_module.OFFERED_AT_ONCE == 32
    assert len(set(turns)) == 10
