"""Responses of the authorization server: pages, JSON and redirects."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from quayside.http.sessions import FIELD
from quayside.web import forms
from resolvers.access.scopes import SCOPES, Scope
from resolvers.accounts.account import AccountRecord
from resolvers.avatar import AvatarKind, avatar
from resolvers.oauth.application import ApplicationRecord
from resolvers.oauth.authorization import AuthorizationRequest, AuthorizationResult
from resolvers.oauth.redirect_uri import origin, with_query

SHOWING_SCRIPT = (
    "const given = new URLSearchParams(location.hash.slice(1)).get('access_token');"
    "history.replaceState(null, '', location.pathname);"
    "if (given) { document.getElementById('token').textContent = given; }"
)
"""Shows the token of the implicit flow, which is in the URL fragment and so only visible to scripts."""

_SCRIPT_HASH = base64.b64encode(hashlib.sha256(SHOWING_SCRIPT.encode()).digest()).decode()
TOKEN_PAGE_POLICY = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; style-src 'self'; img-src data:;"
    " base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


def as_json(body: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response that is not cached."""
    return Response(
        orjson.dumps(body) + b"\n",
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "Pragma": "no-cache", **(headers or {})},
    )


def redirect(uri: str, *, fragment: str = "", **parameters: str | None) -> Response:
    """A redirect with these parameters, without a Referer."""
    location = with_query(uri, **parameters) + (f"#{fragment}" if fragment else "")
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(location, 302, headers=headers)


def granted(given: AuthorizationResult, asked: AuthorizationRequest) -> Response:
    """The redirect with a token in the fragment, or with a code in the query."""
    if given.token is None:
        return redirect(given.redirect_uri, code=given.code, scope=asked.scope, state=asked.state)
    fragment = f"access_token={given.token.secret}&token_type=Bearer&expires_in={given.token.lifetime_s}"
    return redirect(given.redirect_uri, fragment=fragment, scope=asked.scope, state=asked.state)


def consent_json(
    record: ApplicationRecord,
    owner: AccountRecord,
    scopes: frozenset[Scope],
    asked: AuthorizationRequest,
    csrf_token: str,
) -> Response:
    """The content of the consent page as JSON, for pages of other programs."""
    rows = [SCOPES[scope] for scope in sorted(scopes)]
    application = avatar(record.name, AvatarKind.APPLICATION, email=record.avatar_email or owner.email)
    organization = avatar(owner.name, AvatarKind.ORGANIZATION, email=owner.email)
    return as_json(
        {
            "scopes": [
                {
                    "scope": row.scope,
                    "title": row.title,
                    "description": row.description,
                    "dangerous": row.is_dangerous,
                }
                for row in rows
            ],
            "has_dangerous_scopes": any(row.is_dangerous for row in rows),
            "application": {
                "name": record.name,
                "description": record.description,
                "url": record.application_uri,
                "avatar": application,
                "organization": {"name": owner.name, "avatar": organization},
            },
            "response_type": asked.response_type,
            "client_id": asked.client_id,
            "redirect_uri": asked.redirect_uri,
            "scope": asked.scope,
            "csrf_token_val": csrf_token,
            "state": asked.state,
            "assignment_uuid": asked.assignment_uuid,
        }
    )


def consent_page(
    request: Request,
    record: ApplicationRecord,
    owner: AccountRecord,
    scopes: frozenset[Scope],
    asked: AuthorizationRequest,
    *,
    redirect_uri: str,
    username: str,
    csrf_token: str,
) -> Response:
    """The consent page: application, scopes and redirect URI."""
    values = {
        "application": record,
        "carried": {
            FIELD: csrf_token,
            **{name: value for name, value in parameters(asked).items() if value is not None},
        },
        "owner": owner,
        "redirect_uri": redirect_uri,
        "scopes": [SCOPES[scope] for scope in sorted(scopes)],
        "username": username,
    }
    # Browsers apply form-action to the redirect after the form too.
    form_action = f"'self' {origin(redirect_uri)}"
    return forms.page(request, "Authorize application", "consent.html", values, form_action=form_action)


def parameters(asked: AuthorizationRequest) -> dict[str, str | None]:
    """An authorization request as it is sent."""
    return {
        "client_id": asked.client_id,
        "redirect_uri": asked.redirect_uri,
        "scope": asked.scope,
        "response_type": asked.response_type,
        "state": asked.state,
        "assignment_uuid": asked.assignment_uuid,
        "code_challenge": asked.code_challenge,
        "code_challenge_method": asked.code_challenge_method,
    }


def token_page(request: Request, token: str | None) -> Response:
    """A page with a token: the given one, or the one in the URL fragment."""
    values = {"script": SHOWING_SCRIPT, "token": token}
    headers = {"Content-Security-Policy": TOKEN_PAGE_POLICY}
    return forms.page(request, "Your access token", "token.html", values, headers=headers)


def refusal_page(request: Request, text: str, status: int, *, sign_in: str | None = None) -> Response:
    """An error page; with a link to the sign-in form if that helps."""
    link = forms.Link(sign_in, "Sign in") if sign_in else None
    return forms.message(request, "Not authorized", text, is_error=True, link=link, status=status)
