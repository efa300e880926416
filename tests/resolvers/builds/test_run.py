"""Runs of builds: whose turn it is, how they are cancelled, and what their logs say then."""

import asyncio

import pytest

from resolvers.accounts import robot
from resolvers.builds import build, log, waiting
from resolvers.builds.build import JOB, BuildRequest
from resolvers.builds.builder import BuildFailed
from resolvers.builds.lost import LOST, end_lost
from resolvers.builds.phases import Phase
from resolvers.errors import Conflict
from resolvers.job_kinds import JobStopped, Run, Tools, collected
from storage import jobs
from storage.jobs import ClaimedJob, claim, give_back
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.resolvers.builds.building import CONTEXT, DIGEST, PHASES, StandIn, order, run_next


@pytest.fixture
async def ada(factory: Factory) -> Factory:
    """With a user `ada`, who has a repository."""
    await factory.user("ada")
    await factory.repository("ada/app")
    return factory


async def printed(build_id: int) -> list[str]:
    return [line.text for line in (await log.read(build_id, 0, 100)).lines]


async def phase_of(build_id: int) -> Phase:
    found = await build.by_id(build_id)
    assert found is not None
    return found.phase


async def test_a_build_that_waits_is_cancelled_and_never_runs(ada: Factory) -> None:
    ordered = await order(ada, "ada/app")

    await build.cancel(await ada.as_account("ada"), "ada/app", ordered.uuid)

    assert await phase_of(ordered.id) is Phase.CANCELLED
    assert await claim("a worker", [JOB]) is None


@pytest.mark.parametrize("phase", [Phase.BUILD_SCHEDULED, *PHASES[:-1]])
async def test_a_build_is_cancelled_in_every_phase_before_it_pushes(phase: Phase, ada: Factory) -> None:
    # Given a build that has come to a phase
    builder = StandIn(stops_in=phase)
    ordered = await order(ada, "ada/app")
    running = asyncio.create_task(run_next(ada, builder))
    await builder.reached.wait()

    # When it is cancelled
    await build.cancel(await ada.as_account("ada"), "ada/app", ordered.uuid)
    result = await running

    # Then it has ended there, which its log says last, and the events of its end are recorded
    assert (result, builder.was_cleared) == (None, True)
    assert await phase_of(ordered.id) is Phase.CANCELLED
    assert (await printed(ordered.id))[-3:] == [phase.value, f"in {phase.value}", "cancelled"]
    assert not await fetch("SELECT 1 FROM build_log_line")
    rows = await fetch("SELECT kind FROM event WHERE kind LIKE '%build%' ORDER BY id")
    assert [row["kind"] for row in rows] == [
        *("build_dockerfile", "build_queued", "build_start", "build_cancelled", "cancel_build"),
    ]


async def test_a_build_that_pushes_cannot_be_cancelled(ada: Factory) -> None:
    builder = StandIn(stops_in=Phase.PUSHING)
    ordered = await order(ada, "ada/app")
    running = asyncio.create_task(run_next(ada, builder))
    await builder.reached.wait()

    with pytest.raises(Conflict):
        await build.cancel(await ada.as_account("ada"), "ada/app", ordered.uuid)
    builder.goes_on.set()

    assert await running == f"Built {DIGEST}."
    assert await phase_of(ordered.id) is Phase.COMPLETE


async def test_a_build_waits_for_an_earlier_one_of_its_repository_and_makes_room(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a build that runs, two more of its repository, and one of another
    monkeypatch.setattr(waiting, "LOOK_S", 0.02)
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.2)
    await ada.repository("ada/other")
    first, second, third, other = [await order(ada, f"ada/{name}") for name in ("app", "app", "app", "other")]
    builder = StandIn(stops_in=Phase.BUILDING)
    running = asyncio.create_task(run_next(ada, builder))
    await builder.reached.wait()

    # When the next ones are given back, since the first goes on, that of the other has its turn
    for build_id in (second.id, third.id):
        await stopped(ada)
        found = await build.by_id(build_id)
        assert found is not None
        assert (found.phase, found.waits_because) == (Phase.WAITING, waiting.EARLIER)
    assert await run_next(ada, StandIn()) == f"Built {DIGEST}."
    assert await phase_of(other.id) is Phase.COMPLETE

    # And the second begins when the first has ended, also if the third's turn comes before
    await execute("UPDATE job SET run_at_ms = run_at_ms - 10000 WHERE id = ?", third.job_id)
    builder.goes_on.set()
    await running
    await execute("UPDATE job SET state = 'done' WHERE id = ?", first.job_id)
    await stopped(ada)
    assert await run_next(ada, StandIn()) == f"Built {DIGEST}."
    found = await build.by_id(second.id)
    assert found is not None
    assert (found.phase, found.waits_because) == (Phase.COMPLETE, None)
    assert await phase_of(third.id) is Phase.WAITING


async def stopped(factory: Factory) -> None:
    """Let the job whose turn it is give itself back, as the runner does it."""
    with pytest.raises(JobStopped):
        await run_next(factory, StandIn())
    (row,) = await fetch("SELECT * FROM job WHERE state = 'running' ORDER BY started_at_ms DESC LIMIT 1")
    await give_back(ClaimedJob(row["id"], JOB, {}, row["attempts"], row["lease_holder"]))


async def test_builds_of_a_namespace_leave_the_others_their_turn(ada: Factory) -> None:
    # Given somebody who ordered more builds than run at once, before another ordered one
    await ada.user("bob")
    await ada.repository("bob/app")
    first = [await order(ada, "ada/app") for _ in range(4)]
    other = await order(ada, "bob/app", by="bob")
    limits = {JOB: collected()[JOB].limits}

    claimed = [await claim(f"worker {number}", [JOB], limits=limits) for number in range(5)]

    turns = [job.payload["build_id"] for job in claimed if job is not None]
    assert turns == [first[0].id, other.id, first[1].id]


async def test_what_a_build_says_has_no_values_of_arguments_and_can_be_kept(ada: Factory) -> None:
    # Given a build with secrets that ends with a sentence in which there are some, and what no database keeps
    arguments = {"TOKEN": "s3cr3t-token", "KEY": "first line of it\nsecond line of it\n"}
    wanted = BuildRequest(archive_url=CONTEXT, arguments=arguments)
    ordered, _ = await build.request(await ada.as_account("ada"), "ada/app", wanted)
    said = f"The image s3cr3t-token\0 of second line of it is {'x' * 9_000}."
    builder = StandIn(fails=BuildFailed(said))

    result = await run_next(ada, builder)

    # Then neither the build, which readers see, nor its log, the events or the job have them
    shown = f"The image ******** of ******** is {'x' * 9_000}"[: log.MAXIMUM_LINE]
    found = await build.by_id(ordered.id)
    assert (found and found.phase, found and found.error) == (Phase.ERROR, shown)
    assert (await printed(ordered.id))[-2:] == [shown, "error"]
    rows = await fetch("SELECT metadata FROM event WHERE kind = 'build_failure'")
    assert len(rows) == 1
    assert "s3cr3t" not in f"{rows[0]['metadata']}{result}"


@pytest.mark.parametrize(
    ("state", "phase"), [("failed", Phase.INTERNALERROR), ("cancelled", Phase.CANCELLED)]
)
async def test_a_build_whose_job_is_over_ends(state: str, phase: Phase, ada: Factory) -> None:
    # Given a build that a process left in the middle, another that waits, and the end of the job of the first
    ordered = await order(ada, "ada/app")
    waiting = await order(ada, "ada/app")
    await execute("UPDATE build SET phase = 'building' WHERE id = ?", ordered.id)
    if state == "cancelled":
        assert ordered.job_id is not None
        await jobs.cancel(ordered.job_id)
    else:
        await execute("UPDATE job SET state = 'failed' WHERE id = ?", ordered.job_id)

    told = [await end_lost(Run({}, Tools(ada.context()))) for _ in range(2)]

    assert told == ["1 builds were ended.", "0 builds were ended."]
    found = await build.by_id(ordered.id)
    error = LOST if state == "failed" else None
    assert found is not None
    assert (found.phase, found.error, found.ended_at_ms is None) == (phase, error, False)
    assert await printed(ordered.id) == [*([LOST] if error else []), phase.value]
    assert not await fetch("SELECT 1 FROM build_log_line")
    kind = "build_failure" if error else "build_cancelled"
    assert len(await fetch("SELECT 1 FROM event WHERE kind = ?", kind)) == 1
    assert await phase_of(waiting.id) is Phase.WAITING


async def test_nobody_fetches_base_images_in_the_place_of_a_robot_that_is_gone(ada: Factory) -> None:
    # Given a build with a robot that was deleted, and another one without any
    await ada.robot("ada+puller")
    owner = await ada.as_account("ada")
    wanted = BuildRequest(archive_url=CONTEXT, pull_robot="ada+puller")
    ordered, _ = await build.request(owner, "ada/app", wanted)
    await robot.delete(owner, owner="ada", short_name="puller")
    await ada.repository("ada/other")
    other = await order(ada, "ada/other")

    told = [await run_next(ada, StandIn(base="ada/app")) for _ in range(2)]

    reason = "The robot that fetches base images is gone or disabled."
    assert told == [f"The build failed: {reason}", f"Built {DIGEST}."]
    assert [await phase_of(each.id) for each in (ordered, other)] == [Phase.ERROR, Phase.COMPLETE]
