"""`quayside gc`: garbage collection, as the job `content.collect` does it; a server may be running."""

import argparse
import asyncio

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.content.garbage_collection import Removed, collect


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each repository with removed content, and a total."""
    asyncio.run(_collect(settings_of(arguments), is_dry_run=arguments.dry_run))
    return 0


async def _collect(settings: Settings, *, is_dry_run: bool) -> None:
    async with open_context(settings) as context:
        async for removed in collect(context.blobs, is_dry_run=is_dry_run):
            print(_line(removed), flush=True)


def _line(removed: Removed) -> str:
    name = "total" if removed.repository is None else removed.repository
    return f"{name}\tmanifests={removed.manifests}\tblobs={removed.blobs}\tbytes={removed.size_bytes}"
