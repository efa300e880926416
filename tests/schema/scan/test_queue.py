"""`site { scanQueue }`: what waits, what runs, what came of the rest, and what is left."""

import pytest

from resolvers.job_kinds import Run
from resolvers.manifests.examination import SCAN
from resolvers.scan import jobs
from resolvers.scan.queue import OTHERS
from storage.blobs import BlobError, BlobStore
from storage.jobs import ClaimedJob, claim, enqueue, fail, finish
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.scanning import layer, python_package, scan_pushed, tools
from tests.schema.client import GraphQL, Json

QUEUE = """{ site { scanQueue { waitingCount runningCount oldestOrderedAt givenUpCount
  images { state count } lastScannedAt backgroundCount } } }"""
NOTHING = {
    "waitingCount": 0,
    "runningCount": 0,
    "oldestOrderedAt": None,
    "givenUpCount": 0,
    "images": [],
    "lastScannedAt": None,
    "backgroundCount": None,
}


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def queue(caller: GraphQL) -> Json:
    found: Json = (await caller.data(QUEUE))["site"]["scanQueue"]
    return found


async def claimed(kind: str = SCAN) -> ClaimedJob:
    job = await claim("host:1:2", [kind])
    assert job is not None
    return job


async def test_what_waits_and_runs_is_told_and_since_when(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    assert await queue(root) == NOTHING
    await factory.repository("ada/app")
    for number in range(4):
        await factory.image("ada/app", layer(python_package("p", str(number))))
    await execute("UPDATE job SET created_at_ms = 1000 * id WHERE kind = ?", SCAN)
    ids = [row["id"] for row in await fetch("SELECT id FROM job WHERE kind = ? ORDER BY id", SCAN)]

    def waiting(number: int, since: int) -> Json:
        return NOTHING | {"waitingCount": number, "oldestOrderedAt": f"1970-01-01T00:00:{since:02}Z"}

    assert await queue(root) == waiting(4, ids[0])
    first, second = await claimed(), await claimed()
    assert [first.id, second.id] == ids[:2]
    assert await queue(root) == waiting(2, ids[2]) | {"runningCount": 2}
    # One whose process is gone waits for another process.
    await execute("UPDATE job SET lease_until_ms = 1 WHERE id = ?", first.id)
    assert await queue(root) == waiting(3, ids[0]) | {"runningCount": 1}
    # One that is tried again later waits since it was ordered.
    await fail(second, "ValueError: no")
    await fail(await claimed(), "ValueError: no", attempts=1)
    for _ in range(2):
        await finish(await claimed())
    assert await queue(root) == waiting(1, ids[1]) | {"givenUpCount": 1}


async def test_what_came_of_scans_is_counted_and_what_is_left(
    factory: Factory, ada: GraphQL, root: GraphQL, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    for number in range(2):
        await factory.image("ada/app", layer(python_package("p", str(number))))
    await factory.image("ada/app", layer({"../x": b""}))
    await scan_pushed(factory)
    found = await queue(root)
    assert found.pop("lastScannedAt") is not None
    counts = [{"state": "SCANNED", "count": 2}, {"state": "FAILED", "count": 1}]
    assert found == {name: value for name, value in NOTHING.items() if name in found} | {"images": counts}

    # A later version of the scanner finds more in all of them; one cannot be read, as its store is away.
    for table in ("manifest_scan", "scanned_layer"):
        await execute(f"UPDATE {table} SET version = 0")
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")
    read, seen = blobs.read, []

    def broken(digest: str, **more: int) -> object:
        seen.append(digest)
        if len(seen) == 2:
            raise BlobError("the store is away")
        return read(digest, **more)

    monkeypatch.setattr(factory.blobs, "read", broken)
    await enqueue(OTHERS, {})
    job = await claimed(OTHERS)
    run = Run({}, tools(factory), job)

    assert await jobs.scan_others(run) == "2 images were scanned. 1 could not be read."
    await run.note()
    assert (await queue(root))["backgroundCount"] == 1
    # The next run is told of once it has counted.
    await finish(job)
    await enqueue(OTHERS, {})
    job = await claimed(OTHERS)
    assert (await queue(root))["backgroundCount"] == 1
    run = Run({}, tools(factory), job)
    assert await jobs.scan_others(run) == "1 images were scanned."
    await run.note()
    found = await queue(root)
    assert (found["images"], found["backgroundCount"]) == (counts, 0)
