"""Notifications from the event to the receiver: order, retries, skipping, restarts."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quayside.workers.runner import Runner
from resolvers.notifications import delivery
from storage.statements import execute, fetch
from tests.plugins.scale import SCALE
from tests.process import environment
from tests.quayside.workers.notifications.place import OWNER, Place, tags_of


@pytest.mark.long
async def test_a_burst_of_pushes_reaches_a_failing_receiver_whole_and_in_order(place: Place) -> None:
    names = [f"t{number:05}" for number in range(400 * SCALE)]
    uuid = await place.notify("/burst")
    place.receiver.rule("/burst", failures=5, every=23)

    for first in range(0, len(names), 20):
        await place.push(*names[first : first + 20])
    await place.settle()

    assert tags_of(place.receiver.taken("/burst")) == names
    ids = [one.json["event_id"] for one in place.receiver.taken("/burst")]
    assert len(set(ids)) == len(names)
    found = await place.log(uuid, "FAILED", "SKIPPED", "WAITING")
    assert found == {"numberOfFailures": 0, "deliveries": {"nodes": []}}
    # A burst costs few jobs and few readings of the log.
    (jobs,) = await fetch("SELECT COUNT(*) AS n FROM job WHERE kind = 'notification.deliver'")
    assert jobs["n"] < 5 + len(names) // 20 + 10


async def test_after_three_failures_events_are_skipped_until_reset_and_sent_again(place: Place) -> None:
    uuid = await place.notify("/down")
    place.receiver.rule("/down", failures=10**6, status=503, body="é" * 4096)
    attempts = len(delivery.RETRY_AFTER_S) + 1

    # given three events that the receiver does not take
    await place.push("a", "b", "c")
    await place.settle()
    assert tags_of(place.receiver.seen("/down")) == [tag for tag in "abc" for _ in range(attempts)]
    # when there are more
    await place.push("d", "e")
    await place.settle()
    await place.push("f")
    await place.settle()

    # then they are noted and not sent
    found = await place.log(uuid)
    assert found["numberOfFailures"] == 3
    nodes = found["deliveries"]["nodes"][::-1]
    assert [(one["payload"]["tags"], one["status"], one["attempts"]) for one in nodes] == [
        *((["abc"[number]], "FAILED", attempts) for number in range(3)),
        *(([tag], "SKIPPED", 0) for tag in "def"),
    ]
    assert nodes[0]["httpStatus"] == 503
    assert nodes[0]["error"] == "127.0.0.1 answered 503."
    assert nodes[0]["response"] == "é" * 2048
    assert len(place.receiver.seen("/down")) == 3 * attempts
    refused = await place.owner.data(
        f'mutation {{ made: notificationResend({OWNER}, notification: "{uuid}") {{ errors {{ code }} }} }}'
    )
    assert refused == {"made": {"errors": [{"code": "CONFLICT"}]}}

    # and when the receiver is well, they are sent again: one, and all, in their order
    place.receiver.rule("/down", body="ok")
    await place.act("Reset", uuid)
    await place.push("g")
    await place.settle()
    await place.act("Resend", uuid, f', delivery: "{nodes[1]["id"]}"')
    await place.settle()
    await place.push("h")
    await place.act("Resend", uuid)
    await place.settle()
    assert tags_of(place.receiver.taken("/down")) == ["g", "b", "d", "e", "f", "h"]
    found = await place.log(uuid)
    assert found["numberOfFailures"] == 0
    assert [one["status"] for one in found["deliveries"]["nodes"]] == [
        "DELIVERED",
        "DELIVERED",
        *["DELIVERED"] * 3,
        "FAILED",
        "DELIVERED",
        "FAILED",
    ]


async def test_a_slow_receiver_holds_up_nobody_else(place: Place) -> None:
    for path in ("/slow", "/quick"):
        await place.notify(path)
    place.receiver.rule("/slow", delay_s=2)

    await place.push(*(f"s{number}" for number in range(20)))
    await place.runner.feed_due()
    began = time.monotonic()
    working = asyncio.create_task(place.runner.start_due())
    while len(place.receiver.taken("/quick")) < 20:
        assert time.monotonic() - began < 30
        await asyncio.sleep(0.02)

    # While one receiver thinks about its first event, the other has got all of them.
    assert len(place.receiver.seen("/slow")) <= 1 + int((time.monotonic() - began) / 2)
    place.receiver.rule("/slow")
    await working
    await place.runner.wind_down()
    await place.settle()
    assert tags_of(place.receiver.taken("/slow")) == [f"s{number}" for number in range(20)]


async def test_many_slow_receivers_of_a_namespace_hold_up_no_other_one(place: Place) -> None:
    slow = [f"/slow{number}" for number in range(20)]
    for path in slow:
        place.receiver.rule(path, delay_s=2)
        await place.notify(path)
    await place.notify("/well")

    await place.push("v1")
    await place.runner.feed_due()
    await place.runner.start_due()

    # None waits until another one has answered.
    assert await fetch("SELECT id FROM job WHERE kind = 'notification.deliver' AND state = 'waiting'") == []
    for path in slow:
        place.receiver.rule(path)
    await place.runner.wind_down()
    await place.settle()
    assert [tags_of(place.receiver.taken(path)) for path in [*slow, "/well"]] == [["v1"]] * 21


async def test_two_processes_note_and_send_each_event_once(place: Place) -> None:
    other = Runner(place.runner._database, place.runner._settings, place.factory.blobs)
    await place.notify("/twice")
    names = [f"n{number:03}" for number in range(120)]

    async def work(runner: Runner) -> None:
        for _ in range(6):
            # Whoever reads after another one has taken over finds that the position has moved.
            await execute("DELETE FROM lease WHERE name = 'notification-feeder'")
            await runner.feed_due()
            await runner.start_due()
            await runner.wind_down()

    pushing = asyncio.gather(*(place.push(*names[first : first + 30]) for first in range(0, 120, 30)))
    await asyncio.gather(work(place.runner), work(other), pushing)
    await place.settle()

    taken = place.receiver.taken("/twice")
    assert sorted(tags_of(taken)) == names
    ids = [row["event_id"] for row in await fetch("SELECT event_id FROM notification_delivery ORDER BY id")]
    assert [one.json["event_id"] for one in taken] == ids


async def test_a_test_is_sent_once_before_what_waits_and_ends_the_skipping(place: Place) -> None:
    uuid = await place.notify("/test")
    place.receiver.rule("/test", failures=10**6)
    await place.push("a", "b", "c", "d")
    await place.settle()
    assert (await place.log(uuid))["numberOfFailures"] == 3
    before = len(place.receiver.seen("/test"))

    # given a receiver that is still down
    await place.act("Test", uuid)
    await place.settle()
    assert len(place.receiver.seen("/test")) == before + 1
    found = await place.log(uuid)
    assert found["numberOfFailures"] == 3
    assert [(one["isTest"], one["status"]) for one in found["deliveries"]["nodes"]][:2] == [
        (True, "FAILED"),
        (False, "SKIPPED"),
    ]
    # when it is well, a test goes before the events that wait
    place.receiver.rule("/test")
    await place.act("Reset", uuid)
    await place.push("e")
    await place.runner.feed_due()
    await place.act("Test", uuid)
    await place.settle()
    got = place.receiver.taken("/test")
    assert [one.json["updated_tags"] for one in got] == [["latest", "foo"], ["e"]]
    assert got[0].json["pruned_image_count"] == 3

    # and one that is taken ends the skipping
    await execute("UPDATE notification SET number_of_failures = 3")
    await place.act("Test", uuid)
    await place.settle()
    assert (await place.log(uuid))["numberOfFailures"] == 0


async def test_a_test_and_what_is_sent_again_leave_an_attempt_alone(place: Place) -> None:
    uuid, path = await place.notify("/alone"), "/alone"
    place.receiver.rule(path, delay_s=1)
    await place.push("one")
    await place.runner.feed_due()
    await place.runner.start_due()
    running = "SELECT id FROM job WHERE kind = 'notification.deliver' AND state = 'running'"
    assert len(await fetch(running)) == 1

    # when tests are wanted during the attempt
    await place.act("Test", uuid)
    again = await place.owner.data(
        f'mutation {{ made: notificationTest({OWNER}, notification: "{uuid}")'
        " { errors { code field } } }"
    )
    assert again == {"made": {"errors": [{"code": "TOO_MANY", "field": "notification"}]}}
    place.receiver.rule(path)
    await place.runner.wind_down()
    await place.settle()

    # then each comes once, by the one job
    assert tags_of(place.receiver.taken(path)) == ["one", "latest", "foo"]
    nodes = (await place.log(uuid))["deliveries"]["nodes"]
    assert [(one["status"], one["attempts"]) for one in nodes] == [("DELIVERED", 1)] * 2
    assert len(await fetch("SELECT id FROM job WHERE kind = 'notification.deliver'")) == 1

    # and what waits for its next attempt is not waited for
    await place.push("two")
    await place.runner.feed_due()
    await execute("UPDATE job SET run_at_ms = run_at_ms + 60000 WHERE state = 'waiting'")
    await place.act("Test", uuid)
    await place.settle()
    assert tags_of(place.receiver.taken(path))[3:] == ["latest", "foo", "two"]
    assert len(await fetch("SELECT id FROM job WHERE kind = 'notification.deliver'")) == 2


async def test_a_killed_process_loses_nothing(place: Place, tmp_path: Path) -> None:
    settings = place.runner._settings

    def work(fault: str = "") -> subprocess.Popen[bytes]:
        """A process of jobs, which kills itself at a point."""
        with (tmp_path / "log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "quayside", "worker"],
                cwd=tmp_path,
                env=environment(
                    QUAYSIDE_DATA_DIR=str(settings.data_dir),
                    QUAYSIDE_DATABASE_URL=settings.database_url,
                    QUAYSIDE_BLOB_URL=settings.blob_url,
                    QUAYSIDE_SECRET_KEY="k" * 32,
                    QUAYSIDE_SSRF_ALLOWED_HOSTS="127.0.0.1",
                    QUAYSIDE_FAULT=fault and f"{fault}:kill",
                ),
                stdout=log,
                stderr=log,
            )

    async def died(process: subprocess.Popen[bytes]) -> None:
        """Return when a process has killed itself, and let the time pass until others notice."""
        assert await asyncio.to_thread(process.wait, 60) == -signal.SIGKILL, (tmp_path / "log").read_text()
        await execute("DELETE FROM lease")
        await execute("UPDATE job SET lease_until_ms = 1 WHERE state = 'running'")

    uuid = await place.notify("/killed")
    await place.push("a", "b", "c")

    # when one process dies before its notes are committed, and the next one before it has noted an answer
    await died(work("notification.before_commit"))
    assert await fetch("SELECT id FROM notification_delivery") == []
    await died(work("notification.after_send"))
    assert tags_of(place.receiver.seen("/killed")) == ["a"]
    last = work()
    try:
        deadline = time.monotonic() + 60
        while len((await place.log(uuid, "DELIVERED"))["deliveries"]["nodes"]) < 3:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            await asyncio.sleep(0.05)
    finally:
        last.terminate()
        assert await asyncio.to_thread(last.wait, 60) == 0

    # then what was in the air comes twice, with the same identity, and all of it in order
    got = place.receiver.seen("/killed")
    assert tags_of(got) == ["a", "a", "b", "c"]
    assert got[0].json["event_id"] == got[1].json["event_id"]
    assert got[0].json == got[1].json
