"""Runs of auto-prune policies: beside changes, killed, twice at once, on schedule; and what they note."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from quayside.workers.runner import Runner
from quayside.workers.tools import kinds_of, tools_of
from resolvers.accounts import user
from resolvers.accounts.namespace import Owner
from resolvers.job_kinds import Run
from resolvers.pruning import clock as prune_clock
from resolvers.pruning import deletion, history, plan, policy, schedule, selection
from resolvers.pruning.policy import PrunePolicyRecord
from resolvers.pruning.run import prune
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState
from resolvers.tags import immutability, tag
from resolvers.tags.tag import TagChanges
from storage.clock import DAY_MS, now_ms
from storage.database import Database
from storage.statements import count_statements, decode_json, execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.plugins.scale import SCALE
from tests.resolvers.pruning.given import (
    PATH,
    aged,
    entries,
    left,
    lock,
    names,
    numbered,
    older,
    pruned,
    series,
)

Action = Callable[[], Awaitable[object]]


@pytest.fixture
async def ada(factory: Factory) -> Factory:
    """The factory, with the repository `ada/app`."""
    await factory.user("ada")
    await factory.repository(PATH)
    return factory


@pytest.fixture
def before_deletion(monkeypatch: pytest.MonkeyPatch) -> Callable[[Action], None]:
    """Lets something happen once, between the selection of a batch and its deletion."""

    def arrange(action: Action) -> None:
        left_to_do = [action]

        @asynccontextmanager
        async def interrupted(name: str) -> AsyncIterator[None]:
            if left_to_do:
                await left_to_do.pop()()
            async with transaction(name):
                yield

        monkeypatch.setattr(deletion, "transaction", interrupted)

    return arrange


async def runs_of(*policies: PrunePolicyRecord) -> list[list[tuple[int, list[str], str | None]]]:
    """The runs that are noted of each policy, newest first: number and names of tags, and the error."""
    found = await history.last_runs([one.id for one in policies])
    tags = await history.tags_of_runs([run.id for runs in found.values() for run in runs])
    assert all(run.ended_at_ms is not None for runs in found.values() for run in runs)
    return [
        [(run.tag_count, [one.name for one in tags[run.id]], run.error) for run in found[one.id]]
        for one in policies
    ]


async def test_a_run_deletes_in_batches_and_notes_what_it_did(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.pruning.run.BATCH", 4)
    monkeypatch.setattr(history, "LISTED", 5)
    digest = await aged(ada, PATH, series("v", 9) | {"old": 50})
    by_number, by_age = await numbered(ada, PATH, 2), await older(ada, "ada", "4w")

    assert names(await pruned(ada)) == ["old", *(f"v{one}" for one in range(2, 9))]

    assert await left() == ["v0", "v1"]
    assert await entries() == [f"{PATH}:v{one}" for one in range(2, 9)] + [f"{PATH}:old"]
    told = await fetch("SELECT kind, namespace_id, repository_id, performer_id FROM event ORDER BY id")
    assert len([one for one in told if one["kind"] == "autoprune_tag_delete"]) == 8
    assert await runs_of(by_number, by_age) == [
        [(7, ["v2", "v3", "v4", "v5", "v6"], None)],
        [(1, ["old"], None)],
    ]
    (run,) = (await history.last_runs([by_age.id]))[by_age.id]
    assert (await history.tags_of_runs([run.id]))[run.id] == [("app", "old", digest)]


async def test_runs_that_delete_nothing_take_one_place_and_ten_that_do_are_kept(ada: Factory) -> None:
    by_age = await older(ada, PATH, "1d")
    for number in range(12):
        if number:
            await aged(ada, PATH, {f"v{number}": 5})
        await pruned(ada)
    await pruned(ada)
    await pruned(ada)

    assert await runs_of(by_age) == [[(0, [], None), *((1, [f"v{one}"], None) for one in range(11, 2, -1))]]


async def test_tags_that_were_moved_locked_pulled_or_deleted_meanwhile_stay(
    ada: Factory, before_deletion: Callable[[Action], None]
) -> None:
    await aged(ada, PATH, series("v", 6))
    other = await ada.image(PATH, b"other", tag="other")
    context = await ada.as_account("ada")
    await numbered(ada, PATH, 1)

    async def change() -> None:
        await tag.update(context, PATH, "v1", TagChanges(manifest_digest=other))
        await lock("v2")
        await tag.delete(context, PATH, "v3")

    before_deletion(change)
    assert names(await pruned(ada)) == ["v0", "v4", "v5"]
    assert await left() == ["other", "v1", "v2"]
    assert sorted(await entries()) == [f"{PATH}:{name}" for name in ("v0", "v4", "v5")]


@pytest.mark.parametrize("what", ["deleted", "expired", "moved"])
@pytest.mark.parametrize("is_plan", [False, True])
async def test_as_many_tags_as_a_policy_keeps_are_left_whatever_ends_meanwhile(
    ada: Factory, before_deletion: Callable[[Action], None], what: str, is_plan: bool
) -> None:
    await aged(ada, PATH, series("v", 5))
    other = await ada.image(PATH, b"other")
    context = await ada.as_account("ada")
    by_number = await numbered(ada, PATH, 2)
    place = Owner(repository=PATH)
    prepared = await plan.prepare(context, place, identity=by_number.uuid)

    async def change() -> None:
        if what == "moved":
            await tag.update(context, PATH, "v0", TagChanges(manifest_digest=other))
        elif what == "deleted":
            await tag.delete(context, PATH, "v0")
        else:
            await execute(
                "UPDATE tag SET ended_at_ms = ?, is_expiration = ? WHERE name = 'v0'", now_ms() - 1, True
            )

    before_deletion(change)
    if is_plan:
        done = await plan.apply(context, place, prepared.uuid)
        # A plan is of exact tags: it deletes no others in their place.
        assert done.deleted_count == (3 if what == "moved" else 0)
    else:
        assert names(await pruned(ada)) == (["v2", "v3", "v4"] if what == "moved" else ["v3", "v4"])
    kept = ["v0", "v1"] if what == "moved" else ["v1", "v2", *(["v3", "v4"] if is_plan else [])]
    assert await left() == kept
    assert names(await pruned(ada)) == (["v3", "v4"] if is_plan and what != "moved" else [])


async def test_what_one_policy_deletes_of_the_tags_that_another_keeps_stops_neither(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.pruning.run.BATCH", 1)
    monkeypatch.setattr("resolvers.pruning.run.SELECTIONS", 1)
    await aged(ada, PATH, series("v", 6))
    await numbered(ada, "ada", 3)
    await numbered(ada, PATH, 1)
    # The namespace's keeps v0, v1 and v2; of these, v1 and v2 are deleted before v3, v4 and v5.
    assert names(await pruned(ada)) == ["v1", "v2", "v3", "v4", "v5"]


async def test_the_newest_are_those_pushed_last_whatever_the_clock_said(ada: Factory, clock: Clock) -> None:
    digest = await ada.image(PATH, b"layer")
    context = await ada.as_account("ada")
    await numbered(ada, PATH, 2)
    for jump, pushed in ((366, "f1 f2"), (-366, "n1 n2")):
        clock.move(jump * 86_400)
        for name in pushed.split():
            await tag.update(context, PATH, name, TagChanges(manifest_digest=digest))

    assert names(await pruned(ada)) == ["f1", "f2"]
    assert await left() == ["n1", "n2"]


async def test_tags_that_an_immutability_policy_locks_stay_before_its_job_has_run(
    ada: Factory, before_deletion: Callable[[Action], None]
) -> None:
    await aged(ada, PATH, {"release-1": 9, "release-2": 9, "v1": 9, "late-1": 9, "release-3": 9})
    await execute(
        "UPDATE tag SET ended_at_ms = ?, is_expiration = ? WHERE name = 'release-3'", now_ms() + DAY_MS, True
    )
    context = await ada.as_account("ada")
    place = Owner(namespace="ada")

    async def lock_by(pattern: str) -> None:
        await immutability.create(context, place, tag_pattern=pattern)
        # As where there are more tags than are locked at once.
        await execute("UPDATE tag SET is_immutable = ?", False)

    await lock_by("release-.*")
    by_age = await older(ada, PATH, "2d")
    prepared = await plan.prepare(context, Owner(repository=PATH), identity=by_age.uuid)
    # Tags with an expiration are not locked by policies here.
    assert sorted(item.name for item in prepared.preview.items) == ["late-1", "release-3", "v1"]
    before_deletion(lambda: lock_by("late-.*"))

    assert names(await pruned(ada)) == ["release-3", "v1"]
    assert await left() == ["late-1", "release-1", "release-2"]


@pytest.mark.parametrize("what", ["changed", "deleted", "added", "read only", "repository", "namespace"])
async def test_a_run_ends_where_a_policy_or_the_repository_changes(
    ada: Factory, before_deletion: Callable[[Action], None], what: str
) -> None:
    context = await ada.as_account("ada")
    await aged(ada, PATH, series("v", 4))
    place = Owner(namespace="ada")
    by_number = await numbered(ada, "ada", 2)

    async def change() -> None:
        if what == "changed":
            await policy.update(context, place, by_number.uuid, {"parameter": 3})
        elif what == "deleted":
            await policy.delete(context, place, by_number.uuid)
        elif what == "added":
            await numbered(ada, PATH, 7)
        elif what == "read only":
            await repository.change_state(context, PATH, RepositoryState.READ_ONLY)
        elif what == "repository":
            await repository.delete(context, PATH)
        else:
            await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'ada'")

    before_deletion(change)
    assert await pruned(ada) == {}
    assert await entries() == []
    (row,) = await fetch("SELECT COUNT(*) AS number FROM tag WHERE NOT has_ended")
    assert row["number"] == 4


async def test_repositories_that_are_closed_to_writes_are_left_alone(ada: Factory) -> None:
    await aged(ada, PATH, series("v", 4))
    await ada.repository("ada/other")
    await aged(ada, "ada/other", series("v", 4))
    await repository.change_state(await ada.as_account("ada"), PATH, RepositoryState.READ_ONLY)
    await numbered(ada, "ada", 2)

    assert await pruned(ada, path=PATH) == {}
    assert {path for path, _ in await pruned(ada)} == {"ada/other"}
    assert len(await left()) == 4


async def test_a_run_of_one_repository_leaves_the_others(ada: Factory) -> None:
    await ada.repository("ada/other")
    for path in (PATH, "ada/other"):
        await aged(ada, path, series("v", 3))
    shared, own = await numbered(ada, "ada", 2), await numbered(ada, "ada/other", 1)

    assert await pruned(ada, path="ada/other") == {
        ("ada/other", "v1"): own.uuid,
        ("ada/other", "v2"): shared.uuid,
    }
    assert await runs_of(shared, own) == [[(1, ["v2"], None)], [(1, ["v1"], None)]]
    await pruned(ada, path="ada/other")
    # It tells nothing of what the policy of the namespace would have done elsewhere.
    assert [len(runs) for runs in await runs_of(shared, own)] == [1, 2]


async def test_two_runs_at_once_delete_each_tag_once(ada: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.pruning.run.BATCH", 3)
    await aged(ada, PATH, series("v", 30))
    by_number = await numbered(ada, PATH, 2)

    one, other = await asyncio.gather(pruned(ada), pruned(ada))

    assert one.keys() & other.keys() == set()
    assert len(one) + len(other) == 28
    assert sorted(await entries()) == sorted(f"{PATH}:v{number}" for number in range(2, 30))
    assert sum(number for number, _, _ in (await runs_of(by_number))[0]) == 28


@pytest.mark.parametrize("point", ["prune.before_commit", "prune.after_commit"])
async def test_a_run_that_fails_goes_on_where_it_stopped(
    ada: Factory, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr("resolvers.pruning.run.BATCH", 2)
    await aged(ada, PATH, series("v", 7))
    by_number = await numbered(ada, PATH, 1)
    reached: list[str] = []

    def fail(name: str) -> None:
        reached.append(name)
        if reached.count(point) == 2 and name == point:
            raise OSError("as at a fault")

    monkeypatch.setattr(deletion, "fault", fail)
    with pytest.raises(OSError, match="as at a fault"):
        await pruned(ada)
    done = 2 if point == "prune.before_commit" else 4
    assert len(await left()) == 7 - done
    assert len(await entries()) == done
    await pruned(ada)

    assert await left() == ["v0"]
    assert sorted(await entries()) == [f"{PATH}:v{one}" for one in range(1, 7)]
    listed = [f"v{one}" for one in range(1, 7)]
    assert await runs_of(by_number) == [
        [(6 - done, listed[done:], None), (done, listed[:done], "OSError: as at a fault")]
    ]


async def test_what_fails_in_one_repository_stops_no_other(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("ada/b", "ada/c"):
        await ada.repository(path)
    for path in (PATH, "ada/b", "ada/c"):
        await aged(ada, path, series("v", 3))
    shared, own = await numbered(ada, "ada", 2), await numbered(ada, PATH, 1)
    other = await numbered(ada, "ada/c", 1)
    to_fail = ["ada/app", "ada/b"]

    def fail(name: str) -> None:
        if name == "prune.before_commit" and to_fail:
            raise OSError(f"as at a fault in {to_fail.pop(0)}")

    monkeypatch.setattr(deletion, "fault", fail)
    with pytest.raises(OSError, match="as at a fault in ada/app"):
        await pruned(ada)

    assert [len(await left(path)) for path in (PATH, "ada/b", "ada/c")] == [3, 3, 1]
    said = "OSError: as at a fault in ada/app"
    assert await runs_of(shared, own, other) == [
        [(1, ["v2"], f"ada/app: {said}")],
        [(0, [], said)],
        [(1, ["v1"], None)],
    ]
    assert len(await pruned(ada)) == 3


async def test_a_policy_that_is_deleted_while_a_run_ends_is_left_out(ada: Factory) -> None:
    gone, stays = await numbered(ada, PATH, 1), await numbered(ada, "ada", 1)
    held = asyncio.Event()

    async def delete() -> None:
        async with transaction("test.delete"):
            await execute("DELETE FROM prune_policy WHERE id = ?", gone.id)
            held.set()
            # The run has come to its note meanwhile, and waits.
            await asyncio.sleep(0.05)

    async def finish() -> None:
        await held.wait()
        await history.RunLog().finish([gone.id, stays.id])

    await asyncio.gather(delete(), finish())
    assert await runs_of(gone, stays) == [[], [(0, [], None)]]


async def test_a_long_run_leaves_the_rest_to_another_behind_other_namespaces(
    ada: Factory, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.pruning.run.BATCH", 2)
    monkeypatch.setattr(schedule, "TURN_S", 0)
    await ada.repository("ada/other")
    await ada.organization("acme", owner="ada")
    await ada.repository("acme/app", by="ada")
    for path in (PATH, "ada/other", "acme/app"):
        await aged(ada, path, series("v", 4))
    by_number = await numbered(ada, "ada", 1)
    await numbered(ada, "acme", 1)
    await execute("DELETE FROM job")
    tools = tools_of(settings, ada.blobs)
    kinds = {"prune.run": kinds_of(settings)["prune.run"]}
    (row,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await schedule.enqueue_runs(Run({}, tools))

    runner = Runner(database, settings, ada.blobs, kinds=kinds)
    seen: list[tuple[int, int, int]] = []
    while await fetch("SELECT id FROM job WHERE state = 'waiting' AND kind = 'prune.run'"):
        # However many slots there are, one run goes on at once.
        assert await runner.start_due()
        (running,) = await fetch("SELECT COUNT(*) AS number FROM job WHERE state = 'running'")
        assert running["number"] <= 1
        await runner.wind_down()
        runner = Runner(database, settings, ada.blobs, kinds=kinds)
        seen.append((len(await left()), len(await left("ada/other")), len(await left("acme/app"))))
        # The schedule leaves a namespace alone whose rest waits.
        await schedule.namespace_is_due(row["id"]) if len(seen) == 1 else None

    assert seen[0] in {(2, 4, 4), (4, 4, 2)}
    assert seen[1] == (2, 4, 2)
    assert seen[-1] == (1, 1, 1)
    said = [row["result"] for row in await fetch("SELECT result FROM job ORDER BY id")]
    assert said[0] == "Deleted 2 tags in 1 repositories. Another run does the rest."
    assert sum(int(one.split()[1]) for one in said) == 9
    # What is noted is the same as of one run.
    noted = (await runs_of(by_number))[0]
    assert sum(number for number, _, _ in noted) == 6
    assert {error for _, _, error in noted} == {None}


async def test_the_note_of_a_run_that_was_ended_says_so(ada: Factory) -> None:
    by_age = await older(ada, PATH, "1d")
    await execute(
        "INSERT INTO prune_run (policy_id, started_at_ms, tag_count, tags) VALUES (?, 1, 0, '[]')", by_age.id
    )
    await aged(ada, PATH, {"v1": 3})
    await pruned(ada)

    assert await runs_of(by_age) == [[(1, ["v1"], None), (0, [], history.INTERRUPTED)]]


async def test_the_schedule_enqueues_a_run_for_each_namespace_with_policies(
    ada: Factory, settings: Settings
) -> None:
    tools = tools_of(settings, ada.blobs)
    await ada.organization("acme", owner="ada")
    await ada.organization("idle", owner="ada")
    await ada.repository("acme/app", by="ada")
    for path in (PATH, "acme/app"):
        await aged(ada, path, series("v", 3))
    await numbered(ada, "acme/app", 1)
    await numbered(ada, "ada", 1)
    await execute("DELETE FROM job")

    for _ in range(2):
        assert await schedule.enqueue_runs(Run({}, tools)) == "2 namespaces have policies."
    rows = await fetch(
        "SELECT n.name, j.payload FROM job j JOIN account n ON n.id = j.namespace_id"
        " WHERE j.kind = 'prune.run' AND j.run_at_ms <= ? ORDER BY n.name",
        now_ms(),
    )
    assert [row["name"] for row in rows] == ["acme", "ada"]
    said = [await schedule.run_policies(Run(decode_json(row["payload"]), tools)) for row in rows]
    assert said == ["Deleted 2 tags in 1 repositories."] * 2
    assert await left() == await left("acme/app") == ["v0"]


async def test_changes_of_policies_are_followed_by_one_run(ada: Factory) -> None:
    record = await repository.find(PATH)
    assert record is not None
    context = await ada.as_account("ada")
    for owner, place in ((PATH, Owner(repository=PATH)), ("ada", Owner(namespace="ada"))):
        one = await numbered(ada, owner, 3)
        await policy.update(context, place, one.uuid, {"parameter": 2})
        await policy.delete(context, place, one.uuid)

    rows = await fetch(
        "SELECT payload, namespace_id, run_at_ms FROM job WHERE kind = 'prune.run' ORDER BY id"
    )
    assert [decode_json(row["payload"]) for row in rows] == [
        {"namespace_id": record.namespace_id, "repository_id": record.id},
        {"namespace_id": record.namespace_id, "repository_id": None},
    ]
    assert {row["namespace_id"] for row in rows} == {record.namespace_id}
    assert all(row["run_at_ms"] > now_ms() for row in rows)
    # One that has begun may have read the policies before.
    await execute("UPDATE job SET state = 'running'")
    await numbered(ada, PATH, 5)
    (row,) = await fetch("SELECT COUNT(*) AS number FROM job WHERE kind = 'prune.run'")
    assert row["number"] == 3


async def test_a_worker_runs_what_a_change_of_policies_enqueued(
    ada: Factory, settings: Settings, database: Database
) -> None:
    await aged(ada, PATH, series("v", 4))
    await numbered(ada, "ada", 1)
    await execute("UPDATE job SET run_at_ms = 1 WHERE kind = 'prune.run'")
    kinds = {name: kinds_of(settings)[name] for name in ("prune.run", "prune.schedule")}
    runner = Runner(database, settings, ada.blobs, kinds=kinds)

    assert await runner.start_due()
    await runner.wind_down()

    assert await left() == ["v0"]
    rows = await fetch("SELECT kind, result FROM job WHERE state = 'done' ORDER BY kind")
    assert [(row["kind"], row["result"]) for row in rows] == [
        ("prune.run", "Deleted 3 tags in 1 repositories."),
        ("prune.schedule", "1 namespaces have policies."),
    ]


@pytest.mark.long
async def test_many_tags_are_read_in_pages_and_deleted_in_short_transactions(ada: Factory) -> None:
    number = 2_500 * SCALE
    await aged(ada, PATH, {f"v{one}": 9 for one in range(number)})
    await older(ada, PATH, "2d")
    # A write between two batches waits for one of them, not for the run.
    with count_statements() as count:
        sizes = [
            len(done.tags)
            async for done in prune(ada.context(), (await fetch("SELECT id FROM account"))[0]["id"])
        ]

    assert sum(sizes) == number
    assert max(sizes) == deletion.BATCH <= 500
    pages = [text for text in count.statements if "t.started_at_ms, t.name) <" in text]
    assert len(pages) == number // selection.PAGE + 1
    assert len(count.statements) < len(sizes) * 14 + len(pages) + 20
    (row,) = await fetch("SELECT COUNT(*) AS number FROM audit_log WHERE kind = 'autoprune_tag_delete'")
    assert row["number"] == number
    assert await left() == []


async def test_nothing_runs_without_the_feature(settings: Settings) -> None:
    kinds = kinds_of(settings)
    assert {"prune.run", "prune.schedule"} <= kinds.keys()
    off = kinds_of(replace(settings, features=settings.features - {"AUTO_PRUNE"}))
    assert {"prune.run", "prune.schedule"} & off.keys() == set()
    assert kinds["prune.run"].limits.per_namespace == 1


async def test_a_clock_that_jumps_ahead_is_not_believed_for_a_day(ada: Factory, clock: Clock) -> None:
    year, hour = 365 * 86_400, 3_600
    await aged(ada, PATH, series("v", 8) | {"old": 40})
    await older(ada, PATH, "10d")
    await prune_clock.note()
    clock.move(hour)
    await prune_clock.note()

    clock.move(10 * year)
    assert names(await pruned(ada)) == ["old"]
    await prune_clock.note()
    for _ in range(23):
        clock.move(hour)
        await prune_clock.note()
        assert await pruned(ada) == {}
    # Put right: it is believed at once.
    clock.move(-10 * year)
    await prune_clock.note()
    assert abs(await prune_clock.judged_now() - now_ms()) < 1_000
    assert await pruned(ada) == {}
    clock.move(2 * 86_400)
    assert await pruned(ada) == {}
    await prune_clock.note()
    # It was the clock of a registry that was off: after a day it is believed.
    for _ in range(24):
        clock.move(hour)
        await prune_clock.note()
    assert abs(await prune_clock.judged_now() - now_ms()) < 1_000
    assert names(await pruned(ada)) == ["v5", "v6", "v7"]


@pytest.mark.parametrize(("days", "judged"), [(1.01, 8.08), (7, 56), (30, 0)])
async def test_notes_by_the_command_alone_are_enough_if_they_are_weekly(
    clock: Clock, days: float, judged: float, database: Database
) -> None:
    await prune_clock.note()
    started = now_ms()
    for _ in range(8):
        clock.move(days * 86_400)
        made = await prune_clock.note()
    assert made.is_doubted is (judged == 0)
    assert (await prune_clock.judged_now() - started) / DAY_MS == pytest.approx(judged, abs=0.01)


async def test_a_clock_that_goes_back_deletes_nothing_more(ada: Factory, clock: Clock) -> None:
    await aged(ada, PATH, series("v", 4))
    await older(ada, PATH, "2d")
    await prune_clock.note()
    clock.move(-30 * 86_400)
    await prune_clock.note()
    assert await pruned(ada) == {}
    clock.move(30 * 86_400)
    assert await pruned(ada) == {}
    assert await prune_clock.judged_now() < now_ms() - 29 * DAY_MS


async def test_the_statements_of_a_run_do_not_grow_with_tags_of_a_batch(ada: Factory) -> None:
    async def cost(number: int) -> int:
        await aged(ada, PATH, {f"v{number}-{one}": 9 for one in range(number)})
        with count_statements() as count:
            assert len(await pruned(ada)) == number
        return len(count.statements)

    await older(ada, PATH, "2d")
    await cost(1)
    few, many = await cost(50), await cost(100)
    # Events and entries are written a hundred at a time.
    assert few == many


async def test_the_namespace_of_a_run_may_be_gone(ada: Factory, settings: Settings) -> None:
    tools = tools_of(settings, ada.blobs)
    await numbered(ada, "ada", 1)
    (row,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await user.delete(await ada.as_account("ada"))
    payload = {"namespace_id": row["id"], "repository_id": None}
    assert await schedule.run_policies(Run(payload, tools)) == "Deleted 0 tags in 0 repositories."
