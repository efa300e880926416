"""Which errors of the drivers mean that the database is away, and which are faults of ours."""

import errno
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from tortoise.exceptions import OperationalError

from storage.outage import FULL, DatabaseFull, DatabaseUnavailable, answering

AWAY = [
    ConnectionRefusedError("Connect call failed"),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.InvalidCatalogNameError("database does not exist"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    OperationalError(asyncpg.CrashShutdownError("terminating connection because of crash")),
]

OURS = [
    ValueError("no"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.UniqueViolationError("duplicate key value"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.DataError("invalid input for query argument $1"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    OperationalError(asyncpg.UndefinedTableError("relation does not exist")),
    OperationalError("no such table"),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_what_passes_by_itself_is_an_outage(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable) as raised, answering():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", OURS, ids=repr)
def test_what_stays_wrong_is_none(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, answering():
        raise error
    assert raised.value is error


def test_a_file_that_another_holds_is_away_and_a_wrong_statement_is_not(tmp_path: Path) -> None:
    one, other = (sqlite3.connect(tmp_path / "q.db", isolation_level=None, timeout=0) for _ in range(2))
    one.execute("BEGIN EXCLUSIVE")

    with pytest.raises(DatabaseUnavailable), answering():
        other.execute("SELECT * FROM sqlite_master")
    with pytest.raises(DatabaseUnavailable), answering():
        sqlite3.connect(tmp_path / "absent" / "q.db")
    with pytest.raises(sqlite3.OperationalError), answering():
        one.execute("SELECT * FROM nothing")
    for connection in (one, other):
        connection.close()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError("could not extend file"),
        OperationalError(asyncpg.DiskFullError("could not extend file")),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
    ids=repr,
)
def test_a_full_disk_has_a_sentence_of_its_own(error: Exception) -> None:
    with pytest.raises(DatabaseFull, match=FULL), answering():
        raise error


def test_a_disk_that_takes_no_more_is_away(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "q.db", isolation_level=None)
    connection.execute("PRAGMA max_page_count=2")
    connection.execute("CREATE TABLE t (x)")

    with pytest.raises(DatabaseFull, match=FULL), answering():
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
