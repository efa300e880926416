"""Access tokens and application tokens: making them."""

import uuid
from dataclasses import dataclass

from resolvers import events
from resolvers.access import credentials
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.access.scopes import Scope, format_scopes
from resolvers.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from storage.clock import now_ms
from storage.models import AccessToken, AppToken
from storage.transactions import transaction

ACCESS_TOKEN_LIFETIME_MS = 315_576_000 * 1000
TITLE_LENGTH = 255


@dataclass(frozen=True, slots=True)
class AppTokenRecord:
    """An application token of a user. `secret` is the text that goes into `docker login`."""

    uuid: str
    title: str
    secret: str
    created_at_ms: int
    expires_at_ms: int | None
    last_accessed_at_ms: int | None


async def create_access_token(
    context: Context, account: AccountRecord, scopes: frozenset[Scope], *, title: str
) -> str:
    """A new access token of an account; the only time its text is known. Valid for ten years.

    For callers that have decided that they may: the command line and the first start.
    """
    secret = credentials.random_text(credentials.ACCESS_TOKEN_LENGTH, mixed_case=True)
    prefix = secret[: credentials.ACCESS_TOKEN_PREFIX]
    now = now_ms()
    async with transaction("access_token.create"):
        await AccessToken.create(
            uuid=str(uuid.uuid4()),
            account_id=account.id,
            prefix=prefix,
            secret_hash=credentials.hash_secret(secret[credentials.ACCESS_TOKEN_PREFIX :]),
            title=title,
            scopes=format_scopes(scopes),
            created_at_ms=now,
            expires_at_ms=now + ACCESS_TOKEN_LIFETIME_MS,
        )
        await events.record(
            context,
            "create_oauth_api_token",
            {"token": prefix, "scopes": format_scopes(scopes), "username": account.name},
            namespace_id=account.id,
        )
    return secret


async def create_app_token(context: Context, *, title: str) -> AppTokenRecord:
    """A new application token of the viewer. Requires `user:admin`. Raises `Invalid` for the title."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    if not 1 <= len(title) <= TITLE_LENGTH:
        raise Invalid(f"A title has 1 to {TITLE_LENGTH} characters.", field="title")
    secret = credentials.random_text(credentials.APP_TOKEN_LENGTH)
    async with transaction("app_token.create"):
        token = await AppToken.create(
            uuid=str(uuid.uuid4()),
            account_id=account_id,
            title=title,
            prefix=secret[: credentials.APP_TOKEN_PREFIX],
            secret_encrypted=context.secrets.encrypt(secret[credentials.APP_TOKEN_PREFIX :]),
            created_at_ms=now_ms(),
        )
        await events.record(
            context,
            "create_app_specific_token",
            {"app_specific_token_title": title, "app_specific_token": token.uuid},
            namespace_id=account_id,
        )
    return AppTokenRecord(token.uuid, title, secret, token.created_at_ms, None, None)
