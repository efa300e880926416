"""The PostgreSQL client: Tortoise's asyncpg client, measured, and counting inserted rows as well."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connections

from storage.backends.measured import Measured
from storage.backends.suspended import WRITES, Suspended


class _Counting(AsyncpgDBClient):
    """Counts rows of INSERT: Tortoise reads the first number of the command tag, which is the OID there."""

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        async with self.acquire_connection() as connection:
            if query.lstrip()[:6].upper() in WRITES:
                tag = await connection.execute(query, *(values or ()))
                return int(tag.rpartition(" ")[2]), []
            rows = await connection.fetch(query, *(values or ()))
            return len(rows), rows


class QuaysidePostgresClient(Suspended, Measured, _Counting):
    """A pool of connections; a transaction holds one of them."""

    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        # Only from the whole address does the driver learn what the library does not know, such as sslmode.
        dsn = options.pop("dsn")
        return await asyncpg.create_pool(dsn, **options)

    def _in_transaction(self) -> TransactionContext:
        return PooledTransactionContext(PostgresTransaction(self), self._pool_init_lock)


class PostgresTransaction(Measured, _Counting, TransactionWrapper):
    """One connection of the pool inside a transaction."""


class PooledTransactionContext(TransactionContextPooled):
    """Gives the connection back when a transaction cannot begin; the library would keep it for ever."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool: Any = self.client._parent._pool
        connection = self.client._connection = await pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await pool.release(connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client


client_class = QuaysidePostgresClient
