"""`quayside admin revoke-token`: ends one token of a user, or all of them."""

import argparse
import asyncio
import sys

from quayside.commands import CommandError, settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.accounts import account
from resolvers.oauth import token


def run(arguments: argparse.Namespace) -> int:
    """Revoke the tokens, and say how many."""
    if bool(arguments.token) == arguments.all:
        raise CommandError("Name a token, as quayside admin list-tokens shows it, or give --all.")
    number = asyncio.run(_revoke(settings_of(arguments), arguments.user, arguments.token))
    print(f"{number} token{'' if number == 1 else 's'} revoked.", file=sys.stderr)
    return 0


async def _revoke(settings: Settings, name: str, identity: str | None) -> int:
    async with open_context(settings) as context:
        owner = await account.require_user(name)
        identities = [identity] if identity else [one.uuid for one in await token.tokens_of(owner)]
        return await token.revoke_by_operator(context, owner, identities)
