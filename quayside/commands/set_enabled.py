"""`quayside admin disable-user` and `enable-user`: takes a user's access away, and gives it back."""

import argparse
import asyncio
import sys

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import administration


def run(arguments: argparse.Namespace) -> int:
    """Disable or enable the user; it may be so already."""
    is_enabled = arguments.command.name == "admin enable-user"
    asyncio.run(_set(settings_of(arguments), arguments.user, is_enabled=is_enabled))
    print(f"The user {arguments.user} is {'enabled' if is_enabled else 'disabled'}.", file=sys.stderr)
    return 0


async def _set(settings: Settings, name: str, *, is_enabled: bool) -> None:
    async with open_context(settings) as context:
        await administration.set_enabled_by_operator(context, name, is_enabled=is_enabled)
