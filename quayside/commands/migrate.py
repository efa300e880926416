"""`quayside migrate`: one process at a time, so it may run beside a server and beside itself."""

import argparse
import asyncio
import sys

from quayside.commands import CommandError, settings_of
from storage.database import DatabaseError, migrate


def run(arguments: argparse.Namespace) -> int:
    """Apply what is missing and print the names of the migrations applied, one a line."""
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
