"""`quayside admin create-token`: an access token, printed alone so that a shell can capture it."""

import argparse
import asyncio

from quayside.commands import CommandError, settings_of
from quayside.commands.database import open_context
from quayside.settings.parsers import duration
from quayside.settings.settings import Settings
from resolvers.access.scopes import parse_scopes
from resolvers.accounts import account
from resolvers.oauth import token

TITLE = "made on the command line"


def run(arguments: argparse.Namespace) -> int:
    """Create the token and print it; it is not shown again."""
    lifetime_s = token.ACCESS_TOKEN_LIFETIME_S if arguments.expires is None else _seconds(arguments.expires)
    print(asyncio.run(_create(settings_of(arguments), arguments, lifetime_s)))
    return 0


def _seconds(text: str) -> int:
    try:
        seconds = int(duration(text).total_seconds())
    except ValueError as error:
        raise CommandError(f"--expires must be {error}, not {text!r}.") from error
    if not 0 < seconds <= token.ACCESS_TOKEN_LIFETIME_S:
        raise CommandError("--expires must be at least 1s and at most ten years.")
    return seconds


async def _create(settings: Settings, arguments: argparse.Namespace, lifetime_s: int) -> str:
    async with open_context(settings) as context:
        scopes = parse_scopes(arguments.scopes)
        owner = await account.require_user(arguments.user)
        return await token.create_access_token(context, owner, scopes, title=TITLE, lifetime_s=lifetime_s)
