"""`quayside migrate`: applies migrations under a lock, so it may run concurrently."""

import argparse
import asyncio
import sys

from quayside.commands import settings_of
from quayside.commands.database import establish
from storage.database import Migration


def run(arguments: argparse.Namespace) -> int:
    """Apply the missing migrations and print their names, one a line; makes the registry if there is none."""
    settings = settings_of(arguments)
    _, applied = asyncio.run(establish(settings, _announce, keeps_copy=not arguments.no_copy))
    for name in applied:
        print(name)
    if not applied:
        print("The database is up to date.", file=sys.stderr)
    return 0


def _announce(migration: Migration) -> None:
    if migration.copy is not None:
        print(f"Keeping a copy of the database as it is: {migration.copy}", file=sys.stderr, flush=True)
