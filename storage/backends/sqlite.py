"""The SQLite client: immediate transactions, durable commits, and a read connection of its own.

Tortoise opens transactions with a plain BEGIN, which fails with "database is locked" when two processes read
and then write; BEGIN IMMEDIATE waits instead. Tortoise also has only one connection, so a read would wait for
an open transaction; here reads outside transactions have a second, read-only connection.
"""

import asyncio
import sqlite3
import time
from typing import Any, cast

import aiosqlite
from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError, TransactionManagementError

from storage.backends.measured import Measured, record
from storage.backends.suspended import Suspended
from storage.outage import answering

BUSY_TIMEOUT_MS = 30_000


class QuaysideSqliteClient(Suspended, Measured, SqliteClient):
    """One write connection (`synchronous=FULL`: commits survive power loss) and one read connection."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        self.pragmas |= {
            "busy_timeout": BUSY_TIMEOUT_MS,
            "synchronous": "FULL",
            "journal_size_limit": 64 * 1024 * 1024,
        }
        self._reader: aiosqlite.Connection | None = None
        self._reader_lock = asyncio.Lock()

    async def create_connection(self, with_db: bool) -> None:
        await super().create_connection(with_db)
        if self._reader is None:
            reader = await aiosqlite.connect(self.filename, isolation_level=None)
            reader._conn.row_factory = sqlite3.Row
            await reader.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            await reader.execute("PRAGMA query_only=ON")
            self._reader = reader

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        await super().close()

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        if not _is_read(query):
            return await super().execute_query(query, values)
        rows = await self._read(query, values)
        return len(rows), rows

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        if not _is_read(query):
            return await super().execute_query_dict(query, values)
        return [dict(row) for row in await self._read(query, values)]

    async def _read(self, query: str, values: list[Any] | None) -> list[Any]:
        if self._reader is None:
            async with self._lock:
                await self.create_connection(with_db=True)
        started = time.perf_counter()
        try:
            with answering():
                async with self._reader_lock:
                    reader = cast(aiosqlite.Connection, self._reader)
                    return list(await reader.execute_fetchall(query, values))
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        finally:
            record(query, started)

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        return ConnectionWrapper(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


class ImmediateTransaction(Measured, SqliteTransactionWrapper):
    """A transaction that takes the write lock at its start (BEGIN IMMEDIATE)."""

    async def begin(self) -> None:
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error

    async def commit(self) -> None:
        try:
            await super().commit()
        except sqlite3.Error:
            # It would stay open, and be committed with the next one, though its caller heard that it failed.
            await self.rollback()
            raise


class ImmediateTransactionContext(SqliteTransactionContext):
    """Lets go of the connection when a transaction cannot begin; the library would hold it for ever."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return cast(TransactionalDBClient, self.connection)


def _is_read(query: str) -> bool:
    return query.lstrip()[:6].upper() in {"SELECT", "WITH R", "EXPLAI"}


client_class = QuaysideSqliteClient
