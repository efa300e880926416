"""A real server of `/graphql` in this process, and a WebSocket client, for tests of live events.

The factory writes through its own database connections, as another process does.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from quayside import web
from quayside.graphql.http import GraphQLApp
from quayside.graphql.ws import SUBPROTOCOL, GraphQLSocket, SocketLimits
from quayside.http.context_factory import ContextFactory
from quayside.http.protocol import BoundedHeadProtocol
from resolvers.record.fanout import Fanout, FanoutLimits
from resolvers.record.shares import holder_of
from schema import schema
from schema.execute import run, subscribe
from schema.limits import Limits
from schema.node_id import use_key
from tests.factories import Factory
from tests.schema.client import NODE_KEY

Json = dict[str, Any]
PATIENCE_S = 30

EVENTS = """
subscription Events($namespace: String, $repository: RepositoryPath, $kinds: [EventKind!], $after: Cursor) {
  events(namespace: $namespace, repository: $repository, kinds: $kinds, after: $after) {
    cursor kind namespace repositoryPath tagName
  }
}
"""


@dataclass(frozen=True)
class Door:
    """A running server at `http://` + `address`, and its fan-out."""

    address: str
    fanout: Fanout


@asynccontextmanager
async def serving(
    factory: Factory, *, sockets: SocketLimits | None = None, fanout: FanoutLimits | None = None
) -> AsyncIterator[Door]:
    """A server with `/graphql` alone, as the application mounts it."""
    use_key(NODE_KEY)
    live = Fanout(factory.database, site=factory.site, limits=fanout)
    callers = ContextFactory(factory.site, factory.blobs, factory.secrets, live)

    def allows_origin(connection: HTTPConnection) -> bool:
        return callers.sessions.allows_origin(connection)

    graphql = GraphQLApp(
        schema._schema,
        execute=run,
        context_for=callers.graphql,
        limits=Limits(),
        graphiql_page=web.page,
        subscribe=subscribe,
        holder_for=lambda made: holder_of(made.context.viewer, made.context.ip),
    )
    app = Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute(
                "/graphql",
                GraphQLSocket(
                    graphql, context_for=callers.socket, allows_origin=allows_origin, limits=sockets
                ),
            ),
        ]
    )
    async with listening_at(app) as address:
        try:
            yield Door(address, live)
        finally:
            live.stop()
    await live.close()


@asynccontextmanager
async def listening_at(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """The address, `host:port`, of a server of this application in the process of the test."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(
            app, http=BoundedHeadProtocol, ws="websockets-sansio", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass
class Client:
    """One WebSocket connection."""

    connection: ClientConnection
    early: list[Json] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Json:
        """The next message; fails if none comes."""
        async with asyncio.timeout(PATIENCE_S):
            message: Json = json.loads(await self.connection.recv())
            return message

    async def init(self, payload: Json | None = None) -> None:
        """Send `connection_init`, and wait for the acknowledgement."""
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, identity: str = "1", query: str = EVENTS, **variables: Any) -> None:
        """Start an operation, and wait until the server has processed it."""
        await self.send(id=identity, type="subscribe", payload={"query": query, "variables": variables})
        await self.send(type="ping", payload={"after": identity})
        while (message := await self.receive()) != {"type": "pong", "payload": {"after": identity}}:
            self.early.append(message)

    async def next(self) -> Json:
        """The next message of an operation, including those received during `subscribe`."""
        return self.early.pop(0) if self.early else await self.receive()

    async def event(self) -> Json:
        """The next event."""
        message = await self.next()
        assert message["type"] == "next", message
        event: Json = message["payload"]["data"]["events"]
        return event

    async def events(self, count: int) -> list[Json]:
        """The next `count` events."""
        return [await self.event() for _ in range(count)]

    async def closed(self) -> tuple[int, str]:
        """The code and reason with which the server closes the connection; skips other messages."""
        with suppress(ConnectionClosed):
            while True:
                await self.receive()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def connected(
    address: str,
    *,
    headers: dict[str, str] | None = None,
    origin: str | None = None,
    subprotocol: str | None = SUBPROTOCOL,
    source: str | None = None,
) -> AsyncIterator[Client]:
    """A connection before `connection_init`; `source` is the address of the client, one of the loopback."""
    async with connect(
        f"ws://{address}/graphql",
        subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
        additional_headers=headers,
        origin=Origin(origin) if origin else None,
        proxy=None,
        local_addr=(source, 0) if source else None,
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def listening(
    address: str, token: str | None = None, *, source: str | None = None, **variables: Any
) -> AsyncIterator[Client]:
    """A client with one started subscription to `EVENTS`."""
    async with connected(address, source=source) as client:
        await client.init({"Authorization": f"Bearer {token}"} if token else None)
        await client.subscribe(**variables)
        yield client
