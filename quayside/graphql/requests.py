"""Parameters of GraphQL requests over HTTP and WebSocket, and refusals of malformed ones."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    GraphQLError,
)
from starlette.requests import Request

from quayside.http.accept import MediaType
from resolvers.errors import RETRY_LATER, DatabaseUnavailable, ErrorCode, Reason

JSON = "application/json"

PERSISTED_VERSION = 1
_HASH = re.compile(r"[0-9a-f]{64}")


class RequestRefused(Exception):
    """The request is not executed. Holds the HTTP status, the GraphQL errors and further headers."""

    def __init__(self, status: int, errors: Sequence[GraphQLError], headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors
        self.headers = headers


def refused(
    status: int,
    message: str,
    *,
    code: ErrorCode = ErrorCode.BAD_REQUEST,
    reason: Reason | None = None,
    **headers: str,
) -> RequestRefused:
    """A `RequestRefused` with one error; header names are written with underscores for hyphens."""
    why = {"reason": reason} if reason else {}
    error = GraphQLError(message, extensions={"code": code} | why)
    return RequestRefused(status, [error], {name.replace("_", "-"): value for name, value in headers.items()})


def unavailable(error: DatabaseUnavailable) -> RequestRefused:
    """The refusal of a request that the database does not answer."""
    problem = GraphQLError(str(error), extensions={"code": ErrorCode.UNAVAILABLE})
    return RequestRefused(503, [problem], RETRY_LATER)


@dataclass(frozen=True)
class GraphQLRequest:
    """The parameters of a request; absent ones are None or empty. `query` is empty only with `hash`, the
    SHA-256 of a persisted query.
    """

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    hash: str | None = None


def check_body_type(request: Request) -> None:
    """Raise RequestRefused 415 unless the body is UTF-8 JSON without a content encoding.

    Pages of other sites can send form and text bodies without a CORS preflight, so these must stay refused.
    """
    given = MediaType.parse(request.headers.get("content-type", ""))
    if given.name != JSON or not given.is_utf8:
        raise refused(415, f"Content-Type: the request body must be {JSON} in UTF-8.", Accept=JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise refused(
            415, "Content-Encoding: the request body must not be encoded.", Accept_Encoding="identity"
        )


def load_json(text: bytes | str, where: str) -> Any:
    """Decode JSON. Raises RequestRefused 400."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refused(400, f"{where} is not valid JSON: {error}.") from error


def request_from_json(body: bytes) -> GraphQLRequest:
    """The request in a POST body; unknown members are ignored. Raises RequestRefused 400 or 422."""
    members = load_json(body, "The request body")
    if isinstance(members, list):
        raise refused(422, "Batches are not supported: send one request at a time.")
    if not isinstance(members, dict):
        raise refused(422, "The request body must be a JSON object.")
    return check_parameters(members)


def request_from_query_string(items: Sequence[tuple[str, str]]) -> GraphQLRequest:
    """The request in a URL; empty optional parameters count as absent. Raises RequestRefused 400 or 422."""
    members: dict[str, Any] = {}
    for name, value in items:
        if name in members:
            raise refused(422, f"{name}: given more than once.")
        if name in {"variables", "extensions"}:
            members[name] = load_json(value, name) if value else None
        else:
            members[name] = value
    return check_parameters(members)


def hash_in(extensions: dict[str, Any]) -> tuple[str | None, str | None]:
    """The hash in the extensions of a request, None without one; and what is wrong with it."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None, None
    if not isinstance(given, dict):
        return None, "extensions.persistedQuery: must be an object with version and sha256Hash."
    if given.get("version") != PERSISTED_VERSION or isinstance(given["version"], bool):
        return None, f"extensions.persistedQuery.version: must be {PERSISTED_VERSION}."
    name = given.get("sha256Hash")
    if not isinstance(name, str) or not _HASH.fullmatch(name.lower()):
        return None, "extensions.persistedQuery.sha256Hash: must be 64 hexadecimal digits."
    return name.lower(), None


def check_parameters(members: dict[str, Any]) -> GraphQLRequest:
    """Check the types of all parameters. Raises RequestRefused 422 with an error for each wrong one."""
    problems = []
    extensions = members.get("extensions")
    name, problem = hash_in(extensions) if isinstance(extensions, dict) else (None, None)
    if problem is not None:
        problems.append(problem)
    elif not isinstance(members.get("query"), str | None if name else str):
        problems.append("query: a string with a GraphQL document is required.")
    if not isinstance(members.get("operationName"), str | None):
        problems.append("operationName: must be a string.")
    problems += [
        f"{name}: must be an object."
        for name in ("variables", "extensions")
        if not isinstance(members.get(name), dict | None)
    ]
    if problems:
        raise RequestRefused(422, [GraphQLError(problem) for problem in problems], {})
    return GraphQLRequest(
        query=members.get("query") or "",
        operation_name=members.get("operationName") or None,
        variables=members.get("variables") or {},
        hash=name,
    )
