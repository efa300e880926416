"""Pages on which an address agrees to notifications, and takes it back.

    /authrepoemail?code=…   agree, by the code of the mail that asks
    /stopmail?code=…        take it back, by the code of a notification

GET changes nothing, since mail programs open links by themselves; POST of the form does. The code authorizes,
so there is no session and no CSRF token.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.context_factory import ContextFactory
from quayside.web import forms
from resolvers.context import Context
from resolvers.errors import QuaysideError
from resolvers.repositories import authorized_email
from resolvers.repositories.authorized_email import Agreed

TITLE, STOP_TITLE = "Get notifications by e-mail", "Get no more notifications by e-mail"


def authorized_email_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes. `contexts` returns the context factory, which exists only while the application runs."""
    return [
        *_page(
            contexts,
            f"/{authorized_email.PAGE}",
            TITLE,
            authorized_email.confirm,
            "Thank you. {email} may get notifications of {place} from now on.",
        ),
        *_page(
            contexts,
            f"/{authorized_email.STOP_PAGE}",
            STOP_TITLE,
            authorized_email.stop,
            "{email} gets no more notifications of {place}.",
        ),
    ]


def _page(
    contexts: Callable[[], ContextFactory],
    path: str,
    title: str,
    act: Callable[[Context, str], Awaitable[Agreed]],
    done: str,
) -> list[Route]:
    async def show(request: Request) -> Response:
        values = {"action": path, "code": request.query_params.get("code", "")}
        return forms.page(request, title, "confirm.html", values)

    async def confirm(request: Request) -> Response:
        try:
            form = await forms.read_form(request)
            found = await act(await contexts().browser(request), form.get("code", ""))
        except QuaysideError as error:
            return forms.refusal(request, title, error)
        return forms.message(request, title, done.format(email=found.record.email, place=found.place))

    return [Route(path, show, methods=["GET"]), Route(path, confirm, methods=["POST"])]
