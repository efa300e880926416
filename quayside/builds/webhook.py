"""`/webhooks/push/…`: where source code services tell of pushes.

    POST /webhooks/push/<namespace>/<repository>/trigger/<uuid>
    POST /webhooks/push/trigger/<uuid>

The uuid alone says which trigger is meant, so that an address still works after a repository was renamed.
Answers are JSON, since services show them to whoever set the webhook up:

    200  what was built, and what was not and why; also for what is no push
    400  a payload that cannot be read, or a trigger that is disabled
    401  neither a user name and password nor a signature
    403  no such trigger, or other credentials than its own; one does not learn which
    413  too large a body
    429  too many webhooks, or builds that wait
    503  the repository takes no images, or the registry is read-only
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from quayside.http.basic import basic_login
from quayside.http.bodies import read_at_most
from quayside.http.context_factory import PUBLIC_MAX_FIRST, ContextFactory
from resolvers.access.viewer import ANONYMOUS
from resolvers.builds.triggers import webhook
from resolvers.builds.triggers.services import is_signable
from resolvers.builds.triggers.webhook import UNKNOWN, Received, Webhook
from resolvers.errors import ErrorCode, InvalidCredentials, QuaysideError, TooMany

MAX_BYTES: Final = 5 * 1024 * 1024
"""Pushes of thousands of commits have some MiB; services cut off what is longer."""

STATUS: Final = {
    ErrorCode.INVALID: 400,
    ErrorCode.CONFLICT: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 403,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.NOT_WRITABLE: 503,
}


def webhook_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""

    async def receive(request: Request) -> JSONResponse:
        return await _answer(request, contexts())

    return [
        Route(path, receive, methods=["POST"])
        for path in ("/webhooks/push/trigger/{uuid}", "/webhooks/push/{repository:path}/trigger/{uuid}")
    ]


async def _answer(request: Request, contexts: ContextFactory) -> JSONResponse:
    context = contexts.context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
    try:
        login = basic_login(request)
    except InvalidCredentials:
        return _json(403, {"message": UNKNOWN})
    body = await read_at_most(request, MAX_BYTES)
    if body is None:
        return _json(413, {"message": f"A webhook has at most {MAX_BYTES} bytes."})
    if login is None and not is_signable(request.headers):
        # Some clients send the user name and password in their address only when they are asked to.
        challenge = {"WWW-Authenticate": f'Basic realm="{context.site.registry_host}"'}
        return _json(401, {"message": "A signature is needed, or the token of the trigger."}, challenge)
    sent = Webhook(headers=request.headers, body=body, login=login)
    try:
        received = await webhook.receive(context, request.path_params["uuid"], sent)
    except QuaysideError as error:
        if error.code not in STATUS:
            raise
        return _refusal(error)
    return _json(200, _told(received))


def _told(received: Received) -> dict[str, Any]:
    return {
        "message": "Okay",
        "builds": [
            {"id": one.uuid, "commit": one.git_commit, "ref": one.git_ref, "tags": list(one.tags)}
            for one in received.builds
        ],
        "notes": list(received.notes),
    }


def _refusal(error: QuaysideError) -> JSONResponse:
    if error.code is ErrorCode.NOT_FOUND:
        # It was deleted meanwhile.
        return _json(403, {"message": UNKNOWN})
    headers = error.retry_headers if isinstance(error, TooMany) else {}
    about = {"message": error.message} | ({"field": error.field} if error.field else {})
    return _json(STATUS[error.code], about, headers)


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})
