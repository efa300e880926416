"""The PostgreSQL client: Tortoise's asyncpg client, measured, and counting inserted rows as well."""

from collections.abc import Sequence
from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionContext, TransactionContextPooled
from tortoise.backends.base_postgres.client import translate_exceptions

from storage.backends.measured import Measured

_WRITES = ("INSERT", "UPDATE", "DELETE")


class _Counting(AsyncpgDBClient):
    """Tortoise reads the first number of a command's tag, which for INSERT is not that of the rows."""

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        async with self.acquire_connection() as connection:
            if query.lstrip()[:6].upper() in _WRITES:
                tag = await connection.execute(query, *(values or ()))
                return int(tag.rpartition(" ")[2]), []
            rows = await connection.fetch(query, *(values or ()))
            return len(rows), rows


class QuaysidePostgresClient(Measured, _Counting):
    """A pool of connections; a transaction holds one of them."""

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(PostgresTransaction(self), self._pool_init_lock)


class PostgresTransaction(Measured, _Counting, TransactionWrapper):
    """One connection of the pool inside a transaction."""


client_class = QuaysidePostgresClient
