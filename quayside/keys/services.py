"""Keys of services: those that are approved are published, and services send and replace theirs.

    GET    /keys/services/{service}/keys          the keys, as a JWK set (RFC 7517, section 5)
    GET    /keys/services/{service}/keys/{kid}    one key, as a JWK
    PUT    /keys/services/{service}/keys/{kid}    send a key; 202 if it waits for approval, 200 if it does not
    DELETE /keys/services/{service}/keys/{kid}    withdraw a key

What writes is proven by a JWT in the Authorization header, never by a session or a token of an account.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quayside.http.bodies import read_at_most
from quayside.http.context_factory import PUBLIC_MAX_FIRST, ContextFactory
from resolvers.context import ANONYMOUS, Context
from resolvers.errors import ErrorCode, Invalid, QuaysideError, TooMany
from resolvers.keys import submission
from resolvers.keys.submission import SubmittedKey
from storage.clock import now_ms

SET_MAX_AGE_S = 60
KEY_MAX_AGE_S = 300
"""How long others may keep what is published, since a key can be deleted at any time."""

MAX_BODY_BYTES = 16 * 1024
MAX_SECONDS = 253_402_300_799
"""The last second of the year 9999."""

STATUS = {
    ErrorCode.INVALID: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.TOO_MANY: 429,
}
_NOT_STORED = {"Cache-Control": "no-store"}

Act = Callable[[Request, Context], Awaitable[Response]]


def service_key_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""

    def guarded(act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            context = contexts().context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
            try:
                return await act(request, context)
            except QuaysideError as error:
                if error.code not in STATUS:
                    raise
                headers = _NOT_STORED | (error.retry_headers if isinstance(error, TooMany) else {})
                return JSONResponse({"message": error.message}, STATUS[error.code], headers)

        return answer

    path = "/keys/services/{service}/keys"
    one = f"{path}/{{kid}}"
    return [
        Route(path, guarded(_list), methods=["GET"]),
        Route(one, guarded(_show), methods=["GET"]),
        Route(one, guarded(_submit), methods=["PUT"]),
        Route(one, guarded(_withdraw), methods=["DELETE"]),
    ]


async def _list(request: Request, _: Context) -> Response:
    keys = await submission.published(request.path_params["service"])
    return JSONResponse({"keys": [key.jwk for key in keys]}, headers=_kept(SET_MAX_AGE_S))


async def _show(request: Request, _: Context) -> Response:
    key = await submission.published_key(request.path_params["service"], request.path_params["kid"])
    age = KEY_MAX_AGE_S
    if key.expires_at_ms is not None and not key.is_kept:
        age = max(0, min(age, (key.expires_at_ms - now_ms()) // 1000))
    return JSONResponse(key.jwk, headers=_kept(age))


async def _submit(request: Request, context: Context) -> Response:
    sent = SubmittedKey(
        service=request.path_params["service"],
        kid=request.path_params["kid"],
        token=_token(request),
        expires_at_ms=_seconds(request, "expiration", 1000),
        rotation_duration_s=_seconds(request, "rotation", 1),
        key=await _body(request),
    )
    record = await submission.submit(context, sent)
    return Response(status_code=202 if record.approval_type is None else 200, headers=_NOT_STORED)


async def _withdraw(request: Request, context: Context) -> Response:
    service, kid = request.path_params["service"], request.path_params["kid"]
    await submission.withdraw(context, service, kid, _token(request))
    return Response(status_code=204, headers=_NOT_STORED)


def _kept(seconds: int) -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={seconds}"}


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Invalid("The Authorization header must hold a JWT: Bearer, a space, and the JWT.")
    return token.strip()


def _seconds(request: Request, name: str, times: int) -> int | None:
    """A number of seconds in the query, as an integer of `times` to the second."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    # A comparison with "nan" is false.
    if not 0 <= seconds <= MAX_SECONDS:
        raise Invalid(f"{name}: must be a number of seconds.", field=name)
    return int(seconds * times)


async def _body(request: Request) -> Any:
    body = await read_at_most(request, MAX_BODY_BYTES)
    if body is None:
        raise Invalid(f"The key must have at most {MAX_BODY_BYTES} bytes.", field="key")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("The body must be a key as JSON: a JWK.", field="key") from error
