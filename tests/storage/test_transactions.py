"""Transactions: atomic, joined when nested, logged when open for long; counting of statements."""

import asyncio
import logging
import sqlite3
import sys
import time

import pytest

from storage.backends import measured
from storage.database import Database, IntegrityError
from storage.models.site import SiteSetting
from storage.statements import count_statements, execute, fetch, fetch_one, placeholders
from storage.transactions import open_transaction, transaction
from tests.process import ROOT, environment

pytestmark = pytest.mark.usefixtures("database")


async def names() -> list[str]:
    return [row["name"] for row in await fetch("SELECT name FROM site_setting ORDER BY name")]


async def put(name: str) -> None:
    await execute("INSERT INTO site_setting (name, value) VALUES (?, ?)", name, "x")


async def test_an_exception_rolls_everything_back() -> None:
    async def fails() -> None:
        async with transaction("test.fails"):
            await put("a")
            await SiteSetting.create(name="b", value="x")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fails()

    assert await names() == []
    assert open_transaction.get() is None


async def test_a_cancelled_task_is_rolled_back_and_the_next_can_write() -> None:
    async def hang() -> None:
        async with transaction("test.hangs"):
            await put("a")
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with transaction("test.next"):
        await put("b")
    assert await names() == ["b"]


async def test_a_transaction_that_cannot_be_committed_is_rolled_back(database: Database) -> None:
    if database.dialect == "postgres":
        pytest.skip("no constraint waits for the commit there")

    async def dangle() -> None:
        async with transaction("test.dangles"):
            await put("a")
            await execute("PRAGMA defer_foreign_keys = ON")
            await execute("INSERT INTO star (account_id, repository_id, created_at_ms) VALUES (7, 7, 7)")

    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await dangle()

    # It would otherwise have been committed with the next one.
    async with transaction("test.next"):
        await put("b")
    assert await names() == ["b"]


async def test_a_nested_transaction_joins_the_outer_one() -> None:
    async def outer() -> None:
        async with transaction("test.outer"):
            await put("a")
            async with transaction("test.inner"):
                await put("b")
            assert open_transaction.get() == "test.outer"
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await outer()

    assert await names() == []


async def test_other_tasks_see_nothing_before_the_commit() -> None:
    written, looked = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with transaction("test.write"):
            await put("a")
            written.set()
            await looked.wait()

    task = asyncio.create_task(write())
    await written.wait()
    during = await names()
    looked.set()
    await task

    assert (during, await names()) == ([], ["a"])


async def test_a_violated_constraint_rolls_the_transaction_back() -> None:
    await put("a")

    async def twice() -> None:
        async with transaction("test.twice"):
            await put("b")
            await put("a")

    with pytest.raises(IntegrityError):
        await twice()

    assert await names() == ["a"]


async def test_a_transaction_reads_its_own_writes() -> None:
    async with transaction("test.read"):
        await put("a")
        assert await names() == ["a"]


async def test_a_transaction_open_for_long_is_logged_with_its_name_and_idle_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed = iter(range(0, 10_000, 1))
    monkeypatch.setattr(time, "perf_counter", lambda: next(elapsed) * 0.03)

    # The clock moves 30 ms per call, which the suite's own check would report as idling.
    monkeypatch.setattr(logging.getLogger("quayside.transaction"), "handlers", [])
    async with transaction("test.long"):
        await put("a")
        await put("b")

    (record,) = (entry for entry in caplog.records if entry.name == "quayside.transaction")
    assert record.levelno == logging.WARNING
    fields = vars(record)
    assert fields["transaction"] == "test.long"
    assert fields["open_ms"] > 100
    assert fields["statement_ms"] > 0
    assert fields["idle_ms"] < fields["open_ms"]


async def test_a_short_transaction_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with transaction("test.short"):
        await put("a")

    assert [record for record in caplog.records if record.name == "quayside.transaction"] == []


async def test_statements_are_counted_inside_and_outside_of_transactions() -> None:
    with count_statements() as count:
        await names()
        async with transaction("test.counted"):
            await put("a")
            await SiteSetting.create(name="b", value="x")
        await SiteSetting.filter(name="b").first()
    await names()

    assert len(count.statements) == 4
    assert "INSERT" in count.statements[1]
    assert count.elapsed_ms > 0


async def test_a_slow_statement_is_logged_with_its_text_and_without_its_values(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a limit that makes statements of every kind slow
    monkeypatch.setattr(measured, "SLOW_STATEMENT_MS", -1)

    # When they run
    await fetch("SELECT name FROM site_setting WHERE value = ?", "hunter2")
    await put("hunter2")
    await SiteSetting.create(name="hunter3", value="hunter2")
    await SiteSetting.bulk_create([SiteSetting(name="hunter4", value="hunter2")])

    # Then each is logged once
    lines = [vars(record) for record in caplog.records if record.name == "quayside.statement"]
    begun = [line["statement"].split("site_setting")[0].replace('"', "").strip() for line in lines]
    assert [text for text in begun if text not in {"BEGIN", "COMMIT"}] == ["SELECT name FROM"] + [
        "INSERT INTO"
    ] * 3
    assert {(line["levelname"], line["message"]) for line in lines} == {("WARNING", "slow statement")}
    assert all(line["elapsed_ms"] >= 0 for line in lines)
    assert not [line for line in lines if "hunter" in line["statement"]]


async def test_a_quick_statement_is_not_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "SLOW_STATEMENT_MS", 60_000)

    await put("a")

    assert [record for record in caplog.records if record.name == "quayside.statement"] == []


async def test_parallel_tasks_have_separate_counts() -> None:
    async def counted(number: int) -> int:
        with count_statements() as count:
            for _ in range(number):
                await names()
                await asyncio.sleep(0)
        return len(count.statements)

    assert await asyncio.gather(counted(1), counted(5), counted(3)) == [1, 5, 3]


async def test_a_statement_returns_how_many_rows_it_changed() -> None:
    for name in ("a", "b", "c"):
        await put(name)

    assert await execute("UPDATE site_setting SET value = ? WHERE name <> ?", "y", "a") == 2
    assert await execute("DELETE FROM site_setting WHERE name = ?", "none") == 0
    assert await fetch_one("SELECT value FROM site_setting WHERE name = ?", "b") == {"value": "y"}
    assert await fetch_one("SELECT value FROM site_setting WHERE name = ?", "none") is None


def test_an_empty_in_list_is_refused() -> None:
    assert placeholders([1, 2, 3]) == "?, ?, ?"
    with pytest.raises(ValueError, match="at least one"):
        placeholders([])


WRITER = """
import asyncio, sys
from storage.database import Database
from storage.statements import execute, fetch_one
from storage.transactions import transaction

async def main():
    database = await Database.connect(sys.argv[1])
    with database.current():
        async def step():
            async with transaction("test.process"):
                row = await fetch_one("SELECT value FROM site_setting WHERE name = 'count'" + sys.argv[2])
                more = str(int(row["value"]) + 1)
                await execute("UPDATE site_setting SET value = ? WHERE name = 'count'", more)
        for _ in range(10):
            await asyncio.gather(*(step() for _ in range(5)))
    await database.close()

asyncio.run(main())
"""


async def test_concurrent_writers_in_several_processes_wait_for_each_other(database: Database) -> None:
    await execute("INSERT INTO site_setting (name, value) VALUES ('count', '0')")
    lock = " FOR UPDATE" if database.dialect == "postgres" else ""

    async def process() -> None:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            database.url,
            lock,
            cwd=ROOT,
            env=environment(),
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await started.communicate()
        # A busy machine logs slow statements; only the exit of the process counts.
        assert started.returncode == 0, err

    await asyncio.gather(process(), process())
    assert await fetch_one("SELECT value FROM site_setting WHERE name = 'count'") == {"value": "100"}
