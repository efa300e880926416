"""Sessions of browsers: sign in, sign out, verify the password again.

A session is identified by a random cookie, of which only a hash is stored. It stores no rights: each request
reads the account.
"""

import base64
import hmac
import secrets as random
from dataclasses import dataclass

from resolvers import events
from resolvers.access.credentials import awaits_verification, hash_secret, password_account
from resolvers.access.viewer import SESSION
from resolvers.accounts.login import Door, record_failure
from resolvers.context import Context
from resolvers.errors import InvalidCredentials, Unauthenticated
from storage.clock import now_ms
from storage.conditions import can_act
from storage.models.session import Session
from storage.statements import Row, execute, fetch_one
from storage.transactions import lock_row, transaction

LIFETIME_MS = 31 * 86_400_000
COOKIE_BYTES = 32


class EmailUnverified(InvalidCredentials):
    """The password is right, but the user must verify their e-mail address first."""

    default = "Please verify your email address before signing in"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. Times are milliseconds since the epoch; a password was given at `authenticated_at_ms`."""

    id: int
    account_id: int
    created_at_ms: int
    authenticated_at_ms: int
    expires_at_ms: int


def new_cookie() -> str:
    """A random cookie of 256 bits, as 43 characters that need no quoting."""
    return random.token_urlsafe(COOKIE_BYTES)


def csrf_token(cookie: str) -> str:
    """The CSRF token of a cookie, which pages of ours send beside it.

    It is an HMAC of the cookie: browsers that are not signed in need no row, and it does not reveal the
    cookie.
    """
    digest = hmac.digest(cookie.encode(), b"csrf token", "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def sign_in(context: Context, *, login: str, password: str, old_cookie: str | None = None) -> str:
    """Start a session by user name or e-mail address and password; returns its cookie.

    The session of `old_cookie` ends, so that a planted cookie never becomes signed in (session fixation).
    Raises `InvalidCredentials`, `SignInThrottled`, `EmailUnverified`.
    """
    account = await _authenticate(context, login, password)
    if awaits_verification(account, context.site):
        raise EmailUnverified
    cookie = new_cookie()
    now = now_ms()
    async with transaction("session.sign_in"):
        await lock_row("account", account["id"])
        # The password may have been changed, or the user disabled, while the password was being checked.
        if not await fetch_one(
            f"SELECT a.id FROM account a WHERE a.id = ? AND a.password_hash = ? AND {can_act('a')}",
            account["id"],
            account["password_hash"],
        ):
            raise InvalidCredentials
        if old_cookie is not None:
            await execute("DELETE FROM session WHERE cookie_hash = ?", hash_secret(old_cookie))
        await Session.create(
            cookie_hash=hash_secret(cookie),
            account_id=account["id"],
            authenticated_at_ms=now,
            created_at_ms=now,
            expires_at_ms=now + LIFETIME_MS,
        )
        await events.record(
            context,
            "login_success",
            {"type": Door.PAGES.value, "useragent": context.user_agent},
            namespace_id=account["id"],
        )
    return cookie


async def _authenticate(context: Context, login: str, password: str) -> Row:
    """The row of the user with this password. Raises `InvalidCredentials`, after recording the failure."""
    try:
        return await password_account(login, password, ip=context.ip, secrets=context.secrets)
    except InvalidCredentials as error:
        await record_failure(context, Door.PAGES, login, error)
        raise


async def session(context: Context) -> SessionRecord | None:
    """The session of the viewer; None for other credentials."""
    credential = context.viewer.credential
    if credential.kind != SESSION:
        return None
    row = await fetch_one(
        "SELECT id, account_id, created_at_ms, authenticated_at_ms, expires_at_ms FROM session WHERE id = ?",
        credential.id,
    )
    return SessionRecord(**row) if row else None


async def verify(context: Context, password: str) -> None:
    """Check the password again, so that the session counts as fresh for ten minutes.

    Raises `Unauthenticated` without a session, `InvalidCredentials`, `SignInThrottled`.
    """
    viewer = context.viewer
    if viewer.account is None or not viewer.is_session:
        raise Unauthenticated
    account = await _authenticate(context, viewer.account.name, password)
    async with transaction("session.verify"):
        await lock_row("account", account["id"])
        await execute(
            "UPDATE session SET authenticated_at_ms = ? WHERE id = ? AND account_id ="
            " (SELECT id FROM account WHERE id = ? AND password_hash = ?)",
            now_ms(),
            viewer.credential.id,
            account["id"],
            account["password_hash"],
        )


async def sign_out(context: Context) -> None:
    """End the session of the viewer, if there is one."""
    if not context.viewer.is_session:
        return
    async with transaction("session.sign_out"):
        if await execute("DELETE FROM session WHERE id = ?", context.viewer.credential.id):
            await events.record(context, "logout_success", {}, namespace_id=context.account_id)


async def end_all(account_id: int, *, but: int = 0) -> None:
    """End all sessions of an account except the one with the id `but`, in the open transaction."""
    await execute("DELETE FROM session WHERE account_id = ? AND id <> ?", account_id, but)


async def forget_expired(*, limit: int = 500) -> int:
    """Delete at most `limit` expired sessions; returns how many were deleted."""
    return await execute(
        "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at_ms < ? LIMIT ?)",
        now_ms(),
        limit,
    )
