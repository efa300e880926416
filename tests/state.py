"""All that a database holds, to tell whether something was written."""

from storage.statements import Row, fetch, is_postgres

UNIMPORTANT = {"last_accessed_at_ms"}
"""Columns that reading changes."""


async def tables() -> list[str]:
    """The names of all tables of the current database, in alphabetical order."""
    rows = await fetch(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        if is_postgres()
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(row["name"] for row in rows)


async def dump() -> dict[str, list[Row]]:
    """Every row of every table, in an order of its own: a row that is touched moves in PostgreSQL."""
    return {
        table: sorted((_important(row) for row in await fetch(f"SELECT * FROM {table}")), key=repr)
        for table in await tables()
    }


async def counts() -> dict[str, int]:
    """How many rows each table has."""
    return {table: (await fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"] for table in await tables()}


def _important(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in UNIMPORTANT}
