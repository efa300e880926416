"""Error answers: four body styles, and the table from error codes to HTTP statuses.

Styles: `api` is the reference's ApiError object, `message` is `{"message": text}` (the framework and the
data model), `detail` is `{"detail": text}` (mirroring), `error` is `{"error": text}` (CSRF and anonymous
access).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from schema.errors import READ_ONLY_TEXT

ProblemKey = str | tuple[str, str] | tuple[str, str, int | str]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Problem(NamedTuple):
    """An error answer. `text` replaces the error's own message; `extra` adds keys to the body."""

    status: int
    style: str = "api"
    type: str = "invalid_request"
    text: str | None = None
    extra: Mapping[str, Any] = _NOTHING


def message(status: int = 400, text: str | None = None) -> Problem:
    """`{"message": text}`"""
    return Problem(status, "message", text=text)


def detail(status: int = 400, text: str | None = None) -> Problem:
    """`{"detail": text}`"""
    return Problem(status, "detail", text=text)


DEFAULT_TEXT = MappingProxyType(
    {
        400: "The browser (or proxy) sent a request that this server could not understand.",
        403: "You don't have the permission to access the requested resource. It is either read-protected or "
        "not readable by the server.",
        404: "The requested URL was not found on the server. If you entered the URL manually please check "
        "your spelling and try again.",
        405: "The method is not allowed for the requested URL.",
        413: "The data value transmitted exceeds the capacity limit.",
        415: "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
        500: "Internal Server Error",
    }
)
"""Error texts of the reference's web framework, which its clients know."""

UNAUTHENTICATED = Problem(401, type="invalid_token", text="Requires authentication")
FORBIDDEN = Problem(403, type="insufficient_scope", text="Unauthorized")
NOT_FOUND = Problem(404, type="not_found", text="Not Found")
INTERNAL = message(500, DEFAULT_TEXT[500])
UNAVAILABLE = message(503)
READ_ONLY = Problem(503, "message", text=READ_ONLY_TEXT, extra=MappingProxyType({"is_readonly": True}))

TOP_LEVEL: Mapping[str, Problem] = MappingProxyType(
    {
        "UNAUTHENTICATED": UNAUTHENTICATED,
        "FRESH_LOGIN_REQUIRED": Problem(401, type="fresh_login_required", text="Requires fresh login"),
        "FORBIDDEN": FORBIDDEN,
        "BAD_REQUEST": Problem(400),
        "TOO_COMPLEX": Problem(400),
        "INTERNAL": INTERNAL,
        "UNAVAILABLE": UNAVAILABLE,
        "READ_ONLY": READ_ONLY,
    }
)
"""Errors in the `errors` of a GraphQL result: the caller is not allowed, or the request is malformed."""

PAYLOAD: Mapping[str, Problem] = MappingProxyType(
    {
        "INVALID": Problem(400),
        "ALREADY_EXISTS": Problem(400),
        "UNKNOWN_REFERENCE": Problem(400),
        "NOT_FOUND": NOT_FOUND,
        "IMMUTABLE": Problem(409, type="tag_immutable"),
        "LICENSE": Problem(402, type="exceeds_license"),
        "UPSTREAM": Problem(520, type="downstream_issue"),
        "NOT_WRITABLE": message(503),
        "QUOTA_EXCEEDED": message(403),
        "TOO_MANY": message(429),
        "CONFLICT": Problem(409),
    }
)
"""Errors in the payload of a mutation, which the user can fix by changing the input."""

ERROR_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_request": "A value in the request is missing, malformed or against a rule.",
        "invalid_response": "The server could not make a valid answer from what it holds.",
        "invalid_token": "The request needs a signed-in user, and it carried no valid credential.",
        "expired_token": "The credential was valid once and is so no longer.",
        "insufficient_scope": "The user, or the scopes of the token, do not allow this.",
        "fresh_login_required": "The session is too old for this. Sign in again and repeat the request.",
        "exceeds_license": "The limits of the installation do not allow this.",
        "not_found": "There is no such thing, or nothing that the caller may see.",
        "tag_immutable": "The tag is locked: it cannot be moved or deleted.",
        "token_rotation_failed": "The token could not be replaced.",
        "external_service_timeout": "Another service took too long. The same request may succeed later.",
        "downstream_issue": "Another service that is needed here failed.",
    }
)
"""The meaning of each `error_type` of the API."""


def find(
    exceptions: Mapping[ProblemKey, Problem],
    table: Mapping[str, Problem],
    code: str,
    field: str | None = None,
    value: Any = None,
) -> Problem:
    """The problem for a code, from `exceptions` or else from the table.

    Exceptions are by (code, field, value), (code, field), field or code.
    """
    if exceptions:
        keys: list[ProblemKey] = [(code, field or ""), field or "", code]
        if isinstance(value, int | str):
            keys.insert(0, (code, field or "", value))
        for key in keys:
            if (exception := exceptions.get(key)) is not None:
                return exception
    return table.get(code) or Problem(400)


def render(problem: Problem, text: Any, base_url: str) -> tuple[int, dict[str, Any]]:
    """Status and body. `base_url` is the public address, without a final slash."""
    status, style, kind, fixed, extra = problem
    shown = fixed if fixed is not None else text
    if style != "api":
        shown = shown if shown is not None else DEFAULT_TEXT.get(status, "")
        return status, {**extra, style: shown}
    texts = {} if shown is None else {"detail": shown, "error_message": shown}
    return status, {
        **extra,
        **texts,
        "error_type": kind,
        "title": kind,
        "type": f"{base_url}/api/v1/error/{kind}",
        "status": status,
    }
