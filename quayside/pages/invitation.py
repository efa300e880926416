"""The page for accepting or declining an invitation into a team: `/confirminvite?code=…`.

GET changes nothing, since mail programs open links by themselves. The code identifies the invitation, the
session the user; so the form has a CSRF token.
"""

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.context_factory import ContextFactory
from quayside.http.sessions import FIELD, CsrfRefused, cookie_or_new, require_csrf
from quayside.web import forms
from resolvers.accounts import invite
from resolvers.accounts.invite import InviteReference
from resolvers.accounts.session import csrf_token
from resolvers.errors import QuaysideError, Unauthenticated

PATH = "/confirminvite"
TITLE = "Invitation"
ANSWERS = {"accept": "Accept", "decline": "Decline"}
"""The answers of the form, with the texts of their buttons."""


def invitation_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""

    async def show(request: Request) -> Response:
        return await _page(request, contexts(), request.query_params.get("code", ""))

    async def answer(request: Request) -> Response:
        code = ""
        try:
            form = await forms.read_form(request)
            code = form.get("code", "")
            require_csrf(request, form)
            return await _answer(request, contexts(), code, form.get("answer", ""))
        except CsrfRefused:
            text = "The form was open for too long. Please try again."
            return await _page(request, contexts(), code, status=403, error=text)
        except Unauthenticated:
            return await _page(request, contexts(), code, status=403)
        except QuaysideError as error:
            return _refusal(request, error)

    return [Route(PATH, show, methods=["GET"]), Route(PATH, answer, methods=["POST"])]


async def _answer(request: Request, contexts: ContextFactory, code: str, answer: str) -> Response:
    context = await contexts.browser(request)
    record = await invite.by_code(context, code)
    team = f"the team {record.team_name} of {record.organization_name}"
    if answer == "accept":
        await invite.accept(context, InviteReference(code=code))
        told = f"Welcome: you are now in {team}."
    elif answer == "decline":
        await invite.decline(context, InviteReference(code=code))
        told = f"You have declined to join {team}."
    else:
        return await _page(request, contexts, code, status=400, error="Accept the invitation or decline it.")
    return forms.message(request, TITLE, told)


async def _page(
    request: Request, contexts: ContextFactory, code: str, *, status: int = 200, error: str | None = None
) -> Response:
    """The forms to answer an invitation; for anonymous callers a link to sign in and return."""
    context = await contexts.browser(request)
    try:
        record = await invite.by_code(context, code)
    except Unauthenticated:
        back = quote(f"{PATH}?code={quote(code)}")
        anonymous = {"error": error, "invitation": None, "sign_in": f"/signin?next={back}"}
        return forms.page(request, TITLE, "invitation.html", anonymous, status=status)
    except QuaysideError as refused:
        return _refusal(request, refused)
    values = {
        "action": PATH,
        "answers": ANSWERS,
        "carried": {FIELD: csrf_token(cookie_or_new(request)), "code": code},
        "error": error,
        "invitation": record,
        "username": context.viewer.require_account().name,
    }
    return forms.page(request, TITLE, "invitation.html", values, status=status)


def _refusal(request: Request, error: QuaysideError) -> Response:
    """A page with the error, and a link to sign in as another user."""
    other = forms.Link("/signin", "Sign in as somebody else")
    return forms.refusal(request, TITLE, error, link=other)
