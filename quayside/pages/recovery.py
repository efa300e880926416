"""Pages for confirming an e-mail address and for recovering an account.

    /confirm?code=…     confirm an e-mail address
    /recovery           request a code by mail
    /recovery?code=…    choose a new password

GET changes nothing, since mail programs open links by themselves; POST of the form does. The code authorizes,
so there is no session and no CSRF token.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.context_factory import ContextFactory
from quayside.web import forms
from resolvers.accounts import recovery
from resolvers.errors import QuaysideError

Answer: TypeAlias = Callable[[Request, ContextFactory], Awaitable[Response]]

CONFIRM, RECOVER = "Confirm your e-mail address", "Recover your account"
SIGN_IN = forms.Link("/signin", "Sign in")


def recovery_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""

    def endpoint(title: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            try:
                return await answer(request, contexts())
            except QuaysideError as error:
                return forms.refusal(request, title, error, link=SIGN_IN)

        return respond

    return [
        Route("/confirm", endpoint(CONFIRM, _show_confirm), methods=["GET"]),
        Route("/confirm", endpoint(CONFIRM, _confirm), methods=["POST"]),
        Route("/recovery", endpoint(RECOVER, _show_recovery), methods=["GET"]),
        Route("/recovery", endpoint(RECOVER, _recover), methods=["POST"]),
    ]


async def _show_confirm(request: Request, contexts: ContextFactory) -> Response:
    code = request.query_params.get("code", "")
    return forms.page(request, CONFIRM, "confirm.html", {"action": "/confirm", "code": code})


async def _confirm(request: Request, contexts: ContextFactory) -> Response:
    form = await forms.read_form(request)
    account = await recovery.confirm_email(await contexts.browser(request), form.get("code", ""))
    text = f"Thank you. {account.email} is now the address of {account.name}."
    return forms.message(request, CONFIRM, text, link=SIGN_IN)


async def _show_recovery(request: Request, contexts: ContextFactory) -> Response:
    code = request.query_params.get("code")
    return _recovery_page(request, code)


async def _recover(request: Request, contexts: ContextFactory) -> Response:
    form = await forms.read_form(request)
    context = await contexts.browser(request)
    if (code := form.get("code")) is None:
        await recovery.request(context, form.get("email", ""))
        text = "If that is the address of a user, a mail is on its way to it."
        return forms.message(request, RECOVER, text, link=SIGN_IN)
    try:
        account = await recovery.reset_password(context, code, form.get("password", ""))
    except QuaysideError as error:
        if error.field != "password":
            raise
        return _recovery_page(request, code, status=400, error=error.message)
    return forms.message(request, RECOVER, f"The password of {account.name} is set.", link=SIGN_IN)


def _recovery_page(
    request: Request, code: str | None, *, status: int = 200, error: str | None = None
) -> Response:
    """The form for an e-mail address, or with a code the form for a new password."""
    return forms.page(request, RECOVER, "recovery.html", {"code": code, "error": error}, status=status)
