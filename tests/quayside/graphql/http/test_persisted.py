"""Automatic persisted queries: the exact requests of Apollo's link and of urql's exchange, and the store."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from quayside.graphql.http import GraphQLApp
from quayside.graphql.persisted import StoreLimits
from resolvers.record.shares import Holder
from tests.quayside.graphql.http.endpoint import (
    GRAPHQL_UTF8,
    JSON_UTF8,
    NOTES,
    client_of,
    endpoint,
)

Json = dict[str, Any]

QUERY = "query Echo($text: String!) {\n  echo(text: $text)\n}"
MISS = {
    "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(text: str, **more: Any) -> Json:
    """The extensions of a request that names a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text), **more}}


def holder_for(context: Json) -> Holder:
    """`Bearer 7` is account 7; anything else an address of somebody anonymous."""
    kind, _, who = context["authorization"].partition(" ")
    return Holder("a", int(who)) if kind == "Bearer" else Holder(kind, is_anonymous=True)


def app_of(**bounds: int) -> GraphQLApp:
    return endpoint(holder_for=holder_for, persisted=StoreLimits(**bounds))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    NOTES.clear()
    async with client_of(app_of()) as opened:
        yield opened


async def say(client: httpx.AsyncClient, text: str | None, name: str, who: str = "") -> Json:
    """Name a document, and send it unless it is None; the answer."""
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}}
    answer = await client.post(
        "/graphql", json=body | ({"query": text} if text else {}), headers={"Authorization": who}
    )
    found: Json = answer.json()
    return found


async def test_apollo_by_post(client: httpx.AsyncClient) -> None:
    # given the headers and the body of its first request, which has no query
    headers = {"Accept": "application/graphql-response+json,application/json;q=0.9"}
    body = {
        "operationName": "Echo",
        "variables": {"text": "hi"},
        "extensions": {"clientLibrary": {"name": "@apollo/client", "version": "4.0.4"}, **persisted(QUERY)},
    }
    first = await client.post("/graphql", json=body, headers=headers)
    assert (first.status_code, first.headers["content-type"]) == (200, GRAPHQL_UTF8)
    assert first.headers["cache-control"] == "no-store"
    assert first.json() == MISS
    # when it tries again with the query
    second = await client.post("/graphql", json=body | {"query": QUERY}, headers=headers)
    assert second.json()["data"] == {"echo": "hi"}

    # then the next time the hash suffices
    third = await client.post("/graphql", json=body | {"variables": {"text": "again"}}, headers=headers)
    assert (third.status_code, third.json()["data"]) == (200, {"echo": "again"})


async def test_apollo_by_get(client: httpx.AsyncClient) -> None:
    # given useGETForHashedQueries, with which it registers by POST
    parameters = {
        "operationName": "Echo",
        "variables": '{"text":"hi"}',
        "extensions": json.dumps(persisted(QUERY), separators=(",", ":")),
    }
    headers = {"Accept": "application/graphql-response+json,application/json;q=0.9"}
    first = await client.get("/graphql", params=parameters, headers=headers)
    assert (first.status_code, first.json()) == (200, MISS)
    body = {
        "operationName": "Echo",
        "variables": {"text": "hi"},
        "extensions": persisted(QUERY),
        "query": QUERY,
    }
    assert (await client.post("/graphql", json=body, headers=headers)).json()["data"] == {"echo": "hi"}

    third = await client.get("/graphql", params=parameters, headers=headers)
    assert (third.status_code, third.json()["data"]) == (200, {"echo": "hi"})


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_urql(client: httpx.AsyncClient, method: str) -> None:
    accept = (
        "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
        " multipart/mixed"
    )

    async def ask(extensions: Json, **members: Any) -> httpx.Response:
        members |= {"operationName": "Echo", "variables": {"text": "hi"}, "extensions": extensions}
        if method == "POST":
            return await client.post("/graphql", json=members, headers={"Accept": accept})
        texts = {
            name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            for name, value in members.items()
        }
        return await client.get("/graphql", params=texts, headers={"Accept": accept})

    first = await ask(persisted(QUERY))
    assert (first.status_code, first.json()) == (200, MISS)
    second = await ask(persisted(QUERY, miss=True), query=QUERY)
    assert second.json()["data"] == {"echo": "hi"}
    third = await ask(persisted(QUERY))
    assert (third.status_code, third.json()["data"]) == (200, {"echo": "hi"})


async def test_a_client_of_plain_json(client: httpx.AsyncClient) -> None:
    headers = {"Accept": "application/json"}
    body = {"variables": {"text": "hi"}, "extensions": persisted(QUERY)}
    assert (await client.post("/graphql", json=body, headers=headers)).json() == MISS
    second = await client.post("/graphql", json=body | {"query": QUERY}, headers=headers)
    assert (second.status_code, second.headers["content-type"]) == (200, JSON_UTF8)


async def test_each_process_learns_for_itself() -> None:
    async with client_of(app_of()) as one, client_of(app_of()) as other:
        assert "data" in await say(one, "{ echo }", sha256("{ echo }"))
        assert await say(other, None, sha256("{ echo }")) == MISS
        assert "data" in await say(other, "{ echo }", sha256("{ echo }"))
        for process in (one, other):
            assert (await say(process, None, sha256("{ echo }")))["data"] == {"echo": "hello"}


async def test_mutations_are_persisted_and_stay_refused_by_get(client: httpx.AsyncClient) -> None:
    text = 'mutation { note(text: "a") }'
    assert await say(client, None, sha256(text)) == MISS
    assert "data" in await say(client, text, sha256(text))
    assert (await say(client, None, sha256(text)))["data"] == {"note": "a"}
    refused = await client.get("/graphql", params={"extensions": json.dumps(persisted(text))})

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert NOTES == ["a", "a"]


@pytest.mark.parametrize(
    ("extensions", "sentence"),
    [
        (
            {"persistedQuery": "x"},
            "extensions.persistedQuery: must be an object with version and sha256Hash.",
        ),
        (
            {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}},
            "extensions.persistedQuery.version: must be 1.",
        ),
        (
            {"persistedQuery": {"sha256Hash": "0" * 64}},
            "extensions.persistedQuery.version: must be 1.",
        ),
        (
            {"persistedQuery": {"version": 1, "sha256Hash": "0" * 63}},
            "extensions.persistedQuery.sha256Hash: must be 64 hexadecimal digits.",
        ),
        (
            {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}},
            "extensions.persistedQuery.sha256Hash: must be the SHA-256 of query.",
        ),
    ],
)
async def test_what_is_malformed_or_of_something_else_is_refused(
    client: httpx.AsyncClient, extensions: Json, sentence: str
) -> None:
    answer = await client.post("/graphql", json={"query": "{ echo }", "extensions": extensions})

    assert answer.status_code == 422
    assert answer.json() == {"errors": [{"message": sentence, "extensions": {"code": "BAD_REQUEST"}}]}
    assert await say(client, None, sha256("{ echo }")) == MISS


async def test_a_request_without_query_and_hash_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"extensions": {"persistedQuery": None}})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "query: a string with a GraphQL document is required."


async def test_digits_of_a_hash_may_be_large(client: httpx.AsyncClient) -> None:
    assert "data" in await say(client, "{ echo }", sha256("{ echo }").upper())
    assert (await say(client, None, sha256("{ echo }")))["data"] == {"echo": "hello"}


@pytest.mark.parametrize("text", ["{", "{ nothing }", "{ echo(text: 1) }"])
async def test_only_valid_documents_are_kept(client: httpx.AsyncClient, text: str) -> None:
    assert "errors" in await say(client, text, sha256(text))
    assert await say(client, None, sha256(text)) == MISS


def echo(number: int) -> str:
    """One of many documents of the same length."""
    return f"{{ e{number:04}: echo }}"


async def test_a_stranger_displaces_only_what_they_keep_themselves() -> None:
    # given a store that is full: documents of an account, and of an anonymous address
    app = app_of(documents=4)
    async with client_of(app) as client:
        for number in (1, 2):
            await say(client, echo(number), sha256(echo(number)), "Bearer 7")
            await say(client, echo(number + 10), sha256(echo(number + 10)), "here")
        # when others make many
        for number in range(100, 130):
            await say(client, echo(number), sha256(echo(number)), "there")
            await say(client, echo(number + 100), sha256(echo(number + 100)), "Bearer 8")

        # then those are kept, and the last of the others
        for number in (1, 2, 11, 12, 128, 129, 228, 229):
            assert "data" in await say(client, None, sha256(echo(number)), "else")
        for number in (100, 127, 200, 227):
            assert await say(client, None, sha256(echo(number)), "else") == MISS
        assert (len(app.persisted.signed_in), len(app.persisted.anonymous)) == (4, 4)


async def test_the_store_is_bounded_in_characters() -> None:
    size = len(echo(0))
    app = app_of(characters=3 * size, text=size)
    async with client_of(app) as client:
        for number in range(10):
            await say(client, echo(number), sha256(echo(number)))
        assert app.persisted.anonymous.characters == 3 * size
        # the one used longest ago goes
        assert "data" in await say(client, None, sha256(echo(7)))
        await say(client, echo(10), sha256(echo(10)))
        assert await say(client, None, sha256(echo(8))) == MISS
        assert "data" in await say(client, None, sha256(echo(7)))
        # and a document that is too long runs, and is not kept
        long = echo(11) + " "
        assert "data" in await say(client, long, sha256(long))
        assert await say(client, None, sha256(long)) == MISS
        assert app.persisted.anonymous.characters == 3 * size


async def test_what_an_account_uses_is_no_longer_the_strangers_to_displace() -> None:
    # given a document that somebody anonymous sent first, and an account uses by its hash
    app = app_of(documents=2)
    async with client_of(app) as client:
        await say(client, echo(1), sha256(echo(1)), "here")
        assert "data" in await say(client, None, sha256(echo(1)), "Bearer 7")
        assert (len(app.persisted.signed_in), len(app.persisted.anonymous)) == (1, 0)
        # when the same address sends many
        for number in range(2, 12):
            await say(client, echo(number), sha256(echo(number)), "here")

        assert "data" in await say(client, None, sha256(echo(1)), "Bearer 7")
