"""`quayside admin create-user`: creates a user; with `--data` also the first of a new registry."""

import argparse
import asyncio
import secrets
import sys

from quayside.commands import CommandError, settings_of
from quayside.commands.database import establish, exists, open_context
from quayside.settings.settings import Settings
from resolvers.accounts import account


def run(arguments: argparse.Namespace) -> int:
    """Create the user. Prints a password if none was given, and otherwise nothing.

    A registry is made only in a directory that the command line names: elsewhere it would be a mistake.
    """
    settings = settings_of(arguments)
    password = password_of(arguments)
    asyncio.run(_create(settings, arguments, password))
    if not arguments.password_stdin:
        print(password)
    print(f"The user {arguments.name} was created.", file=sys.stderr)
    return 0


def password_of(arguments: argparse.Namespace) -> str:
    """The password on the first line of standard input with --password-stdin, otherwise a new one.

    Raises `CommandError` if there is none on that line.
    """
    if not arguments.password_stdin:
        return secrets.token_urlsafe(18)
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise CommandError("--password-stdin needs a password on the first line of the input.")
    return password


async def _create(settings: Settings, arguments: argparse.Namespace, password: str) -> None:
    if arguments.DATA_DIR and not exists(settings):
        settings, _ = await establish(settings)
        print(f"A new registry was made in {settings.data_dir}.", file=sys.stderr)
    async with open_context(settings) as context:
        await account.create_user(
            context,
            name=arguments.name,
            email=arguments.email,
            password=password,
            is_superuser=arguments.superuser,
        )
