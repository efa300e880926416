"""Processes that run jobs: killed, stopped, beside each other; and the children that they start."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.job_kinds import LANES, Lane
from storage.database import Database
from storage.jobs import cancel, enqueue
from storage.statements import Row, execute, fetch, fetch_one
from tests.process import ROOT, environment
from tests.quayside.workers.times import LEASE_MS

PATIENCE_S = 40
SOON_S = LEASE_MS / 1000 + 10
"""How soon the jobs of a dead process run again, on a busy machine."""

Start = Callable[[], subprocess.Popen[str]]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def start(settings_with_files: Settings, database: Database, tmp_path: Path) -> Iterator[Start]:
    """Starts processes that run jobs; they are killed at the end."""
    settings = settings_with_files
    started: list[subprocess.Popen[str]] = []

    log = (tmp_path / "log").open("w")

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.quayside.workers.working"],
            cwd=ROOT,
            env=environment(
                QUAYSIDE_DATA_DIR=str(settings.data_dir),
                QUAYSIDE_DATABASE_URL=settings.database_url,
                QUAYSIDE_BLOB_URL=settings.blob_url,
                QUAYSIDE_SECRET_KEY="k" * 32,
            ),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (tmp_path / "log").read_text()
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
    log.close()


async def row(job_id: int) -> Row:
    found = await fetch_one("SELECT * FROM job WHERE id = ?", job_id)
    assert found is not None
    return found


async def until(
    holds: Callable[[], Awaitable[Any]], *, within_s: float = PATIENCE_S, what: str = "it"
) -> Any:
    """What a question answers once that is true; fails if it takes too long."""
    deadline = time.monotonic() + within_s
    while not (found := await holds()):
        assert time.monotonic() < deadline, f"{what}: {await fetch('SELECT * FROM job ORDER BY id')}"
        await asyncio.sleep(0.05)
    return found


async def state(job_id: int, *states: str, within_s: float = PATIENCE_S) -> Row:
    """The row of a job once it is in one of the states."""

    async def reached() -> Row | None:
        found = await row(job_id)
        return found if found["state"] in states else None

    found: Row = await until(reached, within_s=within_s, what=f"{job_id} is not {states}")
    return found


async def progress(job_id: int, *, above: int = -1) -> Row:
    """The row of a job once it runs and has told of a step after another."""

    async def reached() -> Row | None:
        found = await row(job_id)
        told = found["progress_done"]
        return found if found["state"] == "running" and told is not None and told > above else None

    found: Row = await until(reached, what=f"{job_id} tells nothing above {above}")
    return found


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    return "State:\tZ" not in status


async def ended(pid: int) -> None:
    """Return once a process is gone."""

    async def is_gone() -> bool:
        return not is_alive(pid)

    await until(is_gone, what=f"process {pid} lives")


async def test_jobs_of_a_killed_process_run_elsewhere_soon_and_its_children_end(
    start: Start,
) -> None:
    doomed = start()
    here, child = await enqueue("test.steps", {"seconds": 60}), await enqueue("test.child", {"seconds": 60})
    await progress(here)
    pid = (await progress(child))["progress_total"]
    assert is_alive(pid)
    start()

    doomed.kill()
    killed_at = time.monotonic()
    await ended(pid)
    for job_id in (here, child):

        async def is_again_running(job_id: int = job_id) -> bool:
            found = await row(job_id)
            return bool(found["state"] == "running" and found["attempts"] == 2)

        await until(is_again_running, within_s=SOON_S)
    assert time.monotonic() - killed_at < SOON_S

    # And they can be ended where they are now.
    for job_id in (here, child):
        await progress(job_id)
        assert await cancel(job_id)
        assert (await state(job_id, "cancelled"))["attempts"] == 2


async def test_a_killed_child_fails_its_job_alone_which_is_tried_again(start: Start) -> None:
    process = start()
    job_id = await enqueue("test.child", {"seconds": 3})
    beside = await enqueue("test.steps", {"seconds": 3})
    os.kill((await progress(job_id))["progress_total"], signal.SIGKILL)

    failed = await state(job_id, "waiting")
    assert (failed["attempts"], failed["error"]) == (
        1,
        "the child process ended by SIGKILL before the job was done",
    )
    await execute("UPDATE job SET run_at_ms = 0 WHERE id = ?", job_id)
    done = await state(job_id, "done")

    assert (done["attempts"], done["error"], done["result"]) == (2, None, "Done in a child.")
    assert ((await state(beside, "done"))["attempts"], process.poll()) == (1, None)


async def test_short_jobs_wait_for_no_long_ones(start: Start) -> None:
    start()
    blocking = [
        await enqueue(kind, {"seconds": 300})
        for kind, lane in (("test.steps", Lane.LONG), ("test.child", Lane.HEAVY))
        for _ in range(LANES[lane].slots + 2)
    ]

    async def is_full() -> bool:
        rows = await fetch("SELECT kind, COUNT(*) AS n FROM job WHERE state = 'running' GROUP BY kind")
        return {found["kind"]: found["n"] for found in rows} == {
            "test.steps": LANES[Lane.LONG].slots,
            "test.child": LANES[Lane.HEAVY].slots,
        }

    await until(is_full)

    short = await enqueue("test.short", {})
    done = await state(short, "done", within_s=10)

    assert done["result"] == "Done."
    states = [(await row(job_id))["state"] for job_id in blocking]
    assert (states.count("running"), states.count("waiting")) == (4, 4)


async def test_limits_of_a_kind_and_a_namespace_hold_over_two_processes(start: Start) -> None:
    for _ in range(2):
        start()
    jobs = {
        await enqueue("test.limited", {"seconds": 0.3}, namespace_id=namespace): namespace
        for _ in range(5)
        for namespace in (1, 2, 3)
    }
    for job_id in jobs:
        await state(job_id, "done")

    rows = await fetch("SELECT namespace_id, started_at_ms, finished_at_ms, lease_holder FROM job")
    most, most_of_one = 0, 0
    for moment in (found["started_at_ms"] for found in rows):
        at_once = [
            found["namespace_id"]
            for found in rows
            if found["started_at_ms"] <= moment < found["finished_at_ms"]
        ]
        most = max(most, len(at_once))
        most_of_one = max(most_of_one, *(at_once.count(namespace) for namespace in (1, 2, 3)))
    assert most == 3
    assert 1 <= most_of_one <= 2
    # A process has two slots in the lane of the kind, so that the third job ran in the other one.
    assert len({found["lease_holder"] for found in rows}) == 2


async def test_namespaces_take_turns_whatever_one_has_ordered_before(start: Start) -> None:
    for _ in range(20):
        await enqueue("test.limited", {"seconds": 0.1}, namespace_id=1)
    late = [await enqueue("test.limited", {"seconds": 0.1}, namespace_id=2) for _ in range(3)]
    start()
    for job_id in late:
        await state(job_id, "done")

    rows = await fetch("SELECT namespace_id FROM job WHERE state <> 'waiting' ORDER BY started_at_ms, id")
    places = [place for place, found in enumerate(rows) if found["namespace_id"] == 2]
    assert len(places) == 3
    assert places[-1] < 10


@pytest.mark.parametrize("kind", ["test.steps", "test.deaf", "test.child", "test.stubborn"])
async def test_a_running_job_is_cancelled_and_its_process_goes_on(start: Start, kind: str) -> None:
    process = start()
    job_id = await enqueue(kind, {"seconds": 300})
    if kind == "test.deaf":
        await state(job_id, "running")
        pid = 0
    else:
        pid = (await progress(job_id))["progress_total"]

    assert await cancel(job_id)
    gone = await state(job_id, "cancelled", within_s=25)

    assert (gone["attempts"], gone["error"], gone["result"]) == (1, None, None)
    assert gone["finished_at_ms"] >= gone["cancel_requested_at_ms"]
    if kind in {"test.child", "test.stubborn"}:
        assert not is_alive(pid)
    # Nor is the connection of the process left locked.
    after = await enqueue("test.steps", {"seconds": 0.1})
    assert (await state(after, "done"))["result"] == "Took 2 steps."
    assert process.poll() is None


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("test.hungry", "the job took more than its limit of 200 MiB of memory"),
        ("test.slow", "the job took longer than its limit of 2 seconds"),
        ("test.failing", "ValueError: no luck"),
    ],
)
async def test_a_child_ends_at_its_limits_and_the_error_says_so(start: Start, kind: str, error: str) -> None:
    process = start()
    job_id = await enqueue(kind, {})

    failed = await state(job_id, "failed")

    assert (failed["error"], failed["attempts"]) == (error, 1)
    if kind == "test.slow":
        assert not is_alive(failed["progress_total"])
    assert (await state(await enqueue("test.short", {}), "done"))["result"] == "Done."
    assert process.poll() is None


@pytest.mark.parametrize("kind", ["test.steps", "test.child"])
async def test_progress_is_seen_while_a_job_runs(start: Start, kind: str) -> None:
    start()
    job_id = await enqueue(kind, {"seconds": 4})

    seen = [await progress(job_id)]
    for _ in range(2):
        seen.append(await progress(job_id, above=seen[-1]["progress_done"]))

    assert len({found["progress_total"] for found in seen}) == 1
    assert all(before["progress_done"] < after["progress_done"] for before, after in itertools.pairwise(seen))
    # The last step that was reported stays, whenever it was written last.
    assert (await state(job_id, "done"))["progress_done"] == 79


async def test_a_process_told_to_stop_finishes_what_it_can_and_gives_back_the_rest(
    start: Start,
) -> None:
    process = start()
    finished = await enqueue("test.steps", {"seconds": 3})
    long = await enqueue("test.steps", {"seconds": 300})
    child = await enqueue("test.child", {"seconds": 300})
    for job_id in (finished, long, child):
        await progress(job_id)
    pid = (await row(child))["progress_total"]

    process.terminate()
    assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0

    assert ((await row(finished))["state"], (await row(finished))["attempts"]) == ("done", 1)
    for job_id in (long, child):
        given_back = await row(job_id)
        assert (given_back["state"], given_back["attempts"], given_back["error"]) == ("waiting", 0, None)
    assert not is_alive(pid)
