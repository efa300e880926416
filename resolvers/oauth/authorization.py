"""The OAuth authorization server: checks authorization requests, grants tokens, exchanges codes.

Two flows of RFC 6749: implicit (`token`), which clients of the reference use, and authorization code
(`code`), with PKCE (RFC 7636, S256 only) for clients that cannot keep a secret. A code is valid once, for ten
minutes; a code that is used again revokes the token that it was exchanged for.
"""

import base64
import hashlib
import hmac
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from resolvers.access.acting import account_can_act
from resolvers.access.credentials import hash_secret, random_text
from resolvers.access.needs import BE_THERE
from resolvers.access.permissions import namespace_role
from resolvers.access.roles import TeamRole
from resolvers.access.scopes import Scope, covers, format_scopes, parse_scopes
from resolvers.access.viewer import AccountKind, ViewerAccount
from resolvers.accounts import account
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.oauth import application, token
from resolvers.oauth import assignment as token_assignment
from resolvers.oauth.application import ApplicationRecord, requested_scopes
from resolvers.oauth.assignment import TokenAssignmentRecord, accepted_redirect_uri, local_uri
from resolvers.oauth.redirect_uri import normalise
from resolvers.oauth.token import IssuedToken
from storage.clock import now_ms
from storage.models.application import AuthorizationCode
from storage.statements import Row, execute, fetch, fetch_one
from storage.transactions import transaction

CODE_LENGTH = 40
CODE_LIFETIME_MS = 10 * 60 * 1000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class OAuthErrorCode(StrEnum):
    """The `error` of an answer: RFC 6749 §4.1.2.1 and §5.2; the last two are those of the reference."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    ACCESS_DENIED = "access_denied"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    AUTHORIZATION_DENIED = "authorization_denied"
    REDIRECT_URI_MISMATCH = "redirect_uri_mismatch"


class OAuthError(Exception):
    """A refusal. `redirect_uri` is where the client may be told of it, None if the URI is not trusted."""

    def __init__(self, code: OAuthErrorCode, description: str, *, redirect_uri: str | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.redirect_uri = redirect_uri


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parameters of an authorization request as they were sent; None for those that were not."""

    client_id: str
    redirect_uri: str
    scope: str
    response_type: str = "code"
    state: str | None = None
    assignment_uuid: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """An authorization request that the viewer may grant. `redirect_uri` is normalised and registered."""

    application: ApplicationRecord
    redirect_uri: str
    response_type: str
    scopes: frozenset[Scope]
    code_challenge: str | None
    assignment: TokenAssignmentRecord | None


@dataclass(frozen=True, slots=True)
class AuthorizationResult:
    """The result of a grant: an access token, or a code to exchange for one."""

    redirect_uri: str
    token: IssuedToken | None = None
    code: str | None = None


async def client(context: Context, client_id: str) -> ApplicationRecord | None:
    """The application with this client id, or None."""
    return await application.information(context, client_id)


def require_person(context: Context) -> ViewerAccount:
    """The user who signed in by session or password. Raises `Unauthenticated`, or `Forbidden` for a token."""
    viewer = context.viewer
    user = viewer.require_account(BE_THERE)
    is_token = viewer.credential.kind in ("access_token", "app_token")
    if user.kind is not AccountKind.USER or not viewer.is_direct or is_token:
        raise viewer.refusal(BE_THERE)
    return user


async def check_request(context: Context, asked: AuthorizationRequest) -> CheckedRequest:
    """Check an authorization request of the viewer.

    A user may authorize who signed in (no token, no robot) and either administers the organization that owns
    the application, or has a token assignment for the scopes. Raises `OAuthError` otherwise.
    """
    record = await client(context, asked.client_id)
    if record is None:
        raise OAuthError(OAuthErrorCode.INVALID_CLIENT, "There is no such application.")
    uri = accepted_redirect_uri(context, record, asked.redirect_uri)
    assignment = await _require_permission(context, record, asked, uri)
    if uri is None:
        raise OAuthError(
            OAuthErrorCode.REDIRECT_URI_MISMATCH,
            "redirect_uri: must be the one of the application.",
            redirect_uri=_registered(record),
        )
    if asked.response_type not in token_assignment.RESPONSE_TYPES:
        raise OAuthError(
            OAuthErrorCode.UNSUPPORTED_RESPONSE_TYPE,
            "response_type: must be token or code.",
            redirect_uri=uri,
        )
    try:
        scopes = requested_scopes(context, asked.scope)
    except Invalid as error:
        raise OAuthError(OAuthErrorCode.INVALID_SCOPE, error.message, redirect_uri=uri) from error
    if assignment is not None and not covers(assignment.scopes, scopes):
        raise OAuthError(
            OAuthErrorCode.INVALID_SCOPE,
            "scope: must not exceed that of the token assignment.",
            redirect_uri=uri,
        )
    return CheckedRequest(record, uri, asked.response_type, scopes, _challenge(asked, uri), assignment)


async def _require_permission(
    context: Context, record: ApplicationRecord, asked: AuthorizationRequest, uri: str | None
) -> TokenAssignmentRecord | None:
    """The token assignment that lets the viewer authorize; None for administrators, who need none.

    Raises `OAuthError` UNAUTHORIZED_CLIENT for anybody else.
    """
    user = require_person(context)
    is_admin = await namespace_role(context.viewer, record.organization_id) is TeamRole.ADMIN
    assignment = None
    if context.site.has("ASSIGN_OAUTH_TOKEN") and (asked.assignment_uuid or not is_admin):
        assignment = await token_assignment.find(record.id, user.id, asked.assignment_uuid)
    if assignment is None and not is_admin:
        raise OAuthError(
            OAuthErrorCode.UNAUTHORIZED_CLIENT, "You may not authorize this application.", redirect_uri=uri
        )
    return assignment


def _registered(record: ApplicationRecord) -> str | None:
    try:
        return normalise(record.redirect_uri)
    except Invalid:
        return None


def _challenge(asked: AuthorizationRequest, uri: str) -> str | None:
    """The PKCE challenge of a request. Raises `OAuthError` unless S256: `plain` protects nothing."""
    if asked.code_challenge is None and asked.code_challenge_method is None:
        return None
    challenge = asked.code_challenge or ""
    is_well_formed = asked.code_challenge_method == "S256" and _CHALLENGE.fullmatch(challenge)
    if asked.response_type == "code" and is_well_formed:
        return challenge
    raise OAuthError(
        OAuthErrorCode.INVALID_REQUEST,
        "code_challenge: must be 43 characters, with code_challenge_method S256.",
        redirect_uri=uri,
    )


async def is_granted_already(context: Context, request: CheckedRequest) -> bool:
    """Whether a token that the viewer granted to the application covers these scopes."""
    if request.assignment is not None:
        return False
    rows = await fetch(
        "SELECT DISTINCT scopes FROM access_token WHERE account_id = ? AND application_id = ?"
        " AND (expires_at_ms IS NULL OR expires_at_ms > ?)",
        context.viewer.require_account().id,
        request.application.id,
        now_ms(),
    )
    return any(covers(parse_scopes(row["scopes"]), request.scopes) for row in rows)


async def grant(context: Context, request: CheckedRequest) -> AuthorizationResult:
    """Grant a request; its assignment is used up. Raises `OAuthError` UNAUTHORIZED_CLIENT if it was used."""
    async with transaction("oauth.grant"):
        if request.assignment is not None and not await execute(
            "DELETE FROM token_assignment WHERE id = ?", request.assignment.id
        ):
            raise OAuthError(
                OAuthErrorCode.UNAUTHORIZED_CLIENT,
                "The token assignment has been used.",
                redirect_uri=request.redirect_uri,
            )
        account_id = context.viewer.require_account().id
        if request.response_type == "token":
            issued = await _issue(context, request.application, account_id, request.scopes)
            return AuthorizationResult(request.redirect_uri, token=issued)
        code = random_text(CODE_LENGTH, mixed_case=True)
        now = now_ms()
        await execute("DELETE FROM authorization_code WHERE expires_at_ms <= ?", now)
        await AuthorizationCode.create(
            code_hash=hash_secret(code),
            application_id=request.application.id,
            account_id=account_id,
            scopes=format_scopes(request.scopes),
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            code_challenge_method="S256" if request.code_challenge else None,
            expires_at_ms=now + CODE_LIFETIME_MS,
        )
    return AuthorizationResult(request.redirect_uri, code=code)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint; None for parameters that were not sent."""

    client_id: str
    code: str
    client_secret: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    code_verifier: str | None = None


async def exchange_code(context: Context, asked: TokenRequest) -> IssuedToken:
    """Exchange an authorization code for a token, for the client that the code was made for.

    The client authenticates by its secret, or by the PKCE verifier of the code, or both. Raises `OAuthError`:
    INVALID_CLIENT, INVALID_GRANT, INVALID_SCOPE.
    """
    record = await client(context, asked.client_id)
    if record is None or not _secret_fits(context, record, asked.client_secret):
        raise OAuthError(OAuthErrorCode.INVALID_CLIENT, "The client is unknown or its secret is wrong.")
    row = await _code(record, asked.code)
    if row is None:
        await _revoke_reused(context, record, asked.code)
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, "The code is unknown, expired or was used before.")
    _check_grant(asked, row)
    return await _redeem(context, record, asked.code, row)


async def exchange_own_code(context: Context, code: str) -> IssuedToken:
    """Exchange a code that was sent to our own page, for the user who made it. Raises `OAuthError`."""
    user = require_person(context)
    row = await fetch_one(
        "SELECT c.*, p.client_id FROM authorization_code c JOIN application p ON p.id = c.application_id"
        " WHERE c.code_hash = ? AND c.account_id = ? AND c.redirect_uri = ? AND c.code_challenge IS NULL"
        " AND c.expires_at_ms > ?",
        hash_secret(code),
        user.id,
        local_uri(context),
        now_ms(),
    )
    record = await client(context, row["client_id"]) if row else None
    if row is None or record is None:
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, "The code is unknown, expired or was used before.")
    return await _redeem(context, record, code, row)


def _secret_fits(context: Context, record: ApplicationRecord, secret: str | None) -> bool:
    """Whether the secret is right. True without one: `_check_grant` then asks for the PKCE verifier."""
    if secret is None:
        return True
    return context.secrets.matches(record.client_secret_encrypted, secret)


async def _code(record: ApplicationRecord, code: str) -> Row | None:
    return await fetch_one(
        "SELECT id, account_id, scopes, redirect_uri, code_challenge FROM authorization_code"
        " WHERE code_hash = ? AND application_id = ? AND expires_at_ms > ?",
        hash_secret(code),
        record.id,
        now_ms(),
    )


def _check_grant(asked: TokenRequest, row: Row) -> None:
    """Raise `OAuthError` unless the request comes from the client that was given the code."""
    challenge, verifier = row["code_challenge"], asked.code_verifier
    if challenge is None and asked.client_secret is None:
        raise OAuthError(
            OAuthErrorCode.INVALID_CLIENT, "client_secret: required, since the code has no code challenge."
        )
    # A verifier without a challenge: somebody removed the challenge from the first request (PKCE downgrade).
    if (challenge is None) != (verifier is None) or (challenge and not _verified(challenge, verifier or "")):
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, "code_verifier: must match the code challenge.")
    try:
        same_uri = normalise(asked.redirect_uri or "") == row["redirect_uri"]
    except Invalid:
        same_uri = False
    if not same_uri:
        raise OAuthError(
            OAuthErrorCode.INVALID_GRANT, "redirect_uri: must be the one that the code was sent to."
        )
    if asked.scope is not None:
        try:
            same_scope = parse_scopes(asked.scope) == parse_scopes(row["scopes"])
        except Invalid:
            same_scope = False
        if not same_scope:
            raise OAuthError(
                OAuthErrorCode.INVALID_SCOPE, "scope: must be the one that the code was granted for."
            )


def _verified(challenge: str, verifier: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(digest, challenge)


async def _redeem(context: Context, record: ApplicationRecord, code: str, row: Row) -> IssuedToken:
    async with transaction("oauth.redeem"):
        # Of two requests with one code, the one that deletes it gets the token; the other revokes that token.
        if await execute("DELETE FROM authorization_code WHERE id = ?", row["id"]):
            scopes = parse_scopes(row["scopes"])
            return await _issue(context, record, row["account_id"], scopes, identity=_identity(code))
    await _revoke_reused(context, record, code)
    raise OAuthError(OAuthErrorCode.INVALID_GRANT, "The code is unknown, expired or was used before.")


async def _issue(
    context: Context,
    record: ApplicationRecord,
    account_id: int,
    scopes: frozenset[Scope],
    *,
    identity: str | None = None,
) -> IssuedToken:
    user = (await account.by_ids([account_id])).get(account_id)
    if user is None or not await account_can_act(user.id):
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, "The user is disabled or deleted.")
    return await token.issue(
        context,
        user,
        scopes,
        title="",
        application_id=record.id,
        identity=identity,
        details={"application": record.name, "client_id": record.client_id},
    )


def _identity(code: str) -> str:
    """The uuid of the token that a code is exchanged for, so that a reused code finds the token to revoke."""
    return str(uuid.UUID(bytes=hashlib.sha256(b"quayside.code:" + code.encode()).digest()[:16], version=4))


async def _revoke_reused(context: Context, record: ApplicationRecord, code: str) -> None:
    """Revoke the token of a code that is used twice: one of the two uses is by a thief (RFC 6749 §4.1.2)."""
    row = await fetch_one(
        "SELECT account_id FROM access_token WHERE uuid = ? AND application_id = ?",
        _identity(code),
        record.id,
    )
    if row is None:
        return
    # A concurrent request with the same code may have revoked the token.
    with suppress(NotFound):
        async with transaction("oauth.revoke_reused"):
            await token.revoke(
                context,
                "oauth_token_revoked",
                _identity(code),
                "application_id",
                record.id,
                namespace_id=row["account_id"],
            )


async def denial_redirect_uri(context: Context, client_id: str, redirect_uri: str) -> str:
    """The redirect URI that is told of a denial by the user. Raises `OAuthError` if it is not registered."""
    require_person(context)
    record = await client(context, client_id)
    uri = accepted_redirect_uri(context, record, redirect_uri) if record else None
    if uri is None:
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "redirect_uri: must be the one of the application.")
    return uri
