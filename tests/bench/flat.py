"""Measures whether queries cost the same with a hundred thousand rows as with a thousand."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from quayside.settings.settings import load_settings
from storage.blobs import open_blob_store
from storage.database import Database, migrate
from storage.statements import count_statements
from tests.factories import Factory
from tests.plugins import postgres

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 15


async def measured(ask: Callable[[], Awaitable[object]]) -> tuple[float, int]:
    """The minimum of the times in ms, and the number of statements, including authentication."""
    await ask()
    with count_statements() as count:
        await ask()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    return min(times), len(count.statements)


def report(found: Mapping[str, Sequence[tuple[float, int]]]) -> None:
    """Print a line for each query: its cost at each size, and the ratio of last to first."""
    print(f"{'':34}" + "".join(f"{size:>22,}" for size in SIZES))
    for question, row in found.items():
        cells = "".join(f"{ms:10.2f} ms {count:2} stmts" for ms, count in row)
        print(f"{question:34}{cells}   ratio {row[-1][0] / row[0][0]:5.2f}")


async def on_fresh_database(
    measure: Callable[[Factory], Awaitable[None]], *, address: str | None = None
) -> None:
    """Measure on a fresh SQLite database, or on an empty one of PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        url = address or f"sqlite://{Path(directory) / 'quayside.db'}"
        settings = load_settings(
            {"DATA_DIR": directory, "DATABASE_URL": url, "BLOB_URL": "memory:", "SECRET_KEY": "k" * 32}, {}
        )
        await migrate(url)
        database = await Database.connect(url)
        database.make_current()
        try:
            await measure(Factory.of(settings, database, open_blob_store("memory:")))
        finally:
            await database.close()


def on_every_database(measure: Callable[[Factory], Awaitable[None]], *, module: str) -> None:
    """Measure on SQLite, then on a PostgreSQL of our own where that is installed.

    The object mapper caches statements of one database, so PostgreSQL is measured in another process: this
    module again, with the URL.
    """
    if len(sys.argv) > 1:
        print("\nPostgreSQL", flush=True)
        asyncio.run(on_fresh_database(measure, address=sys.argv[1]))
        return
    print("\nSQLite", flush=True)
    asyncio.run(on_fresh_database(measure))
    programs = postgres.installed()
    if programs is None:
        print("\nPostgreSQL is not installed.")
        return
    server = postgres.start(programs)
    try:
        subprocess.run([sys.executable, "-m", module, f"{server.address}postgres"], check=True)
    finally:
        server.stop()
