"""The audit log with 1,000 and 5,000,000 entries: the time of a page and of the counts of a month."""

import asyncio
import re
import sqlite3
import tempfile
import time
from pathlib import Path

import httpx

from resolvers.record import audit
from storage.database import Database
from tests.bench import content
from tests.bench.load import Rate, hammer
from tests.bench.servers import Server, start_quayside

SIZES = (1_000, 5_000_000)
MONTH_MS = 30 * 86_400_000

FILL = """
WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
INSERT INTO audit_log (kind, metadata, namespace_id, repository_id, performer_id, ip, created_at_ms)
SELECT CASE i % 5 WHEN 0 THEN 'push_repo' ELSE 'pull_repo' END, '{"repo": "app"}',
  (SELECT id FROM account WHERE name = ?), 1, (SELECT id FROM account WHERE name = ?), '192.0.2.1',
  ? + i * 1.0 / ? * ? FROM n
"""


def measure() -> list[tuple[str, Rate, float]]:
    """A page of the log and its counts by day, at each size: name, rate, statements of one request.

    On a separate server with an empty log.
    """
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        server = start_quayside(Path(directory), owner=content.OWNER)
        try:
            return _measure(server, Path(directory), content.OWNER)
        finally:
            server.stop()


def _measure(server: Server, data: Path, owner: str) -> list[tuple[str, Rate, float]]:
    results = []
    filled = 0
    for size in SIZES:
        _fill(data, owner, filled, size)
        filled = size
        asyncio.run(_roll_up(data))
        since = time.strftime("%m/%d/%Y", time.gmtime(time.time() - 29 * 86_400))
        for name, path in (("page", "logs"), ("counts of a month", "aggregatelogs")):
            address = f"/api/v1/user/{path}?starttime={since}"
            rate = hammer(server, address, server.headers())
            results.append((f"log {name}, {size:,} entries", rate, _statements(server, address)))
    return results


def _fill(data: Path, owner: str, first: int, behind_last: int) -> None:
    connection = sqlite3.connect(data / "quayside.db", timeout=60)
    start = time.time_ns() // 1_000_000 - MONTH_MS
    with connection:
        connection.execute(FILL, (first, behind_last, owner, owner, start, behind_last, MONTH_MS - 300_000))
    connection.close()


async def _roll_up(data: Path) -> None:
    database = await Database.connect(f"sqlite://{data}/quayside.db", pool_size=1)
    with database.current():
        await audit.roll_up()
    await database.close()


def _statements(server: Server, address: str) -> float:
    """The statements of one request, from the metrics of the server."""
    before = _count(server)
    httpx.get(f"{server.url}{address}", headers=server.headers()).raise_for_status()
    return _count(server) - before


def _count(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    found = re.search(r"^quayside_statements_total ([\d.e+]+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])
