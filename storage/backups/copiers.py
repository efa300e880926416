"""Which way of copying a database has."""

from storage.backups.databases import Copier
from storage.backups.postgres import PostgresCopier
from storage.backups.sqlite import SqliteCopier
from storage.database import dialect_of, sqlite_path


def copier_of(url: str) -> Copier:
    """How the database at `url` is copied. Raises `BackupError`."""
    if dialect_of(url) == "sqlite":
        return SqliteCopier(sqlite_path(url))
    return PostgresCopier(url)
