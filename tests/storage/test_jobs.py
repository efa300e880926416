"""Jobs and leases: each claimed by one, taken over from the dead, retried a bounded number of times."""

import asyncio
import time

import pytest

from storage.clock import SKEW_MS, now_ms
from storage.election import hold_lease, release_lease
from storage.jobs import (
    ERROR_LENGTH,
    LEASE_MS,
    MAXIMUM_ATTEMPTS,
    RETRY_DELAY_MS,
    ClaimedJob,
    Limits,
    cancelled,
    claim,
    enqueue,
    enqueue_recurring,
    extend,
    fail,
    finish,
    forget_ended,
    give_back,
    report,
)
from storage.statements import count_statements, execute, fetch, fetch_one, insert_many
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


async def set_ahead(days: int = 30, seconds: int = 0) -> None:
    """Let all times of jobs and leases be of a clock that was ahead, and has been put back since."""
    ahead = (days * 86_400 + seconds) * 1_000
    columns = ("created_at_ms", "started_at_ms", "run_at_ms", "lease_until_ms")
    await execute(f"UPDATE job SET {', '.join(f'{column} = {column} + {ahead}' for column in columns)}")
    await execute("UPDATE lease SET expires_at_ms = expires_at_ms + ?", ahead)


async def test_jobs_go_on_when_the_clock_goes_back() -> None:
    # given a job that waits for its first attempt, one that failed, and one whose process died
    waiting, failed, orphan = [await enqueue(kind, {}) for kind in ("a", "b", "c")]
    assert await fail(await claimed(kinds=["b"]), "once")
    await claimed("dead", ["c"])
    # when the clock goes back by a month
    await set_ahead()
    # then all are due, once
    found = [await claimed("heir", ["a", "b", "c"]) for _ in range(3)]
    assert {job.id: job.attempts for job in found} == {waiting: 1, failed: 2, orphan: 2}
    assert await claim("heir", ["a", "b", "c"]) is None
    # and the next delay counts from the new time
    assert await fail(next(job for job in found if job.id == failed), "twice")
    assert await claim("heir", ["b"]) is None


async def test_what_is_to_come_much_later_is_not_due_when_the_clock_goes_back() -> None:
    await enqueue("a", {}, delay_ms=86_400_000)
    await set_ahead()

    assert await claim("one", KINDS) is None


async def test_a_clock_that_is_put_right_by_seconds_takes_no_job_from_its_holder() -> None:
    await enqueue("a", {})
    job = await claimed()
    await set_ahead(0, SKEW_MS // 1_000)

    assert await claim("another", KINDS) is None
    assert await extend(job.holder) == {job.id: False}
    (row,) = await fetch("SELECT lease_until_ms FROM job")
    assert row["lease_until_ms"] <= now_ms() + LEASE_MS


async def test_a_recurring_job_comes_again_when_the_clock_goes_back() -> None:
    assert await enqueue_recurring("a", every_ms=60_000)
    await set_ahead()

    assert [await enqueue_recurring("a", every_ms=60_000) for _ in range(2)] == [True, False]


async def test_a_lease_from_before_the_clock_went_back_holds_nothing() -> None:
    assert await hold_lease("runner", "dead", duration_ms=60_000)
    await set_ahead(0, 5)
    assert not await hold_lease("runner", "heir", duration_ms=60_000)
    await set_ahead()

    assert await hold_lease("runner", "heir", duration_ms=60_000)
    assert not await hold_lease("runner", "dead", duration_ms=60_000)


async def test_the_holder_of_a_lease_renews_it_when_the_clock_goes_back() -> None:
    assert await hold_lease("runner", "one", duration_ms=60_000)
    await set_ahead(0, 5)

    assert await hold_lease("runner", "one", duration_ms=60_000)

    (row,) = await fetch("SELECT expires_at_ms FROM lease")
    assert row["expires_at_ms"] <= now_ms() + 60_000


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


async def test_a_kind_at_its_limit_is_passed_over() -> None:
    for kind in ("a", "a", "a", "b"):
        await enqueue(kind, {})
    limits = {"a": Limits(at_once=2)}

    jobs = [await claim(f"holder {number}", KINDS, limits=limits) for number in range(4)]

    assert [job and job.kind for job in jobs] == ["a", "a", "b", None]
    assert jobs[0] is not None
    await finish(jobs[0])
    later = await claim("one", KINDS, limits=limits)
    assert later is not None
    assert later.kind == "a"


async def test_a_namespace_at_its_limit_is_passed_over_and_no_namespace_has_none() -> None:
    for namespace in (7, 7, 8, None, None):
        await enqueue("a", {"of": namespace}, namespace_id=namespace)
    limits = {"a": Limits(per_namespace=1)}

    jobs = [await claim("one", KINDS, limits=limits) for _ in range(5)]

    assert [job and job.payload["of"] for job in jobs] == [None, None, 7, 8, None]
    assert jobs[4] is None


async def test_limits_hold_however_many_claim_at_once() -> None:
    for number in range(30):
        await enqueue("a", {}, namespace_id=number % 3 + 1)
    limits = {"a": Limits(at_once=5, per_namespace=2)}

    found = await asyncio.gather(*(claim(f"holder {number}", KINDS, limits=limits) for number in range(20)))

    assert len([job for job in found if job]) == 5
    rows = await fetch("SELECT COUNT(*) AS n FROM job WHERE state = 'running' GROUP BY namespace_id")
    assert sorted(row["n"] for row in rows) == [1, 2, 2]


async def test_a_namespace_that_runs_least_goes_first_and_then_the_one_that_waited_longest() -> None:
    for namespace in (1, 1, 1, 1, 2, 2, 3):
        await enqueue("a", {"of": namespace}, namespace_id=namespace)

    async def next_one() -> ClaimedJob:
        await execute("UPDATE job SET started_at_ms = started_at_ms - 10 WHERE started_at_ms IS NOT NULL")
        return await claimed()

    running = [await next_one() for _ in range(4)]
    # Each has one, and 1 has two, since its first job began before those of 2 and 3.
    assert [job.payload["of"] for job in running] == [1, 2, 3, 1]
    # 2 runs one and 1 runs two; 3 has ordered no more.
    assert (await next_one()).payload["of"] == 2
    for job in running:
        await finish(job)
    await enqueue("a", {"of": 3}, namespace_id=3)
    # None of 3 runs, none of 1 either; 3 began longest ago.
    assert [(await next_one()).payload["of"] for _ in range(3)] == [3, 1, 1]


async def test_a_job_that_is_given_back_loses_no_attempt() -> None:
    await enqueue("a", {})
    for _ in range(MAXIMUM_ATTEMPTS + 1):
        job = await claimed()
        assert job.attempts == 1
        await give_back(job)

    # Nor can who gave it back change it any more.
    await finish(job)
    assert not await fail(job, "late")
    await give_back(job)
    row = await fetch_one("SELECT state, attempts, error, lease_holder FROM job")
    assert row == {"state": "waiting", "attempts": 0, "error": None, "lease_holder": None}


async def test_a_process_that_claims_its_own_job_again_is_another_attempt() -> None:
    await enqueue("a", {})
    first = await claimed()
    await let_leases_run_out()
    second = await claimed()
    assert (second.id, second.holder, second.attempts) == (first.id, first.holder, 2)

    assert not await fail(first, "late")
    await cancelled(first)
    await give_back(first)

    assert await state(first.id) == "running"


async def test_a_result_and_progress_stay_with_the_job_and_errors_go() -> None:
    job_id = await enqueue("a", {})
    job = await claimed()
    await fail(job, "x" * 10_000)
    await report(job, 9, 9)
    row = await fetch_one("SELECT error, progress_done FROM job WHERE id = ?", job_id)
    assert row == {"error": "x" * ERROR_LENGTH, "progress_done": None}

    await execute("UPDATE job SET run_at_ms = 0")
    job = await claimed()
    await report(job, 1)
    await report(job, 2, 3)
    await finish(job, "Two of three.")

    row = await fetch_one("SELECT error, result, progress_done, progress_total FROM job WHERE id = ?", job_id)
    assert row == {"error": None, "result": "Two of three.", "progress_done": 2, "progress_total": 3}


async def test_a_recurring_job_is_added_once_however_many_add_it() -> None:
    added = await asyncio.gather(*(enqueue_recurring("a", every_ms=60_000) for _ in range(10)))

    assert sorted(added) == [False] * 9 + [True]
    assert len(await fetch("SELECT id FROM job")) == 1


async def test_jobs_that_an_older_version_queued_or_left_running_are_done() -> None:
    """Its statements, as they were before jobs had a namespace."""
    await execute(
        "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms)"
        " VALUES ('a', '{\"n\": 1}', 'waiting', 0, 0, 0)"
    )
    await execute(
        "INSERT INTO job (kind, payload, state, run_at_ms, attempts, lease_holder, lease_until_ms,"
        " created_at_ms) VALUES ('a', '{\"n\": 2}', 'running', 0, 1, 'old', 1, 0)"
    )

    jobs = [await claimed(), await claimed()]

    assert sorted((job.payload["n"], job.attempts) for job in jobs) == [(1, 1), (2, 2)]


async def test_claiming_of_a_long_queue_takes_few_statements_and_little_time() -> None:
    rows = [("a", "{}", "waiting", 0, 0, 0, number % 1_000 + 1) for number in range(20_000)]
    columns = ("kind", "payload", "state", "run_at_ms", "attempts", "created_at_ms", "namespace_id")
    await insert_many("job", columns, rows)

    with count_statements() as count:
        await claimed()
    # The look, the lock on PostgreSQL, the dead, the running, the queues, the job, the claim.
    assert len(count.statements) <= 7
    fastest = min([await _timed_claim() for _ in range(5)])
    assert fastest < 0.1


async def _timed_claim() -> float:
    started = time.perf_counter()
    await claimed()
    return time.perf_counter() - started
