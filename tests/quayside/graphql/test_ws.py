"""GraphQL over WebSocket, clause by clause of the protocol `graphql-transport-ws`."""

import hashlib
from http.cookies import SimpleCookie

import pytest
from websockets.exceptions import InvalidStatus

from quayside.graphql.ws import SocketLimits
from quayside.http.sessions import COOKIE
from resolvers.accounts import session
from resolvers.record.shares import Shares
from tests import live
from tests.factories import Factory

VIEWER = "{ viewer { name } }"
LONG = ", ".join(["push_repo"] * 101)
PASSWORD = "correct-horse-battery"


async def test_the_connection_is_acknowledged(factory: Factory) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        assert client.connection.subprotocol == "graphql-transport-ws"
        await client.send(type="connection_init")
        assert await client.receive() == {"type": "connection_ack"}


async def test_another_subprotocol_is_not_acceptable(factory: Factory) -> None:
    async with (
        live.serving(factory) as door,
        live.connected(door.address, subprotocol=None) as client,
    ):
        assert await client.closed() == (4406, "Subprotocol not acceptable")


async def test_a_connection_without_init_is_closed_after_a_time(factory: Factory) -> None:
    async with (
        live.serving(factory, sockets=SocketLimits(init_seconds=0.05)) as door,
        live.connected(door.address) as client,
    ):
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_a_second_init_closes_the_connection(factory: Factory) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init()
        await client.send(type="connection_init")
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_wrong_credentials_are_forbidden(factory: Factory) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.send(type="connection_init", payload={"Authorization": "Bearer " + "x" * 40})
        assert await client.closed() == (4403, "Forbidden")


async def test_a_ping_is_answered_at_any_time_and_with_its_payload(factory: Factory) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
        await client.send(type="ping", payload={"at": 1})
        assert await client.receive() == {"type": "pong", "payload": {"at": 1}}
        await client.send(type="pong", payload={"unasked": True})
        await client.init()


async def test_operations_need_an_acknowledged_connection(factory: Factory) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.send(id="1", type="subscribe", payload={"query": VIEWER})
        assert await client.closed() == (4401, "Unauthorized")


async def test_a_query_has_one_result_and_is_complete(factory: Factory) -> None:
    await factory.user("ada")
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init({"authorization": f"Bearer {await factory.token('ada')}"})
        for _ in range(2):
            # An id is free again once its operation is complete.
            await client.send(id="q", type="subscribe", payload={"query": VIEWER})
            assert await client.receive() == {
                "id": "q",
                "type": "next",
                "payload": {"data": {"viewer": {"name": "ada"}}},
            }
            assert await client.receive() == {"id": "q", "type": "complete"}


async def test_a_mutation_is_carried_out(factory: Factory) -> None:
    await factory.user("ada")
    create = 'mutation { repositoryCreate(input: {name: "app"}) { repository { path } } }'
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init({"Authorization": f"Bearer {await factory.token('ada')}"})
        await client.send(id="m", type="subscribe", payload={"query": create})
        result = await client.receive()

    assert result["payload"] == {"data": {"repositoryCreate": {"repository": {"path": "ada/app"}}}}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"query": "{"}, "Syntax Error: Expected Name, found <EOF>."),
        ({"query": "{ nothing }"}, "Cannot query field 'nothing' on type 'Query'."),
        ({"query": 1}, "query: a string with a GraphQL document is required."),
        ({"query": VIEWER, "operationName": "A"}, "operationName: the document has no operation 'A'."),
        (
            {
                "query": "subscription($k: [EventKind!]) { events(kinds: $k) { kind } }",
                "variables": {"k": 1.5},
            },
            None,
        ),
        (
            {"query": f"subscription {{ events(kinds: [{LONG}]) {{ kind }} }}"},
            "list_items is 101, over the limit of 100.",
        ),
    ],
)
async def test_an_invalid_operation_ends_with_an_error(
    factory: Factory, payload: live.Json, message: str | None
) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init()
        await client.send(id="1", type="subscribe", payload=payload)
        answer = await client.receive()
        assert (answer["id"], answer["type"]) == ("1", "error")
        if message is not None:
            assert answer["payload"][0]["message"] == message
        # and the connection stays open
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


async def test_two_operations_may_not_share_an_id(factory: Factory) -> None:
    async with live.serving(factory) as door, live.listening(door.address) as client:
        await client.send(id="1", type="subscribe", payload={"query": live.EVENTS})
        assert await client.closed() == (4409, "Subscriber for 1 already exists")


async def test_operations_run_concurrently(factory: Factory) -> None:
    await factory.user("ada")
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init({"Authorization": f"Bearer {await factory.token('ada')}"})
        await client.subscribe("a", namespace="ada")
        await client.subscribe("b", namespace="ada")
        # when one ends
        await client.send(id="a", type="complete")
        await client.send(id="a", type="complete")
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
        await factory.repository("ada/app")
        # then the other continues
        message = await client.receive()
        assert (message["id"], message["payload"]["data"]["events"]["kind"]) == ("b", "create_repo")
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


async def test_a_connection_has_a_limit_of_operations(factory: Factory) -> None:
    async with (
        live.serving(factory, sockets=SocketLimits(operations=2)) as door,
        live.connected(door.address) as client,
    ):
        await client.init()
        for identity in ("1", "2", "3"):
            await client.subscribe(identity)
        (refused,) = client.early
        assert (refused["id"], refused["type"]) == ("3", "error")
        assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY"


async def test_a_process_has_a_limit_of_connections(factory: Factory) -> None:
    async with (
        live.serving(factory, sockets=SocketLimits(connections=Shares(total=1))) as door,
        live.connected(door.address) as first,
    ):
        await first.init()
        async with live.connected(door.address) as second:
            assert await second.closed() == (
                1013,
                "This server has its maximum of 1 connections; try again later.",
            )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"id": "1"}',
        '{"type": 1}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "start"}',
        '{"type": "subscribe", "payload": {"query": "{ viewer { name } }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "complete", "id": 1}',
        b'{"type": "ping"}',
    ],
)
async def test_messages_outside_of_the_protocol_close_the_connection(
    factory: Factory, text: str | bytes
) -> None:
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init()
        await client.connection.send(text)
        assert (await client.closed())[0] == 4400


async def test_a_message_that_is_too_large_closes_the_connection(factory: Factory) -> None:
    async with (
        live.serving(factory, sockets=SocketLimits(message_bytes=100)) as door,
        live.connected(door.address) as client,
    ):
        await client.send(type="ping", payload={"text": "x" * 100})
        assert (await client.closed())[0] == 1009


async def test_a_session_counts_only_on_pages_of_the_server(factory: Factory) -> None:
    await factory.user("ada", password=PASSWORD)
    cookie = await session.sign_in(factory.context(), login="ada", password=PASSWORD)
    headers = {"Cookie": SimpleCookie({COOKIE: cookie}).output(header="").strip()}
    async with live.serving(factory) as door:
        # given a page of the server
        own = f"http://{door.address}"
        async with live.connected(door.address, headers=headers, origin=own) as client:
            await client.init()
            await client.send(id="1", type="subscribe", payload={"query": VIEWER})
            assert (await client.receive())["payload"] == {"data": {"viewer": {"name": "ada"}}}
            assert await client.receive() == {"id": "1", "type": "complete"}
            # when she signs out, then her operations are refused
            viewer = await factory.viewer("ada")
            await session.end_all(viewer.require_account().id)
            await client.send(id="2", type="subscribe", payload={"query": VIEWER})
            assert await client.closed() == (4401, "Unauthorized")
        # and a page of another site cannot connect
        with pytest.raises(InvalidStatus, match="403"):
            async with live.connected(door.address, headers=headers, origin="https://evil.example"):
                pass


async def test_the_header_authenticates_if_the_payload_does_not(factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    headers = {"Authorization": f"Bearer {await factory.token('ada')}"}
    async with live.serving(factory) as door:
        for payload, name in (
            (None, "ada"),
            ({"Authorization": f"Bearer {await factory.token('bob')}"}, "bob"),
        ):
            async with live.connected(door.address, headers=headers) as client:
                await client.init(payload)
                await client.send(id="1", type="subscribe", payload={"query": VIEWER})
                assert (await client.receive())["payload"]["data"] == {"viewer": {"name": name}}


async def test_a_persisted_query_is_named_by_its_hash(factory: Factory) -> None:
    query = "{ viewer { name } }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}
    async with live.serving(factory) as door, live.connected(door.address) as client:
        await client.init()
        await client.send(id="1", type="subscribe", payload={"extensions": extensions})
        assert await client.receive() == {
            "id": "1",
            "type": "error",
            "payload": [
                {
                    "message": "PersistedQueryNotFound",
                    "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
                }
            ],
        }
        for payload in ({"query": query, "extensions": extensions}, {"extensions": extensions}):
            await client.send(id="1", type="subscribe", payload=payload)
            assert await client.receive() == {
                "id": "1",
                "type": "next",
                "payload": {"data": {"viewer": None}},
            }
            assert await client.receive() == {"id": "1", "type": "complete"}
