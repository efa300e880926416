"""GraphQL over HTTP, clause by clause, through the endpoint a client talks to."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from quayside import web
from quayside.graphql_http import DocumentCache, GraphQLApp, Refusal, TransportLimits
from resolvers.errors import InvalidCredentials
from schema.limits import Limits

GRAPHQL = "application/graphql-response+json"
GRAPHQL_UTF8 = "application/graphql-response+json; charset=utf-8"
JSON_UTF8 = "application/json; charset=utf-8"


@strawberry.type
class Item:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def echo(self, text: str = "hello") -> str:
        return text

    @strawberry.field
    def caller(self, info: strawberry.Info[dict[str, str]]) -> str:
        return info.context["authorization"]

    @strawberry.field
    def forbidden(self) -> str | None:
        raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN"})

    @strawberry.field
    def required(self) -> str:
        raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED"})

    @strawberry.field
    def items(self, first: int | None = None) -> list[Item]:
        return [Item(name=str(number)) for number in range(first or 3)]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def note(self, info: strawberry.Info[dict[str, list[str]]], text: str) -> str:
        info.context["notes"].append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def core_schema() -> GraphQLSchema:
    core: GraphQLSchema = strawberry.Schema(Query, Mutation, Subscription)._schema
    return core


SCHEMA = core_schema()
NOTES: list[str] = []


async def run(
    document: DocumentNode, variables: dict[str, Any], context: Any, operation_name: str | None, /
) -> ExecutionResult:
    result = execute(
        SCHEMA,
        document,
        variable_values=variables,
        context_value=context,
        operation_name=operation_name,
    )
    return await result if asyncio.iscoroutine(result) else result  # type: ignore[return-value]


async def context_for(request: Request) -> dict[str, Any]:
    authorization = request.headers.get("authorization", "")
    if authorization == "Bearer wrong":
        raise InvalidCredentials("The token is not known.")
    if authorization == "Bearer crash":
        raise RuntimeError("the secret inside")
    return {"authorization": authorization, "notes": NOTES}


def endpoint(**settings: Any) -> GraphQLApp:
    defaults: dict[str, Any] = {
        "execute": run,
        "context_for": context_for,
        "limits": Limits(),
        "graphiql_page": web.page,
    }
    return GraphQLApp(SCHEMA, **defaults | settings)


def client_of(app: GraphQLApp) -> httpx.AsyncClient:
    site = Starlette(routes=[Route("/graphql", app), *web.assets])
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://registry.example")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    NOTES.clear()
    async with client_of(endpoint()) as opened:
        yield opened


async def post(
    client: httpx.AsyncClient, query: str, *, accept: str = GRAPHQL, **members: Any
) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **members}, headers={"Accept": accept})


def message(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["message"])


def code(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["extensions"]["code"])


# Requests that succeed


async def test_a_query_by_post(client: httpx.AsyncClient) -> None:
    response = await post(client, "query ($text: String!) { echo(text: $text) }", variables={"text": "żółw"})
    assert response.status_code == 200
    assert response.headers["content-type"] == GRAPHQL_UTF8
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept"
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


# Accept


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


# Status by media type


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


async def test_an_error_names_its_place_in_the_document(client: httpx.AsyncClient) -> None:
    response = await post(client, "{\n  nme\n}")
    [error] = response.json()["errors"]
    assert error["locations"] == [{"line": 2, "column": 3}]


async def test_a_request_over_a_limit_is_refused_unexecuted(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ items(first: 101) { name } }")
    assert response.status_code == 422
    assert response.json() == {
        "errors": [
            {
                "message": "first is 101, over the limit of 100.",
                "extensions": {"code": "TOO_COMPLEX", "limit": "first", "maximum": 100, "value": 101},
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
async def test_nesting_without_end_is_refused(
    client: httpx.AsyncClient, query: str, status: int, text: str
) -> None:
    response = await post(client, query)
    assert response.status_code == status
    assert message(response) == text


# Methods and bodies that are not taken


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
async def test_utf8_may_be_named(client: httpx.AsyncClient, content_type: str) -> None:
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
        "headers": [(b"content-type", b"application/json")],
    }
    # when the server waits no longer
    await endpoint(transport=TransportLimits(body_seconds=0))(scope, receive, send)
    # then
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_client_that_leaves_while_sending_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await endpoint()(scope, receive, send)
    assert sent[0]["status"] == 400
    assert caplog.records == []


# Credentials and failures


async def test_wrong_credentials_are_challenged(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer wrong"}
    response = await client.post("/graphql", json={"query": "{ echo }"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="quayside", error="invalid_token"'
    assert response.json() == {
        "errors": [{"message": "The token is not known.", "extensions": {"code": "UNAUTHENTICATED"}}]
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


# The cache of documents


def test_a_document_is_parsed_and_validated_once() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits())
    assert cache.get("{ echo }") is cache.get("{ echo }")


def test_the_cache_drops_the_least_recently_used_documents() -> None:
    # given room for two documents of 10 characters
    cache = DocumentCache(SCHEMA, limits=Limits(), characters=20)
    first, second, third = "{ a: echo}", "{ b: echo}", "{ c: echo}"
    kept = cache.get(first)
    cache.get(second)
    assert cache.get(first) is kept
    # when a third comes
    cache.get(third)
    # then the second is gone
    assert list(cache.documents) == [first, third]


def test_a_document_larger_than_the_cache_is_answered_and_not_kept() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits(), characters=5)
    assert cache.get("{ echo }").kind == "document"
    assert list(cache.documents) == []
    assert cache.room == 5


def test_invalid_documents_are_not_kept() -> None:
    cache = DocumentCache(SCHEMA, limits=Limits())
    for text, status in (("{", 400), ("{ nme }", 422)):
        with pytest.raises(Refusal) as caught:
            cache.get(text)
        assert caught.value.status == status
    assert list(cache.documents) == []
