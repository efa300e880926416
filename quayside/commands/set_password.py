"""`quayside admin set-password`: gives a user a new password, for instance one who forgot it."""

import argparse
import asyncio
import sys

from quayside.commands import settings_of
from quayside.commands.create_user import password_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import administration
from resolvers.oauth import token


def run(arguments: argparse.Namespace) -> int:
    """Set the password. Prints it if none was given; says how many tokens stay."""
    settings = settings_of(arguments)
    password = password_of(arguments)
    tokens = asyncio.run(_set(settings, arguments.user, password))
    if not arguments.password_stdin:
        print(password)
    print(f"The password of {arguments.user} was set; all sessions ended.", file=sys.stderr)
    if tokens:
        print(
            f"Tokens that stay: {tokens}; quayside admin revoke-token {arguments.user} --all ends them.",
            file=sys.stderr,
        )
    return 0


async def _set(settings: Settings, name: str, password: str) -> int:
    async with open_context(settings) as context:
        account = await administration.set_password_by_operator(context, name, password)
        return len(await token.tokens_of(account))
