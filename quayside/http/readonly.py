"""Read-only mode at pages and the authorization server: what changes something is refused with a sentence.

`/api/v1` and `/graphql` refuse mutations, `/v2` its own routes.
"""

import contextlib
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quayside.web import forms
from resolvers.errors import DatabaseUnavailable
from resolvers.readonly import ReadOnly, require_off, suspended_when_on
from rest_compat.admission import SAFE_METHODS

TITLE: Final = "Read-only"

GOES_ON: Final = frozenset(
    {
        "/graphql",
        "/signin",
        "/signout",
        "/api/v1/signin",
        "/api/v1/signin/verify",
        "/api/v1/signout",
        "/oauth/denyapp",
    }
)
"""What takes other methods than those that only read, and is not refused."""

WRITES: Final = frozenset({"/oauth/authorize", "/oauth/localapp"})
"""What changes something although its method only reads: codes and tokens of applications."""


class ReadOnlyDoor:
    """In front of all other routes, with the database current. A new route that writes is refused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _changes(scope):
            await self._app(scope, receive, send)
            return
        try:
            # Each door says in its own form that the database is away, which it finds out itself.
            with contextlib.suppress(DatabaseUnavailable):
                await require_off()
            with suspended_when_on():
                await self._app(scope, receive, send)
        except ReadOnly as error:
            await _refusal(Request(scope), error)(scope, receive, send)


def _changes(scope: Scope) -> bool:
    path = scope["path"].rstrip("/")
    return path in WRITES if scope["method"] in SAFE_METHODS else path not in GOES_ON


def _refusal(request: Request, error: ReadOnly) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return forms.message(request, TITLE, error.sentence, is_error=True, status=503)
    body = {
        "error": "temporarily_unavailable",
        "error_description": error.sentence,
        "message": str(error),
        "is_readonly": True,
    }
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body) + b"\n", 503, media_type="application/json", headers=headers)
