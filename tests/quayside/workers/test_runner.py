"""The job runner: what it enqueues, claims, retries and hands over; and the handlers through it."""

import asyncio
from typing import Any

import pytest

from quayside.settings.settings import Settings
from quayside.workers.handlers import HANDLERS, Tools
from quayside.workers.runner import LEASE_NAME, Runner
from quayside.workers.schedule import SCHEDULE
from resolvers.accounts import organization
from resolvers.content import upload
from resolvers.repositories import repository
from storage.blobs import BlobStore, UploadUnknown
from storage.clock import now_ms
from storage.database import Database
from storage.jobs import MAXIMUM_ATTEMPTS, claim, enqueue, hold_lease
from storage.statements import execute, fetch, fetch_one
from tests.factories import Factory

HELD_TABLES = ("tag", "manifest", "manifest_body", "manifest_blob", "repository_blob", "repository")


@pytest.fixture
def tools(settings_with_files: Settings, blobs: BlobStore) -> Tools:
    return Tools(settings_with_files, blobs)


async def _work(runner: Runner) -> None:
    while await runner.step():
        pass


async def _states(kind: str) -> list[str]:
    return [row["state"] for row in await fetch("SELECT state FROM job WHERE kind = ? ORDER BY id", kind)]


async def _counts(*tables: str) -> dict[str, int]:
    return {table: (await fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"] for table in tables}


async def test_recurring_jobs_are_enqueued_once(database: Database, tools: Tools) -> None:
    # given two runners that start one after the other
    for _ in range(2):
        await _work(Runner(database, tools))

    # then each recurring job ran once
    for row in SCHEDULE:
        assert await _states(row.kind) == ["done"]


async def test_every_recurring_job_has_a_handler() -> None:
    assert {row.kind for row in SCHEDULE} <= HANDLERS.keys()


async def test_failing_job_is_retried_a_bounded_number_of_times(database: Database, tools: Tools) -> None:
    # given a handler that always fails
    attempts: list[dict[str, Any]] = []

    async def fail(payload: dict[str, Any], tools: Tools) -> None:
        attempts.append(payload)
        raise ValueError("no luck")

    runner = Runner(database, tools, handlers={"test": fail}, only="test")
    await enqueue("test", {"n": 1})

    # when its waits are cut short
    for _ in range(MAXIMUM_ATTEMPTS + 2):
        await execute("UPDATE job SET run_at_ms = 0 WHERE kind = 'test'")
        await runner.step()

    # then it was tried as often as allowed, and what went wrong is on record
    assert attempts == [{"n": 1}] * MAXIMUM_ATTEMPTS
    row = await fetch_one("SELECT state, error, attempts FROM job WHERE kind = 'test'")
    assert row == {"state": "failed", "error": "ValueError: no luck", "attempts": MAXIMUM_ATTEMPTS}


async def test_job_of_a_dead_process_is_taken_over(database: Database, tools: Tools) -> None:
    # given a job that another process claimed and never finished
    done: list[int] = []

    async def note(payload: dict[str, Any], tools: Tools) -> None:
        done.append(payload["n"])

    await enqueue("test", {"n": 7})
    assert await claim("the dead one", ["test"]) is not None
    runner = Runner(database, tools, handlers={"test": note}, only="test")
    assert not await runner.step()

    # when its lease has run out
    await execute("UPDATE job SET lease_until_ms = ?", now_ms() - 1)

    # then the next runner does it
    assert await runner.step()
    assert done == [7]
    assert await _states("test") == ["done"]


async def test_job_that_kills_its_process_is_given_up(database: Database, tools: Tools) -> None:
    # given a job that no process survived
    await enqueue("test", {})
    for _ in range(MAXIMUM_ATTEMPTS):
        assert await claim("a dead one", ["test"]) is not None
        await execute("UPDATE job SET lease_until_ms = ?", now_ms() - 1)

    # then nobody tries again
    assert await claim("a live one", ["test"]) is None
    assert await _states("test") == ["failed"]


async def test_one_runner_is_elected(database: Database, tools: Tools) -> None:
    # given a lease that another process holds
    ran = asyncio.Event()

    async def note(payload: dict[str, Any], tools: Tools) -> None:
        ran.set()

    await enqueue("test", {})
    assert await hold_lease(LEASE_NAME, "another", duration_ms=60_000)
    runner = Runner(database, tools, handlers={"test": note})
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.3)
    assert not ran.is_set()

    # when the lease runs out
    await execute("UPDATE lease SET expires_at_ms = 0")

    # then this runner takes it, works, and gives it back at its end
    await asyncio.wait_for(ran.wait(), 20)
    runner.stop()
    await task
    assert await fetch("SELECT name FROM lease") == []


async def test_deleted_repository_is_purged(factory: Factory, database: Database, tools: Tools) -> None:
    # given two repositories with content
    await factory.user("ada")
    for path in ("ada/gone", "ada/kept"):
        await factory.repository(path)
        await factory.image(path, b"layer", tag="latest")
    kept = await _counts(*HELD_TABLES)

    # when one is deleted and the jobs are done, and done again
    await repository.delete(await factory.as_account("ada"), "ada/gone")
    await _work(Runner(database, tools))
    await enqueue("repository.purge", {"repository_id": 1})
    await _work(Runner(database, tools))

    # then half of everything is left
    assert await _counts(*HELD_TABLES) == {table: count // 2 for table, count in kept.items()}
    assert await _states("repository.purge") == ["done", "done"]


async def test_deleted_organization_frees_its_name_in_the_end(
    factory: Factory, database: Database, tools: Tools
) -> None:
    # given an organization with a repository and a robot
    await factory.user("ada")
    await factory.organization("harbour", owner="ada")
    await factory.robot("harbour+crane", by="ada")
    await factory.repository("harbour/app", by="ada")
    await factory.image("harbour/app", b"layer", tag="latest")

    # when it is deleted and the jobs are done
    await organization.delete(await factory.as_account("ada"), "harbour")
    await _work(Runner(database, tools))

    # then nothing of it is left, and the name is free
    assert [row["name"] for row in await fetch("SELECT name FROM account")] == ["ada"]
    assert set((await _counts(*HELD_TABLES, "team", "team_member", "robot")).values()) == {0}
    assert (await factory.organization("harbour", owner="ada")).name == "harbour"


async def test_abandoned_uploads_are_removed(
    factory: Factory, database: Database, blobs: BlobStore, tools: Tools
) -> None:
    # given an upload whose bytes the store has lost, long ago, and one of today
    owner = await factory.user("ada")
    record = await factory.repository("ada/app")
    old = await upload.begin(blobs, record.id, owner.id)
    new = await upload.begin(blobs, record.id, owner.id)
    await blobs.cancel(old)
    long_ago = now_ms() - 2 * upload.ABANDONED_AFTER_MS
    await execute("UPDATE upload SET created_at_ms = ? WHERE uuid = ?", long_ago, old)

    # when
    await _work(Runner(database, tools))

    # then only the new one can be continued
    with pytest.raises(UploadUnknown):
        await blobs.upload_size(old)
    assert await blobs.upload_size(new) == 0
    assert await fetch("SELECT uuid FROM upload") == [{"uuid": new}]
