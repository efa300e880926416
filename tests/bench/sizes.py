"""The cost of keeping sizes: a push into a namespace with and without the triggers that keep them.

    python -m tests.bench.sizes

Two servers in this process, on a database each, take the same requests in turn; from one of the databases the
triggers are dropped.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx

from quayside.app import create_app
from quayside.settings.settings import Settings, load_settings
from storage.database import Database, migrate
from storage.statements import execute, fetch, is_postgres
from tests.plugins import postgres
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, create_users

LAYERS = 10
PUTS = 400
FIRST = 50
"""Requests that are not counted."""


async def drop_triggers(settings: Settings) -> None:
    """Drop what keeps the sizes."""
    database = await Database.connect(settings.database_url)
    with database.current():
        if is_postgres():
            rows = await fetch(
                "SELECT t.tgname AS name, c.relname AS place FROM pg_trigger t"
                " JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE NOT t.tgisinternal AND c.relname IN ('manifest', 'repository_blob')"
            )
        else:
            rows = await fetch(
                "SELECT name, tbl_name AS place FROM sqlite_master WHERE type = 'trigger'"
                " AND tbl_name IN ('manifest', 'repository_blob')"
            )
        assert rows
        for row in rows:
            await execute(f"DROP TRIGGER {row['name']}" + (f" ON {row['place']}" if is_postgres() else ""))
    await database.close()


async def timed(repository: kit.Repository, body: bytes) -> float:
    """The milliseconds of a manifest PUT."""
    started = time.perf_counter()
    answer = await repository.put_manifest("latest", body)
    seconds = time.perf_counter() - started
    assert answer.status_code == 201, answer.text
    return seconds * 1000


async def measure(urls: tuple[str, str]) -> None:
    """Measure manifest PUTs on two empty databases, of which the second loses its triggers."""
    layers = [f"layer {number}".encode() for number in range(LAYERS)]
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="quayside-bench-"))
        repositories = []
        for url in urls:
            await migrate(url)
            environ = {
                "DATA_DIR": directory,
                "DATABASE_URL": url,
                "BLOB_URL": "memory:",
                "SECRET_KEY": "k" * 32,
            }
            settings = load_settings(environ, {})
            # Only what keeps sizes is compared, not what holds pushes to a quota.
            settings = replace(settings, features=settings.features - {"QUOTA_MANAGEMENT"})
            await create_users(settings, OWNER)
            if url == urls[1]:
                await drop_triggers(settings)
            app = create_app(settings, jobs=False)
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url=settings.public_url,
                auth=kit.TokenFlow(OWNER, PASSWORD),
            )
            repositories.append(kit.Repository(await stack.enter_async_context(client), f"{OWNER}/app"))
            await repositories[-1].push_blobs(kit.CONFIG, *layers)
        times: list[list[float]] = [[], []]
        for number in range(FIRST + PUTS):
            body = kit.encode(kit.image_document(*layers, annotations={"number": str(number)}))
            # Each goes first as often as the other.
            for place in (0, 1) if number % 2 else (1, 0):
                times[place].append(await timed(repositories[place], body))
    # The first decile: what else runs on the machine disturbs medians more than the difference.
    with_sizes, without = (statistics.quantiles(row[FIRST:], n=10)[0] for row in times)
    print(
        f"manifest PUT, {LAYERS} layers: {with_sizes:6.2f} ms with sizes kept, {without:6.2f} ms without,"
        f"   ratio {with_sizes / without:5.2f}",
        flush=True,
    )


async def on_postgres(address: str) -> None:
    """Measure on two databases of a PostgreSQL server."""
    connection = await asyncpg.connect(f"{address}postgres")
    for name in ("with", "without"):
        await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    await measure((f"{address}with", f"{address}without"))


def main() -> None:
    """Measure on SQLite, then, in another process, on a PostgreSQL of our own where that is installed."""
    if len(sys.argv) > 1:
        print("\nPostgreSQL", flush=True)
        asyncio.run(on_postgres(sys.argv[1]))
        return
    print("\nSQLite", flush=True)
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        urls = [f"sqlite://{Path(directory) / name}.db" for name in ("with", "without")]
        asyncio.run(measure((urls[0], urls[1])))
    programs = postgres.installed()
    if programs is None:
        print("\nPostgreSQL is not installed.")
        return
    server = postgres.start(programs)
    try:
        subprocess.run([sys.executable, "-m", "tests.bench.sizes", server.address], check=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
