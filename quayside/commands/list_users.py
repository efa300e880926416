"""`quayside admin list-users`: all users by name."""

import argparse
import asyncio
from collections.abc import AsyncIterator

from quayside.commands import listing, settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import account
from resolvers.pages import Page

BATCH = 500
COLUMNS = ("name", "email", "enabled", "superuser", "read_only_superuser", "verified", "created", "last_used")


def run(arguments: argparse.Namespace) -> int:
    """Print the users."""
    asyncio.run(_list(settings_of(arguments), as_json=arguments.json))
    return 0


async def _list(settings: Settings, *, as_json: bool) -> None:
    async def found() -> AsyncIterator[listing.Values]:
        page: Page | None = Page(BATCH)
        while page is not None:
            users = await account.users(page, maximum=BATCH)
            for user in users.items:
                yield {
                    "name": user.name,
                    "email": user.email,
                    "enabled": user.is_enabled,
                    "superuser": account.is_superuser(context, user),
                    "read_only_superuser": account.is_read_only_superuser(context, user),
                    "verified": user.is_verified,
                    "created": listing.time(user.created_at_ms),
                    "last_used": listing.time(user.last_accessed_at_ms),
                }
            page = Page(BATCH, users.cursors[-1]) if users.has_next else None

    async with open_context(settings) as context:
        await listing.show(found(), COLUMNS, as_json=as_json)
