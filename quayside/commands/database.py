"""The database for commands: opened for one command, with errors as `CommandError`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quayside.commands import CommandError
from quayside.settings import secret_key
from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from resolvers.context import ANONYMOUS, Context
from resolvers.errors import QuaysideError
from storage.blobs import open_blob_store
from storage.database import Database, DatabaseError, migrate, require_current
from storage.secrets import Secrets


async def prepare(settings: Settings) -> list[str]:
    """Migrate the database if it is SQLite; otherwise check that it has been migrated.

    Returns the migrations applied. Raises `CommandError`.
    """
    if not settings.is_sqlite:
        await check(settings)
        return []
    try:
        return await migrate(settings.database_url)
    except DatabaseError as error:
        raise CommandError(str(error)) from error


async def check(settings: Settings) -> str:
    """Reach the database and compare its schema with this version's; its dialect. Raises `CommandError`."""
    async with opened(settings) as database:
        return database.dialect


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database as it is, current in the block. Raises `CommandError` unless it is up to date."""
    try:
        database = await Database.connect(settings.database_url, pool_size=1)
        try:
            await require_current(database)
            with database.current():
                yield database
        finally:
            await database.close()
    except DatabaseError as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """A context for resolvers on the prepared database, which is current in the block.

    The viewer is anonymous, since the operator has no account. Raises `CommandError`, also for errors of
    resolvers, and `SettingsError` if there is no secret key and it cannot make one.
    """
    settings = secret_key.ensure(settings)
    await prepare(settings)
    database = await Database.connect(settings.database_url, pool_size=2)
    blobs = open_blob_store(settings.blob_url)
    try:
        with database.current():
            yield Context(
                viewer=ANONYMOUS, site=site_of(settings), blobs=blobs, secrets=Secrets(settings.secret_key)
            )
    except QuaysideError as error:
        raise CommandError(error.message) from error
    finally:
        await blobs.close()
        await database.close()
