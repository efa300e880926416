"""Successful requests, and the media type of the answer."""

import httpx
import pytest

from tests.quayside.graphql.http.endpoint import GRAPHQL, GRAPHQL_UTF8, JSON_UTF8, NOTES, post


async def test_a_query_by_post(client: httpx.AsyncClient) -> None:
    response = await post(client, "query ($text: String!) { echo(text: $text) }", variables={"text": "żółw"})
    assert response.status_code == 200
    assert response.headers["content-type"] == GRAPHQL_UTF8
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept, Accept-Encoding, Authorization, Cookie"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json() == {
        "data": {"echo": "żółw"},
        "extensions": {"cost": {"nodes": 0, "depth": 1, "aliases": 0}},
    }


async def test_a_query_by_get(client: httpx.AsyncClient) -> None:
    parameters = {
        "query": "query A { __typename } query B($text: String!) { echo(text: $text) }",
        "operationName": "B",
        "variables": '{"text": "a+b &c"}',
        "extensions": "{}",
    }
    response = await client.get("/graphql", params=parameters)
    assert response.status_code == 200
    assert response.json()["data"] == {"echo": "a+b &c"}


async def test_empty_optional_parameters_of_get_are_absent_ones(client: httpx.AsyncClient) -> None:
    parameters = {"query": "{ echo }", "operationName": "", "variables": "", "extensions": ""}
    response = await client.get("/graphql", params=parameters)
    assert response.json()["data"] == {"echo": "hello"}


async def test_null_as_operation_name_of_get_is_a_name(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "query null { echo }", "operationName": "null"})
    assert response.json()["data"] == {"echo": "hello"}


async def test_null_and_unknown_members_of_post_are_ignored(client: httpx.AsyncClient) -> None:
    members = {"operationName": None, "variables": None, "extensions": None, "id": 1, "doc_id": []}
    response = await post(client, "{ echo }", **members)
    assert response.status_code == 200
    assert response.json()["data"] == {"echo": "hello"}


async def test_the_context_is_made_from_the_request(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "{ caller }"}, headers={"Authorization": "Bearer right"}
    )
    assert response.json()["data"] == {"caller": "Bearer right"}


async def test_a_mutation_by_post(client: httpx.AsyncClient) -> None:
    response = await post(client, 'mutation { note(text: "kept") }')
    assert response.status_code == 200
    assert NOTES == ["kept"]


async def test_the_cost_is_reported(client: httpx.AsyncClient) -> None:
    response = await post(client, "query ($n: Int) { few: items(first: $n) { name } }", variables={"n": 2})
    assert response.json()["extensions"] == {"cost": {"nodes": 2, "depth": 2, "aliases": 1}}


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    got = await client.get("/graphql", params={"query": "{ echo }"})
    response = await client.head("/graphql", params={"query": "{ echo }"})
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers == got.headers


async def test_options_names_the_methods_and_the_body(client: httpx.AsyncClient) -> None:
    response = await client.options("/graphql")
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert response.headers["accept-post"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (GRAPHQL, GRAPHQL_UTF8),
        ("application/json", JSON_UTF8),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL_UTF8),
        (f"application/json, {GRAPHQL}", GRAPHQL_UTF8),
        (f"application/json;q=1.0, {GRAPHQL};q=0.5", JSON_UTF8),
        (f"{GRAPHQL}; q = 0, */*", JSON_UTF8),
        ("application/json;q=0, application/*", GRAPHQL_UTF8),
        ("*/*", JSON_UTF8),
        ("application/*", JSON_UTF8),
        ("text/html;q=0.1, */*;q=0.05", JSON_UTF8),
        ("", JSON_UTF8),
        ('Application/GraphQL-Response+JSON; charset="UTF-8"', GRAPHQL_UTF8),
        (f"{GRAPHQL};charset=utf-16, application/json;q=0.1", JSON_UTF8),
        (f"{GRAPHQL};q=high, application/json;q=0.1", JSON_UTF8),
    ],
)
async def test_the_media_type_wanted_most_is_sent(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    response = await post(client, "{ echo }", accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type


async def test_without_accept_plain_json_is_sent(client: httpx.AsyncClient) -> None:
    request = client.build_request("POST", "/graphql", json={"query": "{ echo }"})
    del request.headers["accept"]
    response = await client.send(request)
    assert response.headers["content-type"] == JSON_UTF8


@pytest.mark.parametrize(
    "accept", ["text/html", "text/*", "image/png, text/plain", "*/*;q=0", f"{GRAPHQL};q=0"]
)
async def test_nothing_acceptable_is_406(client: httpx.AsyncClient, accept: str) -> None:
    response = await post(client, 'mutation { note(text: "lost") }', accept=accept)
    assert response.status_code == 406
    assert NOTES == []


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("text/*", True),
        ("text/html;q=0.8, application/json", False),
        ("text/html, application/json", False),
        ("*/*", False),
    ],
)
async def test_browsers_get_graphiql(client: httpx.AsyncClient, accept: str, is_page: bool) -> None:
    response = await client.get("/graphql", params={"query": "{ echo }"}, headers={"Accept": accept})
    assert response.status_code == 200
    assert (response.headers["content-type"] == "text/html; charset=utf-8") == is_page
