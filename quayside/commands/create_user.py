"""`quayside admin create-user`: creates a user, also the first of a new registry."""

import argparse
import asyncio
import secrets
import sys

from quayside.commands import CommandError, settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import account


def run(arguments: argparse.Namespace) -> int:
    """Create the user. Prints a password if none was given, and otherwise nothing."""
    settings = settings_of(arguments)
    password = _read_password() if arguments.password_stdin else secrets.token_urlsafe(18)
    asyncio.run(_create(settings, arguments, password))
    if not arguments.password_stdin:
        print(password)
    print(f"The user {arguments.name} was created.", file=sys.stderr)
    return 0


def _read_password() -> str:
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise CommandError("--password-stdin needs a password on the first line of the input.")
    return password


async def _create(settings: Settings, arguments: argparse.Namespace, password: str) -> None:
    async with open_context(settings) as context:
        await account.create_user(
            context,
            name=arguments.name,
            email=arguments.email,
            password=password,
            is_superuser=arguments.superuser,
        )
