"""`quayside gc`: garbage collection, as the job `content.collect` does it; a server may be running."""

import argparse
import asyncio
import sys

from rich.filesize import decimal
from rich.table import Table

from quayside.commands import settings_of, terminal
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.content.garbage_collection import Removed, collect
from storage import deletion_hold

_IS_HELD = "A backup is running, so that no blobs were deleted; run quayside gc again when it is through."


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each repository with removed content, and a total; on a terminal a table."""
    asyncio.run(_collect(settings_of(arguments), is_dry_run=arguments.dry_run))
    return 0


async def _collect(settings: Settings, *, is_dry_run: bool) -> None:
    console = terminal.console()
    table = terminal.table("Repository", "Manifests", "Blobs", "Size", numbers=("Manifests", "Blobs", "Size"))
    try:
        async with open_context(settings) as context:
            with terminal.progress("Looking for content that nothing keeps") as tell:
                async for removed in collect(context.blobs, is_dry_run=is_dry_run):
                    if console is None:
                        print(_line(removed), flush=True)
                    else:
                        _add(table, removed)
                    tell(f"Looking for content that nothing keeps; last found in {_name(removed)}")
            if not is_dry_run and await deletion_hold.is_held():
                print(_IS_HELD, file=sys.stderr)
    finally:
        # An interrupted run has removed what the table says.
        if console is not None and table.rows:
            console.print(table)


def _name(removed: Removed) -> str:
    return "total" if removed.repository is None else removed.repository


def _line(removed: Removed) -> str:
    return (
        f"{_name(removed)}\tmanifests={removed.manifests}\tblobs={removed.blobs}\tbytes={removed.size_bytes}"
    )


def _add(table: Table, removed: Removed) -> None:
    is_total = removed.repository is None
    if is_total and table.rows:
        table.add_section()
    table.add_row(
        terminal.text(_name(removed)),
        str(removed.manifests),
        str(removed.blobs),
        decimal(removed.size_bytes),
        style="bold" if is_total else None,
    )
