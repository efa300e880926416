"""Jobs and leases: each claimed by one, taken over from the dead, retried a bounded number of times."""

import asyncio

import pytest

from storage.clock import now_ms
from storage.jobs import (
    MAXIMUM_ATTEMPTS,
    RETRY_DELAY_MS,
    ClaimedJob,
    claim,
    enqueue,
    enqueue_recurring,
    extend,
    fail,
    finish,
    forget_ended,
)
from storage.leases import hold_lease, release_lease
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

pytestmark = pytest.mark.usefixtures("database")

KINDS = ["a", "b"]


async def state(job_id: int) -> str:
    row = await fetch_one("SELECT state FROM job WHERE id = ?", job_id)
    assert row is not None
    return str(row["state"])


async def claimed(holder: str = "one", kinds: list[str] | None = None) -> ClaimedJob:
    job = await claim(holder, kinds or KINDS)
    assert job is not None
    return job


async def let_leases_run_out() -> None:
    await execute("UPDATE job SET lease_until_ms = 1 WHERE state = 'running'")


async def test_jobs_are_claimed_by_kind_in_the_order_of_their_time() -> None:
    later = await enqueue("a", {"n": 1}, delay_ms=60_000)
    first = await enqueue("a", {"n": 2})
    second = await enqueue("b", {"n": 3})
    await enqueue("other", {})

    jobs = [await claimed(), await claimed()]

    assert [(job.id, job.kind, job.payload, job.attempts) for job in jobs] == [
        (first, "a", {"n": 2}, 1),
        (second, "b", {"n": 3}, 1),
    ]
    assert await claim("one", KINDS) is None
    assert await claim("one", []) is None
    assert await state(later) == "waiting"


async def test_a_job_is_undone_with_its_cause() -> None:
    async def cause() -> None:
        async with transaction("test.cause"):
            await enqueue("a", {})
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await cause()

    assert await claim("one", KINDS) is None


async def test_each_job_is_claimed_once_however_many_ask() -> None:
    made = [await enqueue("a", {"n": number}) for number in range(10)]

    found = await asyncio.gather(*(claim(f"holder {number}", KINDS) for number in range(20)))

    assert sorted(job.id for job in found if job) == made
    assert len([job for job in found if job is None]) == 10
    held = {row["id"]: row["lease_holder"] for row in await fetch("SELECT id, lease_holder FROM job")}
    assert held == {job.id: job.holder for job in found if job}


async def test_a_job_whose_holder_died_is_taken_over_and_the_dead_can_do_nothing_more() -> None:
    await enqueue("a", {})
    dead = await claimed("dead")
    assert await claim("heir", KINDS) is None
    await let_leases_run_out()

    heir = await claimed("heir")

    assert (heir.id, heir.attempts) == (dead.id, 2)
    assert dead.id not in await extend(dead.holder)
    await finish(dead)
    assert await state(dead.id) == "running"
    await fail(dead, "I come back")
    assert await state(dead.id) == "running"
    assert heir.id in await extend(heir.holder)
    await finish(heir)
    assert await state(heir.id) == "done"


async def test_a_holder_that_reports_keeps_its_job() -> None:
    await enqueue("a", {})
    job = await claimed()
    await let_leases_run_out()

    assert job.id in await extend(job.holder)
    assert await claim("two", KINDS) is None


async def test_a_failed_job_is_tried_again_later_and_later_and_then_no_more() -> None:
    job_id = await enqueue("a", {})
    delays = []

    for attempt in range(1, MAXIMUM_ATTEMPTS + 1):
        job = await claimed()
        assert job.attempts == attempt
        before = now_ms()
        again = await fail(job, f"failure {attempt}")
        row = await fetch_one("SELECT run_at_ms, error FROM job WHERE id = ?", job_id)
        assert row is not None
        assert row["error"] == f"failure {attempt}"
        assert await claim("one", KINDS) is None
        if again:
            delays.append(round((row["run_at_ms"] - before) / RETRY_DELAY_MS))
            await execute("UPDATE job SET run_at_ms = 1 WHERE id = ?", job_id)

    assert delays == [1, 2, 4, 8]
    assert await state(job_id) == "failed"


async def test_a_job_that_kills_its_runner_each_time_is_not_tried_for_ever() -> None:
    job_id = await enqueue("a", {})

    for _ in range(MAXIMUM_ATTEMPTS):
        await claimed("doomed")
        await let_leases_run_out()

    assert await claim("next", KINDS) is None
    assert await state(job_id) == "failed"


async def test_only_old_and_done_jobs_are_forgotten_in_batches() -> None:
    for _ in range(5):
        await enqueue("a", {})
        await finish(await claimed())
    await enqueue("a", {})

    assert await forget_ended(0, states=["done"]) == 0
    assert await forget_ended(now_ms() + 1_000, states=["done"], limit=3) == 3
    assert await forget_ended(now_ms() + 1_000, states=["done"], limit=3) == 2
    assert await forget_ended(now_ms() + 1_000, states=["done"], limit=3) == 0
    assert [row["state"] for row in await fetch("SELECT state FROM job")] == ["waiting"]


async def test_a_recurring_job_is_added_once_in_its_time() -> None:
    added = [await enqueue_recurring("a", every_ms=60_000) for _ in range(3)]
    await execute("UPDATE job SET created_at_ms = created_at_ms - 60001")
    added.append(await enqueue_recurring("a", every_ms=60_000))

    assert added == [True, False, False, True]


async def test_a_lease_has_one_holder_at_a_time() -> None:
    held = await asyncio.gather(
        *(hold_lease("runner", f"holder {number}", duration_ms=60_000) for number in range(10))
    )

    assert sorted(held) == [False] * 9 + [True]


async def test_a_lease_is_kept_released_and_taken_over_when_it_has_run_out() -> None:
    assert await hold_lease("runner", "one", duration_ms=60_000)
    assert await hold_lease("runner", "one", duration_ms=60_000)
    assert not await hold_lease("runner", "two", duration_ms=60_000)
    await release_lease("runner", "two")
    assert not await hold_lease("runner", "two", duration_ms=60_000)

    await release_lease("runner", "one")
    assert await hold_lease("runner", "two", duration_ms=60_000)
    await execute("UPDATE lease SET expires_at_ms = 1")
    assert await hold_lease("runner", "one", duration_ms=60_000)
    assert await hold_lease("other", "two", duration_ms=60_000)
