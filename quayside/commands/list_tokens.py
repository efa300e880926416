"""`quayside admin list-tokens`: the tokens of a user, without their secrets."""

import argparse
import asyncio
from collections.abc import AsyncIterator

from quayside.commands import listing, settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import account
from resolvers.oauth import token
from resolvers.oauth.token import AccessTokenRecord

COLUMNS = ("id", "kind", "title", "scopes", "created", "expires", "last_used")


def run(arguments: argparse.Namespace) -> int:
    """Print the tokens, access tokens first, oldest first."""
    asyncio.run(_list(settings_of(arguments), arguments.user, as_json=arguments.json))
    return 0


async def _list(settings: Settings, name: str, *, as_json: bool) -> None:
    async def found() -> AsyncIterator[listing.Values]:
        for one in await token.tokens_of(await account.require_user(name)):
            is_access = isinstance(one, AccessTokenRecord)
            yield {
                "id": one.uuid,
                "kind": "access" if is_access else "application",
                "title": one.title,
                "scopes": sorted(one.scopes) if isinstance(one, AccessTokenRecord) else [],
                "created": listing.time(one.created_at_ms),
                "expires": listing.time(one.expires_at_ms),
                "last_used": listing.time(one.last_accessed_at_ms),
            }

    async with open_context(settings):
        await listing.show(found(), COLUMNS, as_json=as_json)
