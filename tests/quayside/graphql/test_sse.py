"""GraphQL over server-sent events, clause by clause of its distinct connections mode."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from quayside.graphql import sse as graphql_sse
from tests import live
from tests.factories import Factory

STREAM = {"Accept": "text/event-stream"}


class Stream:
    """The events of a response."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def block(self) -> list[str]:
        """The lines up to the next empty one."""
        async with asyncio.timeout(live.PATIENCE_S):
            found = []
            async for line in self.lines:
                if not line:
                    break
                found.append(line)
            return found

    async def next(self) -> tuple[str, Any]:
        """The next event, comments skipped: its name and data."""
        while (block := await self.block()) == [":"]:
            pass
        name, data = block
        text = data.removeprefix("data: ").removeprefix("data:")
        return name.removeprefix("event: "), json.loads(text) if text else None


@asynccontextmanager
async def asked(
    address: str, query: str, token: str | None = None, *, accept: str = "text/event-stream", **variables: Any
) -> AsyncIterator[Stream]:
    """The answer to an operation."""
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream(
            "POST",
            f"http://{address}/graphql",
            json={"query": query, "variables": variables},
            headers=headers,
        ) as response,
    ):
        yield Stream(response)


async def test_a_subscription_is_a_stream_of_results(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    async with live.serving(factory) as door:
        async with asked(door.address, live.EVENTS, bearer, namespace="ada") as stream:
            assert stream.response.status_code == 200
            assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert stream.response.headers["cache-control"] == "no-store"
            await factory.repository("ada/app")
            name, data = await stream.next()
            assert (name, data["data"]["events"]["kind"]) == ("next", "create_repo")
        # and when the client has disconnected, the subscription ends
        while door.fanout.subscriptions:  # noqa: ASYNC110 - There is nothing to await.
            await asyncio.sleep(0.01)


async def test_it_resumes_after_a_cursor(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    async with live.serving(factory) as door:
        async with asked(door.address, live.EVENTS, bearer, namespace="ada") as stream:
            await factory.repository("ada/one")
            _, data = await stream.next()
        await factory.repository("ada/two")
        after = data["data"]["events"]["cursor"]
        async with asked(door.address, live.EVENTS, bearer, namespace="ada", after=after) as stream:
            _, data = await stream.next()

    assert data["data"]["events"]["repositoryPath"] == "ada/two"


async def test_a_query_is_a_stream_of_one_result(factory: Factory) -> None:
    async with live.serving(factory) as door, asked(door.address, "{ viewer { name } }") as stream:
        assert await stream.next() == ("next", {"data": {"viewer": None}})
        assert await stream.next() == ("complete", None)
        assert await stream.block() == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ('subscription { events(namespace: "nobody") { kind } }', "There is no namespace nobody."),
    ],
)
async def test_errors_come_as_events(factory: Factory, query: str, message: str) -> None:
    async with live.serving(factory) as door, asked(door.address, query) as stream:
        assert stream.response.status_code == 200
        name, data = await stream.next()
        assert (name, data["errors"][0]["message"]) == ("next", message)
        assert await stream.next() == ("complete", None)


async def test_a_persisted_subscription_is_named_by_its_hash(factory: Factory) -> None:
    digest = hashlib.sha256(live.EVENTS.encode()).hexdigest()
    extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": digest}})
    async with live.serving(factory) as door, httpx.AsyncClient(trust_env=False) as http:
        address = f"http://{door.address}/graphql"
        missed = await http.get(address, params={"extensions": extensions}, headers=STREAM)
        assert '{"errors":[{"message":"PersistedQueryNotFound","extensions":{"code":"PERSISTED' in missed.text
        for parameters in ({"query": live.EVENTS, "extensions": extensions}, {"extensions": extensions}):
            async with http.stream("GET", address, params=parameters, headers=STREAM) as response:
                assert await Stream(response).block() == [":"]
                assert len(door.fanout.subscriptions) == 1
            while door.fanout.subscriptions:  # noqa: ASYNC110 - There is nothing to await.
                await asyncio.sleep(0.01)


async def test_wrong_credentials_are_refused_before_the_stream(factory: Factory) -> None:
    async with live.serving(factory) as door, asked(door.address, live.EVENTS, "x" * 40) as stream:
        assert stream.response.status_code == 401


async def test_a_client_that_also_accepts_json_gets_a_stream_only_for_subscriptions(factory: Factory) -> None:
    accept = "application/json, text/event-stream"
    async with live.serving(factory) as door:
        async with asked(door.address, "{ viewer { name } }", accept=accept) as stream:
            assert stream.response.headers["content-type"] == "application/json; charset=utf-8"
        async with asked(door.address, live.EVENTS, accept=accept) as stream:
            assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        async with asked(door.address, "{ nothing }", accept=accept) as stream:
            assert stream.response.status_code == 422


async def test_an_event_source_subscribes_by_get(factory: Factory) -> None:
    async with (
        live.serving(factory) as door,
        httpx.AsyncClient(trust_env=False) as http,
        http.stream(
            "GET", f"http://{door.address}/graphql", params={"query": live.EVENTS}, headers=STREAM
        ) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        create = 'mutation { repositoryCreate(input: {name: "app"}) { repository { path } } }'
        refused = await http.get(f"http://{door.address}/graphql", params={"query": create}, headers=STREAM)

    assert '"message":"GET is for queries only; send mutations by POST."' in refused.text


async def test_a_silent_stream_is_kept_alive(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_sse, "KEEP_ALIVE_S", 0.01)
    async with live.serving(factory) as door, asked(door.address, live.EVENTS) as stream:
        assert [await stream.block() for _ in range(3)] == [[":"], [":"], [":"]]


async def test_a_stopping_server_ends_the_stream_with_a_cursor(factory: Factory) -> None:
    await factory.user("ada")
    async with (
        live.serving(factory) as door,
        asked(door.address, live.EVENTS, await factory.token("ada")) as stream,
    ):
        door.fanout.stop()
        name, data = await stream.next()
        assert name == "next"
        assert data["errors"][0]["extensions"]["cursor"]
        assert await stream.next() == ("complete", None)


async def test_the_duration_of_a_stream_is_not_measured(app: Starlette) -> None:
    async def counted(name: str) -> float:
        lines = (await http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{door="graphql"'))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        ask = {"query": "{ viewer { name } }"}
        plain = await http.post("/graphql", json=ask)
        stream = await http.post("/graphql", json=ask, headers=STREAM)

        assert (plain.status_code, stream.status_code) == (200, 200)
        assert await counted("quayside_requests_total") == 2
        assert await counted("quayside_request_seconds_count") == 1


async def test_the_application_knows_persisted_queries(app: Starlette, factory: Factory) -> None:
    query = "{ viewer { name } }"
    digest = hashlib.sha256(query.encode()).hexdigest()
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
    headers = {"Authorization": f"Bearer {await factory.token('ada')}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        missed = await http.post("/graphql", json=named, headers=headers)
        sent = await http.post("/graphql", json=named | {"query": query}, headers=headers)
        # Rights are those of whoever names it.
        anonymous = await http.post("/graphql", json=named)

    assert missed.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert sent.json()["data"] == {"viewer": {"name": "ada"}}
    assert anonymous.json()["data"] == {"viewer": None}
