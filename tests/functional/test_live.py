"""Live events where the push comes to another process than the one that somebody listens to."""

import json
from contextlib import ExitStack
from pathlib import Path

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from quayside.graphql_ws import SUBPROTOCOL
from tests.process import outcome, run, serving
from tests.registry import kit

PASSWORD = "correct-horse-battery"
EVENTS = """subscription($after: Cursor) {
  events(repository: "ada/app", kinds: ["push_repo"], after: $after) { cursor tagName } }"""


def _environment(directory: Path, database_url: str) -> dict[str, str]:
    return {
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_DATA_DIR": str(directory),
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


def _listen(stack: ExitStack, address: httpx.URL, token: str, after: str | None) -> ClientConnection:
    """A subscription that the server has begun."""
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


def _event(connection: ClientConnection) -> dict[str, str]:
    while (message := json.loads(connection.recv(timeout=30)))["type"] == "pong":
        pass
    event: dict[str, str] = message["payload"]["data"]["events"]
    return event


def _push(client: httpx.Client, token: str, tag: str) -> None:
    """An image of an empty layer, over HTTP."""
    scope = "repository:ada/app:pull,push"
    answer = client.get("/v2/auth", params={"scope": scope}, auth=("$oauthtoken", token))
    headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}
    for content in (kit.CONFIG, tag.encode()):
        client.post(
            "/v2/ada/app/blobs/uploads/",
            params={"digest": kit.digest_of(content)},
            content=content,
            headers=headers,
        ).raise_for_status()
    document = kit.image_document(tag.encode(), config=kit.CONFIG)
    client.put(
        f"/v2/ada/app/manifests/{tag}",
        content=kit.encode(document),
        headers=headers | {"Content-Type": document["mediaType"]},
    ).raise_for_status()


def test_a_push_to_one_process_is_seen_at_another(tmp_path: Path, database_url: str) -> None:
    # given two servers on one database, and somebody who listens at one of them
    environ = _environment(tmp_path, database_url)
    create = ("admin", "create-user", "ada", "--email", "ada@example.com", "--password-stdin")
    assert outcome(run(tmp_path, *create, text=PASSWORD, **environ))[0] == 0
    scopes = "repo:create repo:write repo:admin"
    code, token, _ = outcome(run(tmp_path, "admin", "create-token", "ada", "--scopes", scopes, **environ))
    assert code == 0
    token = token.strip()
    other = tmp_path / "other"
    other.mkdir()
    with (
        serving(tmp_path, environ=environ) as (here, process),
        serving(other, "--no-jobs", environ=environ) as (there, _),
        ExitStack() as stack,
    ):
        created = {"repository": "app", "visibility": "private", "description": ""}
        headers = {"Authorization": f"Bearer {token}"}
        assert here.post("/api/v1/repository", headers=headers, json=created).status_code == 201
        connection = _listen(stack, here.base_url, token, None)
        json.loads(connection.recv())

        # when images come to the other
        _push(there, token, "v1")
        first = _event(connection)
        connection.close()
        _push(there, token, "v2")
        _push(here, token, "v3")

        # then both are seen, at either server, from where one stopped
        assert first["tagName"] == "v1"
        for server in (here, there):
            again = _listen(stack, server.base_url, token, first["cursor"])
            assert [_event(again)["tagName"] for _ in range(2)] == ["v2", "v3"]

        # and a server that stops tells a stream where to go on
        query = {"query": EVENTS, "variables": {"after": first["cursor"]}}
        stream = stack.enter_context(
            here.stream(
                "POST", "/graphql", json=query, headers=headers | {"Accept": "text/event-stream"}, timeout=30
            )
        )
        lines = (line for line in stream.iter_lines() if line.startswith("data: {"))
        shown = [json.loads(next(lines).removeprefix("data: ")) for _ in range(2)]
        process.terminate()
        last = json.loads(next(lines).removeprefix("data: "))

    assert [one["data"]["events"]["tagName"] for one in shown] == ["v2", "v3"]
    assert last["errors"][0]["extensions"]["cursor"] == shown[-1]["data"]["events"]["cursor"]
