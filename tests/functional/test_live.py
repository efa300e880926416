"""Live events across processes: push to one server, subscribe at another."""

import asyncio
import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from quayside.graphql.ws import SUBPROTOCOL
from tests.functional.skopeo import skopeo
from tests.process import log_of, make_user, serving, token_of
from tests.quayside.registry import kit

pytestmark = pytest.mark.needs("skopeo")

PASSWORD = "correct-horse-battery"
EVENTS = """subscription($after: Cursor) {
  events(repository: "ada/app", kinds: [push_repo], after: $after) { cursor tagName } }"""


def _environment(directory: Path, database_url: str) -> dict[str, str]:
    return {
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_DATA_DIR": str(directory),
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


def _listen(stack: ExitStack, address: httpx.URL, token: str, after: str | None) -> ClientConnection:
    """A subscription that the server has started."""
    connection = stack.enter_context(
        connect(
            f"ws://{address.host}:{address.port}/graphql",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": f"Bearer {token}"},
            proxy=None,
        )
    )
    connection.send('{"type": "connection_init"}')
    assert json.loads(connection.recv()) == {"type": "connection_ack"}
    payload = {"query": EVENTS, "variables": {"after": after}}
    connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
    connection.send('{"type": "ping"}')
    return connection


HELD = """
INSERT INTO event (kind, metadata, namespace_id, repository_id, created_at_ms, transaction_id)
SELECT 'push_repo', '{"tag": "held"}', namespace_id, id, 1, %s FROM repository
"""


@contextmanager
def _held_open(database_url: str) -> Iterator[None]:
    """A concurrent transaction that has written an event, and commits at the end of the block."""
    if not database_url.startswith("sqlite"):
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(database_url))
            transaction = connection.transaction()
            runner.run(transaction.start())
            runner.run(connection.execute(HELD % "pg_current_xact_id()::text::bigint"))
            yield
            runner.run(transaction.commit())
            runner.run(connection.close())
        return
    connection = sqlite3.connect(database_url.removeprefix("sqlite://"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(HELD % "NULL")
    yield
    connection.execute("COMMIT")
    connection.close()


def _event(connection: ClientConnection) -> dict[str, str]:
    while (message := json.loads(connection.recv(timeout=30)))["type"] == "pong":
        pass
    event: dict[str, str] = message["payload"]["data"]["events"]
    return event


def _push(directory: Path, server: httpx.Client, token: str, tag: str) -> None:
    """Push an image with skopeo."""
    layer, diff_id = kit.layer_of(tag.encode())
    config = kit.config_of("amd64", diff_id)
    source = directory / tag
    kit.write_layout(source, tag, kit.encode(kit.image_document(layer, config=config)), config, layer)
    pushed = skopeo(
        directory,
        *("copy", "--dest-tls-verify=false", f"--dest-creds=$oauthtoken:{token}"),
        *(f"oci:{source}:{tag}", f"docker://{server.base_url.netloc.decode()}/ada/app:{tag}"),
    )
    assert pushed.returncode == 0, pushed.stderr


def _requests(directory: Path) -> int:
    """The number of requests to `/v2` that a server has answered."""
    return sum(str(line.get("path", "")).startswith("/v2/") for line in log_of(directory))


@dataclass(frozen=True)
class Servers:
    """Clients of two servers on one database; the process of the first, and the directory of the second."""

    here: httpx.Client
    process: subprocess.Popen[str]
    there: httpx.Client
    other: Path
    token: str


@contextmanager
def _two_servers(directory: Path, database_url: str) -> Iterator[Servers]:
    """Two servers on one database, with the empty repository `ada/app`."""
    environ = _environment(directory, database_url)
    make_user(directory, "ada", PASSWORD, **environ)
    token = token_of(directory, "ada", "repo:create repo:write repo:admin", **environ)
    other = directory / "other"
    other.mkdir()
    with (
        serving(directory, environ=environ) as (here, process),
        serving(other, "--no-jobs", environ=environ) as (there, _),
    ):
        created = {"repository": "app", "visibility": "private", "description": ""}
        headers = {"Authorization": f"Bearer {token}"}
        assert here.post("/api/v1/repository", headers=headers, json=created).status_code == 201
        yield Servers(here, process, there, other, token)


def test_a_push_to_one_process_is_seen_at_another(tmp_path: Path, database_url: str) -> None:
    # given two servers on one database, and a subscription at one of them
    with _two_servers(tmp_path, database_url) as servers, ExitStack() as stack:
        here, there, token = servers.here, servers.there, servers.token
        connection = _listen(stack, here.base_url, token, None)
        json.loads(connection.recv())

        # when images are pushed to the other
        _push(tmp_path, there, token, "v1")
        first = _event(connection)
        connection.close()
        _push(tmp_path, there, token, "v2")
        _push(tmp_path, here, token, "v3")

        # then both events arrive, and either server resumes from a cursor
        assert first["tagName"] == "v1"
        for server in (here, there):
            again = _listen(stack, server.base_url, token, first["cursor"])
            assert [_event(again)["tagName"] for _ in range(2)] == ["v2", "v3"]

        # and a server that stops sends the cursor to resume from
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        query = {"query": EVENTS, "variables": {"after": first["cursor"]}}
        stream = stack.enter_context(here.stream("POST", "/graphql", json=query, headers=headers, timeout=30))
        lines = (line for line in stream.iter_lines() if line.startswith("data: {"))
        shown = [json.loads(next(lines).removeprefix("data: ")) for _ in range(2)]
        servers.process.terminate()
        last = json.loads(next(lines).removeprefix("data: "))

    assert [one["data"]["events"]["tagName"] for one in shown] == ["v2", "v3"]
    assert last["errors"][0]["extensions"]["cursor"] == shown[-1]["data"]["events"]["cursor"]


def test_an_open_transaction_neither_skips_nor_duplicates_events(tmp_path: Path, database_url: str) -> None:
    """On PostgreSQL a push commits while the transaction is open; on SQLite it waits."""
    with (
        _two_servers(tmp_path, database_url) as servers,
        ExitStack() as stack,
        ThreadPoolExecutor() as threads,
    ):
        here, there, token = servers.here, servers.there, servers.token
        connection = _listen(stack, here.base_url, token, None)
        json.loads(connection.recv())
        _push(tmp_path, there, token, "v1")
        first = _event(connection)

        # when a transaction with an event stays open while an image is pushed to the other process
        with _held_open(database_url):
            before = _requests(servers.other)
            pushing = threads.submit(_push, tmp_path, there, token, "v2")
            if database_url.startswith("sqlite"):
                while _requests(servers.other) == before:
                    time.sleep(0.01)
            else:
                pushing.result()
            late = _listen(stack, there.base_url, token, first["cursor"])
        pushing.result()
        _push(tmp_path, here, token, "v3")

        # then live and resumed subscriptions see each event once, in the same order
        again = _listen(stack, there.base_url, token, first["cursor"])
        for one in (connection, late, again):
            assert [_event(one)["tagName"] for _ in range(3)] == ["held", "v2", "v3"]
