"""The database as commands use it: opened for one command, with failures in a sentence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quayside.commands import CommandError
from quayside.config import Settings
from storage.database import Database, DatabaseError, migrate, require_current


async def prepare(settings: Settings) -> list[str]:
    """Make the database ready to serve: the embedded one is migrated, any other must have been.

    Returns the migrations applied. Raises `CommandError`.
    """
    try:
        if settings.is_sqlite:
            return await migrate(settings.database_url)
        database = await Database.connect(settings.database_url, pool_size=1)
        try:
            await require_current(database)
        finally:
            await database.close()
    except DatabaseError as error:
        raise CommandError(str(error)) from error
    return []


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The prepared database, current in the block. Raises `CommandError`."""
    await prepare(settings)
    database = await Database.connect(settings.database_url, pool_size=2)
    try:
        with database.current():
            yield database
    finally:
        await database.close()
