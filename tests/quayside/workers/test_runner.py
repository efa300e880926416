"""The job runner: what it enqueues, claims, retries and hands over; and the kinds through it."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from quayside.settings.settings import Settings
from quayside.workers import runner as runner_module
from quayside.workers.runner import LEASE_NAME, Runner
from resolvers.accounts import organization
from resolvers.content import upload
from resolvers.job_kinds import Handler, JobKind, Run, collected
from resolvers.repositories import repository
from storage.blobs import BlobStore, UploadUnknown
from storage.clock import now_ms
from storage.database import Database
from storage.election import hold_lease
from storage.jobs import MAXIMUM_ATTEMPTS, claim, enqueue
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction
from tests.factories import Factory

HELD_TABLES = ("tag", "manifest", "manifest_body", "manifest_blob", "repository_blob", "repository")
RECURRING = [kind.name for kind in collected().values() if kind.every_s is not None]

MakeRunner = Callable[..., Runner]


@pytest.fixture
def make_runner(database: Database, settings_with_files: Settings, blobs: BlobStore) -> MakeRunner:
    """Makes a runner, of all kinds or of one of the test's own."""

    def make(handler: Handler | None = None) -> Runner:
        kinds = (
            None
            if handler is None
            else {"test": JobKind("test", "A test.", handler, goes_on_when_read_only=True)}
        )
        return Runner(database, settings_with_files, blobs, kinds=kinds)

    return make


async def _step(runner: Runner) -> bool:
    """Let a runner do what is due; whether anything was."""
    started = await runner.start_due()
    await runner.wind_down()
    return started


async def _work(runner: Runner) -> None:
    while await _step(runner):
        pass


async def _states(kind: str) -> list[str]:
    return [row["state"] for row in await fetch("SELECT state FROM job WHERE kind = ? ORDER BY id", kind)]


async def _counts(*tables: str) -> dict[str, int]:
    return {table: (await fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"] for table in tables}


async def test_recurring_jobs_are_enqueued_once(make_runner: MakeRunner) -> None:
    # given two runners that start one after the other
    for _ in range(2):
        await execute("DELETE FROM lease")
        await _work(make_runner())

    # then each recurring job ran once
    assert len(RECURRING) == 24
    for kind in RECURRING:
        assert await _states(kind) == ["done"]


async def test_failing_job_is_retried_a_bounded_number_of_times(make_runner: MakeRunner) -> None:
    # given a handler that always fails
    attempts: list[dict[str, object]] = []

    async def fail(run: Run) -> None:
        attempts.append(run.payload)
        raise ValueError("no luck")

    runner = make_runner(fail)
    await enqueue("test", {"n": 1})

    # when its waits are cut short
    for _ in range(MAXIMUM_ATTEMPTS + 2):
        await execute("UPDATE job SET run_at_ms = 0 WHERE kind = 'test'")
        await _step(runner)

    # then it was tried as often as allowed, and what went wrong is on record
    assert attempts == [{"n": 1}] * MAXIMUM_ATTEMPTS
    row = await fetch_one("SELECT state, error, attempts FROM job WHERE kind = 'test'")
    assert row == {"state": "failed", "error": "ValueError: no luck", "attempts": MAXIMUM_ATTEMPTS}


async def test_a_job_that_is_awaited_begins_once_it_is_committed(
    make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a runner that looks for jobs by itself once an hour
    monkeypatch.setattr(runner_module, "IDLE_S", 3600)
    done = asyncio.Queue[int]()

    async def note(run: Run) -> None:
        done.put_nowait(run.payload["n"])

    runner = make_runner(note)
    running = asyncio.create_task(runner.run())
    await enqueue("test", {"n": 1})
    assert await asyncio.wait_for(done.get(), 20) == 1
    await asyncio.sleep(0.2)

    # when one is added that nobody waits for, one that is undone, and one that is awaited
    await enqueue("test", {"n": 2})
    with contextlib.suppress(ValueError):
        async with transaction("test"):
            await enqueue("test", {"n": 3}, is_awaited=True)
            raise ValueError("undone")
    await asyncio.sleep(0.2)
    assert done.empty()
    async with transaction("test"):
        await enqueue("test", {"n": 4}, is_awaited=True)

    # then it begins at once, and what was there too
    assert {await asyncio.wait_for(done.get(), 20) for _ in range(2)} == {2, 4}
    runner.stop()
    await running


async def test_job_of_a_dead_process_is_taken_over(make_runner: MakeRunner) -> None:
    # given a job that another process claimed and never finished
    done: list[int] = []

    async def note(run: Run) -> None:
        done.append(run.payload["n"])

    await enqueue("test", {"n": 7})
    assert await claim("the dead one", ["test"]) is not None
    runner = make_runner(note)
    assert not await _step(runner)

    # when its lease has run out
    await execute("UPDATE job SET lease_until_ms = ?", now_ms() - 1)

    # then the next runner does it
    assert await _step(runner)
    assert done == [7]
    assert await _states("test") == ["done"]


async def test_job_that_kills_its_process_is_given_up(make_runner: MakeRunner) -> None:
    # given a job that no process survived
    await enqueue("test", {})
    for _ in range(MAXIMUM_ATTEMPTS):
        assert await claim("a dead one", ["test"]) is not None
        await execute("UPDATE job SET lease_until_ms = ?", now_ms() - 1)

    # then nobody tries again
    assert await claim("a live one", ["test"]) is None
    assert await _states("test") == ["failed"]


async def test_one_scheduler_is_elected(
    database: Database, settings_with_files: Settings, blobs: BlobStore
) -> None:
    # given a lease that another process holds
    ran = asyncio.Event()

    async def note(run: Run) -> None:
        ran.set()

    assert await hold_lease(LEASE_NAME, "another", duration_ms=60_000)
    kinds = {"test": JobKind("test", "A test.", note, goes_on_when_read_only=True, every_s=3600)}
    runner = Runner(database, settings_with_files, blobs, kinds=kinds)
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


async def test_deleted_repository_is_purged(factory: Factory, make_runner: MakeRunner) -> None:
    # given two repositories with content
    await factory.user("ada")
    for path in ("ada/gone", "ada/kept"):
        await factory.repository(path)
        await factory.image(path, b"layer", tag="latest")
    kept = await _counts(*HELD_TABLES)

    # when one is deleted and the jobs are done, and done again
    await repository.delete(await factory.as_account("ada"), "ada/gone")
    await _work(make_runner())
    await enqueue("repository.purge", {"repository_id": 1})
    await _work(make_runner())

    # then half of everything is left
    assert await _counts(*HELD_TABLES) == {table: count // 2 for table, count in kept.items()}
    assert await _states("repository.purge") == ["done", "done"]


async def test_deleted_organization_frees_its_name_in_the_end(
    factory: Factory, make_runner: MakeRunner
) -> None:
    # given an organization with a repository and a robot
    await factory.user("ada")
    await factory.organization("harbour", owner="ada")
    await factory.robot("harbour+crane", by="ada")
    await factory.repository("harbour/app", by="ada")
    await factory.image("harbour/app", b"layer", tag="latest")

    # when it is deleted and the jobs are done
    await organization.delete(await factory.as_account("ada"), "harbour")
    await _work(make_runner())

    # then nothing of it is left, and the name is free
    assert [row["name"] for row in await fetch("SELECT name FROM account")] == ["ada"]
    assert set((await _counts(*HELD_TABLES, "team", "team_member", "robot")).values()) == {0}
    assert (await factory.organization("harbour", owner="ada")).name == "harbour"


async def test_abandoned_uploads_are_removed(
    factory: Factory, blobs: BlobStore, make_runner: MakeRunner
) -> None:
    # given an upload whose bytes the store has lost, long ago, and one of today
    owner = await factory.user("ada")
    record = await factory.repository("ada/app")
    old = (await upload.begin(factory.site, blobs, record.id, record.namespace_id, owner.id)).uuid
    new = (await upload.begin(factory.site, blobs, record.id, record.namespace_id, owner.id)).uuid
    await blobs.cancel(old)
    long_ago = now_ms() - 2 * upload.ABANDONED_AFTER_MS
    await execute("UPDATE upload SET created_at_ms = ? WHERE uuid = ?", long_ago, old)

    # when
    await _work(make_runner())

    # then only the new one can be continued
    with pytest.raises(UploadUnknown):
        await blobs.upload_size(old)
    assert await blobs.upload_size(new) == 0
    assert await fetch("SELECT uuid FROM upload") == [{"uuid": new}]
