"""The cost of a push beside 1,000 subscriptions that it does not concern, and beside none.

    python -m tests.bench.bystanders

The push goes into a private repository. The subscriptions are `events { kind }`: those of 50 accounts that
may not see it, and as many anonymous ones as a process allows.
"""

import asyncio
import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.bench import content
from tests.bench.load import send
from tests.bench.servers import Server, start_quayside
from tests.quayside.registry import kit

SUBSCRIPTIONS = 1_000
ANONYMOUS = 100
ACCOUNTS = 50
OPERATIONS = 20
PUSHES = 100
ROUNDS = 3


def copied(connection: sqlite3.Connection, table: str, number: int, **changed: object) -> int:
    """Write the first row of a table again with other values; the new id."""
    row = dict(connection.execute(f"SELECT * FROM {table} ORDER BY id LIMIT 1").fetchone())
    del row["id"]
    row |= changed | {"uuid": f"bystander-{number}"}
    written = connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )
    assert written.lastrowid is not None
    return written.lastrowid


def tokens(data: Path) -> list[str]:
    """Access tokens of new accounts."""
    made = []
    with closing(sqlite3.connect(data / "quayside.db", timeout=60)) as connection, connection:
        connection.row_factory = sqlite3.Row
        for number in range(ACCOUNTS):
            prefix, secret = f"{number:020d}", "b" * 20
            name = f"bystander-{number}"
            account_id = copied(connection, "account", number, name=name, email=None, email_key=None)
            copied(
                connection,
                "access_token",
                number,
                account_id=account_id,
                prefix=prefix,
                secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
            )
            made.append(prefix + secret)
    return made


def connections(data: Path) -> Iterator[tuple[str | None, int]]:
    """The token of each connection, and how many subscriptions it starts."""
    for _ in range(ANONYMOUS // OPERATIONS):
        yield None, OPERATIONS
    for token in tokens(data):
        yield token, (SUBSCRIPTIONS - ANONYMOUS) // ACCOUNTS


async def listen(stack: AsyncExitStack, server: Server, token: str | None, count: int) -> None:
    """Open a connection, and start subscriptions on it."""
    connection = await stack.enter_async_context(
        connect(
            f"ws://{urlsplit(server.url).netloc}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers={"Authorization": f"Bearer {token}"} if token else {},
            compression=None,
            ping_interval=None,
            proxy=None,
        )
    )
    await connection.send('{"type": "connection_init"}')
    for number in range(count):
        payload = {"query": "subscription { events { kind } }"}
        await connection.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
    await connection.send('{"type": "ping"}')
    while (message := json.loads(await connection.recv()))["type"] != "pong":
        if message["type"] == "error":
            raise RuntimeError(f"a subscription was refused: {message}")


def push(server: Server) -> None:
    """Push an image with a new layer."""
    layer = os.urandom(4096)
    for blob in (kit.CONFIG, layer):
        content.push_blob(server, blob, kit.digest_of(blob), len(blob))
    headers = content.registry_headers(server, "push,pull") | {"Content-Type": kit.OCI_MANIFEST}
    body = json.dumps(kit.image_document(layer), separators=(",", ":")).encode()
    send(server, "PUT", f"/v2/{content.PATH}/manifests/latest", headers, body)


def cpu_of_a_push(server: Server) -> float:
    """The server's CPU time of a push in ms."""
    before = server.cpu_seconds()
    for _ in range(PUSHES):
        push(server)
    return (server.cpu_seconds() - before) / PUSHES * 1e3


async def measure(server: Server, data: Path) -> tuple[float, float]:
    """The CPU time of a push in ms, beside none and beside all subscriptions; the least of some rounds."""
    alone = min([await asyncio.to_thread(cpu_of_a_push, server) for _ in range(ROUNDS)])
    async with AsyncExitStack() as stack:
        for token, count in connections(data):
            await listen(stack, server, token, count)
        metrics = (await asyncio.to_thread(httpx.get, f"{server.url}/metrics")).text
        if f"quayside_subscriptions {SUBSCRIPTIONS}.0" not in metrics:
            raise RuntimeError("not all subscriptions have started")
        beside = min([await asyncio.to_thread(cpu_of_a_push, server) for _ in range(ROUNDS)])
    return alone, beside


def main() -> None:
    """Measure and print one line."""
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        data = Path(directory)
        server = start_quayside(
            data, owner=content.OWNER, SUBSCRIPTIONS_PER_ADDRESS="2000", SUBSCRIPTIONS_ANONYMOUS="400"
        )
        try:
            push(server)
            alone, beside = asyncio.run(measure(server, data))
        finally:
            server.stop()
    print(
        f"{f'push beside {SUBSCRIPTIONS:,} subscriptions':40} {beside:7.2f} ms CPU"
        f"   beside none {alone:7.2f} ms   ratio {beside / alone:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
