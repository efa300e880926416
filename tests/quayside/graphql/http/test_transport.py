"""Refused methods and bodies, invalid credentials, and errors outside of resolvers."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from quayside.http.bodies import BodyTimes
from quayside.http.metrics import Metrics
from quayside.http.middleware import RequestMiddleware
from tests.quayside.graphql.http.endpoint import NOTES, endpoint, message, post


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_other_methods_are_405(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert message(response) == f"{method} is not supported here."


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_mutation_by_get_is_405_and_not_run(client: httpx.AsyncClient, method: str) -> None:
    query = 'query Read { echo } mutation Write { note(text: "x") }'
    response = await client.request(method, "/graphql", params={"query": query, "operationName": "Write"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert NOTES == []


@pytest.mark.parametrize(
    ("query_string", "status", "text"),
    [
        ("", 422, "query: a string with a GraphQL document is required."),
        ("query={echo}&query={echo}", 422, "query: given more than once."),
        ("query={echo}&variables=[]", 422, "variables: must be an object."),
        ("query={echo}&variables={", 400, "variables is not valid JSON: "),
        ("query=" + "x" * 16_379, 414, "The query string is over 16384 bytes; use POST."),
    ],
)
async def test_a_malformed_get(client: httpx.AsyncClient, query_string: str, status: int, text: str) -> None:
    response = await client.get(f"/graphql?{query_string}")
    assert response.status_code == status
    assert message(response).startswith(text)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; x=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/graphql-response+json",
        "application/json; charset=utf-16",
    ],
)
async def test_bodies_that_are_not_utf8_json_are_415(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = b'{"query": "mutation { note(text: \\"forged\\") }"}'
    response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 415
    assert response.headers["accept"] == "application/json"
    assert NOTES == []


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=UTF-8", 'APPLICATION/JSON; Charset="utf-8"']
)
async def test_the_charset_may_be_utf8(client: httpx.AsyncClient, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await client.post("/graphql", content=b'{"query": "{ echo }"}', headers=headers)
    assert response.json()["data"] == {"echo": "hello"}


async def test_a_compressed_body_is_415(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await client.post("/graphql", content=gzip.compress(b'{"query": "{ echo }"}'), headers=headers)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"


def body_of_size(size: int) -> bytes:
    body = b'{"query": "{ echo }", "padding": "'
    return body + b"x" * (size - len(body) - 2) + b'"}'


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with its length"])
async def test_a_body_over_one_mebibyte_is_413(client: httpx.AsyncClient, chunked: bool) -> None:
    statuses = []
    for size in (1_048_576, 1_048_577):
        body = body_of_size(size)
        content = in_chunks(body) if chunked else body
        response = await client.post(
            "/graphql", content=content, headers={"Content-Type": "application/json"}
        )
        statuses.append(response.status_code)
    assert statuses == [200, 413]


async def test_a_body_that_does_not_arrive_is_408() -> None:
    # given a client that sends its headers and then nothing
    async def receive() -> Any:
        await asyncio.Event().wait()

    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"9")],
    }
    # when the server waits no longer
    waiting = RequestMiddleware(endpoint(), metrics=Metrics(), body_times=BodyTimes(whole_s=0))
    await waiting(scope, receive, send)
    # then
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in {(name.lower(), value) for name, value in sent[0]["headers"]}


async def test_a_client_that_leaves_while_sending_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    with pytest.raises(ClientDisconnect):
        await endpoint()(scope, receive, send)
    assert sent == []
    assert caplog.records == []


async def test_invalid_credentials_get_a_challenge(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer wrong"}
    response = await client.post("/graphql", json={"query": "{ echo }"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="quayside", error="invalid_token"'
    assert response.json() == {
        "errors": [
            {
                "message": "The token is not known.",
                "extensions": {"code": "UNAUTHENTICATED", "reason": "INVALID_CREDENTIALS"},
            }
        ]
    }


async def test_expected_errors_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await post(client, "{ forbidden }")
    await post(client, "{")
    assert caplog.records == []


async def test_a_failure_outside_of_resolvers_is_500(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Authorization": "Bearer crash"}
    response = await client.post("/graphql", json={"query": "{ echo }"}, headers=headers)
    assert response.status_code == 500
    assert response.json() == {
        "errors": [
            {
                "message": "Internal error; the request id finds it in the server's log.",
                "extensions": {"code": "INTERNAL"},
            }
        ]
    }
    assert [record.getMessage() for record in caplog.records] == ["GraphQL request failed"]
