"""The identity federation of robots, `GET /oauth2/federation/robot/token`: an external token for a password.

Basic credentials hold the robot's name and a token of an external issuer. The answer's `token` is a password
of the robot for `/v2/auth`, valid for one hour.
"""

import base64
import binascii
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from quayside.http.context_factory import PUBLIC_MAX_FIRST, ContextFactory
from resolvers.access.registry_tokens import TokenSigner
from resolvers.accounts.federation import exchange
from resolvers.accounts.oidc import Issuers
from resolvers.context import ANONYMOUS
from resolvers.errors import Invalid, Upstream
from rest_compat.problems import PAYLOAD

PATH = "/oauth2/federation/robot/token"

_NOT_STORED = {"Cache-Control": "no-store"}


class Unauthorized(Exception):
    """The request has no valid robot name and token."""


def federation_routes(
    contexts: Callable[[], ContextFactory], signer: Callable[[], TokenSigner], issuers: Issuers
) -> list[Route]:
    """The route. `contexts` and `signer` return services that exist only while the application runs."""

    async def answer(request: Request) -> JSONResponse:
        context = contexts().context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
        try:
            robot, token = _credentials(request)
            password = await exchange(context, issuers, signer(), robot=robot, token=token)
        except Unauthorized as error:
            challenge = {"WWW-Authenticate": f'Basic realm="{context.site.registry_host}"'}
            return JSONResponse({"error": str(error)}, 401, {**challenge, **_NOT_STORED})
        except (Invalid, Upstream) as error:
            return JSONResponse({"message": error.message}, PAYLOAD[error.code].status, _NOT_STORED)
        return JSONResponse({"token": password}, headers=_NOT_STORED)

    return [Route(PATH, answer, methods=["GET"])]


def _credentials(request: Request) -> tuple[str, str]:
    """The robot's name and the external token. Raises `Unauthorized`."""
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthorized("No auth header")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized("Invalid basic auth header")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("Could not parse basic auth header") from error
    name, _, token = decoded.partition(":")
    if "+" not in name or "\0" in decoded or not token:
        raise Unauthorized("Invalid robot")
    return name, token
