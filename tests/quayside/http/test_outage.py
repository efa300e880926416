"""A database that is away: 503 with `Retry-After` at every door, and all is as before when it is back.

The network to PostgreSQL is cut, so that connections end and new ones are refused. Of SQLite somebody else
holds the lock for writing, as a shell with an open transaction does; it is read on.
"""

import asyncio
import base64
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import httpx
import pytest

from quayside.app import create_app
from quayside.http.sessions import COOKIE
from quayside.settings.settings import Settings
from resolvers.oauth import application
from resolvers.oauth.application import ApplicationChanges
from storage.backends import sqlite
from storage.outage import SENTENCE
from tests import live
from tests.browser import PASSWORD, browsing
from tests.factories import Factory
from tests.plugins.databases import TEST_DB
from tests.quayside.registry import kit
from tests.relay import Relay

Leave = Callable[[], Awaitable[None]]

HTML = {"Accept": "text/html"}
TIMES = 12 if TEST_DB == "postgres" else 2
"""Requests that would use up the connections of a server that gives none back."""

ALARM = {(logging.WARNING, "the database does not answer")}

read_on = pytest.mark.skipif(TEST_DB == "sqlite", reason="SQLite is read on")


class Ask(NamedTuple):
    """A request, and the form of its answer. `who` names the header fields that it goes with."""

    method: str
    path: str
    form: str
    who: str = "nobody"
    more: dict[str, Any] | None = None


def mutation(name: str) -> dict[str, Any]:
    """A GraphQL request that creates a repository."""
    return {
        "query": f'mutation {{ repositoryCreate(input: {{ name: "{name}" }}) {{ repository {{ path }} }} }}'
    }


CONSENT = {"client_id": "<client>", "redirect_uri": "https://helm.example/cb", "scope": "repo:read"}
EXCHANGE = {"grant_type": "authorization_code", "client_id": "<client>", "client_secret": "s", "code": "c"}
LOGIN = {"username": "ada", "password": PASSWORD}
NEWER = {"repository": "newer", "visibility": "private", "description": ""}

WRITES = [
    Ask("GET", "/v2/auth", "v2", "password"),
    Ask("POST", "/v2/ada/app/blobs/uploads/", "v2", "registry"),
    Ask("DELETE", "/v2/ada/app/manifests/none", "v2", "registry"),
    Ask("POST", "/graphql", "graphql", "access", {"json": mutation("new")}),
    Ask("POST", "/api/v1/repository", "api", "access", {"json": NEWER}),
    Ask("POST", "/api/v1/signin", "api", "session", {"json": LOGIN}),
    Ask("POST", "/api/v1/signout", "api", "session"),
    Ask("POST", "/signin", "page", "session", {"data": LOGIN}),
    Ask("POST", "/recovery", "page", "session", {"data": {"email": "ada@example.com"}}),
    Ask("POST", "/oauth/authorizeapp", "oauth", "session", {"data": CONSENT}),
]
"""What writes, at each door."""

READS = [
    Ask("GET", "/v2/", "v2", "registry"),
    Ask("GET", "/v2/ada/app/manifests/v1", "v2", "registry"),
    Ask("GET", "/v2/ada/app/blobs/<blob>", "v2", "registry"),
    Ask("GET", "/v2/ada/app/tags/list", "v2", "registry"),
    Ask("GET", "/v2/_catalog", "v2", "registry"),
    Ask("GET", "/v2/auth?scope=repository:ada/app:pull", "v2"),
    Ask("POST", "/graphql", "graphql", "access", {"json": {"query": "{ viewer { name } }"}}),
    Ask("POST", "/graphql", "graphql", "nobody", {"json": {"query": '{ user(username: "ada") { name } }'}}),
    Ask("GET", "/graphql?query={viewer{name}}", "graphql", "session"),
    Ask("GET", "/api/v1/user/", "api", "access"),
    Ask("GET", "/api/v1/user/", "api", "session"),
    Ask("GET", "/api/v1/repository/ada/app", "api"),
    Ask("PUT", "/api/v1/repository/ada/app", "api", "access", {"json": {}}),
    Ask("GET", "/signin", "page", "session"),
    Ask("GET", "/confirminvite?code=1", "page", "session"),
    Ask("GET", "/oauth/authorize", "oauth", "session", {"params": CONSENT}),
    Ask("POST", "/oauth/access_token", "oauth", "nobody", {"data": EXCHANGE}),
]
"""What only reads."""


@dataclass
class Server:
    """A running server whose database can go away."""

    address: str
    http: httpx.AsyncClient
    leave: Leave
    come_back: Leave
    blanks: dict[str, str]
    fields: dict[str, dict[str, str]] = field(default_factory=dict)

    async def ask(self, ask: Ask) -> httpx.Response:
        """Send a request with its blanks filled."""
        path, more = ask.path, json.dumps(ask.more or {})
        for blank, value in self.blanks.items():
            path, more = path.replace(blank, value), more.replace(blank, value)
        fields = self.fields[ask.who] | (HTML if ask.form == "page" else {})
        return await self.http.request(ask.method, path, headers=fields, **json.loads(more))


@asynccontextmanager
async def leaving(url: str) -> AsyncIterator[tuple[str, Leave, Leave]]:
    """The URL of a database, what makes it leave, and what makes it come back."""
    if TEST_DB == "postgres":
        relay = Relay(url)
        await relay.open()
        yield relay.url, relay.cut, relay.open
        await relay.cut()
        return
    other = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)

    async def hold() -> None:
        other.execute("BEGIN IMMEDIATE")

    async def let_go() -> None:
        other.execute("ROLLBACK")

    yield url, hold, let_go
    other.close()


@pytest.fixture
async def server(
    settings_with_files: Settings, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 100)
    await factory.user("ada", password=PASSWORD)
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="v1")
    await factory.organization("acme", owner="ada")
    changes = ApplicationChanges(name="Helm", redirect_uri=CONSENT["redirect_uri"])
    helm = await application.create(await factory.as_account("ada"), "acme", changes)
    blanks = {"<client>": helm.client_id, "<blob>": kit.digest_of(b"layer")}
    async with leaving(settings_with_files.database_url) as (url, leave, come_back):
        app = create_app(replace(settings_with_files, database_url=url), jobs=False)
        async with (
            app.router.lifespan_context(app),
            live.listening_at(app) as address,
            httpx.AsyncClient(base_url=f"http://{address}") as http,
            browsing(app) as browser,
        ):
            made = Server(address, http, leave, come_back, blanks)
            await browser.sign_in("ada")
            scope = {"scope": "repository:ada/app:pull,push"}
            token = (await http.get("/v2/auth", params=scope, auth=("ada", PASSWORD))).json()["token"]
            login = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
            made.fields = {
                "nobody": {},
                "password": {"Authorization": f"Basic {login}"},
                "registry": {"Authorization": f"Bearer {token}"},
                "access": {"Authorization": f"Bearer {await factory.token('ada')}"},
                "session": {
                    "Cookie": f"{COOKIE}={browser.http.cookies[COOKIE]}",
                    "X-CSRF-Token": browser.token,
                },
            }
            yield made


def alarms(caplog: pytest.LogCaptureFixture) -> set[tuple[int, str]]:
    """What we logged beside requests, but for statements that waited."""
    ours = [one for one in caplog.records if one.name.startswith("quayside.") and one.levelno > logging.INFO]
    return {(one.levelno, one.getMessage()) for one in ours} - {(logging.WARNING, "slow statement")}


def assert_away(answer: httpx.Response, form: str) -> None:
    """The answer says that the database is away, in the form that clients of its door read."""
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
    if form == "page":
        assert answer.headers["Content-Type"].startswith("text/html")
        assert SENTENCE in answer.text
        return
    body = answer.json()
    if form == "v2":
        assert kit.error_codes(answer) == ["UNAVAILABLE"]
        assert body["errors"][0]["message"] == SENTENCE
    elif form == "graphql":
        assert answer.headers["Content-Type"] == "application/graphql-response+json; charset=utf-8"
        assert "data" not in body
        (error,) = body["errors"]
        assert (error["message"], error["extensions"]["code"]) == (SENTENCE, "UNAVAILABLE")
    elif form == "oauth":
        assert body == {"error": "temporarily_unavailable", "error_description": SENTENCE}
    else:
        assert body == {"message": SENTENCE}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "ask",
    WRITES if TEST_DB == "sqlite" else WRITES + READS,
    ids=lambda ask: f"{ask.method} {ask.path} {ask.who}",
)
async def test_every_door_says_so(ask: Ask, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    await server.leave()
    for _ in range(TIMES):
        assert_away(await server.ask(ask), ask.form)
    assert alarms(caplog) == ALARM

    await server.come_back()
    assert (await server.ask(ask)).status_code < 500


async def test_readiness_tells_and_life_goes_on(server: Server) -> None:
    await server.leave()
    assert (await server.http.get("/healthz")).status_code == 200
    # What can be read is ready; that somebody holds the lock for long is told by what writes.
    assert (await server.http.get("/readyz")).status_code == (200 if TEST_DB == "sqlite" else 503)

    await server.come_back()
    assert (await server.http.get("/readyz")).status_code == 200


@read_on
async def test_what_needs_no_database_is_told_all_the_same(server: Server) -> None:
    await server.leave()
    query = {"query": '{ __typename user(username: "ada") { name } }'}
    answer = await server.http.post("/graphql", json=query)

    body = answer.json()
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "5")
    assert body["data"] == {"__typename": "Query", "user": None}
    assert [(one["path"], one["extensions"]["code"]) for one in body["errors"]] == [(["user"], "UNAVAILABLE")]


@read_on
async def test_a_head_has_no_body(server: Server) -> None:
    await server.leave()

    for path, who in (
        ("/v2/ada/app/tags/list", "registry"),
        ("/api/v1/user/", "access"),
        ("/signin", "session"),
    ):
        answer = await server.http.head(path, headers=server.fields[who])
        assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "5", b"")


async def test_an_operation_over_a_websocket_fails_and_the_connection_goes_on(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with live.connected(server.address, headers=server.fields["access"]) as client:
        await client.init()
        await server.leave()
        await client.send(id="1", type="subscribe", payload=mutation("new"))
        failed = await client.receive()
        errors = failed["payload"] if failed["type"] == "error" else failed["payload"]["errors"]
        assert [one["extensions"]["code"] for one in errors] == ["UNAVAILABLE"]
        await server.come_back()

        await client.send(id="2", type="subscribe", payload=mutation("new"))
        while (done := await client.receive())["id"] == "1":
            assert done["type"] == "complete"

    created = {"repositoryCreate": {"repository": {"path": "ada/new"}}}
    assert (done["id"], done["payload"]) == ("2", {"data": created})
    assert alarms(caplog) == ALARM


@read_on
async def test_nobody_can_introduce_themselves_over_a_websocket(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with live.connected(server.address, headers=server.fields["access"]) as client:
        await server.leave()
        await client.send(type="connection_init")
        assert await client.closed() == (1013, SENTENCE)

    assert alarms(caplog) == ALARM


@read_on
@pytest.mark.parametrize("who", ["access", "nobody"])
async def test_a_stream_of_events_does_not_begin(who: str, server: Server) -> None:
    await server.leave()
    answer = await server.http.post(
        "/graphql",
        json={"query": live.EVENTS},
        headers={"Accept": "text/event-stream"} | server.fields[who],
    )

    assert_away(answer, "graphql")


async def test_a_subscription_outlasts_it(server: Server, factory: Factory) -> None:
    token = server.fields["access"]["Authorization"].removeprefix("Bearer ")
    async with live.listening(server.address, token, namespace="ada", kinds=["create_repo"]) as client:
        await factory.repository("ada/before")
        assert (await client.event())["repositoryPath"] == "ada/before"
        await server.leave()
        if TEST_DB == "postgres":
            # Committed from elsewhere, while the server cannot see it.
            await factory.repository("ada/during")
        await asyncio.sleep(0.3)
        await server.come_back()
        if TEST_DB == "sqlite":
            await factory.repository("ada/during")

        assert (await client.event())["repositoryPath"] == "ada/during"
        await factory.repository("ada/after")
        assert (await client.event())["repositoryPath"] == "ada/after"
