"""What both pools of connections share: writes outside of transactions that read-only mode suspends.

Such a write gets a transaction of its own, where it is checked like all others: alone it could wait for a
lock for long after it was checked.
"""

from typing import Any

from tortoise.connection import get_connection

from storage.readonly import is_suspended_when_on
from storage.transactions import open_transaction, transaction

WRITES = ("INSERT", "UPDATE", "DELETE")


class Suspended:
    """Mixed into a Tortoise client outside of transactions, in front of its statement methods."""

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        if not _is_alone(query):
            return await super().execute_insert(query, values)  # type: ignore[misc]
        async with transaction("statement"):
            return await get_connection("default").execute_insert(query, values)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        if not _is_alone(query):
            await super().execute_many(query, values)  # type: ignore[misc]
            return
        async with transaction("statement"):
            await get_connection("default").execute_many(query, values)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        if not _is_alone(query):
            return await super().execute_query(query, values)  # type: ignore[misc]
        async with transaction("statement"):
            return await get_connection("default").execute_query(query, values)

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        if not _is_alone(query):
            return await super().execute_query_dict(query, values)  # type: ignore[misc,no-any-return]
        async with transaction("statement"):
            return await get_connection("default").execute_query_dict(query, values)


def _is_alone(query: str) -> bool:
    return is_suspended_when_on() and open_transaction.get() is None and query.lstrip()[:6].upper() in WRITES
