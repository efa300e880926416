"""Plain SQL, for lists, joins and counters, where the model layer would be slower and no clearer.

Statements are written once for both databases, with `?` for values, which becomes `$1`, `$2` … for
PostgreSQL. They run in the open transaction of the task, if there is one.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from tortoise.connection import get_connection

from storage.backends.measured import StatementCount, statement_count
from storage.clock import now_ms

Row = dict[str, Any]

T = TypeVar("T")


def is_postgres() -> bool:
    """Whether the current database is PostgreSQL."""
    return get_connection("default").capabilities.dialect == "postgres"


@lru_cache(maxsize=1024)
def _numbered(sql: str) -> str:
    pieces = sql.split("?")
    return pieces[0] + "".join(f"${number}{piece}" for number, piece in enumerate(pieces[1:], start=1))


async def fetch(sql: str, *values: Any) -> list[Row]:
    """All rows of a query, as dicts by column name."""
    connection = get_connection("default")
    if connection.capabilities.dialect == "postgres":
        sql = _numbered(sql)
    return await connection.execute_query_dict(sql, list(values))


async def fetch_one(sql: str, *values: Any) -> Row | None:
    """The first row of a query, or None."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


def shared_now() -> str:
    """SQL of the current time by the one clock that all processes share: that of PostgreSQL, or of this host.

    For leases, which one host grants and another one judges.
    """
    if is_postgres():
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    return str(now_ms())


async def execute(sql: str, *values: Any) -> int:
    """Run a statement that changes rows; returns how many it changed."""
    connection = get_connection("default")
    if connection.capabilities.dialect == "postgres":
        sql = _numbered(sql)
    count, _ = await connection.execute_query(sql, list(values))
    return count


INSERT_BATCH = 100
"""Rows per statement; asyncpg does not cache longer prepared statements."""


async def insert_many(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    fixed: Mapping[str, str] | None = None,
    unless: str | None = None,
) -> None:
    """Insert rows, 100 per statement. `fixed` has columns whose value is an SQL expression.

    `unless` is a unique column: rows whose value it has already are left out.
    """
    ending = f" ON CONFLICT ({unless}) DO NOTHING" if unless else ""
    names = ", ".join([*columns, *(fixed or {})])
    row = f"({', '.join(['?'] * len(columns) + [*(fixed or {}).values()])})"
    for batch in batches(rows, INSERT_BATCH):
        await execute(
            f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * len(batch))}{ending}",
            *(value for values in batch for value in values),
        )


def first_of_each(each: str, table: str, rows: str) -> str:
    """A lateral join: the query for the ids that the query `rows` selects for each row of the query `each`.

    `rows` selects ids of the table and refers to the row as `each_row`; its LIMIT is the top n per row.
    """
    if is_postgres():
        return f"SELECT one.id FROM ({each}) each_row CROSS JOIN LATERAL ({rows}) one"
    return f"SELECT one.id FROM ({each}) each_row CROSS JOIN {table} one WHERE one.id IN ({rows})"


def nested_loop(found: str, columns: str, source: str, where: str) -> str:
    """A nested loop join: the query for columns of the rows of `source` that match rows of the query `found`.

    `where` refers to a row of that query as `found`. The rows are looked up one by one, by an index;
    PostgreSQL would otherwise scan a table of medium size, even for few rows.
    """
    if is_postgres():
        rows = f"SELECT {columns} FROM {source} WHERE {where} OFFSET 0"
        return f"SELECT one.* FROM ({found}) found CROSS JOIN LATERAL ({rows}) one"
    # CROSS JOIN fixes the order for SQLite.
    return f"SELECT {columns} FROM ({found}) found CROSS JOIN {source} WHERE {where}"


def keyset_condition(
    equal: Sequence[tuple[str, str]], term: str, *, is_after: bool, descending: bool = False
) -> tuple[str, str]:
    """The keyset condition and ORDER BY for rows with `column = value` for all of `equal`, ordered by `term`.

    An index over these columns and the term answers them. With `is_after` the condition takes one value, and
    holds for terms greater than it, or smaller if `descending`: the index is read backwards.
    """
    behind, bound, direction = ("<", ">=", " DESC") if descending else (">", "<=", "")
    *outer, (column, value) = equal
    same = [f"{name} = {one}" for name, one in outer]
    if not is_postgres():
        place = [f"{term} {behind} ?"] if is_after else []
        return " AND ".join([*same, f"{column} = {value}", *place]), f"{term}{direction}"
    # With `=` for the last column too, PostgreSQL could choose any index in the order of the term and read it
    # to its end. A row comparison bounds the scan only by its first column, so `<=` bounds the column again.
    start = f"({column}, {term}) {behind} ({value}, ?)" if is_after else f"{column} {behind}= {value}"
    order = ", ".join(f"{name}{direction}" for name in (*(name for name, _ in equal), term))
    return " AND ".join([*same, start, f"{column} {bound} {value}"]), order


def batches(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The values in batches for one statement each, since databases bound the number of parameters."""
    return (values[start : start + size] for start in range(0, len(values), size))


async def in_batches(values: AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """The values in their order, in lists of at most `size`, none of them empty."""
    batch: list[T] = []
    async for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def placeholders(values: Sequence[Any]) -> str:
    """`?, ?, ?` for an IN list. The list must not be empty: an empty IN is not portable."""
    if not values:
        raise ValueError("an IN list needs at least one value")
    return ", ".join("?" * len(values))


def among(ids: Collection[int]) -> tuple[str, Any]:
    """`= one of` these ids as the end of an SQL condition, with the one parameter that holds them all.

    For lists that may be longer than an IN list, and for those of any length, so that the text of the
    statement is always the same.
    """
    if is_postgres():
        return "= ANY(CAST(? AS BIGINT[]))", [*ids]
    return "IN (SELECT value FROM json_each(?))", orjson.dumps([*ids]).decode()


def decode_json(value: Any) -> Any:
    """The value of a JSON column in a raw row, where drivers return text."""
    return orjson.loads(value) if isinstance(value, (str, bytes)) else value


@contextmanager
def count_statements() -> Iterator[StatementCount]:
    """Count the statements of this task and its children, e.g. to find N+1."""
    count = StatementCount()
    token = statement_count.set(count)
    try:
        yield count
    finally:
        statement_count.reset(token)
