"""The endpoints of the authorization server."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.basic import basic_login
from quayside.http.context_factory import PUBLIC_MAX_FIRST, ContextFactory
from quayside.http.sessions import CsrfRefused, cookie_or_new, has_csrf_token
from quayside.oauth import answers
from quayside.web import forms
from resolvers.access.credentials import basic_viewer
from resolvers.accounts import account
from resolvers.accounts.login import Door, record_failure
from resolvers.accounts.session import csrf_token
from resolvers.context import ANONYMOUS, Context
from resolvers.errors import (
    RETRY_LATER,
    BadRequest,
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    InvalidCredentials,
    NotFound,
    SignInThrottled,
    Unauthenticated,
    UserError,
)
from resolvers.oauth import application, authorization
from resolvers.oauth import assignment as token_assignment
from resolvers.oauth.authorization import AuthorizationRequest, OAuthError, OAuthErrorCode, TokenRequest
from resolvers.oauth.token import IssuedToken

Endpoint = Callable[[Request], Awaitable[Response]]

_PAGE_STATUS = {
    OAuthErrorCode.INVALID_CLIENT: 404,
    OAuthErrorCode.UNAUTHORIZED_CLIENT: 403,
    OAuthErrorCode.INVALID_SCOPE: 404,
}
"""What the authorization page says itself, where nothing can be or is sent to the client."""


class AuthorizationServer:
    """The endpoints. `contexts` returns the context factory, which exists only while the application runs."""

    def __init__(self, contexts: Callable[[], ContextFactory]) -> None:
        self._contexts = contexts

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route(path, self._guarded(endpoint), methods=[method])
            for path, method, endpoint in (
                ("/oauth/authorize", "GET", self._authorize),
                ("/oauth/authorizeapp", "POST", self._agree),
                ("/oauth/denyapp", "POST", self._deny),
                ("/oauth/access_token", "POST", self._exchange),
                ("/oauth/localapp", "GET", self._show),
                ("/oauth/authorize/assignuser", "POST", self._assign),
            )
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with answers to the errors that all endpoints share."""

        async def guarded(request: Request) -> Response:
            if request.method == "HEAD":
                # GET of these paths may consume a code.
                return Response(status_code=405, headers={"Allow": "GET"})
            try:
                return await endpoint(request)
            except SignInThrottled as error:
                headers = {"Retry-After": str(error.retry_after_s), "Cache-Control": "no-store"}
                return Response(error.message, 429, media_type="text/plain", headers=headers)
            except Unauthenticated as error:
                return _refused(request, error.message, 401, sign_in=_sign_in(request))
            except CsrfRefused as error:
                return _refused(request, error.message, 403, error=error.message)
            except Forbidden as error:
                return _refused(request, error.message, 403)
            except BadRequest as error:
                return _refused(request, error.message, 400, error=OAuthErrorCode.INVALID_REQUEST)
            except DatabaseUnavailable as error:
                response = _refused(request, str(error), 503, error=OAuthErrorCode.TEMPORARILY_UNAVAILABLE)
                response.headers.update(RETRY_LATER)
                return response

        return guarded

    async def _context(self, request: Request) -> Context:
        """The context of a user: by user name and password, or by the session of the browser."""
        contexts = self._contexts()
        if (basic := basic_login(request)) is None:
            return await contexts.browser(request)
        nobody = contexts.context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
        try:
            viewer = await basic_viewer(*basic, site=contexts.site, secrets=contexts.secrets, ip=nobody.ip)
        except InvalidCredentials as error:
            await record_failure(nobody, Door.PAGES, basic[0], error)
            raise
        context = contexts.context(request, viewer, max_first=PUBLIC_MAX_FIRST)
        authorization.require_person(context)
        return context

    async def _authorize(self, request: Request) -> Response:
        asked = _asked(_query(request))
        context = await self._context(request)
        try:
            checked = await authorization.check_request(context, asked)
            if await authorization.is_granted_already(context, checked):
                return answers.granted(await authorization.grant(context, checked), asked)
        except OAuthError as error:
            status = _PAGE_STATUS.get(error.code)
            if status is None and error.redirect_uri is not None:
                return answers.redirect(error.redirect_uri, error=error.code, state=asked.state)
            return _refused(request, error.description, status or 400, error=error.code)
        record = checked.application
        owner = (await account.by_ids([record.organization_id]))[record.organization_id]
        cookie = cookie_or_new(request)
        if _wants_json(request):
            response = answers.consent_json(record, owner, checked.scopes, asked, csrf_token(cookie))
        else:
            response = answers.consent_page(
                request,
                record,
                owner,
                checked.scopes,
                asked,
                redirect_uri=checked.redirect_uri,
                username=context.viewer.require_account().name,
                csrf_token=csrf_token(cookie),
            )
        self._contexts().sessions.set_cookie(response, cookie, request)
        return response

    async def _agree(self, request: Request) -> Response:
        form = await forms.read_form(request)
        asked = _asked(form)
        context = await self._context(request)
        _require_own_page(request, form)
        try:
            checked = await authorization.check_request(context, asked)
            return answers.granted(await authorization.grant(context, checked), asked)
        except OAuthError as error:
            if error.code is OAuthErrorCode.REDIRECT_URI_MISMATCH:
                return answers.as_json({"error": OAuthErrorCode.INVALID_REQUEST}, 400)
            if error.redirect_uri is None:
                return answers.as_json({"error": error.code, "error_description": error.description}, 400)
            return answers.redirect(error.redirect_uri, error=error.code, state=asked.state)

    async def _deny(self, request: Request) -> Response:
        form = await forms.read_form(request)
        asked = _asked(form)
        context = await self._context(request)
        _require_own_page(request, form)
        try:
            uri = await authorization.denial_redirect_uri(context, asked.client_id, asked.redirect_uri)
        except OAuthError as error:
            return answers.as_json({"error": error.code, "error_description": error.description}, 400)
        return answers.redirect(uri, error=OAuthErrorCode.AUTHORIZATION_DENIED, state=asked.state)

    async def _exchange(self, request: Request) -> Response:
        form = await forms.read_form(request)
        context = self._contexts().context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
        basic = _client(request)
        try:
            issued = await authorization.exchange_code(context, _exchange(form, basic))
        except OAuthError as error:
            body = {"error": error.code, "error_description": error.description}
            if error.code is OAuthErrorCode.INVALID_CLIENT and basic is not None:
                return answers.as_json(body, 401, headers={"WWW-Authenticate": 'Basic realm="oauth"'})
            return answers.as_json(body, 400)
        return answers.as_json(_issued(issued))

    async def _show(self, request: Request) -> Response:
        query = _query(request)
        context = await self._context(request)
        authorization.require_person(context)
        if "error" in query:
            return _refused(request, "The application was not authorized.", 403, error=query["error"])
        try:
            issued = (
                await authorization.exchange_own_code(context, query["code"]) if "code" in query else None
            )
        except OAuthError as error:
            return _refused(request, error.description, 400, error=error.code)
        if not _wants_json(request):
            return answers.token_page(request, issued.secret if issued else None)
        if issued is None:
            raise BadRequest("code: required.")
        return answers.as_json({"access_token": issued.secret})

    async def _assign(self, request: Request) -> Response:
        form = await forms.read_form(request) if _has_form(request) else {}
        values = form | _query(request)
        context = await self._context(request)
        _require_own_page(request, form)
        authorization.require_person(context)
        if not context.site.has("ASSIGN_OAUTH_TOKEN"):
            return _refused(request, "Tokens cannot be assigned here.", 404)
        asked = _asked(values)
        record = await application.information(context, asked.client_id)
        if record is None:
            return _refused(
                request, "There is no such application.", 404, error=OAuthErrorCode.INVALID_CLIENT
            )
        owner = (await account.by_ids([record.organization_id]))[record.organization_id]
        try:
            await token_assignment.assign(
                context,
                owner.name,
                asked.client_id,
                username=values.get("username", ""),
                scope=asked.scope,
                redirect_uri=asked.redirect_uri,
                response_type=values.get("response_type", "token"),
            )
        except NotFound as error:
            return _refused(request, error.message, 404)
        except UserError as error:
            is_scope = isinstance(error, Invalid) and error.field == "scope"
            code = OAuthErrorCode.INVALID_SCOPE if is_scope else OAuthErrorCode.INVALID_REQUEST
            return _refused(request, error.message, 400, error=code)
        return answers.as_json({"message": "The token was assigned; it waits for its user."})


def _query(request: Request) -> dict[str, str]:
    """The query parameters. Raises `BadRequest` if one is repeated (RFC 6749 §3.1)."""
    items = request.query_params.multi_items()
    values: dict[str, str] = {}
    for name, value in items:
        if name in values:
            raise BadRequest(f"{name}: must not be given more than once.")
        if "\0" in value:
            raise BadRequest(f"{name}: must not contain a NUL character.")
        values[name] = value
    return values


def _asked(values: Mapping[str, str]) -> AuthorizationRequest:
    """An authorization request. Raises `BadRequest` without client, redirect URI and scope."""
    missing = [name for name in ("client_id", "redirect_uri", "scope") if not values.get(name)]
    if missing:
        raise BadRequest(f"{missing[0]}: required.")
    return AuthorizationRequest(
        client_id=values["client_id"],
        redirect_uri=values["redirect_uri"],
        scope=values["scope"],
        response_type=values.get("response_type") or "code",
        state=values.get("state"),
        assignment_uuid=values.get("assignment_uuid") or None,
        code_challenge=values.get("code_challenge"),
        code_challenge_method=values.get("code_challenge_method"),
    )


def _exchange(form: Mapping[str, str], basic: tuple[str, str] | None) -> TokenRequest:
    """A request to the token endpoint. Raises `OAuthError`."""
    grant_type = form.get("grant_type")
    if grant_type is not None and grant_type != "authorization_code":
        raise OAuthError(OAuthErrorCode.UNSUPPORTED_GRANT_TYPE, "grant_type: must be authorization_code.")
    if basic is not None and "client_secret" in form:
        raise OAuthError(
            OAuthErrorCode.INVALID_REQUEST,
            "client_secret: must not be in the form if the request has an Authorization header.",
        )
    client_id = basic[0] if basic else form.get("client_id", "")
    if grant_type is None or not client_id or not form.get("code"):
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "grant_type, client_id and code: required.")
    if form.get("client_id", client_id) != client_id:
        raise OAuthError(
            OAuthErrorCode.INVALID_REQUEST, "client_id: must be that of the Authorization header."
        )
    return TokenRequest(
        client_id=client_id,
        code=form["code"],
        client_secret=basic[1] if basic else form.get("client_secret"),
        redirect_uri=form.get("redirect_uri"),
        scope=form.get("scope"),
        code_verifier=form.get("code_verifier"),
    )


def _issued(issued: IssuedToken) -> dict[str, str | int | None]:
    return {
        "access_token": issued.secret,
        "token_type": "Bearer",
        "expires_in": issued.lifetime_s,
        "refresh_token": None,
    }


def _client(request: Request) -> tuple[str, str] | None:
    """Client id and secret of the header, form-encoded (RFC 6749 §2.3.1)."""
    try:
        basic = basic_login(request)
    except InvalidCredentials as error:
        raise BadRequest("Authorization: must be Basic credentials of the client.") from error
    return (unquote_plus(basic[0]), unquote_plus(basic[1])) if basic else None


def _require_own_page(request: Request, form: Mapping[str, str]) -> None:
    """Raise `CsrfRefused` unless the request has a CSRF token, or comes from a program with a password.

    Browsers resend a Basic password like a cookie, but with a header that shows the page.
    """
    is_program = "authorization" in request.headers and not any(
        name in request.headers for name in ("origin", "referer", "sec-fetch-site")
    )
    if not is_program and not has_csrf_token(request, form):
        raise CsrfRefused


def _has_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == forms.FORM


def _wants_json(request: Request) -> bool:
    return request.query_params.get("format") == "json"


def _sign_in(request: Request) -> str:
    root = request.scope.get("root_path", "")
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{root}/signin?next={quote(here, safe='')}"


def _refused(
    request: Request, text: str, status: int, *, error: str | None = None, sign_in: str | None = None
) -> Response:
    """An error as a page if the client accepts HTML, else as JSON."""
    if "text/html" in request.headers.get("accept", "") and not _wants_json(request):
        return answers.refusal_page(request, text, status, sign_in=sign_in)
    return answers.as_json({"error": error or text, "error_description": text}, status)
