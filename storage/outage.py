"""Database outages: turns the errors that drivers raise then into one, `DatabaseUnavailable`.

Every statement, and the start and the end of every transaction, runs inside `answering`, so that doors have
one error to handle (503 with Retry-After).
"""

import logging
import sqlite3
from contextlib import AbstractContextManager
from typing import Final

import asyncpg
from tortoise.exceptions import BaseORMException, DBConnectionError

from storage.space import is_full

logger = logging.getLogger("quayside.database")

RETRY_AFTER_S: Final = 5
"""Retry-After of the answers, in seconds; a restart of PostgreSQL takes about as long."""

SENTENCE: Final = "The database does not answer at present; try again later."
FULL: Final = "The database has no space left for this; whoever runs the registry has to make room."

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
"""Primary result codes: another process holds the lock of the file, or the disk fails or is full."""

_POSTGRES: Final = (
    "08",  # the connection broke
    "25006",  # a standby, which takes no writes, before or after it took over
    "28",  # authentication failed
    "3D",  # the database does not exist
    "53",  # too many connections, no memory, no disk
    "57P",  # shut down, starting up, crashed
    "58",  # system error outside PostgreSQL
)
"""Prefixes of SQLSTATE (PostgreSQL, appendix A). They do not include 57014, a cancelled statement."""


class DatabaseUnavailable(Exception):
    """The database does not answer; a retry in a few seconds may succeed. The message is for clients."""

    def __init__(self, sentence: str = SENTENCE) -> None:
        super().__init__(sentence)


class DatabaseFull(DatabaseUnavailable):
    """The database has no space for a write. What needs none, such as reading, goes on."""

    def __init__(self) -> None:
        super().__init__(FULL)


class _Answering(AbstractContextManager[None]):
    # One object without state serves all: a generator for each statement costs a pull a few percent.
    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and _is_outage(error):
            reason = reason_of(error)
            if _is_full(wrapped_error(error)):
                logger.error("the database has no space left", extra={"reason": reason})
                raise DatabaseFull from error
            logger.warning("the database does not answer", extra={"reason": reason})
            raise DatabaseUnavailable from error


_ANSWERING: Final = _Answering()


def reason_of(error: BaseException) -> str:
    """The first line of an error's text, or its type."""
    return (str(error) or type(error).__name__).partition("\n")[0]


def answering() -> AbstractContextManager[None]:
    """Log an error of the driver that means an outage, and raise `DatabaseUnavailable` instead."""
    return _ANSWERING


def wrapped_error(error: Exception) -> Exception:
    """The error of the driver, which Tortoise wraps."""
    if isinstance(error, BaseORMException) and error.args and isinstance(error.args[0], Exception):
        return error.args[0]
    return error


def sqlite_code(error: sqlite3.Error) -> int:
    """The primary result code: the lowest byte, which the higher bytes extend."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _is_full(cause: Exception) -> bool:
    if isinstance(cause, sqlite3.Error):
        return sqlite_code(cause) == sqlite3.SQLITE_FULL
    return isinstance(cause, asyncpg.DiskFullError) or is_full(cause)


def _is_outage(error: Exception) -> bool:
    cause = wrapped_error(error)
    if isinstance(cause, sqlite3.Error):
        return sqlite_code(cause) in _SQLITE
    if isinstance(cause, asyncpg.PostgresError):
        return str(getattr(cause, "sqlstate", "")).startswith(_POSTGRES)
    if isinstance(cause, asyncpg.InterfaceError):
        # The class is also raised for misuse; only the text tells that the connection is closed.
        return str(cause).endswith(("is closed", "is closing"))
    return isinstance(cause, OSError | DBConnectionError)
