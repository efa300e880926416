"""GraphQL over HTTP (GraphQL-over-HTTP draft): the endpoint `/graphql`.

A request passes the stages of `GraphQLApp.answer` in their order. A stage that fails raises `RequestRefused`
with the status of the specification.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
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
)
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quayside.graphql.documents import DocumentCache
from quayside.graphql.persisted import PersistedQueries, StoreLimits
from quayside.graphql.requests import (
    JSON,
    GraphQLRequest,
    RequestRefused,
    check_body_type,
    refused,
    request_from_json,
    request_from_query_string,
    unavailable,
)
from quayside.graphql.sse import EVENT_STREAM, EventStream
from quayside.http.accept import Accept, Preference
from quayside.http.bodies import read_at_most
from quayside.http.representation import represent
from resolvers.errors import RETRY_LATER, DatabaseUnavailable, ErrorCode, Forbidden, InvalidCredentials
from resolvers.record.shares import Holder
from schema.execute import SharedResult
from schema.limits import Cost, Limits, check

log = logging.getLogger(__name__)

Item = TypeVar("Item")

GRAPHQL_RESPONSE = "application/graphql-response+json"

STATUS_WITH_ERRORS = {GRAPHQL_RESPONSE: 294, JSON: 200}
"""Status of a response with both `data` and `errors`: 294 (Partial Success) only for the media type that
defines it, otherwise 200."""

ALLOWED = "GET, HEAD, POST, OPTIONS"


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on the HTTP request: bytes of body and query string."""

    body_bytes: int = 1024 * 1024
    query_string_bytes: int = 16 * 1024


Execute = Callable[[DocumentNode, dict[str, Any], Any, str | None], Awaitable[ExecutionResult]]
"""Executes the named operation of a valid document with variables and a context.

Errors of the result have codes; unexpected errors are logged and their messages replaced.
"""

Subscribe = Callable[
    [DocumentNode, dict[str, Any], Any, str | None],
    Awaitable[AsyncGenerator[ExecutionResult, None] | ExecutionResult],
]
"""Starts the named subscription. Returns its results, or one result with errors if it cannot start."""


@dataclass(frozen=True)
class Operation:
    """A valid operation within the limits."""

    document: DocumentNode
    kind: OperationType
    cost: Cost


class GraphQLApp:
    """The `/graphql` endpoint as an ASGI application.

    `context_for` makes the context of one request and may raise `InvalidCredentials` or `Forbidden`.
    `graphiql_page` answers requests that prefer HTML to JSON. Without `subscribe` there are no subscriptions.
    `holder_for` says for whom persisted queries of a context are kept.
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
        holder_for: Callable[[Any], Holder] = lambda _: Holder(None, is_anonymous=True),
        persisted: StoreLimits | None = None,
    ) -> None:
        self.schema = schema
        self.execute = execute
        self.subscribe = subscribe
        self.context_for = context_for
        self.limits = limits
        self.graphiql_page = graphiql_page
        self.transport = transport or TransportLimits()
        self.documents = DocumentCache(schema, limits=limits)
        self.holder_for = holder_for
        self.persisted = PersistedQueries(persisted)

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
        """The response to one request. Errors become responses; raises `ClientDisconnect` alone."""
        try:
            return await self.answer(request)
        except RequestRefused as refusal:
            return error_response(refusal)
        except ClientDisconnect:
            # Nobody is there to be answered.
            raise
        except DatabaseUnavailable as error:
            return error_response(unavailable(error))
        except Exception:
            log.exception("GraphQL request failed")
            return error_response(
                refused(
                    500,
                    "Internal error; the request id finds it in the server's log.",
                    code=ErrorCode.INTERNAL,
                )
            )

    async def answer(self, request: Request) -> Response | EventStream:
        """Process a request. Raises RequestRefused."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ALLOWED, "Accept-Post": JSON})
        if request.method not in {"GET", "HEAD", "POST"}:
            raise refused(405, f"{request.method} is not supported here.", Allow=ALLOWED)
        accept = Accept(request.headers.getlist("accept"))
        if request.method != "POST" and prefers_html(accept):
            return self.graphiql_page(request)
        streams = self.subscribe is not None and accept.preference(EVENT_STREAM).exactness == 2
        only_streams = streams and accept.preference(EVENT_STREAM) > json_preference(accept)
        media_type = GRAPHQL_RESPONSE if only_streams else choose_media_type(accept)
        context = await self.authenticate(request)
        parameters = await self.read(request)
        try:
            operation = self.operation(parameters, context, safe=request.method != "POST", streams=streams)
        except RequestRefused as refusal:
            if not only_streams:
                raise
            return EventStream(single({"errors": [format_error(error) for error in refusal.errors]}))
        if operation.kind is OperationType.SUBSCRIPTION:
            return EventStream(self.payloads(await self.results(operation, parameters, context)))
        if only_streams:
            return EventStream(self.payloads(self.result(operation, parameters, context)))
        result = await self.execute(
            operation.document, parameters.variables, context, parameters.operation_name
        )
        if is_outage(result) and not any((result.data or {}).values()):
            raise RequestRefused(503, result.errors or (), RETRY_LATER)
        response = result_response(result, cost=operation.cost, media_type=media_type)
        is_complete = operation.kind is OperationType.QUERY and not result.errors
        return await represent(request, response) if is_complete else response

    def operation(self, parameters: GraphQLRequest, context: Any, *, safe: bool, streams: bool) -> Operation:
        """The operation of a request. Raises RequestRefused if it is invalid, not allowed or over a limit, or
        a persisted query that is not known.
        """
        name, text = parameters.hash, parameters.query
        if name is not None:
            text = self.persisted.text(name, text)
        document = self.documents.get(text)
        if name is not None:
            self.persisted.used(name, text, self.holder_for(context))
        kind = self.check_operation(document, parameters, safe=safe, streams=streams)
        return Operation(document, kind, self.check_cost(document, parameters))

    async def result(
        self, operation: Operation, parameters: GraphQLRequest, context: Any
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Run a query or mutation, as a stream of its one result."""
        yield await self.execute(operation.document, parameters.variables, context, parameters.operation_name)

    async def results(
        self, operation: Operation, parameters: GraphQLRequest, context: Any
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Start a subscription. If it cannot start, there is a single result with errors.

        Raises RequestRefused 503 while the database does not answer.
        """
        assert self.subscribe is not None  # Else the operation was refused.
        found = await self.subscribe(
            operation.document, parameters.variables, context, parameters.operation_name
        )
        if not isinstance(found, ExecutionResult):
            return found
        if is_outage(found):
            raise RequestRefused(503, found.errors or (), RETRY_LATER)
        return single(found)

    async def payloads(self, results: AsyncGenerator[ExecutionResult, None]) -> AsyncGenerator[Any, None]:
        """The results for `orjson.dumps`; an error that ends the stream becomes the last one."""
        async with aclosing(results):
            try:
                async for result in results:
                    yield shared_payload(result)
            except GraphQLError as error:
                yield {"errors": [format_error(error)]}

    async def authenticate(self, request: Request) -> Any:
        """The context of the caller. Raises RequestRefused: 401 with a bearer challenge, or 403."""
        try:
            return await self.context_for(request)
        except InvalidCredentials as error:
            challenge = 'Bearer realm="quayside", error="invalid_token"'
            reason = error.refusal.reason
            raise refused(
                401, error.message, code=error.code, reason=reason, WWW_Authenticate=challenge
            ) from error
        except Forbidden as error:
            raise refused(403, error.message, code=error.code, reason=error.refusal.reason) from error

    async def read(self, request: Request) -> GraphQLRequest:
        """The parameters from the query string (GET, HEAD) or from the JSON body (POST)."""
        if request.method == "POST":
            check_body_type(request)
            return request_from_json(await self.body(request))
        if len(request.scope["query_string"]) > self.transport.query_string_bytes:
            raise refused(
                414, f"The query string is over {self.transport.query_string_bytes} bytes; use POST."
            )
        return request_from_query_string(request.query_params.multi_items())

    async def body(self, request: Request) -> bytes:
        """The body, read up to the limit of size."""
        limit = self.transport.body_bytes
        too_large = refused(413, f"The request body is over {limit} bytes.")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large
        if (received := await read_at_most(request, limit)) is None:
            raise too_large
        return received

    def check_operation(
        self, document: DocumentNode, parameters: GraphQLRequest, *, safe: bool, streams: bool
    ) -> OperationType:
        """The kind of the operation. Raises RequestRefused if it is ambiguous, not allowed for this method or
        media type, or has variables of the wrong type.
        """
        operation = get_operation_ast(document, parameters.operation_name)
        if operation is None:
            if parameters.operation_name:
                raise refused(
                    422, f"operationName: the document has no operation {parameters.operation_name!r}."
                )
            raise refused(
                422, "operationName: required, since the document does not have exactly one operation."
            )
        if operation.operation is OperationType.SUBSCRIPTION and not streams:
            raise refused(422, "Subscriptions are not answered over plain HTTP.")
        if safe and operation.operation is OperationType.MUTATION:
            raise refused(405, "GET is for queries only; send mutations by POST.", Allow="POST")
        definitions = operation.variable_definitions or ()
        coerced = get_variable_values(self.schema, definitions, parameters.variables, max_errors=50)
        if isinstance(coerced, list):
            raise RequestRefused(422, coerced, {})
        return operation.operation

    def check_cost(self, document: DocumentNode, parameters: GraphQLRequest) -> Cost:
        """The cost of the operation. Raises RequestRefused if it is over a limit."""
        try:
            return check(
                document,
                variables=parameters.variables,
                operation_name=parameters.operation_name,
                schema=self.schema,
                limits=self.limits,
            )
        except GraphQLError as error:
            raise RequestRefused(422, [error], {}) from error


def prefers_html(accept: Accept) -> bool:
    """Whether the client, a browser, names HTML and prefers it to both JSON types."""
    html = accept.preference("text/html")
    return html.exactness > 0 and html > json_preference(accept)


def json_preference(accept: Accept) -> Preference:
    """The higher preference of the two JSON types."""
    return max(accept.preference(GRAPHQL_RESPONSE), accept.preference(JSON))


def choose_media_type(accept: Accept) -> str:
    """The response media type that the client prefers. Raises RequestRefused 406.

    A client that names neither type (`*/*`, or no header) is served as one that knows plain JSON only.
    """
    graphql, json = accept.preference(GRAPHQL_RESPONSE), accept.preference(JSON)
    if max(graphql, json).quality == 0:
        raise refused(406, f"Responses are {GRAPHQL_RESPONSE} or {JSON}, neither of which is accepted.")
    named = graphql.exactness == 2
    return GRAPHQL_RESPONSE if graphql > json or (graphql == json and named) else JSON


async def single(item: Item) -> AsyncGenerator[Item, None]:
    """A stream of one item."""
    yield item


def shared_payload(result: ExecutionResult) -> Any:
    """A result of a stream, for `orjson.dumps`; one that is shared becomes text only once."""
    if not isinstance(result, SharedResult):
        return payload_of(result)
    if result.payload is None:
        result.payload = orjson.Fragment(orjson.dumps(payload_of(result)))
    return result.payload


def payload_of(result: ExecutionResult) -> dict[str, Any]:
    """A result as a JSON object."""
    payload: dict[str, Any] = {}
    if result.errors:
        payload["errors"] = [format_error(error) for error in result.errors]
    payload["data"] = result.data
    return payload


def is_outage(result: ExecutionResult) -> bool:
    """Whether the database did not answer for a part of the result, or for all of it."""
    return any((error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE for error in result.errors or ())


def result_response(result: ExecutionResult, *, cost: Cost, media_type: str) -> Response:
    """A response with data, errors if any, and the cost of the request.

    What was read or written before the database went away is in the data; the rest can be tried again.
    """
    payload = payload_of(result)
    shown = {name: value for name, value in asdict(cost).items() if name in {"nodes", "depth", "aliases"}}
    payload["extensions"] = {**(result.extensions or {}), "cost": shown}
    status = STATUS_WITH_ERRORS[media_type] if result.errors else 200
    return json_response(status, payload, media_type, RETRY_LATER if is_outage(result) else {})


def error_response(refusal: RequestRefused) -> Response:
    """A response without data.

    It always has the GraphQL media type, which distinguishes our errors from those of a proxy; clients that
    know only plain JSON use the status.
    """
    payload = {"errors": [format_error(error) for error in refusal.errors]}
    return json_response(refusal.status, payload, GRAPHQL_RESPONSE, refusal.headers)


def format_error(error: GraphQLError) -> dict[str, Any]:
    """An error as the GraphQL specification formats it; without a code it gets BAD_REQUEST."""
    extensions = {"code": ErrorCode.BAD_REQUEST, **(error.extensions or {})}
    return {**error.formatted, "extensions": extensions}


def json_response(
    status: int, payload: dict[str, Any], media_type: str, headers: Mapping[str, str]
) -> Response:
    """A JSON response that is not cached, since it depends on the caller."""
    always = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(orjson.dumps(payload), status_code=status, headers={**always, **headers})
