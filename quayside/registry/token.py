"""The token service `/v2/auth`: exchanges credentials for a registry token.

Sources: "Distribution Registry v2 authentication" for GET with Basic credentials, its OAuth 2 form for POST.
Requesting more than the account may do, or what nobody may, is no error; the token then grants less.
"""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

from quayside.http import basic
from quayside.http.bodies import body_of
from quayside.registry.asgi import header, query_items, read_body, send_json
from quayside.registry.call import Call
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.scopes import CATALOG_SCOPE, ordered_actions, parse_scopes, repository_scope
from resolvers.access.credentials import basic_viewer
from resolvers.access.registry_tokens import LIFETIME_S, RegistryGrant
from resolvers.accounts.login import Door, record_failure, record_success
from resolvers.context import ANONYMOUS, Viewer
from resolvers.errors import InvalidCredentials, SignInThrottled
from resolvers.repositories.registry_access import registry_grant

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 100

_NOT_STORED = {"Cache-Control": "no-store"}


async def get(call: Call) -> None:
    """Issue a token to the account of the Basic credentials, or an anonymous one for public content."""
    scopes = [value for key, value in query_items(call.scope) if key == "scope"]
    login = basic_login(call)
    if login is None:
        _require_anonymity(call, scopes)
        viewer = ANONYMOUS
    else:
        viewer = await signed_in(call, *login)
    answer, _ = await _issue(call, viewer, scopes)
    if not viewer.is_anonymous and not any(scopes):
        # `docker login` requests no scope; other requests are not recorded as logins.
        await record_success(call.context_of(viewer), Door.REGISTRY, viewer)
    await send_json(call.send, 200, answer, _NOT_STORED, is_head=call.is_head)


async def post(call: Call) -> None:
    """Issue a token by the OAuth 2 password grant, or as `get` does for Basic credentials without a body."""
    if body_of(call.scope) is None and header(call.scope, b"authorization") is not None:
        await get(call)
        return
    form = await _form(call)
    if form.get("grant_type") != "password":
        error = {"error": "unsupported_grant_type", "error_description": "grant_type must be password"}
        await send_json(call.send, 400, error, _NOT_STORED)
        return
    viewer = await signed_in(call, form.get("username", ""), form.get("password", ""))
    answer, grant = await _issue(call, viewer, [form.get("scope", "")])
    granted = [
        repository_scope(path, ordered_actions(own.actions))
        for path, own in grant.repositories.items()
        if own.actions
    ]
    if grant.has_catalog:
        granted.append(CATALOG_SCOPE)
    await send_json(call.send, 200, {**answer, "scope": " ".join(granted)}, _NOT_STORED)


async def _issue(call: Call, viewer: Viewer, scopes: list[str]) -> tuple[dict[str, object], RegistryGrant]:
    site = call.site
    asked = parse_scopes(scopes, site.registry_host, has_library=site.has("LIBRARY_SUPPORT"))
    grant = await registry_grant(call.context_of(viewer), asked)
    issued_at = datetime.now(UTC)
    token = await call.services.signer.issue(grant)
    return {
        "token": token,
        "access_token": token,
        "expires_in": LIFETIME_S,
        "issued_at": issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }, grant


async def signed_in(call: Call, username: str, password: str) -> Viewer:
    """The viewer of a user name and password. Raises RegistryError: 401, or 429 after wrong passwords."""
    services = call.services
    if "\0" in username or "\0" in password:
        raise unauthorized(call, InvalidCredentials.default)
    client = call.scope.get("client")
    try:
        return await basic_viewer(
            username,
            password,
            site=services.site,
            secrets=services.secrets,
            signer=services.signer,
            ip=client[0] if client else None,
        )
    except SignInThrottled as error:
        headers = {"Retry-After": str(error.retry_after_s), **_NOT_STORED}
        raise RegistryError(OciCode.TOOMANYREQUESTS, error.message, headers=headers) from error
    except InvalidCredentials as error:
        await record_failure(call.context_of(ANONYMOUS), Door.REGISTRY, username, error)
        raise unauthorized(call, error.message) from error


def basic_login(call: Call) -> tuple[str, str] | None:
    """User name and password, None without a header. Raises RegistryError (401) for a malformed one."""
    text = header(call.scope, b"authorization")
    if text is None:
        return None
    try:
        return basic.parsed(text)
    except InvalidCredentials as error:
        raise unauthorized(call, "Basic credentials are needed here") from error


def _require_anonymity(call: Call, scopes: list[str]) -> None:
    # Without a scope the request is a login, which must not appear to succeed without credentials.
    if not any(scopes) or not call.services.site.has("ANONYMOUS_ACCESS"):
        raise unauthorized(call, "authentication required")


def unauthorized(call: Call, message: str) -> RegistryError:
    """A 401 with a challenge for Basic credentials."""
    realm = {"WWW-Authenticate": f'Basic realm="{call.site.registry_host}"'}
    return RegistryError(OciCode.UNAUTHORIZED, message, headers={**realm, **_NOT_STORED})


async def _form(call: Call) -> dict[str, str]:
    media_type = (header(call.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise RegistryError(OciCode.INVALID_REQUEST, f"the body must be {FORM}", status=415)
    body = await read_body(call.receive, MAX_FORM_BYTES)
    if body is None:
        raise RegistryError(OciCode.INVALID_REQUEST, "the form is too long", status=413)
    try:
        items = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise RegistryError(OciCode.INVALID_REQUEST, "the form cannot be read") from error
    return dict(items)
