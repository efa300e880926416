"""Dumps of a database: to check whether something was written, and to undo what a test wrote."""

from storage.statements import Row, execute, fetch, is_postgres
from storage.transactions import transaction

UNIMPORTANT = {"last_accessed_at_ms"}
"""Columns that reads change."""

COUNTERS = ("rate_count", "sign_in_failure")
"""Tables of what is counted although it is refused: it bounds how often one may try."""


FOLLOWING = ("namespace_content", "namespace_size", "repository_size")
"""Tables that triggers keep, as they do those of search: what they hold follows from others."""

FOLLOWED = ("manifest", "repository_blob")
"""The tables that they follow; their triggers read others."""


async def tables() -> list[str]:
    """The names of all tables of the current database, in alphabetical order."""
    rows = await fetch(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        if is_postgres()
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(row["name"] for row in rows)


async def dump() -> dict[str, list[Row]]:
    """All rows of all tables, sorted, since an updated row moves in PostgreSQL."""
    return {
        table: sorted((_important(row) for row in await fetch(f"SELECT * FROM {table}")), key=repr)
        for table in await tables()
    }


async def dump_without_counters() -> dict[str, list[Row]]:
    """What `dump` gives, but for `COUNTERS`."""
    return {table: rows for table, rows in (await dump()).items() if table not in COUNTERS}


async def counts() -> dict[str, int]:
    """How many rows each table has."""
    return {table: (await fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"] for table in await tables()}


def _important(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in UNIMPORTANT}


async def keep() -> list[str]:
    """Copy every table to a place of its own, for `restore`; the names of the tables.

    The search index of SQLite is left out, as triggers keep it in step with what is restored.
    """
    names = [name for name in await tables() if "_search" not in name]
    await execute("CREATE SCHEMA kept" if is_postgres() else "ATTACH DATABASE ':memory:' AS kept")
    for name in names:
        await execute(f"CREATE TABLE kept.{name} AS SELECT * FROM {name}")
    return names


async def restore(*changed: str) -> None:
    """Make tables what they were when `keep` copied them. References between them are not followed."""
    if not is_postgres():
        await execute("PRAGMA foreign_keys = OFF")
    async with transaction("test.restore"):
        if is_postgres():
            await execute("SET LOCAL session_replication_role = replica")
        # Triggers of SQLite would change those, or fail; while they are empty, they do not.
        for name in FOLLOWING:
            await execute(f"DELETE FROM {name}")
        for name in sorted(set(changed) - set(FOLLOWING), key=lambda name: (name in FOLLOWED, name)):
            await execute(f"DELETE FROM {name}")
            await execute(f"INSERT INTO {name} SELECT * FROM kept.{name}")
        for name in FOLLOWING:
            await execute(f"DELETE FROM {name}")
            await execute(f"INSERT INTO {name} SELECT * FROM kept.{name}")
    if not is_postgres():
        await execute("PRAGMA foreign_keys = ON")
