"""The database for commands: opened for one command, with errors as `CommandError`.

Only `establish` makes a registry or migrates one; everything else wants one that is there and current.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from quayside.commands import CommandError
from quayside.settings import secret_key
from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from resolvers.context import ANONYMOUS, Context
from resolvers.errors import QuaysideError
from storage.backups.marker import is_unfinished
from storage.blobs import open_blob_store
from storage.database import Database, DatabaseError, Migration, migrate, require_current, sqlite_path
from storage.outage import DatabaseUnavailable
from storage.secrets import Secrets


def exists(settings: Settings) -> bool:
    """Whether the database may exist: its file if it is SQLite; PostgreSQL has to be asked."""
    return not settings.is_sqlite or sqlite_path(settings.database_url).exists()


def require_exists(settings: Settings) -> None:
    """Raise `CommandError` if there is no database yet, so that a mistyped directory does not become one."""
    if not exists(settings):
        path = sqlite_path(settings.database_url)
        raise CommandError(
            f"There is no registry in {path.parent}: {path.name} does not exist. Name the directory of the "
            "registry with --data, or make a new one with quayside serve or quayside migrate."
        )


def _require_restored(settings: Settings) -> None:
    """Raise `CommandError` if a restore was killed here: its end would find another registry."""
    if is_unfinished(settings.data_dir):
        raise CommandError(
            f"A restore was begun in {settings.data_dir} and has not ended; run quayside restore again."
        )


async def establish(
    settings: Settings, before: Callable[[Migration], None] = lambda _: None, *, keeps_copy: bool = True
) -> tuple[Settings, list[str]]:
    """Make what is missing of the registry: directory, key, database; and migrate the database.

    Returns the settings with their key, and the migrations applied. `before` is called before migrations.
    Raises `CommandError`, and `SettingsError` if there is no secret key and it cannot make one.
    """
    _require_restored(settings)
    settings = secret_key.ensure(settings)
    try:
        return settings, await migrate(settings.database_url, keeps_copy=keeps_copy, before=before)
    except DatabaseError as error:
        raise CommandError(str(error)) from error


async def check(settings: Settings) -> str:
    """Reach the database and compare its schema with this version's; its dialect. Raises `CommandError`."""
    async with opened(settings) as database:
        return database.dialect


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database, current in the block.

    Raises `CommandError` unless it is there and up to date, and if it no longer answers in the block.
    """
    _require_restored(settings)
    require_exists(settings)
    try:
        database = await Database.connect(settings.database_url, pool_size=2)
        try:
            await require_current(database)
            with database.current():
                yield database
        finally:
            await database.close()
    except (DatabaseError, DatabaseUnavailable) as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """A context for resolvers on the database, which is current in the block.

    The viewer is anonymous, since the operator has no account. Raises `CommandError`, also for errors of
    resolvers, and `SettingsError` without a secret key.
    """
    require_exists(settings)
    settings = secret_key.ensure(settings)
    async with opened(settings):
        blobs = open_blob_store(settings.blob_url, reserve_bytes=settings.disk_reserve)
        try:
            yield Context(
                viewer=ANONYMOUS, site=site_of(settings), blobs=blobs, secrets=Secrets(settings.secret_key)
            )
        except QuaysideError as error:
            raise CommandError(error.message) from error
        finally:
            await blobs.close()
