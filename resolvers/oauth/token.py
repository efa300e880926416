"""Access tokens and application tokens: issue, list, revoke.

Deleting the row of a token revokes it, with every registry token that was issued for it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from resolvers import events
from resolvers.access import credentials
from resolvers.access.needs import ADMINISTER_ACCOUNT
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.access.scopes import Scope, format_scopes, parse_scopes
from resolvers.accounts.account import AccountRecord
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from storage.clock import now_ms
from storage.models.token import AccessToken, AppToken
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

ACCESS_TOKEN_LIFETIME_S = 315_576_000
TITLE_LENGTH = 255
EXPIRING_WITHIN_MS = 4 * 7 * 86_400 * 1000
"""Tokens that expire within four weeks are listed as expiring."""


@dataclass(frozen=True, slots=True)
class AppTokenRecord:
    """An application token of a user. `secret` is the text that goes into `docker login`, None in lists."""

    id: int
    uuid: str
    account_id: int
    title: str
    secret: str | None
    created_at_ms: int
    expires_at_ms: int | None
    last_accessed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class AccessTokenRecord:
    """An access token without its secret. `application_id` is None for one without an application."""

    id: int
    uuid: str
    account_id: int
    application_id: int | None
    title: str
    scopes: frozenset[Scope]
    created_at_ms: int
    expires_at_ms: int | None
    last_accessed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new access token with its secret, which cannot be read again."""

    record: AccessTokenRecord
    secret: str
    lifetime_s: int


_APP_COLUMNS = Columns(AppTokenRecord, secret="NULL")  # noqa: S106 (no secret: SQL)
_ACCESS_COLUMNS = Columns(AccessTokenRecord, convert={"scopes": parse_scopes})


async def issue(
    context: Context,
    account: AccountRecord,
    scopes: frozenset[Scope],
    *,
    title: str,
    lifetime_s: int = ACCESS_TOKEN_LIFETIME_S,
    application_id: int | None = None,
    identity: str | None = None,
    details: dict[str, Any] | None = None,
    namespace_id: int | None = None,
) -> IssuedToken:
    """Insert an access token of an account in the open transaction; the caller has checked permissions.

    `identity` is its uuid, random if not given; `details` are added to the metadata of the event.
    """
    secret = credentials.random_text(credentials.ACCESS_TOKEN_LENGTH, mixed_case=True)
    now = now_ms()
    row = await AccessToken.create(
        uuid=identity or str(uuid.uuid4()),
        account_id=account.id,
        application_id=application_id,
        prefix=secret[: credentials.ACCESS_TOKEN_PREFIX],
        secret_hash=credentials.hash_secret(secret[credentials.ACCESS_TOKEN_PREFIX :]),
        title=title,
        scopes=format_scopes(scopes),
        created_at_ms=now,
        expires_at_ms=now + lifetime_s * 1000,
    )
    await events.record(
        context,
        "create_oauth_api_token",
        {"token": row.uuid, "scopes": row.scopes, "username": account.name, **(details or {})},
        namespace_id=namespace_id or account.id,
    )
    record = AccessTokenRecord(
        row.id, row.uuid, account.id, application_id, title, scopes, now, row.expires_at_ms, None
    )
    return IssuedToken(record, secret, lifetime_s)


async def create_access_token(
    context: Context,
    account: AccountRecord,
    scopes: frozenset[Scope],
    *,
    title: str,
    lifetime_s: int = ACCESS_TOKEN_LIFETIME_S,
) -> str:
    """Create an access token of an account, valid for ten years if not told otherwise; returns its secret.

    The caller has checked permissions: the command line and the first start.
    """
    async with transaction("access_token.create"):
        return (await issue(context, account, scopes, title=title, lifetime_s=lifetime_s)).secret


def check_title(title: str, *, field: str = "title") -> str:
    """The title of a token. Raises `Invalid` if it is too long."""
    if len(title) > TITLE_LENGTH:
        raise Invalid(f"title: must have at most {TITLE_LENGTH} characters.", field=field)
    return title


async def create_app_token(
    context: Context, *, title: str, expires_at_ms: int | None = None
) -> AppTokenRecord:
    """Create an application token of the viewer. Requires `user:admin`, and of a session a fresh login.

    Raises `Invalid` for the title, an expiration in the past, or while APP_SPECIFIC_TOKENS is off.
    """
    account_id = require_account_role(context, AccountRole.ADMIN)
    context.viewer.require_fresh()
    if not context.site.has("APP_SPECIFIC_TOKENS"):
        raise Invalid("Application tokens need the feature APP_SPECIFIC_TOKENS, which is off here.")
    check_title(title)
    if expires_at_ms is not None and expires_at_ms <= now_ms():
        raise Invalid("expiration: must be in the future.", field="expiresAt")
    secret = credentials.random_text(credentials.APP_TOKEN_LENGTH)
    async with transaction("app_token.create"):
        token = await AppToken.create(
            uuid=str(uuid.uuid4()),
            account_id=account_id,
            title=title,
            prefix=secret[: credentials.APP_TOKEN_PREFIX],
            secret_encrypted=context.secrets.encrypt(secret[credentials.APP_TOKEN_PREFIX :]),
            created_at_ms=now_ms(),
            expires_at_ms=expires_at_ms,
        )
        await _record_app_token(context, "create_app_specific_token", account_id, title, token.uuid)
    return AppTokenRecord(
        token.id, token.uuid, account_id, title, secret, token.created_at_ms, token.expires_at_ms, None
    )


async def app_tokens(
    context: Context, account: AccountRecord, page: Page, *, is_expiring: bool = False
) -> Slice[AppTokenRecord]:
    """The application tokens of the viewer, oldest first, without their secrets. Requires `user:admin`.

    With `is_expiring`, only those that will expire within four weeks.
    """
    _require_own(context, account.id)
    return await _app_tokens(context, ["account_id = ?"], [account.id], page, is_expiring=is_expiring)


async def all_app_tokens(context: Context, page: Page, *, is_expiring: bool = False) -> Slice[AppTokenRecord]:
    """The application tokens of all users, oldest first, without their secrets. For who sees the site.

    With `is_expiring`, only those that will expire within four weeks.
    """
    context.viewer.require_site_view()
    return await _app_tokens(context, [], [], page, is_expiring=is_expiring)


async def _app_tokens(
    context: Context, conditions: list[str], values: list[Any], page: Page, *, is_expiring: bool
) -> Slice[AppTokenRecord]:
    if is_expiring:
        conditions.append("expires_at_ms > ? AND expires_at_ms <= ?")
        values += [now_ms(), now_ms() + EXPIRING_WITHIN_MS]
    rows = await paginate(
        Query(_APP_COLUMNS.sql, "app_token", (Term("id", "id"),), tuple(conditions), tuple(values)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_APP_COLUMNS.record)


async def access_token_counts(account_ids: list[int]) -> dict[int, int]:
    """How many access tokens act for each account; one statement. The caller has checked permissions."""
    return await _counts("access_token", account_ids)


async def app_token_counts(account_ids: list[int]) -> dict[int, int]:
    """How many application tokens each account has; one statement. The caller has checked permissions."""
    return await _counts("app_token", account_ids)


async def _counts(table: str, account_ids: list[int]) -> dict[int, int]:
    rows = await fetch(
        f"SELECT account_id, COUNT(*) AS number FROM {table}"
        f" WHERE account_id IN ({placeholders(account_ids)}) GROUP BY account_id",
        *account_ids,
    )
    return {row["account_id"]: int(row["number"]) for row in rows}


async def app_token(context: Context, account: AccountRecord, identity: str) -> AppTokenRecord | None:
    """An application token of the viewer with its secret; None once it has expired.

    Requires `user:admin`, and of a session a fresh login.
    """
    _require_own(context, account.id)
    context.viewer.require_fresh()
    row = await fetch_one(
        f"SELECT {_APP_COLUMNS}, prefix, secret_encrypted FROM app_token WHERE uuid = ? AND account_id = ?"
        " AND (expires_at_ms IS NULL OR expires_at_ms > ?)",
        identity,
        account.id,
        now_ms(),
    )
    if row is None:
        return None
    secret = row["prefix"] + context.secrets.decrypt(row["secret_encrypted"])
    return replace(_APP_COLUMNS.record(row), secret=secret)


async def revoke_app_token(context: Context, identity: str) -> AppTokenRecord:
    """Revoke an application token of the viewer. Requires `user:admin`, and of a session a fresh login.

    Raises `NotFound`.
    """
    account_id = require_account_role(context, AccountRole.ADMIN)
    context.viewer.require_fresh()
    async with transaction("app_token.revoke"):
        return await _revoke_app_token(context, account_id, identity)


async def _revoke_app_token(context: Context, account_id: int, identity: str) -> AppTokenRecord:
    row = await fetch_one(
        f"SELECT {_APP_COLUMNS} FROM app_token WHERE uuid = ? AND account_id = ?", identity, account_id
    )
    # Of two concurrent callers, only the one that deletes the row has revoked the token.
    if row is None or not await execute("DELETE FROM app_token WHERE id = ?", row["id"]):
        raise NotFound(field="uuid")
    await _record_app_token(context, "revoke_app_specific_token", account_id, row["title"], row["uuid"])
    return _APP_COLUMNS.record(row)


async def tokens_of(account: AccountRecord) -> list[AccessTokenRecord | AppTokenRecord]:
    """All tokens of a user without their secrets, access tokens first; the caller is the operator."""
    access, app = [
        await fetch(f"SELECT {columns} FROM {table} WHERE account_id = ? ORDER BY id", account.id)
        for columns, table in ((_ACCESS_COLUMNS, "access_token"), (_APP_COLUMNS, "app_token"))
    ]
    return [*map(_ACCESS_COLUMNS.record, access), *map(_APP_COLUMNS.record, app)]


async def revoke_by_operator(context: Context, account: AccountRecord, identities: Sequence[str]) -> int:
    """Revoke tokens of a user, all or none; the caller is the operator. How many. Raises `NotFound`."""
    kinds = {one.uuid: isinstance(one, AccessTokenRecord) for one in await tokens_of(account)}
    if unknown := [identity for identity in identities if identity not in kinds]:
        raise NotFound(f"The user '{account.name}' has no token {unknown[0]}.", field="uuid")
    async with transaction("token.revoke"):
        for identity in identities:
            if kinds[identity]:
                kind = "oauth_token_revoked"
                await revoke(context, kind, identity, "account_id", account.id, namespace_id=account.id)
            else:
                await _revoke_app_token(context, account.id, identity)
    return len(identities)


async def access_tokens(
    context: Context, account: AccountRecord, page: Page, *, has_application: bool | None = None
) -> Slice[AccessTokenRecord]:
    """The access tokens that act for the viewer, oldest first. Requires `user:admin`.

    `has_application` selects those granted to applications, or the others.
    """
    _require_own(context, account.id)
    conditions = ["account_id = ?"]
    if has_application is not None:
        conditions.append(f"application_id IS {'NOT ' if has_application else ''}NULL")
    rows = await paginate(
        Query(_ACCESS_COLUMNS.sql, "access_token", (Term("id", "id"),), tuple(conditions), (account.id,)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_ACCESS_COLUMNS.record)


async def access_tokens_of(
    context: Context, application_ids: list[int], page: Page
) -> dict[int, Slice[AccessTokenRecord]]:
    """The access tokens of applications, oldest first; one statement. The caller has checked permissions."""
    slices = await paginate_each(
        Query(_ACCESS_COLUMNS.sql, "access_token", (Term("id", "id"),)),
        "application_id",
        application_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: found.of(_ACCESS_COLUMNS.record) for identity, found in slices.items()}


async def access_token(context: Context, account: AccountRecord, identity: str) -> AccessTokenRecord | None:
    """An access token that acts for the viewer. Requires `user:admin`."""
    _require_own(context, account.id)
    row = await fetch_one(
        f"SELECT {_ACCESS_COLUMNS} FROM access_token WHERE uuid = ? AND account_id = ?", identity, account.id
    )
    return _ACCESS_COLUMNS.record(row) if row else None


async def revoke_access_token(context: Context, identity: str) -> AccessTokenRecord:
    """Revoke an access token that acts for the viewer. Requires `user:admin`. Raises `NotFound`."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    async with transaction("access_token.revoke"):
        return await revoke(
            context, "oauth_token_revoked", identity, "account_id", account_id, namespace_id=account_id
        )


async def revoke(
    context: Context, kind: str, identity: str, parent: str, parent_id: int, *, namespace_id: int
) -> AccessTokenRecord:
    """Delete an access token in the open transaction, and record an event of `kind`. Raises `NotFound`.

    `parent` is the column that must equal `parent_id`: the account or the application of the token.
    """
    row = await fetch_one(
        f"SELECT {_ACCESS_COLUMNS}, (SELECT name FROM account a WHERE a.id = t.account_id) AS username,"
        " (SELECT name FROM application p WHERE p.id = t.application_id) AS application,"
        " (SELECT client_id FROM application p WHERE p.id = t.application_id) AS client_id"
        f" FROM access_token t WHERE t.uuid = ? AND t.{parent} = ?",
        identity,
        parent_id,
    )
    if row is None:
        raise NotFound(field="uuid")
    details = {key: row[key] for key in ("username", "application", "client_id")}
    # Recorded before the row is deleted: the token may be the one of this request, which the entry names.
    await events.record(context, kind, {"token": identity, **details}, namespace_id=namespace_id)
    # Of two callers at once, the one who deletes the row revoked the token; the other's entry is rolled back.
    if not await execute("DELETE FROM access_token WHERE id = ?", row["id"]):
        raise NotFound(field="uuid")
    return _ACCESS_COLUMNS.record(row)


def _require_own(context: Context, account_id: int) -> None:
    # Even superusers may not see the tokens of others.
    if require_account_role(context, AccountRole.ADMIN) != account_id:
        raise context.viewer.refusal(ADMINISTER_ACCOUNT)


async def _record_app_token(context: Context, kind: str, account_id: int, title: str, identity: str) -> None:
    await events.record(
        context,
        kind,
        {"app_specific_token_title": title, "app_specific_token": identity},
        namespace_id=account_id,
    )
