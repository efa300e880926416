"""The recount of a namespace with 100,000 manifests and 50,000 blobs, whose figures are right or wrong.

    python -m tests.bench.recount

Works in this process, on SQLite and PostgreSQL. Memory is the growth of the peak of resident memory.
"""

from resolvers.sizes.recount import recount
from storage.statements import execute, fetch_one, is_postgres
from storage.transactions import transaction
from tests.bench.flat import on_every_database
from tests.bench.many import numbers
from tests.bench.pruning import TAGS, fill, measured
from tests.factories import Factory

BLOBS = 50_000
STEP = 10_000


async def fill_blobs(repository_id: int) -> None:
    """Write blobs, and rights to them, as rows."""
    padded = "lpad(CAST(n AS TEXT), 6, '0')" if is_postgres() else "printf('%06d', n)"
    for start in range(0, BLOBS, STEP):
        async with transaction("bench.fill_blobs"):
            await execute(
                "INSERT INTO blob (digest, size_bytes, created_at_ms)"
                f" SELECT 'sha256:{'f' * 58}' || {padded}, 1000 + n, 1 FROM ({numbers()}) numbers",
                start,
                start + STEP - 1,
            )
            await execute(
                "INSERT INTO repository_blob (repository_id, blob_id, created_at_ms)"
                f" SELECT CAST(? AS BIGINT), b.id, 1 FROM blob b JOIN ({numbers()}) numbers"
                f" ON b.digest = 'sha256:{'f' * 58}' || {padded}",
                repository_id,
                start,
                start + STEP - 1,
            )


async def measure(factory: Factory) -> None:
    """Fill a repository, then count: twice what is right, once what is not."""
    await factory.user("ada")
    record = await factory.repository("ada/app")
    await fill(record.id)
    await fill_blobs(record.id)
    await execute("ANALYZE")
    row = await fetch_one("SELECT COUNT(*) AS number FROM namespace_content")
    assert row is not None
    assert row["number"] == TAGS + BLOBS

    async def run() -> int:
        return len([difference async for difference in recount()])

    await measured("recount, all right", run, "differences")
    await execute(
        "UPDATE namespace_content SET holders = 2 WHERE id IN (SELECT MAX(id) FROM namespace_content)"
    )
    await measured("recount that mends", run, "differences")
    await measured("recount after that", run, "differences")


if __name__ == "__main__":
    on_every_database(measure, module="tests.bench.recount")
