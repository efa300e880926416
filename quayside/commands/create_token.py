"""`quayside admin create-token`: an access token, printed alone so that a shell can capture it."""

import argparse
import asyncio

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.access.scopes import parse_scopes
from resolvers.accounts import account
from resolvers.oauth import token

TITLE = "made on the command line"


def run(arguments: argparse.Namespace) -> int:
    """Create the token and print it; it is not shown again."""
    print(asyncio.run(_create(settings_of(arguments), arguments)))
    return 0


async def _create(settings: Settings, arguments: argparse.Namespace) -> str:
    async with open_context(settings) as context:
        scopes = parse_scopes(arguments.scopes)
        owner = await account.require_user(arguments.user)
        return await token.create_access_token(context, owner, scopes, title=TITLE)
