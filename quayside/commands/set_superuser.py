"""`quayside admin grant-superuser` and `revoke-superuser`: makes a user a superuser, and takes it back."""

import argparse
import asyncio
import sys

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import administration


def run(arguments: argparse.Namespace) -> int:
    """Grant or revoke. To grant it again changes nothing; what is not there cannot be revoked."""
    is_granted = arguments.command.name == "admin grant-superuser"
    asyncio.run(_set(settings_of(arguments), arguments.user, is_granted=is_granted))
    print(f"The user {arguments.user} is {'a' if is_granted else 'no'} superuser now.", file=sys.stderr)
    return 0


async def _set(settings: Settings, name: str, *, is_granted: bool) -> None:
    async with open_context(settings) as context:
        if is_granted:
            await administration.grant_superuser_by_operator(context, name)
        else:
            await administration.revoke_superuser_by_operator(context, name)
