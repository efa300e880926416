"""The database: connect, make it current for a task, migrate its schema.

    database = await Database.connect("sqlite:///var/lib/quayside/quayside.db")
    with database.current():
        ...                         # statements, models and transactions of this task use it

A `Database` is a value, not a global: two applications in one process do not see each other.
"""

import asyncio
import fcntl
import importlib
import os
import pkgutil
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiofiles

# The library has no public way to set the context of one task that can be nested and repeated.
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext, _current_context
from tortoise.exceptions import IntegrityError, OperationalError

import storage.migrations
from storage.copies import CopyFailed, copy_path, make_copy
from storage.models import MODULES
from storage.refusals import DatabaseError, explained
from storage.space import free_bytes

__all__ = [
    "Database",
    "DatabaseError",
    "IntegrityError",
    "current_revision",
    "latest_revision",
    "migrate",
]

Dialect = Literal["sqlite", "postgres"]

CONNECT_S = 10.0
"""How long a connection to PostgreSQL may take to open, so that a host that is silent is noticed."""

APPLICATION_NAME = "quayside"
"""What PostgreSQL calls our connections, which those of tools such as pg_dump are told from by it."""

_RECORD = "tortoise_migrations"
"""The table in which the library records migrations."""

MIGRATION_LOCK = 0x71756179
"""The PostgreSQL advisory lock under which migrations run."""


def dialect_of(url: str) -> Dialect:
    """The dialect of a database URL. Raises `DatabaseError` for an unknown scheme."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return "sqlite"
    if scheme in {"postgres", "postgresql"}:
        return "postgres"
    raise DatabaseError(f"The database URL scheme {scheme!r} is unknown; use sqlite or postgres.")


def sqlite_path(url: str) -> Path:
    """The file that a `sqlite:///absolute/path` URL names."""
    return Path(urllib.parse.unquote(url.removeprefix("sqlite://")))


def _configuration(url: str, pool_size: int) -> dict[str, Any]:
    if dialect_of(url) == "sqlite":
        connection: dict[str, Any] = {
            "engine": "storage.backends.sqlite",
            "credentials": {"file_path": str(sqlite_path(url))},
        }
    else:
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        connection = {
            "engine": "storage.backends.postgres",
            "credentials": {
                "host": query.get("host", parts.hostname),
                "port": parts.port or 5432,
                "user": urllib.parse.unquote(parts.username or "") or None,
                "password": urllib.parse.unquote(parts.password or "") or None,
                "database": parts.path.lstrip("/"),
                # The driver reads the rest of the address, such as sslmode and sslrootcert.
                "dsn": url,
                "minsize": 1,
                "maxsize": pool_size,
                "timeout": CONNECT_S,
                # Statements here are short, and compiling one takes longer than running it.
                "server_settings": {"jit": "off", "application_name": APPLICATION_NAME},
            },
        }
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": [*MODULES],
                "default_connection": "default",
                "migrations": "storage.migrations",
            }
        },
        "use_tz": True,
    }


def _make_private(path: Path) -> None:
    """Make a file for its owner alone, if it is new; files beside a database get its mode from SQLite."""
    # What is in the way of that, opening the database says better.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


class Database:
    """An open database. Close it: its threads would keep the process from exiting."""

    def __init__(self, url: str, context: TortoiseContext) -> None:
        self.url = url
        self.dialect = dialect_of(url)
        self._context = context

    @classmethod
    async def connect(cls, url: str, *, pool_size: int = 10) -> "Database":
        """Open the database at `url`. Raises `DatabaseError` when it does not answer."""
        if dialect_of(url) == "sqlite":
            sqlite_path(url).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make_private(sqlite_path(url))
        context = TortoiseContext()
        database = cls(url, context)
        try:
            with explained(url), database.current():
                await context.init(config=_configuration(url, pool_size))
                await database.ping()
        except DatabaseError:
            await database.close()
            raise
        return database

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this the database of the running task, and of the tasks that it starts."""
        token = _current_context.set(self._context)
        try:
            yield
        finally:
            _current_context.reset(token)

    def make_current(self) -> None:
        """As `current`, until the running task ends: for long-lived tasks and for tests."""
        _current_context.set(self._context)

    async def ping(self) -> None:
        """Ask the database for an answer. Raises `DatabaseUnavailable`, or what else the driver raises."""
        await self._context.db("default").execute_query("SELECT 1")

    async def free_bytes(self) -> int | None:
        """The free space of the disk that the database is on, in bytes; None for PostgreSQL, elsewhere."""
        if self.dialect == "postgres":
            return None
        return await asyncio.to_thread(free_bytes, sqlite_path(self.url))

    async def close(self) -> None:
        """Close all connections."""
        with self.current():
            await self._context.close_connections()


def revisions() -> list[str]:
    """The names of all migrations that this version knows, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(storage.migrations.__path__))


def latest_revision() -> str:
    """The name of the newest migration, which names the revision of the schema."""
    return revisions()[-1]


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration is about to do: from `revision` (None for a new database) by `steps`, at least one.

    `copy` is where an SQLite database is copied to first; None if it is not.
    """

    revision: str | None
    steps: tuple[str, ...]
    copy: Path | None


def _say_nothing(migration: Migration) -> None:
    pass


async def migrate(
    url: str, *, keeps_copy: bool = True, before: Callable[[Migration], None] = _say_nothing
) -> list[str]:
    """Bring the database at `url` to the newest revision, one process at a time.

    An SQLite database that exists is copied first, unless `keeps_copy` is false. `before` is called before
    anything happens, and only if something will. Returns the names of the migrations applied. Raises
    `DatabaseError` when the database is newer than this version, does not answer, cannot be copied, or lacks
    an extension that the user may not create.
    """
    database = await Database.connect(url, pool_size=2)
    try:
        with explained(url, is_connected=True), database.current():
            async with _migration_lock(database):
                await refuse_newer(database)
                await require_trigrams(database)
                if await applied_revisions(database) == revisions():
                    return []
                # Imported here: where nothing is to be migrated, a start without it is shorter.
                from tortoise.migrations.executor import MigrationTarget

                from storage.schema_states import Executor

                connection = database._context.db("default")
                configuration = _configuration(url, 2)["apps"]
                executor = Executor(connection, configuration)
                plan = await executor.plan([MigrationTarget("models", "__latest__")])
                steps = tuple(step.migration.name for step in plan)
                if steps:
                    await _prepare(database, steps, before, keeps_copy=keeps_copy)
                await executor.migrate([MigrationTarget("models", "__latest__")], direction="forward")
                return list(steps)
    finally:
        await database.close()


async def _prepare(
    database: Database, steps: tuple[str, ...], before: Callable[[Migration], None], *, keeps_copy: bool
) -> None:
    """Announce a migration and keep a copy. Raises `DatabaseError`."""
    applied = await applied_revisions(database)
    revision = applied[-1] if applied else None
    path, copy = sqlite_path(database.url), None
    if revision is not None and keeps_copy and database.dialect == "sqlite":
        copy = copy_path(path, revision)
    before(Migration(revision, steps, copy))
    if copy is not None:
        try:
            await asyncio.to_thread(make_copy, path, copy)
        except CopyFailed as error:
            raise DatabaseError(str(error)) from error


async def require_trigrams(database: Database) -> None:
    """Create the extension pg_trgm unless it exists, before any migration runs. Raises `DatabaseError`."""
    if database.dialect == "sqlite":
        return
    try:
        await database._context.db("default").execute_query("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except (OperationalError, importlib.import_module("asyncpg").PostgresError) as error:
        reason = str(error).partition("\n")[0]
        raise DatabaseError(
            f"The extension pg_trgm is missing and cannot be created ({reason}); let an administrator run"
            " CREATE EXTENSION pg_trgm in the database, or grant this user CREATE on it."
        ) from error


async def applied_revisions(database: Database) -> list[str]:
    """The migrations recorded in the database, in order; empty for a new database."""
    connection = database._context.db("default")
    # A table that this user may not read is in the catalogue, too.
    catalogue = (
        "sqlite_master WHERE name = ?" if database.dialect == "sqlite" else "pg_tables WHERE tablename = $1"
    )
    _, found = await connection.execute_query(f"SELECT 1 FROM {catalogue}", [_RECORD])
    if not found:
        return []
    _, rows = await connection.execute_query(f"SELECT name FROM {_RECORD}")
    return sorted(row["name"] for row in rows)


async def current_revision() -> str:
    """The newest migration of the current database, which newer servers may have migrated."""
    connection = get_connection("default")
    _, rows = await connection.execute_query(f"SELECT MAX(name) AS name FROM {_RECORD}")
    return str(rows[0]["name"])


async def refuse_newer(database: Database) -> None:
    """Raise `DatabaseError` if the database holds migrations that this version does not know."""
    with explained(database.url, is_connected=True), database.current():
        unknown = sorted(set(await applied_revisions(database)) - set(revisions()))
    if unknown:
        raise DatabaseError(
            f"The database is newer than this version: it has revision {unknown[-1]}, this version knows up "
            f"to {latest_revision()}; start a newer quayside."
        )


async def require_current(database: Database) -> None:
    """Raise `DatabaseError` unless the database is at exactly the newest revision."""
    await refuse_newer(database)
    with explained(database.url, is_connected=True), database.current():
        missing = sorted(set(revisions()) - set(await applied_revisions(database)))
    if missing:
        raise DatabaseError(f"The database lacks revision {missing[-1]}; run quayside migrate first.")


@asynccontextmanager
async def _migration_lock(database: Database) -> Any:
    if database.dialect == "sqlite":
        path = sqlite_path(database.url)
        path = path.with_name(f"{path.name}.migrate")
        _make_private(path)
        async with aiofiles.open(path, "w") as lock:
            await asyncio.to_thread(fcntl.flock, lock.fileno(), fcntl.LOCK_EX)
            yield
        return
    # A session-level advisory lock belongs to its connection, so it has one of its own.
    asyncpg = importlib.import_module("asyncpg")
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        yield
    finally:
        await connection.close()
