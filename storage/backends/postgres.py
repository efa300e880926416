"""The PostgreSQL client: Tortoise's asyncpg client, measured."""

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionContext, TransactionContextPooled

from storage.backends.measured import Measured


class QuaysidePostgresClient(Measured, AsyncpgDBClient):
    """A pool of connections; a transaction holds one of them."""

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(PostgresTransaction(self), self._pool_init_lock)


class PostgresTransaction(Measured, TransactionWrapper):
    """One connection of the pool inside a transaction."""


client_class = QuaysidePostgresClient
