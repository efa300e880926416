"""`quayside admin rotate-key`: a new key signs for the registry from now on."""

import argparse
import asyncio
import sys

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.keys import service_key
from resolvers.keys.own_key import OWN, OwnService


def run(arguments: argparse.Namespace) -> int:
    """Rotate, and print the id of the new key."""
    own = OWN[arguments.service]
    print(asyncio.run(_rotate(settings_of(arguments), own)))
    print(f"It signs {own.signs} now; those that the key before it signed stay valid.", file=sys.stderr)
    return 0


async def _rotate(settings: Settings, own: OwnService) -> str:
    async with open_context(settings) as context:
        return (await service_key.rotate_by_operator(context, own.service)).kid
