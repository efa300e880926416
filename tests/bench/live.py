"""Live events: deliveries per second to a hundred subscribers, each with its own WebSocket."""

import asyncio
import json
import sqlite3
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.bench.servers import Server

LISTENERS = 100
EVENTS = 100
TRANSACTION = 10
QUERY = "subscription { events(kinds: [push_repo]) { cursor kind occurredAt repositoryPath tagName digest } }"

WRITE = """
INSERT INTO event (kind, metadata, namespace_id, repository_id, performer_id, created_at_ms)
SELECT 'push_repo', '{"repo": "app", "tag": "latest"}', n.id, r.id, n.id, ? FROM account n
LEFT JOIN repository r ON r.namespace_id = n.id WHERE n.name = ? LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events per second over all subscribers, and the server's CPU time per event in µs."""

    per_second: float
    cpu_us: float


def measure(server: Server, data: Path, owner: str) -> Delivery:
    """Write events in small concurrent transactions while all subscribers listen."""
    return asyncio.run(_measure(server, data, owner))


async def _measure(server: Server, data: Path, owner: str) -> Delivery:
    async with AsyncExitStack() as stack:
        connections = [await _listen(stack, server) for _ in range(LISTENERS)]
        cpu, started = server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(
            asyncio.to_thread(_write, data, owner), *(_take(connection) for connection in connections)
        )
        seconds, cpu = time.perf_counter() - started, server.cpu_seconds() - cpu
    delivered = LISTENERS * EVENTS
    return Delivery(delivered / seconds, cpu / delivered * 1e6)


async def _listen(stack: AsyncExitStack, server: Server) -> ClientConnection:
    """A connection with a started subscription."""
    connection = await stack.enter_async_context(
        connect(
            f"ws://{urlsplit(server.url).netloc}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers=server.headers(),
            compression=None,
            ping_interval=None,
            proxy=None,
        )
    )
    for message in (
        {"type": "connection_init"},
        {"type": "subscribe", "id": "1", "payload": {"query": QUERY}},
        {"type": "ping"},
    ):
        await connection.send(json.dumps(message))
    while json.loads(await connection.recv())["type"] != "pong":
        pass
    return connection


async def _take(connection: ClientConnection) -> None:
    for _ in range(EVENTS):
        message = await connection.recv()
        if '"next"' not in str(message):
            raise RuntimeError(f"a subscription ended: {message!r}")


def _write(data: Path, owner: str) -> None:
    connection = sqlite3.connect(data / "quayside.db", timeout=60)
    for _ in range(EVENTS // TRANSACTION):
        with connection:
            connection.executemany(WRITE, [(time.time_ns() // 1_000_000, owner)] * TRANSACTION)
    connection.close()
