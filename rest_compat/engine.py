"""The REST API as an ASGI application: match, check, bind, execute, shape, answer.

Routes and documents are compiled when the engine is made; a request only calls closures. Checks run in the
order of the reference, which differs between routes, see `Check`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import orjson
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, Source
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rest_compat.admission import RestViewer, admission_problem, cors_headers, has_scope
from rest_compat.bind import (
    BODY_TOO_LARGE,
    MISSING_BODY,
    UNPARSABLE_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    Binder,
    BindError,
    BoundRequest,
    Cursors,
)
from rest_compat.chapter import Chapter
from rest_compat.compile import Plan, compile_documents
from rest_compat.discovery import PREFIX, ApiInfo, ScopeText
from rest_compat.problems import (
    FORBIDDEN,
    INTERNAL,
    PAYLOAD,
    READ_ONLY,
    TOP_LEVEL,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
    find,
    message,
    render,
)
from rest_compat.route import UNSET, Check, Route, Router, Unset
from schema.errors import RETRY_LATER, DatabaseUnavailable

C = TypeVar("C")
Mode = Literal["documented", "observed"]
Represent = Callable[[Request, Response], Awaitable[Response]]
"""Makes of the answer to a request that was answered in full what is sent."""

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 20
"""Largest request body."""

PART = 100
"""How many items of a long list are computed before other requests get their turn."""

_ROLES = {"READ": 1, "WRITE": 2, "ADMIN": 3}
_ROLE_OF_SCOPE = {"repo:read": 1, "repo:write": 2, "repo:admin": 3}


@dataclass(frozen=True)
class CompiledRoute:
    """A route with its plan, binder and success status."""

    route: Route
    plan: Plan
    binder: Binder
    status: int
    mutation: str | None
    """The mutation of its document; None for queries."""


class RequestRefused(Exception):
    """Ends the request with a problem as its answer."""

    def __init__(self, problem: Problem, text: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.problem = problem
        self.text = text
        self.headers = dict(headers or {})


async def _never(_: str) -> bool:
    return False


async def as_it_is(_: Request, response: Response) -> Response:
    """The answer unchanged."""
    return response


@cache
def _guards() -> Source:
    return Source(files("rest_compat").joinpath("guards.graphql").read_text("utf-8"), "guards.graphql")


class Engine(Generic[C]):
    """The routes of `/api/v1`.

    `run` executes a document, `await run(document, variables, context, operation_name)`, and logs unexpected
    errors. `context_for` makes the context of one request, with the limits of trusted documents.
    `basic_context_for` does so where user name and password are accepted as well. `viewer_of` and `code_of`
    return the caller and the code of an error. `has_csrf_token` says whether a request has a valid CSRF
    token. `cors_origins` are the origins that may read answers; empty means all. `is_suspended`
    says whether read-only mode suspends a mutation now, which the reference checks before all of a route.
    `represent` is asked what to send for each answer to GET and HEAD that succeeds. `documents_are_valid`
    spares their validation.

    Raises GraphQLError or ValueError if a route and its document do not fit each other or the schema.
    """

    def __init__(
        self,
        chapters: Iterable[Chapter],
        schema: GraphQLSchema,
        *,
        run: Callable[[DocumentNode, dict[str, Any], C, str | None], Awaitable[ExecutionResult]],
        context_for: Callable[[Request], Awaitable[C]],
        viewer_of: Callable[[C], RestViewer],
        code_of: Callable[[GraphQLError], str],
        has_csrf_token: Callable[[Request], bool],
        cursors: Cursors,
        features: frozenset[str],
        base_url: str,
        base_url_of: Callable[[Request], str] | None = None,
        status_codes: Mode = "documented",
        scopes: Sequence[ScopeText] = (),
        cors_origins: Sequence[str] = (),
        fragments: str = "",
        basic_context_for: Callable[[Request], Awaitable[C]] | None = None,
        is_suspended: Callable[[str], Awaitable[bool]] = _never,
        represent: Represent = as_it_is,
        documents_are_valid: bool = False,
    ) -> None:
        chapters = tuple(chapters)
        sources = [
            Source(chapter.documents, f"{chapter.name}.graphql") for chapter in chapters if chapter.documents
        ]
        shared = [Source(fragments, "_fragments.graphql")] if fragments else []
        self.plans = compile_documents(schema, [_guards(), *shared, *sources], are_valid=documents_are_valid)
        self._guard = self.plans.pop("GuardRepository")
        self.info = ApiInfo(chapters, self.plans, tuple(scopes), base_url, features, status_codes)
        routes = [route for chapter in chapters for route in chapter.routes if not route.external]
        # A route whose feature is off does not exist, not even in the Allow header of its path.
        self._router = Router(route for route in routes if features.issuperset(route.flags))
        self._routes = {route.operation: self._prepare(route, cursors) for route in routes}
        self._run = run
        self._context_for = context_for
        self._basic_context_for = basic_context_for or context_for
        self._viewer_of = viewer_of
        self._code_of = code_of
        self._has_csrf_token = has_csrf_token
        self._base_url_of = base_url_of or (lambda _: base_url)
        self._cors_origins = tuple(cors_origins)
        self._is_suspended = is_suspended
        self._represent = represent
        unused = self.plans.keys() - {route.document_name for chapter in chapters for route in chapter.routes}
        if unused:
            raise ValueError(f"The document {min(unused)} has no route.")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.respond(request)
        for name, value in cors_headers(self._cors_origins, request.headers.get("origin")).items():
            if name == "Vary":
                response.headers.add_vary_header(value)
            else:
                response.headers[name] = value
        if request.method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The answer to one request, problems included. Raises `ClientDisconnect` alone."""
        if request.method == "OPTIONS":
            return _reply(200, None)
        try:
            return await self._answer(request)
        except RequestRefused as refused:
            status, body = render(refused.problem, refused.text, self._base_url_of(request))
            return _reply(status, body, refused.headers)
        except ClientDisconnect:
            # Nobody is there to be answered.
            raise
        except DatabaseUnavailable as error:
            status, body = render(UNAVAILABLE, str(error), self._base_url_of(request))
            return _reply(status, body, RETRY_LATER)
        except Exception:
            log.exception("Unexpected error in %s %s", request.method, request.url.path)
            status, body = render(INTERNAL, None, self._base_url_of(request))
            return _reply(status, body)

    def _prepare(self, route: Route, cursors: Cursors) -> CompiledRoute:
        if (plan := self.plans.get(route.document_name)) is None:
            raise ValueError(f"{route.operation}: the document {route.document_name} is missing.")
        status = route.status_for(self.info.mode)
        answered = plan.answer is not None or route.body is not UNSET or status == 204
        if not answered:
            raise ValueError(f"{route.operation}: needs @body, a constant body or status 204.")
        if route.check is Check.ACCESS and (
            route.scope not in _ROLE_OF_SCOPE or "repository" not in route.path_names
        ):
            raise ValueError(f"{route.operation}: ACCESS needs a repository in the path and a repo: scope.")
        if route.parts_of is not None and not {"limit", "next_page"} <= {one.name for one in plan.params}:
            raise ValueError(f"{route.operation}: parts_of needs the parameters limit and next_page.")
        return CompiledRoute(route, plan, Binder(route, plan, cursors), status, plan.mutation)

    async def _answer(self, request: Request) -> Response:
        compiled, path = self._match(request)
        route = compiled.route
        context = await (self._basic_context_for if route.basic else self._context_for)(request)
        viewer = self._viewer_of(context)
        problem = admission_problem(
            route, viewer, self.info.features, has_csrf_token=self._has_csrf_token(request)
        )
        if problem is not None:
            raise RequestRefused(problem)
        if compiled.mutation is not None and await self._is_suspended(compiled.mutation):
            raise RequestRefused(READ_ONLY)
        if route.scope_enforced and not viewer.is_anonymous and not has_scope(viewer.scopes, route.scope):
            raise RequestRefused(FORBIDDEN)
        try:
            bound = compiled.binder.bind(path, _query(request), await _body(request, compiled))
        except (BindError, RequestRefused) as refused:
            await self._check_caller_first(route, path, viewer, context)
            raise _as_request_refused(route, refused) from refused
        if (route.full_access and not viewer.has_full_access) or (route.site_view and not viewer.sees_site):
            raise RequestRefused(UNAUTHENTICATED if viewer.is_anonymous else FORBIDDEN)
        base_url = self._base_url_of(request)
        execute = self._execute if route.parts_of is None else self._execute_in_parts
        answer, status = await execute(compiled, bound, context, base_url)
        response = _reply(status, answer, _location(base_url, route, bound, answer))
        is_read = request.method in {"GET", "HEAD"} and compiled.mutation is None and status == 200
        return await self._represent(request, response) if is_read else response

    def _match(self, request: Request) -> tuple[CompiledRoute, Mapping[str, str]]:
        method = "GET" if request.method == "HEAD" else request.method
        found = self._router.match(method, raw_path(request.scope))
        if found.route is None and found.allowed:
            raise RequestRefused(
                message(405), headers={"Allow": ", ".join((*found.allowed, "HEAD", "OPTIONS"))}
            )
        if found.route is None:
            raise RequestRefused(message(404))
        return self._routes[found.route.operation], found.values

    async def _check_caller_first(
        self, route: Route, path: Mapping[str, str], viewer: RestViewer, context: C
    ) -> None:
        """For a request with an invalid value: raise the problem of the caller, if the route checks it first.

        GraphQL coerces values before resolvers check access, so the guard query checks it here. Valid
        requests do not pay for it.
        """
        if route.check is Check.LOGIN and viewer.is_anonymous:
            raise RequestRefused(find(route.problems, TOP_LEVEL, "UNAUTHENTICATED"))
        if route.check is not Check.ACCESS:
            return
        result = await self._run(
            self._guard.document, {"repository": path["repository"]}, context, self._guard.name
        )
        self._raise_errors(route, self._guard, result)
        repository = (result.data or {}).get("repository")
        if repository is None:
            raise RequestRefused(find(route.problems, PAYLOAD, "NOT_FOUND"))
        if _ROLES.get(repository["viewerRole"] or "", 0) < _ROLE_OF_SCOPE[route.scope or ""]:
            code = "UNAUTHENTICATED" if viewer.is_anonymous else "FORBIDDEN"
            raise RequestRefused(find(route.problems, TOP_LEVEL, code))
        if route.writable and repository["state"] != "NORMAL":
            raise RequestRefused(
                message(503), f"Repository is in read only or mirror mode: {repository['state']}"
            )

    async def _execute_in_parts(
        self, compiled: CompiledRoute, bound: BoundRequest, context: C, base_url: str
    ) -> tuple[Any, int]:
        """The answer with its list put together from parts, and its status."""
        key, limit = compiled.route.parts_of or "", bound.variables["limit"]
        found: list[Any] = []
        while True:
            bound.variables["limit"] = min(limit - len(found), PART)
            answer, status = await self._execute(compiled, bound, context, base_url)
            found += answer[key]
            if len(found) >= limit or answer.get("next_page") is None:
                return {**answer, key: found}, status
            bound.variables["next_page"] = answer["next_page"]

    async def _execute(
        self, compiled: CompiledRoute, bound: BoundRequest, context: C, base_url: str
    ) -> tuple[Any, int]:
        """The answer and its status."""
        route, plan, status = compiled.route, compiled.plan, compiled.status
        if route.native is not None:
            answer = route.native(replace(self.info, base_url=base_url), bound.values)
            if answer is None:
                raise RequestRefused(find(route.problems, PAYLOAD, "NOT_FOUND"))
            return answer, status
        result = await self._run(plan.document, bound.variables, context, plan.name)
        self._raise_errors(route, plan, result)
        data = result.data or {}
        if plan.result is not None:
            payload = data.get(plan.result)
            _raise_payload_error(route, plan, payload, bound.values)
            if route.otherwise is not None and payload and payload[route.otherwise[0]] is False:
                status = route.otherwise[1]
        if status == 204 and plan.answer is None:
            return None, status
        if route.body is not UNSET:
            return route.body, status
        answer = plan.shape(data, bound.values)
        if not isinstance(answer, Unset):
            return answer, status
        if route.check is Check.LOGIN and self._viewer_of(context).is_anonymous:
            raise RequestRefused(find(route.problems, TOP_LEVEL, "UNAUTHENTICATED"))
        if route.null_answer is UNSET:
            raise RequestRefused(find(route.problems, PAYLOAD, "NOT_FOUND"))
        return route.null_answer, status

    def _raise_errors(self, route: Route, plan: Plan, result: ExecutionResult) -> None:
        """Raises the first error of the result, except denials of fields with `@ifAllowed`."""
        first: tuple[str, GraphQLError] | None = None
        for error in result.errors or ():
            code = self._code_of(error)
            if code in ("FORBIDDEN", "UNAUTHENTICATED") and _is_lenient(plan, error):
                continue
            if code not in TOP_LEVEL:
                code = "INTERNAL"
            if code == "INTERNAL":
                raise RequestRefused(INTERNAL)
            if code == "UNAVAILABLE":
                raise DatabaseUnavailable(error.message)
            first = first or (code, error)
        if first is not None:
            raise RequestRefused(find(route.problems, TOP_LEVEL, first[0]), first[1].message)


def _location(base_url: str, route: Route, bound: BoundRequest, answer: Any) -> dict[str, str]:
    if route.location is None:
        return {}
    keys = answer if isinstance(answer, dict) else {}
    values = {**keys, **{name: bound.values[name] for name in route.path_names}}
    # Slashes in repository names stay unescaped.
    path = route.location.format(**_quoted(values))
    return {"Location": base_url + PREFIX + path}


def _quoted(value: Any) -> Any:
    """The texts of an answer, percent-encoded for a path."""
    if isinstance(value, dict):
        return {name: _quoted(item) for name, item in value.items()}
    return quote(str(value), safe="/:")


def raw_path(scope: Scope) -> str:
    """The path of a request below `/api/v1`, percent-encoded as sent."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1").split("?", 1)[0] if raw else quote(scope["path"])
    # A proxy or mount may have added to the path before the prefix.
    _, prefix, below = path.partition(PREFIX + "/")
    return "/" + below if prefix else "/"


def _query(request: Request) -> dict[str, str]:
    """The query parameters; of a repeated one the first value, as in the reference."""
    return dict(reversed(request.query_params.multi_items()))


async def _body(request: Request, compiled: CompiledRoute) -> Any:
    if not compiled.binder.takes_body:
        return None
    content_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    is_json = content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    )
    optional = compiled.route.optional_body
    if not is_json and not optional:
        raise RequestRefused(UNSUPPORTED_MEDIA_TYPE)
    raw = await _read(request)
    if not raw and optional:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if optional and not is_json:
            return {}
        raise RequestRefused(UNPARSABLE_BODY) from error
    if body is None:
        raise RequestRefused(MISSING_BODY)
    return body


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise RequestRefused(BODY_TOO_LARGE)
        chunks.append(chunk)
    return b"".join(chunks)


def _as_request_refused(route: Route, refused: BindError | RequestRefused) -> RequestRefused:
    if isinstance(refused, RequestRefused):
        return refused
    exception = route.problems.get((refused.field, refused.kind))
    return RequestRefused(exception or refused.problem, refused.text)


def _raise_payload_error(route: Route, plan: Plan, payload: Any, values: Mapping[str, Any]) -> None:
    """Raises the first error of a mutation's payload, for a request with these values."""
    errors = payload["errors"] if payload else None
    if errors:
        error = errors[0]
        field = plan.field_name(error["field"])
        problem = find(route.problems, PAYLOAD, error["code"], field, values.get(field or ""))
        # A document of a test need not ask for it.
        retry_after_s = error.get("retryAfterS")
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        raise RequestRefused(problem, error["message"], headers=headers)


def _is_lenient(plan: Plan, error: GraphQLError) -> bool:
    if not plan.lenient or not error.path:
        return False
    path = tuple(part for part in error.path if isinstance(part, str))
    return any(path[:length] in plan.lenient for length in range(1, len(path) + 1))


def _reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    if status == 204:
        return Response(status_code=204, headers=dict(headers or {}))
    return Response(
        orjson.dumps(body) + b"\n", status, headers=dict(headers or {}), media_type="application/json"
    )
