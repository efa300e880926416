"""Failed requests: status and errors, by media type of the answer."""

from typing import Any

import httpx
import pytest

from tests.quayside.graphql.http.endpoint import GRAPHQL, GRAPHQL_UTF8, JSON_UTF8, message, post


def code(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["extensions"]["code"])


async def test_partial_data_is_a_partial_success(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ echo forbidden }")
    assert response.status_code == 294
    assert response.headers["content-type"] == GRAPHQL_UTF8
    assert response.json() == {
        "errors": [
            {
                "message": "Not for you.",
                "locations": [{"line": 1, "column": 8}],
                "path": ["forbidden"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
        "data": {"echo": "hello", "forbidden": None},
        "extensions": {"cost": {"nodes": 0, "depth": 1, "aliases": 0}},
    }


@pytest.mark.parametrize("query", ["{ echo forbidden }", "{ required }"])
async def test_partial_data_is_200_in_plain_json(client: httpx.AsyncClient, query: str) -> None:
    response = await post(client, query, accept="application/json")
    assert response.status_code == 200
    assert response.headers["content-type"] == JSON_UTF8


async def test_null_data_comes_with_its_error(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ required }")
    assert response.status_code == 294
    assert response.json()["data"] is None
    assert code(response) == "UNAUTHENTICATED"


REQUEST_ERRORS = [
    pytest.param({"query": "{"}, 400, "Syntax Error: Expected Name, found <EOF>.", id="syntax"),
    pytest.param({"query": ""}, 400, "Syntax Error: Unexpected <EOF>.", id="empty"),
    pytest.param({"query": "{ nme }"}, 422, "Cannot query field 'nme' on type 'Query'.", id="validation"),
    pytest.param(
        {"query": "query ($n: Int!) { items(first: $n) { name } }", "variables": {"n": "two"}},
        422,
        "Variable '$n' has invalid value: Int cannot represent non-integer value: 'two'",
        id="variable",
    ),
    pytest.param(
        {"query": "query ($n: Int!) { items(first: $n) { name } }"},
        422,
        "Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided.",
        id="missing variable",
    ),
    pytest.param(
        {"query": "query A { echo }", "operationName": "B"},
        422,
        "operationName: the document has no operation 'B'.",
        id="unknown operation",
    ),
    pytest.param(
        {"query": "query A { echo } query B { echo }"},
        422,
        "operationName: required, since the document does not have exactly one operation.",
        id="ambiguous operation",
    ),
    pytest.param(
        {"query": "fragment A on Query { echo }"},
        422,
        "Fragment 'A' is never used.",
        id="no operation",
    ),
    pytest.param(
        {"query": "subscription { ticks }"},
        422,
        "Subscriptions are not answered over plain HTTP.",
        id="subscription",
    ),
    pytest.param(
        {"qeury": "{ echo }"}, 422, "query: a string with a GraphQL document is required.", id="typo"
    ),
    pytest.param(
        {"query": 7}, 422, "query: a string with a GraphQL document is required.", id="query of another type"
    ),
    pytest.param(
        {"query": "{ echo }", "operationName": 7},
        422,
        "operationName: must be a string.",
        id="operationName of another type",
    ),
    pytest.param(
        {"query": "{ echo }", "variables": [7]}, 422, "variables: must be an object.", id="list of variables"
    ),
    pytest.param(
        {"query": "{ echo }", "extensions": "x"},
        422,
        "extensions: must be an object.",
        id="text of extensions",
    ),
    pytest.param(
        [{"query": "{ echo }"}], 422, "Batches are not supported: send one request at a time.", id="batch"
    ),
    pytest.param("{ echo }", 422, "The request body must be a JSON object.", id="text"),
]


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json", "*/*"])
@pytest.mark.parametrize(("body", "status", "text"), REQUEST_ERRORS)
async def test_a_request_error(
    client: httpx.AsyncClient, body: Any, status: int, text: str, accept: str
) -> None:
    response = await client.post("/graphql", json=body, headers={"Accept": accept})
    assert response.status_code == status
    assert response.headers["content-type"] == GRAPHQL_UTF8
    assert message(response) == text
    assert code(response) == "BAD_REQUEST"
    assert list(response.json()) == ["errors"]


async def test_every_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"operationName": [], "variables": "x"})
    assert [error["message"] for error in response.json()["errors"]] == [
        "query: a string with a GraphQL document is required.",
        "operationName: must be a string.",
        "variables: must be an object.",
    ]


@pytest.mark.parametrize("body", [b"NONSENSE", b'{"query":', b"", b'{"query": "\xff"}', b"[" * 100_000])
async def test_a_body_that_is_not_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert message(response).startswith("The request body is not valid JSON: ")


async def test_an_error_has_its_location_in_the_document(client: httpx.AsyncClient) -> None:
    response = await post(client, "{\n  nme\n}")
    [error] = response.json()["errors"]
    assert error["locations"] == [{"line": 2, "column": 3}]


async def test_a_request_over_a_limit_is_refused_unexecuted(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ items(first: 101) { name } }")
    assert response.status_code == 422
    assert response.json() == {
        "errors": [
            {
                "message": "first is 101, over the limit of 100. `items` takes 101.",
                "extensions": {
                    "code": "TOO_COMPLEX",
                    "limit": "first",
                    "maximum": 100,
                    "value": 101,
                    "connection": "items",
                },
            }
        ]
    }


async def test_too_many_tokens_are_too_complex(client: httpx.AsyncClient) -> None:
    response = await post(client, "{" + " echo" * 5000 + "}")
    assert response.status_code == 400
    assert code(response) == "TOO_COMPLEX"


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("{ items " * 2000, 400, "Syntax Error: Document is nested too deeply. Parsing aborted."),
        (
            "{ items(first: " + "[" * 2000,
            400,
            "Syntax Error: Document is nested too deeply. Parsing aborted.",
        ),
        (
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            422,
            "Cannot spread fragment 'A' within itself via 'B'.",
        ),
    ],
    ids=["selections", "lists", "fragment cycle"],
)
async def test_deep_nesting_is_refused(client: httpx.AsyncClient, query: str, status: int, text: str) -> None:
    response = await post(client, query)
    assert response.status_code == status
    assert message(response) == text
