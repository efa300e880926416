"""GraphQL over HTTP (GraphQL-over-HTTP draft): one request in, one well-formed GraphQL response out.

A request passes the stages in the order in which they are written in `GraphQLApp.answer`; each stage either
hands on or raises `Refusal` with the status that the specification names for it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    get_operation_ast,
    get_variable_values,
    validate,
)
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quayside.graphql.sse import EVENT_STREAM, EventStream
from quayside.http.accept import Accept, MediaType, Preference
from resolvers.errors import RETRY_LATER, DatabaseUnavailable, ErrorCode, Forbidden, InvalidCredentials
from schema.limits import VALIDATION_RULES, Cost, Limits, check, parse
from schema.text import document_has_nul, nul_error

log = logging.getLogger(__name__)

Item = TypeVar("Item")

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"

STATUS_WITH_ERRORS = {GRAPHQL_RESPONSE: 294, JSON: 200}
"""Status of a response that has both `data` and `errors`. 294 (Partial Success) is only understood together
with the media type that explains it; everybody else gets 200."""

ALLOWED = "GET, HEAD, POST, OPTIONS"


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on the HTTP request itself: bytes of body and of query string, seconds to wait for the body."""

    body_bytes: int = 1024 * 1024
    query_string_bytes: int = 16 * 1024
    body_seconds: float = 30.0


class Refusal(Exception):
    """A request that is not executed: HTTP status, the GraphQL errors to show, further headers."""

    def __init__(self, status: int, errors: Sequence[GraphQLError], headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors
        self.headers = headers


def refusal(status: int, message: str, *, code: ErrorCode = ErrorCode.BAD_REQUEST, **headers: str) -> Refusal:
    """A refusal with one error; header names are given with underscores for hyphens."""
    error = GraphQLError(message, extensions={"code": code})
    return Refusal(status, [error], {name.replace("_", "-"): value for name, value in headers.items()})


def unavailable(error: DatabaseUnavailable) -> Refusal:
    """The refusal of a request that the database does not answer."""
    refused = GraphQLError(str(error), extensions={"code": ErrorCode.UNAVAILABLE})
    return Refusal(503, [refused], RETRY_LATER)


@dataclass(frozen=True)
class GraphQLRequest:
    """The parameters of one well-formed request, absent ones as None or empty."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]


Execute = Callable[[DocumentNode, dict[str, Any], Any, str | None], Awaitable[ExecutionResult]]
"""The one door to execution: runs the named operation of a valid document with variables and a context.

Errors leave it with their codes, unexpected ones logged and masked.
"""

Subscribe = Callable[
    [DocumentNode, dict[str, Any], Any, str | None],
    Awaitable[AsyncGenerator[ExecutionResult, None] | ExecutionResult],
]
"""The one door to subscriptions: begins the named one; its results, or one result with errors."""


@dataclass(frozen=True)
class Operation:
    """An operation that may run: its document, its kind, what it costs."""

    document: DocumentNode
    kind: OperationType
    cost: Cost


class GraphQLApp:
    """The `/graphql` endpoint as an ASGI application.

    `context_for` builds the context of one request and may raise `InvalidCredentials` or `Forbidden`;
    `graphiql_page` answers browsers, which prefer HTML to JSON. Subscriptions need `subscribe`.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        execute: Execute,
        context_for: Callable[[Request], Awaitable[Any]],
        limits: Limits,
        graphiql_page: Callable[[Request], Response],
        subscribe: Subscribe | None = None,
        transport: TransportLimits | None = None,
    ) -> None:
        self.schema = schema
        self.execute = execute
        self.subscribe = subscribe
        self.context_for = context_for
        self.limits = limits
        self.graphiql_page = graphiql_page
        self.transport = transport or TransportLimits()
        self.documents = DocumentCache(schema, limits=limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; HEAD gets the headers of GET."""
        response = await self.respond(Request(scope, receive))
        if isinstance(response, EventStream):
            await response(scope, receive, send)
            return
        body = b"" if scope["method"] == "HEAD" else response.body
        headers = response.raw_headers
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def respond(self, request: Request) -> Response | EventStream:
        """The response to one request, whatever happens on the way. Raises `ClientDisconnect` alone."""
        try:
            return await self.answer(request)
        except Refusal as refused:
            return error_response(refused)
        except ClientDisconnect:
            # Nobody is there to be answered.
            raise
        except DatabaseUnavailable as error:
            return error_response(unavailable(error))
        except Exception:
            log.exception("GraphQL request failed")
            return error_response(
                refusal(
                    500,
                    "Internal error; the request id finds it in the server's log.",
                    code=ErrorCode.INTERNAL,
                )
            )

    async def answer(self, request: Request) -> Response | EventStream:
        """Take a request through all stages. Raises Refusal."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ALLOWED, "Accept-Post": JSON})
        if request.method not in {"GET", "HEAD", "POST"}:
            raise refusal(405, f"{request.method} is not supported here.", Allow=ALLOWED)
        accept = Accept(request.headers.getlist("accept"))
        if request.method != "POST" and prefers_html(accept):
            return self.graphiql_page(request)
        streams = self.subscribe is not None and accept.preference(EVENT_STREAM).exactness == 2
        only_streams = streams and accept.preference(EVENT_STREAM) > most_wanted_json(accept)
        media_type = GRAPHQL_RESPONSE if only_streams else choose_media_type(accept)
        context = await self.authenticated(request)
        asked = await self.read(request)
        try:
            operation = self.operation(asked, safe=request.method != "POST", streams=streams)
        except Refusal as refused:
            if not only_streams:
                raise
            return EventStream(one({"errors": [formatted(error) for error in refused.errors]}))
        if operation.kind is OperationType.SUBSCRIPTION:
            return EventStream(self.payloads(await self.results(operation, asked, context)))
        if only_streams:
            return EventStream(self.payloads(self.result(operation, asked, context)))
        result = await self.execute(operation.document, asked.variables, context, asked.operation_name)
        if is_outage(result) and not any((result.data or {}).values()):
            raise Refusal(503, result.errors or (), RETRY_LATER)
        return result_response(result, cost=operation.cost, media_type=media_type)

    def operation(self, asked: GraphQLRequest, *, safe: bool, streams: bool) -> Operation:
        """What a request asks for. Raises Refusal if it is not valid, not allowed here, or over a limit."""
        document = self.documents.get(asked.query)
        kind = self.check_operation(document, asked, safe=safe, streams=streams)
        return Operation(document, kind, self.checked_cost(document, asked))

    async def result(
        self, operation: Operation, asked: GraphQLRequest, context: Any
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Run a query or mutation, as a stream of its one result."""
        yield await self.execute(operation.document, asked.variables, context, asked.operation_name)

    async def results(
        self, operation: Operation, asked: GraphQLRequest, context: Any
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Begin a subscription. One that cannot begin has a single result, with its errors.

        Raises Refusal 503 while the database does not answer.
        """
        assert self.subscribe is not None  # Else the operation was refused.
        found = await self.subscribe(operation.document, asked.variables, context, asked.operation_name)
        if not isinstance(found, ExecutionResult):
            return found
        if is_outage(found):
            raise Refusal(503, found.errors or (), RETRY_LATER)
        return one(found)

    async def payloads(
        self, results: AsyncGenerator[ExecutionResult, None]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The results as clients see them, the last with the error that ended them, if one did."""
        async with aclosing(results):
            try:
                async for result in results:
                    yield payload_of(result)
            except GraphQLError as error:
                yield {"errors": [formatted(error)]}

    async def authenticated(self, request: Request) -> Any:
        """The context of the caller. Raises a 401 that challenges for a bearer token, or a 403."""
        try:
            return await self.context_for(request)
        except InvalidCredentials as error:
            challenge = 'Bearer realm="quayside", error="invalid_token"'
            raise refusal(401, error.message, code=error.code, WWW_Authenticate=challenge) from error
        except Forbidden as error:
            raise refusal(403, error.message, code=error.code) from error

    async def read(self, request: Request) -> GraphQLRequest:
        """The parameters from the query string (GET, HEAD) or from the JSON body (POST)."""
        if request.method == "POST":
            check_body_type(request)
            return request_from_json(await self.body(request))
        if len(request.scope["query_string"]) > self.transport.query_string_bytes:
            raise refusal(
                414, f"The query string is over {self.transport.query_string_bytes} bytes; use POST."
            )
        return request_from_query_string(request.query_params.multi_items())

    async def body(self, request: Request) -> bytes:
        """The body, read up to the limits of size and time."""
        limit = self.transport.body_bytes
        too_large = refusal(413, f"The request body is over {limit} bytes.")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large
        received = bytearray()
        try:
            async with asyncio.timeout(self.transport.body_seconds):
                async for chunk in request.stream():
                    received += chunk
                    if len(received) > limit:
                        raise too_large
        except TimeoutError as error:
            raise refusal(408, "The request body did not arrive in time.", Connection="close") from error
        return bytes(received)

    def check_operation(
        self, document: DocumentNode, asked: GraphQLRequest, *, safe: bool, streams: bool
    ) -> OperationType:
        """The kind of the operation. Refuses those that cannot be determined, are not allowed here, or have
        ill-typed variables.
        """
        operation = get_operation_ast(document, asked.operation_name)
        if operation is None:
            if asked.operation_name:
                raise refusal(422, f"operationName: the document has no operation {asked.operation_name!r}.")
            raise refusal(
                422, "operationName: required, since the document does not have exactly one operation."
            )
        if operation.operation is OperationType.SUBSCRIPTION and not streams:
            raise refusal(422, "Subscriptions are not answered over plain HTTP.")
        if safe and operation.operation is OperationType.MUTATION:
            raise refusal(405, "GET is for queries only; send mutations by POST.", Allow="POST")
        definitions = operation.variable_definitions or ()
        coerced = get_variable_values(self.schema, definitions, asked.variables, max_errors=50)
        if isinstance(coerced, list):
            raise Refusal(422, coerced, {})
        return operation.operation

    def checked_cost(self, document: DocumentNode, asked: GraphQLRequest) -> Cost:
        """The cost of the operation, within the limits."""
        try:
            return check(
                document,
                variables=asked.variables,
                operation_name=asked.operation_name,
                schema=self.schema,
                limits=self.limits,
            )
        except GraphQLError as error:
            raise Refusal(422, [error], {}) from error


class DocumentCache:
    """Documents that passed validation, the least recently used dropped first.

    It is bounded by the text it stands for: a parsed document takes up to 270 bytes for each character.
    """

    def __init__(self, schema: GraphQLSchema, *, limits: Limits, characters: int = 256 * 1024) -> None:
        self.schema = schema
        self.limits = limits
        self.room = characters
        self.documents: OrderedDict[str, DocumentNode] = OrderedDict()

    def get(self, text: str) -> DocumentNode:
        """The valid document of a text. Raises Refusal: 400 if it does not parse, 422 if it is not valid."""
        if text in self.documents:
            self.documents.move_to_end(text)
            return self.documents[text]
        document = self.validated(text)
        self.documents[text] = document
        self.room -= len(text)
        while self.room < 0:
            dropped, _ = self.documents.popitem(last=False)
            self.room += len(dropped)
        return document

    def validated(self, text: str) -> DocumentNode:
        """Parse and validate a text. Raises Refusal."""
        if document_has_nul(text):
            raise Refusal(400, [nul_error("query")], {})
        try:
            document = parse(text, self.limits)
        except GraphQLError as error:
            raise Refusal(400, [error], {}) from error
        errors = validate(self.schema, document, VALIDATION_RULES)
        if errors:
            raise Refusal(422, errors, {})
        return document


def prefers_html(accept: Accept) -> bool:
    """Whether a browser asks: HTML named, and wanted more than either JSON."""
    html = accept.preference("text/html")
    return html.exactness > 0 and html > most_wanted_json(accept)


def most_wanted_json(accept: Accept) -> Preference:
    """How much the client wants the one of the two JSON types that it wants more."""
    return max(accept.preference(GRAPHQL_RESPONSE), accept.preference(JSON))


def choose_media_type(accept: Accept) -> str:
    """The response media type that the client wants most. Raises Refusal 406.

    A client that names neither type (`*/*`, or no header) is served as one that knows plain JSON only.
    """
    graphql, json = accept.preference(GRAPHQL_RESPONSE), accept.preference(JSON)
    if max(graphql, json).quality == 0:
        raise refusal(406, f"Responses are {GRAPHQL_RESPONSE} or {JSON}, neither of which is accepted.")
    named = graphql.exactness == 2
    return GRAPHQL_RESPONSE if graphql > json or (graphql == json and named) else JSON


def check_body_type(request: Request) -> None:
    """Refuse bodies that are not plain UTF-8 JSON.

    Form and text bodies are what a foreign web page may send without asking first, so they stay refused.
    """
    given = MediaType.parse(request.headers.get("content-type", ""))
    if given.name != JSON or not given.is_utf8:
        raise refusal(415, f"Content-Type: the request body must be {JSON} in UTF-8.", Accept=JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise refusal(
            415, "Content-Encoding: the request body must not be encoded.", Accept_Encoding="identity"
        )


def load_json(text: bytes | str, where: str) -> Any:
    """Decode JSON. Raises Refusal 400."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refusal(400, f"{where} is not valid JSON: {error}.") from error


def request_from_json(body: bytes) -> GraphQLRequest:
    """The request in a POST body; unknown members are ignored. Raises Refusal 400 or 422."""
    members = load_json(body, "The request body")
    if isinstance(members, list):
        raise refusal(422, "Batches are not supported: send one request at a time.")
    if not isinstance(members, dict):
        raise refusal(422, "The request body must be a JSON object.")
    return well_formed(members)


def request_from_query_string(items: Sequence[tuple[str, str]]) -> GraphQLRequest:
    """The request in a URL; an empty optional parameter is an absent one. Raises Refusal 400 or 422."""
    members: dict[str, Any] = {}
    for name, value in items:
        if name in members:
            raise refusal(422, f"{name}: given more than once.")
        if name in {"variables", "extensions"}:
            members[name] = load_json(value, name) if value else None
        else:
            members[name] = value
    return well_formed(members)


def well_formed(members: dict[str, Any]) -> GraphQLRequest:
    """Check the types of all parameters. Raises Refusal 422 naming each wrong one."""
    problems = []
    if not isinstance(members.get("query"), str):
        problems.append("query: a string with a GraphQL document is required.")
    if not isinstance(members.get("operationName"), str | None):
        problems.append("operationName: must be a string.")
    problems += [
        f"{name}: must be an object."
        for name in ("variables", "extensions")
        if not isinstance(members.get(name), dict | None)
    ]
    if problems:
        raise Refusal(422, [GraphQLError(problem) for problem in problems], {})
    return GraphQLRequest(
        query=members["query"],
        operation_name=members.get("operationName") or None,
        variables=members.get("variables") or {},
    )


async def one(item: Item) -> AsyncGenerator[Item, None]:
    """A stream of one item."""
    yield item


def payload_of(result: ExecutionResult) -> dict[str, Any]:
    """A result as clients see it."""
    payload: dict[str, Any] = {}
    if result.errors:
        payload["errors"] = [formatted(error) for error in result.errors]
    payload["data"] = result.data
    return payload


def is_outage(result: ExecutionResult) -> bool:
    """Whether the database did not answer for a part of the result, or for all of it."""
    return any((error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE for error in result.errors or ())


def result_response(result: ExecutionResult, *, cost: Cost, media_type: str) -> Response:
    """A response with data, its errors if any, and what the request cost.

    What was found, or done, before the database went away is told; the rest is worth another try.
    """
    payload = payload_of(result)
    shown = {name: value for name, value in asdict(cost).items() if name in {"nodes", "depth", "aliases"}}
    payload["extensions"] = {**(result.extensions or {}), "cost": shown}
    status = STATUS_WITH_ERRORS[media_type] if result.errors else 200
    return json_response(status, payload, media_type, RETRY_LATER if is_outage(result) else {})


def error_response(refused: Refusal) -> Response:
    """A response without data.

    It always carries the GraphQL media type: a client that knows only plain JSON goes by the status, and
    everybody else can tell our errors from those of a proxy.
    """
    payload = {"errors": [formatted(error) for error in refused.errors]}
    return json_response(refused.status, payload, GRAPHQL_RESPONSE, refused.headers)


def formatted(error: GraphQLError) -> dict[str, Any]:
    """An error as the specification lays it out; one that has no code comes from the request itself."""
    extensions = {"code": ErrorCode.BAD_REQUEST, **(error.extensions or {})}
    return {**error.formatted, "extensions": extensions}


def json_response(
    status: int, payload: dict[str, Any], media_type: str, headers: Mapping[str, str]
) -> Response:
    """A response that no cache keeps, since the same request means different things to different callers."""
    always = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(orjson.dumps(payload), status_code=status, headers={**always, **headers})
