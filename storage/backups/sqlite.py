"""Copies of an SQLite database, which others may be writing to."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TextIO

from storage.backups.databases import NAMED_BLOBS, REGISTRY, REVISION, Copied, write_row
from storage.backups.directory import create, publish
from storage.backups.manifest import BackupError
from storage.copies import copy_into

TABLES = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class SqliteCopier:
    """The database in one file."""

    suffix = ".db"

    def __init__(self, database: Path) -> None:
        self._database = database

    async def prepare(self) -> None:
        """The library is a part of Python."""

    async def copy(self, path: Path, blob_list: TextIO) -> Copied:
        try:
            return await asyncio.to_thread(self._copy, path, blob_list)
        except (OSError, sqlite3.Error) as error:
            raise BackupError(f"The database could not be copied to {path.parent}: {error}.") from error

    async def check(self, path: Path) -> None:
        """What the manifest says of a copy is all that a version must know."""

    async def registry(self) -> str | None:
        if self._database.exists():
            try:
                with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as connection:
                    if connection.execute(TABLES).fetchone()[0]:
                        return _mark(connection)
            except sqlite3.Error as error:
                raise BackupError(f"{self._database} is in the way, and cannot be read: {error}.") from error
        for end in ("-wal", "-journal"):
            left = self._database.with_name(self._database.name + end)
            if left.exists():
                # SQLite would play it into what is restored.
                raise BackupError(f"{left} is left of another database; remove it first.")
        return None

    async def restore(self, path: Path) -> None:
        try:
            await asyncio.to_thread(self._restore, path)
        except OSError as error:
            raise BackupError(f"{self._database} could not be written: {error.strerror}.") from error

    async def finish(self) -> None:
        """A file says the same everywhere."""

    # What follows blocks, and runs in a thread.

    def _copy(self, path: Path, blob_list: TextIO) -> Copied:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._database)) as source:
            copy_into(source, path)
        with closing(sqlite3.connect(path)) as copy:
            # One file, without a log beside it that could be forgotten.
            copy.execute("PRAGMA journal_mode=DELETE")
            (state,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise BackupError(f"The database is damaged, and no backup was made: {state}.")
            copied = Copied(copy.execute(REVISION).fetchone()[0])
            for digest, size in copy.execute(NAMED_BLOBS):
                write_row(blob_list, copied, digest, size)
        return copied

    def _restore(self, path: Path) -> None:
        self._database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._database.with_name(f"{self._database.name}.restored")
        with path.open("rb") as source, os.fdopen(create(partial), "wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
        publish(partial, self._database)


def _mark(connection: sqlite3.Connection) -> str:
    """The mark of a registry; an empty text if it has none, or if the tables are of something else."""
    try:
        row = connection.execute("SELECT value FROM site_setting WHERE name = ?", (REGISTRY,)).fetchone()
    except sqlite3.OperationalError:
        return ""
    return str(row[0]) if row else ""
