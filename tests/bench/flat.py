"""Whether what is asked costs the same of a hundred thousand rows as of a thousand: sizes, times, a table."""

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from quayside.config import load_settings
from storage.blobs import open_blob_store
from storage.database import Database, migrate
from storage.statements import count_statements
from tests.factories import Factory

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 15


async def measured(ask: Callable[[], Awaitable[object]]) -> tuple[float, int]:
    """The median of milliseconds, and the statements, the sign-in included."""
    await ask()
    with count_statements() as count:
        await ask()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), len(count.statements)


def report(found: Mapping[str, Sequence[tuple[float, int]]]) -> None:
    """Print a line for each question: what it cost at each size, and the last beside the first."""
    print(f"{'':34}" + "".join(f"{size:>22,}" for size in SIZES))
    for question, row in found.items():
        cells = "".join(f"{ms:10.2f} ms {count:2} stmts" for ms, count in row)
        print(f"{question:34}{cells}   ratio {row[-1][0] / row[0][0]:5.2f}")


async def on_fresh_database(measure: Callable[[Factory], Awaitable[None]]) -> None:
    """Measure on a fresh SQLite database."""
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        url = f"sqlite://{Path(directory) / 'quayside.db'}"
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
