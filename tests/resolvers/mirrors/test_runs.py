"""When runs of mirrors begin, wait, end and are begun again."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from resolvers.accounts import robot
from resolvers.mirrors import claims, history, jobs, mirror, sync
from resolvers.mirrors.mirror import MirrorChanges
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.mirrors.upstream import SYNC_LIMITS
from storage.clock import now_ms
from storage.jobs import claim, enqueue
from storage.statements import decode_json, execute, fetch
from tests.quayside.registry.kit import digest_of
from tests.resolvers.mirrors.mirroring import ACME, Mirroring
from tests.schema.client import endpoint
from tests.waiting import until

HEALTH = """query ($namespace: String) { mirrorHealth(namespace: $namespace) {
  isHealthy mirrorCount runningCount succeededCount failedCount neverRunCount waitingTagCount
  failing { repository message } } }"""


async def test_a_tag_that_fails_does_not_end_the_run(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    good = upstream.image("team/app", "v1", b"good")
    for name in ("v2", "v3"):
        upstream.image("team/app", name, f"layer of {name}".encode())
    upstream.rule(f"GET .*/blobs/{digest_of(b'layer of v2')}", corrupt=True)
    upstream.rule(f"GET .*/blobs/{digest_of(b'layer of v3')}", status=403)
    await mirroring.begin("*")

    run = await mirroring.run()

    assert await mirroring.tags() == {"v1": good}
    assert (run.status, run.done_count, run.failed_count) == (MirrorStatus.FAIL, 3, 2)
    assert {one.tag for one in run.failures} == {"v2", "v3"}
    assert all(one.message for one in run.failures)
    assert ("repo_mirror_sync_tag_failed", "v2") in await mirroring.events()
    record = await mirroring.record()
    assert (record.status, record.timing.retries_remaining) == (MirrorStatus.FAIL, 2)
    # It is tried again soon, and what was brought is not asked for again.
    (job,) = await fetch("SELECT run_at_ms, state FROM job WHERE kind = 'mirror.sync'")
    assert 0 < job["run_at_ms"] - now_ms() <= 60_000

    upstream.reset()
    for name in ("v1", "v2", "v3"):
        upstream.image("team/app", name, b"good" if name == "v1" else f"layer of {name}".encode())
    run = await mirroring.run()
    assert (run.status, len(await mirroring.tags())) == (MirrorStatus.SUCCESS, 3)
    assert (await mirroring.record()).timing.retries_remaining == 3
    assert upstream.asked(f"GET .*/blobs/{digest_of(b'good')}") == []


async def test_after_its_retries_a_run_waits_for_the_next_interval(mirroring: Mirroring) -> None:
    await mirroring.begin("v1")
    mirroring.upstream.rule("/tags/list", status=403)

    for left in (2, 1, 3):
        assert (await mirroring.run()).status is MirrorStatus.FAIL
        assert (await mirroring.record()).timing.retries_remaining == left

    starts = (await mirroring.record()).timing.starts_at_ms
    assert starts is not None
    assert starts > now_ms()


async def test_a_run_is_cancelled_while_it_waits_for_the_source(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    upstream.image("team/app", "v1", b"x" * 100_000)
    upstream.rule(f"GET .*/blobs/{digest_of(b'x' * 100_000)}", pause_at=10)
    await mirroring.begin("v1")

    running = asyncio.create_task(mirroring.run())
    await until(lambda: asyncio.to_thread(lambda: upstream.waiting() > 0))
    await mirror.sync_cancel(mirroring.owner, ACME)
    run = await running

    assert run.status is MirrorStatus.CANCEL
    record = await mirroring.record()
    assert (record.status, record.timing.starts_at_ms) == (MirrorStatus.CANCEL, None)
    assert record.timing.retries_remaining == 0
    assert (await mirroring.events())[-1] == ("repo_mirror_sync_failed", None)
    assert await jobs.order_due() == 0


@pytest.mark.parametrize(
    "wanted", [{"is_enabled": True}, {"sync_interval_s": 60}, {"sync_starts_at_ms": now_ms()}]
)
async def test_what_was_cancelled_runs_again_once_its_settings_say_so(
    mirroring: Mirroring, wanted: dict[str, Any]
) -> None:
    mirroring.upstream.image("team/app", "v1", b"layer")
    await mirroring.begin("v1")
    await claims.claim(mirroring.factory.context(), (await mirroring.record()).id, None)
    await mirror.sync_cancel(mirroring.owner, ACME)
    await jobs.end_lost(mirroring.factory.context())
    for rests in ({"tag_timeout_s": 400}, {"is_enabled": False}):
        await mirror.update(mirroring.owner, ACME, MirrorChanges(**rests))  # type: ignore[arg-type]
        assert await jobs.order_due() == 0
    await execute("UPDATE repository_mirror SET is_enabled = ?", True)

    await mirror.update(mirroring.owner, ACME, MirrorChanges(**wanted))

    assert await jobs.order_due() == 1
    assert (await mirroring.run()).status is MirrorStatus.SUCCESS


async def test_what_ran_once_runs_again_by_an_interval(mirroring: Mirroring) -> None:
    mirroring.upstream.image("team/app", "v1", b"layer")
    await mirroring.begin("v1", sync_interval_s=0)
    assert (await mirroring.run()).status is MirrorStatus.SUCCESS
    await mirror.update(mirroring.owner, ACME, MirrorChanges(is_enabled=True, tag_timeout_s=400))
    assert await jobs.order_due() == 0

    await mirror.update(mirroring.owner, ACME, MirrorChanges(sync_interval_s=60))

    assert await jobs.order_due() == 1
    await mirroring.run()
    starts = (await mirroring.record()).timing.starts_at_ms
    assert starts is not None
    # A clock that ran ahead by a year has set the next time; one that somebody chose is left alone.
    year = 365 * 24 * 3_600_000
    await execute("UPDATE repository_mirror SET sync_starts_at_ms = ?", starts + year)
    await jobs.bring_forward()
    assert (await mirroring.record()).timing.starts_at_ms == starts + year
    await execute("UPDATE mirror_run SET ended_at_ms = ended_at_ms + ?", year)
    await jobs.bring_forward()
    brought = (await mirroring.record()).timing.starts_at_ms
    assert brought is not None
    assert 0 < brought - now_ms() <= 60_000
    assert (starts - brought) % 60_000 == 0


async def test_a_run_that_was_ordered_is_tried_again(mirroring: Mirroring) -> None:
    await mirroring.begin("v1", sync_starts_at_ms=now_ms() + 3_600_000)
    mirroring.upstream.rule("/tags/list", status=403)

    await mirror.sync_now(mirroring.owner, ACME)
    for left, delay_ms in ((2, 60_000), (1, 300_000)):
        await execute("DELETE FROM job")
        assert (await mirroring.run()).status is MirrorStatus.FAIL
        assert (await mirroring.record()).timing.retries_remaining == left
        [job] = await fetch("SELECT run_at_ms FROM job WHERE kind = 'mirror.sync'")
        assert delay_ms - 10_000 < job["run_at_ms"] - now_ms() <= delay_ms
    last = await mirroring.run()
    assert (await mirroring.record()).timing.retries_remaining == 3
    # It is not due before its time then.
    assert (await mirroring.run()).id == last.id


async def test_a_run_that_was_cancelled_ends_though_another_one_begins(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    upstream.image("team/app", "v1", b"x" * 100_000)
    upstream.rule(f"GET .*/blobs/{digest_of(b'x' * 100_000)}", pause_at=10)
    await mirroring.begin("v1")
    first = asyncio.create_task(mirroring.run())
    await until(lambda: asyncio.to_thread(lambda: upstream.waiting() > 0))

    await mirror.sync_cancel(mirroring.owner, ACME)
    await mirror.sync_now(mirroring.owner, ACME)
    second = asyncio.create_task(mirroring.run())
    await first

    runs = await fetch("SELECT ended_at_ms IS NULL AS goes_on, message FROM mirror_run ORDER BY id")
    assert [(bool(row["goes_on"]), row["message"]) for row in runs] == [
        (False, "The run was cancelled."),
        (True, None),
    ]
    await mirror.sync_cancel(mirroring.owner, ACME)
    assert (await second).status is MirrorStatus.CANCEL


async def test_a_source_that_always_limits_ends_the_run(
    mirroring: Mirroring, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        mirroring.upstream.image("team/app", f"v{number}", b"layer")
    mirroring.upstream.rule("GET .*/manifests/", status=429, headers={"Retry-After": "1"})
    monkeypatch.setattr(sync, "LONGEST_PAUSE_S", 1.5)
    once = partial(sync.open_source, limits=replace(SYNC_LIMITS, tries=1))
    monkeypatch.setattr(sync, "open_source", once)
    await mirroring.begin("*")

    run = await mirroring.run()

    # It is not asked again and again for tag after tag, although each has pauses of its own left.
    assert (run.status, run.done_count, run.failed_count) == (MirrorStatus.FAIL, 0, 0)
    assert len(mirroring.upstream.asked("GET .*/manifests/")) <= 2 * sync.TAGS_AT_ONCE


async def test_a_run_pauses_as_long_as_the_source_wants(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    digest = upstream.image("team/app", "v1", b"layer")
    upstream.rule("GET .*/manifests/v1", status=429, headers={"Retry-After": "1"}, times=2)
    await mirroring.begin("v1")

    run = await mirroring.run()

    assert (run.status, await mirroring.tags()) == (MirrorStatus.SUCCESS, {"v1": digest})
    upstream.rule("/tags/list", status=429, headers={"Retry-After": "7200"})
    assert (await mirroring.again()).status is MirrorStatus.FAIL


async def test_a_run_that_was_left_is_gone_on_with_or_ended(mirroring: Mirroring) -> None:
    mirroring.upstream.image("team/app", "v1", b"layer")
    await mirroring.begin("v1")
    found = await mirroring.record()
    await enqueue("mirror.sync", {"mirror_id": found.id})
    held = await claim("here", ["mirror.sync"])
    assert held is not None
    context = mirroring.factory.context()
    first = await claims.claim(context, found.id, held.id)
    assert first is not None
    # Another job may not, as long as that one lives; the same one may, after its process died.
    assert await claims.claim(context, found.id, held.id + 1) is None
    assert await jobs.end_lost(context) == 0
    again = await claims.claim(context, found.id, held.id)
    assert again is not None
    assert again.run.id == first.run.id
    await execute("UPDATE job SET state = 'cancelled' WHERE id = ?", held.id)
    assert await jobs.end_lost(context) == 1
    run = await history.last(found.id)
    assert run is not None
    assert (run.status, run.message) == (MirrorStatus.FAIL, claims.INTERRUPTED)
    # It is tried again in a while, or now if somebody says so.
    [waiting] = await fetch("SELECT id, run_at_ms FROM job WHERE kind = 'mirror.sync' AND state = 'waiting'")
    assert waiting["run_at_ms"] > now_ms()
    await mirror.sync_now(mirroring.owner, ACME)
    assert await fetch("SELECT id FROM job WHERE state = 'waiting' AND run_at_ms <= ?", now_ms()) == [
        {"id": waiting["id"]}
    ]


async def test_a_run_that_was_cancelled_while_nobody_did_it_has_an_end(mirroring: Mirroring) -> None:
    mirroring.upstream.image("team/app", "v1", b"layer")
    await mirroring.begin("v1")
    found = await mirroring.record()
    context = mirroring.factory.context()
    await claims.claim(context, found.id, None)
    await mirror.sync_cancel(mirroring.owner, ACME)

    assert await claims.claim(context, found.id, None) is None
    assert await jobs.end_lost(context) == 1

    run = await history.last(found.id)
    assert run is not None
    assert (run.status, run.ended_at_ms is None) == (MirrorStatus.CANCEL, False)
    assert (await mirroring.record()).timing.starts_at_ms is None


async def test_health_counts_mirrors_for_who_administers_them(mirroring: Mirroring) -> None:
    factory = mirroring.factory
    await factory.user("eve")
    await factory.user("chief", is_superuser=True)
    tokens = {name: await factory.token(name) for name in ("ada", "eve", "chief")}
    await mirroring.begin("v1")
    async with endpoint(factory) as anonymous:
        clients = {name: anonymous.with_token(token) for name, token in tokens.items()}

        async def seen(name: str, namespace: str | None) -> dict[str, Any]:
            found: dict[str, Any] = (await clients[name].data(HEALTH, namespace=namespace))["mirrorHealth"]
            return found

        none = dict.fromkeys(("runningCount", "succeededCount", "failedCount", "waitingTagCount"), 0)
        fresh = {"isHealthy": True, "mirrorCount": 1, "neverRunCount": 1, "failing": [], **none}
        assert await seen("ada", "acme") == await seen("chief", None) == fresh
        for name, namespace in (("eve", "acme"), ("eve", None), ("ada", None), ("chief", "acme")):
            assert await clients[name].refusal(HEALTH, namespace=namespace) == "FORBIDDEN"
        mirroring.upstream.rule("/tags/list", status=403)
        await mirroring.run()
        found = await seen("ada", "acme")
        assert (found["isHealthy"], found["failedCount"], found["neverRunCount"]) == (False, 1, 0)
        assert [one["repository"] for one in found["failing"]] == ["acme/app"]
        assert found["failing"][0]["message"]


async def test_subscribers_are_told_how_far_a_run_is(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    upstream.image("team/app", "v1", b"x" * 100_000)
    upstream.image("team/app", "v2", b"small")
    upstream.rule(f"GET .*/blobs/{digest_of(b'x' * 100_000)}", pause_at=10_000)
    await mirroring.begin("v*")

    async def told() -> list[dict[str, Any]]:
        rows = await fetch("SELECT metadata FROM event WHERE kind = 'repo_mirror_sync_progress' ORDER BY id")
        return [decode_json(row["metadata"]) for row in rows]

    async def is_told() -> bool:
        return any(one["tags_done"] == 1 for one in await told())

    running = asyncio.create_task(mirroring.run())
    await until(is_told)
    last = await history.last((await mirroring.record()).id)
    upstream.go()
    await running

    one = (await told())[-1]
    assert (one["tags_total"], one["tags_changed"], one["tags_failed"]) == (2, 1, 0)
    assert one["fetched_bytes"] > 0
    assert last is not None
    assert (last.done_count, last.tag_count, last.ended_at_ms) == (1, 2, None)


async def test_mirrors_are_ordered_when_they_are_due(mirroring: Mirroring) -> None:
    await mirroring.begin("v1")

    assert await jobs.order_due() == 1
    assert await jobs.order_due() == 1
    assert len(await fetch("SELECT id FROM job WHERE kind = 'mirror.sync'")) == 1
    for changes in (
        {"is_enabled": False},
        {"is_enabled": True, "sync_starts_at_ms": now_ms() + 60_000},
    ):
        await mirror.update(mirroring.owner, ACME, MirrorChanges(**changes))  # type: ignore[arg-type]
        assert await jobs.order_due() == 0
    await mirror.sync_now(mirroring.owner, ACME)
    assert await jobs.order_due() == 1


async def test_a_mirror_without_robot_or_secrets_says_so(mirroring: Mirroring) -> None:
    await mirroring.begin("v1", username="keeper", password="beam")
    await execute("UPDATE repository_mirror SET password_encrypted = 'written with a key that is gone'")

    first = await mirroring.run()
    await robot.delete(mirroring.owner, owner="acme", short_name="bot")
    second = await mirroring.again()

    assert first.message is not None
    assert first.message.startswith("The credentials of the mirror cannot be read")
    assert second.message == "The robot of the mirror is gone or disabled; name another one."
    assert mirroring.upstream.asked() == []


async def test_one_of_several_jobs_begins_a_run(mirroring: Mirroring) -> None:
    await mirroring.begin("v1")
    found, context = await mirroring.record(), mirroring.factory.context()
    ids = [await enqueue("mirror.sync", {"mirror_id": found.id}) for _ in range(4)]

    claimed = await asyncio.gather(*(claims.claim(context, found.id, job) for job in ids))

    assert len([one for one in claimed if one is not None]) == 1
    assert len(await fetch("SELECT id FROM mirror_run")) == 1
