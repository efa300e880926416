"""Sign-in and sign-out: as JSON below `/api/v1` for programs, as the page `/signin` for people.

    GET  /csrf_token                 the CSRF token of the cookie; sets a cookie if there is none
    POST /api/v1/signin              {username, password}; answers with a new cookie and a new token
    POST /api/v1/signin/verify       {password}; the session counts as fresh for ten minutes
    POST /api/v1/signout
    GET, POST /signin, POST /signout pages

These are the only paths of `/api/v1` that are not GraphQL operations, since cookies belong to HTTP.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from quayside.http.bodies import read_at_most
from quayside.http.context_factory import ContextFactory
from quayside.http.sessions import FIELD, CsrfRefused, cookie_of, cookie_or_new, require_csrf
from quayside.web import forms
from resolvers.accounts import session
from resolvers.accounts.session import EmailUnverified, csrf_token
from resolvers.errors import (
    RETRY_LATER,
    BadRequest,
    DatabaseUnavailable,
    InvalidCredentials,
    SignInThrottled,
    Unauthenticated,
)
from rest_compat.admission import cors_headers
from rest_compat.problems import DEFAULT_TEXT, UNAUTHENTICATED, UNAVAILABLE, Problem, message, render

MAX_BODY = 64 * 1024
TITLE = "Sign in"
WRONG = "Invalid Username or Password"
AFTER_SIGN_IN = "/graphql"

_LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\s\x00-\x1f\x7f]*")

Answer: TypeAlias = Callable[[Request, ContextFactory], Awaitable[Response]]


class RequestRefused(Exception):
    """Ends a JSON request with a problem as its answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def local_path(text: str | None) -> str:
    """The path to redirect to after sign-in, if it is local; prevents open redirects."""
    return text if text and _LOCAL_PATH.fullmatch(text) else AFTER_SIGN_IN


class SignIn:
    """The endpoints. `contexts` returns the context factory, which exists only while the application runs."""

    def __init__(
        self,
        contexts: Callable[[], ContextFactory],
        *,
        cors_origins: Sequence[str] = (),
    ) -> None:
        self._contexts = contexts
        self._cors_origins = cors_origins
        self.api_routes = {
            path: self._api(answer)
            for path, answer in (
                ("/api/v1/signin", _api_sign_in),
                ("/api/v1/signin/verify", _api_verify),
                ("/api/v1/signout", _api_sign_out),
            )
        }

    def routes(self) -> list[Route]:
        """All routes, those of `/api/v1` with and without a final slash."""
        return [
            Route("/csrf_token", self._page(_csrf_token), methods=["GET"]),
            Route("/signin", self._page(_show), methods=["GET"]),
            Route("/signin", self._page(_sign_in), methods=["POST"]),
            Route("/signout", self._page(_sign_out), methods=["POST"]),
            *(
                Route(path + slash, endpoint, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"])
                for path, endpoint in self.api_routes.items()
                for slash in ("", "/")
            ),
        ]

    def serves(self, path: str) -> bool:
        """Whether a path below `/api/v1` is one of these endpoints."""
        return path.rstrip("/") in self.api_routes

    def _api(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                response = await self._answer(request, answer)
            except RequestRefused as refused:
                response = self._problem(request, refused.problem)
            except CsrfRefused as error:
                response = self._problem(request, Problem(403, "error", text=error.message))
            except Unauthenticated as error:
                response = _failure(error) or self._problem(request, UNAUTHENTICATED)
            except DatabaseUnavailable as error:
                response = self._problem(request, UNAVAILABLE._replace(text=str(error)))
                response.headers.update(RETRY_LATER)
            response.headers.update(cors_headers(self._cors_origins, request.headers.get("origin")))
            return response

        return endpoint

    async def _answer(self, request: Request, answer: Answer) -> Response:
        if request.method == "OPTIONS":
            return _json(None)
        if request.method != "POST":
            return self._problem(request, message(405))
        require_csrf(request)
        return await answer(request, self._contexts())

    def _page(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request, self._contexts())
            except BadRequest as error:
                return forms.message(request, TITLE, error.message, is_error=True, status=400)

        return endpoint

    def _problem(self, request: Request, problem: Problem) -> Response:
        status, body = render(problem, None, self._contexts().site_for(request).public_url)
        return _json(body, status)


def _json(body: Any, status: int = 200) -> Response:
    return Response(
        orjson.dumps(body) + b"\n",
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _failure(error: Unauthenticated) -> Response | None:
    """The answer to a refused password; None if the error is a missing sign-in."""
    if isinstance(error, SignInThrottled):
        headers = {"Retry-After": str(error.retry_after_s), "Cache-Control": "no-store"}
        return Response(error.message, 429, headers=headers, media_type="text/plain")
    if not isinstance(error, InvalidCredentials):
        return None
    waits = isinstance(error, EmailUnverified)
    text = error.message if waits else WRONG
    return _json({"needsEmailVerification": waits, "invalidCredentials": not waits, "message": text}, 403)


async def _texts(request: Request, *names: str) -> list[str]:
    """The named members of a JSON body, which must be strings. Raises `RequestRefused`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestRefused(message(415))
    raw = await read_at_most(request, MAX_BODY)
    if raw is None:
        raise RequestRefused(message(413))
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RequestRefused(message(400, DEFAULT_TEXT[400])) from error
    values = body if isinstance(body, dict) else {}
    for name in names:
        if name not in values:
            raise RequestRefused(Problem(400, text=f"'{name}' is a required property"))
        if not isinstance(values[name], str) or "\0" in values[name]:
            raise RequestRefused(Problem(400, text=f"'{name}' must be a text"))
    return [values[name] for name in names]


async def _csrf_token(request: Request, contexts: ContextFactory) -> Response:
    cookie = cookie_or_new(request)
    response = _json({"csrf_token": csrf_token(cookie)})
    contexts.sessions.set_cookie(response, cookie, request)
    return response


async def _api_sign_in(request: Request, contexts: ContextFactory) -> Response:
    username, password = await _texts(request, "username", "password")
    context = await contexts.browser(request)
    cookie = await session.sign_in(context, login=username, password=password, old_cookie=cookie_of(request))
    response = _json({"success": True})
    contexts.sessions.set_cookie(response, cookie, request)
    return response


async def _api_verify(request: Request, contexts: ContextFactory) -> Response:
    context = await contexts.browser(request)
    context.viewer.require_account()
    (password,) = await _texts(request, "password")
    await session.verify(context, password)
    return _json({"success": True})


async def _api_sign_out(request: Request, contexts: ContextFactory) -> Response:
    await session.sign_out(await contexts.browser(request))
    response = _json({"success": True})
    contexts.sessions.delete_cookie(response, request)
    return response


async def _show(request: Request, contexts: ContextFactory) -> Response:
    return await _sign_in_page(request, contexts)


async def _sign_in(request: Request, contexts: ContextFactory) -> Response:
    form = await forms.read_form(request)
    destination = local_path(form.get("next"))
    try:
        require_csrf(request, form)
        context = await contexts.browser(request)
        cookie = await session.sign_in(
            context,
            login=form.get("username", ""),
            password=form.get("password", ""),
            old_cookie=cookie_of(request),
        )
    except CsrfRefused:
        text = "The form was open for too long. Please try again."
        return await _sign_in_page(request, contexts, status=403, error=text, destination=destination)
    except SignInThrottled as error:
        response = await _sign_in_page(
            request, contexts, status=429, error=error.message, destination=destination
        )
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    except InvalidCredentials as error:
        text = error.message if isinstance(error, EmailUnverified) else WRONG
        return await _sign_in_page(request, contexts, status=403, error=text, destination=destination)
    response = RedirectResponse(destination, 303)
    contexts.sessions.set_cookie(response, cookie, request)
    return response


async def _sign_out(request: Request, contexts: ContextFactory) -> Response:
    form = await forms.read_form(request)
    try:
        require_csrf(request, form)
    except CsrfRefused:
        return await _sign_in_page(request, contexts, status=403, error="Please try again.")
    await session.sign_out(await contexts.browser(request))
    response = RedirectResponse("/signin", 303)
    contexts.sessions.delete_cookie(response, request)
    return response


async def _sign_in_page(
    request: Request,
    contexts: ContextFactory,
    *,
    status: int = 200,
    error: str | None = None,
    destination: str | None = None,
) -> Response:
    """The page with the sign-in form, or for signed-in users the sign-out form."""
    destination = destination or local_path(request.query_params.get("next"))
    viewer = await contexts.sessions.session_viewer(request)
    cookie = cookie_or_new(request)
    account = viewer.account if viewer is not None else None
    values = {
        "carried": {FIELD: csrf_token(cookie), "next": destination},
        "error": error,
        "username": account.name if account is not None else None,
    }
    response = forms.page(request, TITLE, "sign_in.html", values, status=status)
    contexts.sessions.set_cookie(response, cookie, request)
    return response
