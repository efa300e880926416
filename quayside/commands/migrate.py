"""`quayside migrate`: applies migrations under a lock, so it may run concurrently."""

import argparse
import asyncio
import sys

from quayside.commands import CommandError, settings_of
from storage.database import DatabaseError, migrate


def run(arguments: argparse.Namespace) -> int:
    """Apply the missing migrations and print their names, one a line."""
    settings = settings_of(arguments)
    try:
        applied = asyncio.run(migrate(settings.database_url))
    except DatabaseError as error:
        raise CommandError(str(error)) from error
    for name in applied:
        print(name)
    if not applied:
        print("The database is up to date.", file=sys.stderr)
    return 0
