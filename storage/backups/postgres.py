"""Copies of a PostgreSQL database by its own programs, `pg_dump` and `pg_restore`.

They get the address, the password and the TLS options of the URL by their environment, which other users of
this machine cannot read, as they could the command line.
"""

import asyncio
import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TextIO

import asyncpg

from storage.backups.databases import NAMED_BLOBS, REGISTRY, REVISION, Copied, write_row
from storage.backups.directory import create
from storage.backups.manifest import BackupError
from storage.blobs import CHUNK_SIZE
from storage.database import CONNECT_S, Database, require_trigrams
from storage.events import put_behind_end
from storage.refusals import DatabaseError, explained

DUMP: Final = "pg_dump"
RESTORE: Final = "pg_restore"

TABLES: Final = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
_NOT_OURS: Final = re.compile(
    r"\d+; \d+ \d+ (?:COMMENT - )?(?:EXTENSION (?:- )?\w+|SCHEMA (?:- )?public)(?: |$)"
)
"""Entries of a dump that are there in each database, and that only an administrator may make."""

_SEPARATORS: Final = re.compile(r"([\\ ])")
_ESCAPED: Final = r"\\\1"

_VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "database": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
}
"""The environment variables of PostgreSQL's programs, by the options of a URL."""


def environment(url: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment in which PostgreSQL's programs reach the database at `url`. Raises `BackupError`.

    Other options are settings of the session, as they are to the driver.
    """
    parts = urllib.parse.urlsplit(url)
    options = {
        "host": parts.hostname,
        "port": str(parts.port) if parts.port else None,
        "user": urllib.parse.unquote(parts.username or ""),
        "password": urllib.parse.unquote(parts.password or ""),
        "dbname": urllib.parse.unquote(parts.path.lstrip("/")),
    } | dict(urllib.parse.parse_qsl(parts.query))
    made = dict(inherited)
    session: list[str] = []
    for name, value in options.items():
        if not value:
            continue
        if name == "sslpassword":
            raise BackupError(
                f"{DUMP} takes no password of a TLS key from its environment; use a key without one."
            )
        if name in _VARIABLES:
            made[_VARIABLES[name]] = value
        else:
            session.append(f"-c {name}={re.sub(_SEPARATORS, _ESCAPED, value)}")
    if session:
        made["PGOPTIONS"] = " ".join([*filter(None, [made.get("PGOPTIONS")]), *session])
    return made


class PostgresCopier:
    """The database at a URL."""

    suffix = ".dump"

    def __init__(self, url: str) -> None:
        self._url = url
        self._environment = environment(url, os.environ)

    async def prepare(self) -> None:
        async with self._connected() as connection:
            server = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        for program in (DUMP, RESTORE):
            if shutil.which(program) is None:
                raise BackupError(
                    f"{program} is missing; install the client programs of PostgreSQL {server} or newer."
                )
        _, output, _ = await self._run(DUMP, "--version")
        found = re.search(rb"\(PostgreSQL\) (\d+)", output)
        if found is None or int(found[1]) < server:
            version = found[1].decode() if found else "unknown"
            raise BackupError(
                f"{DUMP} is of version {version} and the server of version {server}; install the client "
                f"programs of PostgreSQL {server} or newer."
            )

    async def copy(self, path: Path, blob_list: TextIO) -> Copied:
        async with (
            self._connected() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                await connection.execute(f"SET LOCAL {limit} = 0")
            # The dump and the list are of the same moment.
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            copied = Copied(await connection.fetchval(REVISION))
            async for row in connection.cursor(NAMED_BLOBS, prefetch=1000):
                write_row(blob_list, copied, row["digest"], row["size_bytes"])
            await self._dump(path, snapshot)
        return copied

    async def check(self, path: Path) -> None:
        await self._entries(path)

    async def registry(self) -> str | None:
        async with self._connected() as connection:
            if not await connection.fetchval(TABLES):
                return None
            try:
                mark = await connection.fetchval("SELECT value FROM site_setting WHERE name = $1", REGISTRY)
            except asyncpg.PostgresError:
                return ""
            return mark or ""

    async def restore(self, path: Path) -> None:
        entries = [line for line in await self._entries(path) if not _NOT_OURS.match(line)]
        async with self._connected() as connection:
            name = await connection.fetchval("SELECT current_database()")
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        try:
            database = await Database.connect(self._url, pool_size=1)
            try:
                with database.current():
                    await require_trigrams(database)
                with tempfile.NamedTemporaryFile("w", suffix=".list") as file:
                    file.write("\n".join(entries))
                    file.flush()
                    code, _, errors = await self._run(
                        *(
                            RESTORE,
                            "--single-transaction",
                            "--exit-on-error",
                            "--no-owner",
                            "--no-privileges",
                        ),
                        *(
                            "--no-password",
                            f"--use-list={file.name}",
                            f"--dbname=dbname='{quoted}'",
                            str(path),
                        ),
                    )
                if code:
                    raise BackupError(f"The database was not restored: {_last(errors)}")
            finally:
                await database.close()
        except DatabaseError as error:
            raise BackupError(str(error)) from error

    async def finish(self) -> None:
        try:
            database = await Database.connect(self._url, pool_size=1)
            try:
                with explained(self._url, is_connected=True), database.current():
                    await put_behind_end()
            finally:
                await database.close()
        except DatabaseError as error:
            raise BackupError(str(error)) from error

    async def _entries(self, path: Path) -> list[str]:
        """The table of contents of a dump."""
        code, output, errors = await self._run(RESTORE, "--list", str(path))
        if code:
            raise BackupError(f"{path} cannot be restored by this {RESTORE}: {_last(errors)}")
        return output.decode().splitlines()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """A connection of its own. Raises `BackupError` for whatever the database refuses in the block."""
        try:
            with explained(self._url):
                connection = await asyncpg.connect(self._url, timeout=CONNECT_S)
            try:
                with explained(self._url):
                    yield connection
            finally:
                await connection.close()
        except DatabaseError as error:
            raise BackupError(str(error)) from error

    async def _dump(self, path: Path, snapshot: str) -> None:
        process = await self._start(
            *(DUMP, "--format=custom", "--no-owner", "--no-privileges", "--no-password"),
            f"--snapshot={snapshot}",
        )
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(process.stderr.read())
        try:
            # Through this process: where it is killed, the program ends at its next write.
            with os.fdopen(create(path), "wb") as file:
                while chunk := await process.stdout.read(CHUNK_SIZE):
                    await asyncio.to_thread(file.write, chunk)
            if await process.wait():
                raise BackupError(f"The database could not be copied: {_last(await errors)}")
        except OSError as error:
            raise BackupError(
                f"The database could not be copied to {path.parent}: {error.strerror}."
            ) from error
        finally:
            await _end(process)
            await errors

    async def _run(self, *command: str) -> tuple[int, bytes, bytes]:
        process = await self._start(*command)
        try:
            output, errors = await process.communicate()
            return await process.wait(), output, errors
        finally:
            await _end(process)

    async def _start(self, *command: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise BackupError(f"{command[0]} cannot be run: {error.strerror}.") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _last(errors: bytes) -> str:
    """The last thing that a program said, as a sentence."""
    lines = errors.decode(errors="replace").strip().splitlines()
    named = [line for line in lines if "error" in line] or lines or ["it gave no reason"]
    return named[0].rstrip(".") + "."
