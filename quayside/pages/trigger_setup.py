"""The page that connects a repository with a Git repository: `/customtrigger/setup/<namespace>/<name>`.

Web interfaces of this API send administrators here for a trigger of the service custom-git. GET changes
nothing, since any page can make a browser follow a link; POST of the form makes the trigger, which does
nothing before it is activated. Triggers of other services are made by GraphQL: the addresses to which their
sign-in would return (`/oauth2/<service>/callback/trigger/…`) do not exist, since their APIs are not asked.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.accept import Accept
from quayside.http.context_factory import ContextFactory
from quayside.http.sessions import FIELD, CsrfRefused, cookie_or_new, require_csrf
from quayside.web import forms
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.session import csrf_token
from resolvers.builds.triggers import trigger
from resolvers.builds.triggers.services import TriggerService
from resolvers.errors import QuaysideError, Unauthenticated
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord

PATH: Final = "/customtrigger/setup/{repository:path}"
TITLE: Final = "Build from Git"


def trigger_setup_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""

    async def show(request: Request) -> Response:
        return await _page(request, contexts())

    async def make(request: Request) -> Response:
        try:
            require_csrf(request, await forms.read_form(request))
            context = await contexts().browser(request)
            found, place = await trigger.create(
                context, request.path_params["repository"], TriggerService.CUSTOM_GIT
            )
        except CsrfRefused:
            text = "The form was open for too long. Please try again."
            return await _page(request, contexts(), status=403, error=text)
        except Unauthenticated:
            return await _page(request, contexts(), status=403)
        except QuaysideError as error:
            return _refusal(request, error)
        return _made(request, found.uuid, place)

    return [Route(PATH, show, methods=["GET"]), Route(PATH, make, methods=["POST"])]


async def _page(
    request: Request, contexts: ContextFactory, *, status: int = 200, error: str | None = None
) -> Response:
    """The form that makes the trigger; for anonymous callers a link to sign in and return."""
    context = await contexts.browser(request)
    path = request.path_params["repository"]
    here = f"/customtrigger/setup/{quote(path)}"
    account = context.viewer.account
    if account is None:
        anonymous = {"error": error, "sign_in": f"/signin?next={quote(here)}"}
        return forms.page(request, TITLE, "trigger_setup.html", anonymous, status=status)
    try:
        place = await repository.require(context, path, RepositoryRole.ADMIN)
    except QuaysideError as refused:
        return _refusal(request, refused)
    values = {
        "action": here,
        "carried": {FIELD: csrf_token(cookie_or_new(request))},
        "error": error,
        "path": place.path,
        "username": account.name,
    }
    return forms.page(request, TITLE, "trigger_setup.html", values, status=status)


def _made(request: Request, identity: str, place: RepositoryRecord) -> Response:
    """What was made, as JSON for programs; for people how to go on."""
    accept = Accept(request.headers.getlist("accept"))
    if accept.preference("text/html") > accept.preference("application/json"):
        values = {"identity": identity, "path": place.path}
        return forms.page(request, TITLE, "trigger_made.html", values)
    body = {"id": identity, "service": TriggerService.CUSTOM_GIT.value, "repository": place.path}
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body) + b"\n", media_type="application/json", headers=headers)


def _refusal(request: Request, error: QuaysideError) -> Response:
    """A page with the error, and a link to sign in as another user."""
    return forms.refusal(request, TITLE, error, link=forms.Link("/signin", "Sign in as somebody else"))
