"""Read-only mode below the doors: what it stops at transactions, and when it is sure that nothing is open."""

import asyncio
import time

import pytest

from quayside.settings.settings import Settings
from quayside.workers.runner import Runner
from resolvers import readonly
from resolvers.job_kinds import JobKind, Run
from resolvers.readonly import ReadOnly, suspended_when_on
from storage import readonly as state
from storage.blobs import BlobStore
from storage.database import Database
from storage.jobs import enqueue
from storage.settling import settle
from storage.site_settings import set_site_setting, site_setting
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction
from tests.factories import Factory


async def switch(factory: Factory, *, is_on: bool, timeout_s: float = 5.0) -> int:
    """Switch as the command line does; how many writes are open at its end."""
    made = await readonly.set_by_operator(factory.context(), is_read_only=is_on, timeout_s=timeout_s)
    return made.open_writes


async def write(value: str) -> None:
    """A write of what the mode suspends, outside of transactions."""
    with suspended_when_on():
        await set_site_setting("test", value)


async def test_suspended_writes_are_refused_with_and_without_a_transaction(factory: Factory) -> None:
    await write("before")
    assert await switch(factory, is_on=True) == 0

    for act in (write, _in_transaction):
        with pytest.raises(ReadOnly):
            await act("after")
    assert await site_setting("test") == "before"
    # What goes on writes still.
    await set_site_setting("test", "going on")
    assert await switch(factory, is_on=False) == 0
    await write("later")
    assert await site_setting("test") == "later"


async def _in_transaction(value: str) -> None:
    with suspended_when_on():
        async with transaction("test.write"):
            await set_site_setting("test", value)


async def test_a_write_that_began_before_is_waited_for(factory: Factory, database_url: str) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()
    other = await Database.connect(database_url)

    async def write_slowly() -> None:
        with other.current(), suspended_when_on():
            async with transaction("test.slow"):
                await set_site_setting("test", "slow")
                began.set()
                await may_end.wait()

    try:
        # What is on already is written before, so that the switch itself waits for no lock of SQLite.
        assert await switch(factory, is_on=True) == 0
        async with transaction("test.off"):
            await state.switch(None, is_on=False)
        state._known.clear()
        writing = asyncio.create_task(write_slowly())
        await began.wait()
        settling = asyncio.create_task(settle(["none"], timeout_s=1.5))
        assert await settling == 1
        settling = asyncio.create_task(settle(["none"], timeout_s=20))
        await asyncio.sleep(1.5)
        assert not settling.done()
        may_end.set()
        assert await settling == 0
        await writing
    finally:
        await other.close()


async def test_another_process_follows_within_a_second(factory: Factory, database_url: str) -> None:
    other = await Database.connect(database_url)
    try:
        with other.current():
            await write("before")
        started = time.monotonic()
        async with transaction("test.on"):
            await state.switch("a test", is_on=True)
        with other.current():
            while not await readonly.is_read_only():  # noqa: ASYNC110 - It is in the database.
                await asyncio.sleep(0.01)
            assert time.monotonic() - started < 1.1
            with pytest.raises(ReadOnly, match="System is currently read-only"):
                await write("after")
    finally:
        await other.close()


async def test_suspended_jobs_end_wait_and_are_done_afterwards(
    factory: Factory, database: Database, settings_with_files: Settings, blobs: BlobStore
) -> None:
    done: list[str] = []
    began = asyncio.Event()

    async def work(run: Run) -> None:
        began.set()
        if not done:
            # Until the mode is on: it is asked to end at its next step.
            while True:
                await asyncio.sleep(0.01)
                run.check()
        done.append("suspended")

    async def go_on(run: Run) -> None:
        done.append("going on")

    kinds = {
        "test.suspended": JobKind("test.suspended", "A.", work, goes_on_when_read_only=False),
        "test.recurring": JobKind("test.recurring", "B.", work, goes_on_when_read_only=False, every_s=3600),
        "test.going": JobKind("test.going", "C.", go_on, goes_on_when_read_only=True),
    }
    await enqueue("test.suspended", {})
    first = kinds | {"test.recurring": kinds["test.going"]}
    runner = Runner(database, settings_with_files, blobs, kinds={"test.suspended": first["test.suspended"]})
    await runner.start_due()
    await began.wait()
    async with transaction("test.on"):
        await state.switch(None, is_on=True)
    state._known.clear()

    await runner.start_due()
    await runner.wind_down()

    row = await fetch_one("SELECT state, attempts FROM job")
    assert row == {"state": "waiting", "attempts": 0}
    await enqueue("test.going", {})
    runner = Runner(database, settings_with_files, blobs, kinds=kinds)
    assert await runner.start_due()
    await runner.wind_down()
    assert done == ["going on"]
    assert [row["kind"] for row in await fetch("SELECT kind FROM job ORDER BY id")] == [
        "test.suspended",
        "test.going",
    ]
    assert await switch(factory, is_on=False) == 0
    while await runner.start_due():
        await runner.wind_down()
    assert done == ["going on", "suspended", "suspended"]
    assert {row["state"] for row in await fetch("SELECT state FROM job")} == {"done"}


async def test_a_job_that_writes_when_the_mode_is_on_waits_anew(
    factory: Factory, database: Database, settings_with_files: Settings, blobs: BlobStore
) -> None:
    async def work(run: Run) -> None:
        async with transaction("test.on"):
            await state.switch(None, is_on=True)
        state._known.clear()
        await execute("UPDATE account SET name = 'changed'")

    await factory.user("ada")
    kind = JobKind("test", "A test.", work, goes_on_when_read_only=False)
    await enqueue("test", {})
    runner = Runner(database, settings_with_files, blobs, kinds={"test": kind})
    await runner.start_due()
    await runner.wind_down()

    assert await fetch_one("SELECT state, attempts, error FROM job") == {
        "state": "waiting",
        "attempts": 0,
        "error": None,
    }
    assert await fetch("SELECT name FROM account") == [{"name": "ada"}]
