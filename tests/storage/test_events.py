"""The event log: written in the transaction of the change, read in commit order."""

import asyncio

import pytest

from storage.database import Database
from storage.events import Cursor, EventRow, append, prune, pruned_up_to, read_after
from storage.statements import Row, execute, fetch
from storage.transactions import transaction

START: Cursor = (0, 0)


async def record(kind: str) -> None:
    async with transaction("test.event"):
        await append(EventRow(kind=kind, metadata={"of": kind}))


async def kinds_after(
    cursor: Cursor = START, *, expected: int = 0, limit: int = 500
) -> tuple[list[str], Cursor]:
    """The kinds of the events after a cursor, and the cursor after the last.

    Events are readable once all older transactions have ended, and on a shared server other tests have some:
    with `expected`, poll until there are that many.
    """
    while True:
        found = await read_after(cursor, limit=limit)
        if len(found) >= expected:
            return [row["kind"] for _, row in found], found[-1][0] if found else cursor
        await asyncio.sleep(0.01)


async def test_an_event_needs_a_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        await append(EventRow(kind="alone", metadata={}))

    assert await kinds_after() == ([], START)


async def test_an_event_is_rolled_back_with_its_change(database: Database) -> None:
    async def fails() -> None:
        async with transaction("test.fails"):
            await append(EventRow(kind="undone", metadata={}))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fails()
    await record("done")

    assert (await kinds_after(expected=1))[0] == ["done"]


async def test_reading_continues_after_a_cursor(database: Database) -> None:
    for number in range(5):
        await record(f"e{number}")

    first, cursor = await kinds_after(limit=2, expected=2)
    second, cursor = await kinds_after(cursor, limit=2, expected=2)
    third, cursor = await kinds_after(cursor, limit=2, expected=1)
    nothing, end = await kinds_after(cursor)
    await record("late")

    assert (first, second, third, nothing) == (["e0", "e1"], ["e2", "e3"], ["e4"], [])
    assert (await kinds_after(end, expected=1))[0] == ["late"]


async def test_an_event_keeps_all_its_fields(database: Database) -> None:
    async with transaction("test.event"):
        await append(
            EventRow(
                kind="full",
                metadata={"a": [1, "é"], "b": None},
                namespace_id=1,
                repository_id=2,
                performer_id=3,
                credential_kind="app_token",
                credential_id=4,
                ip="2001:db8::1",
                request_id="r-1",
            )
        )

    await kinds_after(expected=1)
    ((_, row),) = await read_after(START)
    assert row.pop("created_at_ms") > 1_600_000_000_000
    assert {key: row[key] for key in row if key not in {"id", "transaction_id"}} == {
        "kind": "full",
        "metadata": {"a": [1, "é"], "b": None},
        "namespace_id": 1,
        "repository_id": 2,
        "performer_id": 3,
        "credential_kind": "app_token",
        "credential_id": 4,
        "ip": "2001:db8::1",
        "request_id": "r-1",
    }


async def test_a_reader_misses_nothing_when_an_older_transaction_commits_last(database: Database) -> None:
    """On PostgreSQL, rows of an open transaction have smaller ids than rows that others commit meanwhile: a
    reader that went past them would never see them. On SQLite there is one writer at a time.
    """
    appended, may_commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with transaction("test.slow"):
            await append(EventRow(kind="slow", metadata={}))
            appended.set()
            if database.dialect == "postgres":
                await may_commit.wait()

    await record("before")
    await kinds_after(expected=1)
    task = asyncio.create_task(slow())
    await appended.wait()
    await record("quick")

    seen, cursor = await kinds_after()
    may_commit.set()
    await task
    rest, _ = await kinds_after(cursor, expected=3 - len(seen))

    assert sorted(seen + rest) == ["before", "quick", "slow"]
    if database.dialect == "postgres":
        # Events that commit while an older transaction is open are held back until it ends.
        assert (seen, rest) == (["before"], ["slow", "quick"])
    else:
        assert (seen, rest) == (["before", "slow", "quick"], [])


async def test_many_writers_and_a_reader_agree_on_one_order(database: Database) -> None:
    async def write(number: int) -> None:
        await record(f"e{number}")

    seen: list[str] = []
    cursor = START
    writers = asyncio.gather(*(write(number) for number in range(40)))
    while not writers.done():
        more, cursor = await kinds_after(cursor, limit=7)
        seen += more
        await asyncio.sleep(0)
    seen += (await kinds_after(cursor, expected=40 - len(seen)))[0]

    assert sorted(seen) == sorted(f"e{number}" for number in range(40))
    assert len(await fetch("SELECT id FROM event")) == 40


async def test_pruning_removes_a_prefix_of_the_log(database: Database) -> None:
    # given events of which one is younger than those after it, as a long transaction leaves it
    for number in range(6):
        await record(f"e{number}")
    await execute("UPDATE event SET created_at_ms = 1")
    await execute("UPDATE event SET created_at_ms = 3 WHERE kind = 'e4'")
    cursors = [cursor for cursor, _ in await _all(6)]
    assert await pruned_up_to() == START

    # when events from before a time are pruned in batches
    more = [await prune(2, limit=3), await prune(2, limit=3), await prune(2, limit=3)]

    # then pruning stops at the younger one, and the cursor is stored
    assert more == [True, False, False]
    assert [row["kind"] for row in await fetch("SELECT kind FROM event ORDER BY id")] == ["e4", "e5"]
    assert await pruned_up_to() == cursors[3]
    await prune(4)
    assert await pruned_up_to() == cursors[5]


async def _all(count: int) -> list[tuple[Cursor, Row]]:
    await kinds_after(expected=count)
    return await read_after(START)
