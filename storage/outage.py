"""When the database does not answer: what the drivers say then, told apart from faults of ours.

Every statement, and the beginning and the end of every transaction, runs inside `answering`, so that whoever
serves requests has one error to look for.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from tortoise.exceptions import BaseORMException, DBConnectionError

logger = logging.getLogger("quayside.database")

RETRY_AFTER_S: Final = 5
"""What clients are told to wait; a restart of PostgreSQL takes about as long."""

SENTENCE: Final = "The database does not answer at present; try again later."

_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes: another process holds the file, or the disk does not give or take it."""

_POSTGRES: Final = (
    "08",  # the connection broke
    "25006",  # a standby, which takes no writes, before or after it took over
    "28",  # the server no longer lets us in
    "3D",  # the database is gone
    "53",  # too many connections, no memory, no disk
    "57P",  # shut down, starting up, crashed
    "58",  # the system below the server failed
)
"""Beginnings of SQLSTATE (PostgreSQL, appendix A). A cancelled statement, 57014, is none of them."""


class DatabaseUnavailable(Exception):
    """The database does not answer; the same may work in a few seconds."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)


@contextmanager
def answering() -> Iterator[None]:
    """Turn what a driver says of a database that is away into `DatabaseUnavailable`, and log it."""
    try:
        yield
    except Exception as error:
        if not _is_outage(error):
            raise
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        logger.warning("the database does not answer", extra={"reason": reason})
        raise DatabaseUnavailable from error


def _is_outage(error: Exception) -> bool:
    cause = error
    if isinstance(error, BaseORMException) and error.args and isinstance(error.args[0], Exception):
        # The object mapper wraps what the driver raised.
        cause = error.args[0]
    if isinstance(cause, sqlite3.Error):
        # The codes of a result are refined in its higher bytes.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    if isinstance(cause, asyncpg.PostgresError):
        return str(getattr(cause, "sqlstate", "")).startswith(_POSTGRES)
    if isinstance(cause, asyncpg.InterfaceError):
        # Misuse is told in the same class; only the text says that the connection has ended.
        return str(cause).endswith(("is closed", "is closing"))
    return isinstance(cause, OSError | DBConnectionError)
