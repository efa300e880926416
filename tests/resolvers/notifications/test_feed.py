"""From the event log to deliveries: which events are wanted, and what is said of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from resolvers.accounts.namespace import Owner
from resolvers.errors import Invalid, TooMany
from resolvers.notifications import deliveries, notification
from resolvers.notifications.feed import feed
from resolvers.notifications.kinds import EVENTS, NotificationEvent
from resolvers.notifications.methods import NotificationMethod
from resolvers.notifications.notification import CURSOR, Draft
from storage.events import EventRow, append
from storage.site_settings import site_setting
from storage.statements import decode_json, execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.feeding import feed_all
from tests.plugins.databases import TEST_DB

PATH = "acme/app"
BUILD = "build_id build_name docker_tags trigger_id trigger_kind trigger_metadata"
PLACE = "repository namespace name docker_url homepage digest tags event event_id occurred_at actor"
OF_NAMESPACE = "namespace homepage event event_id occurred_at actor"
FILLING = "threshold_percent usage_bytes limit_bytes usage_percent usage_formatted limit_formatted"

SAMPLES: Mapping[str, str] = {
    "repo_push": f"{PLACE} updated_tags pruned_image_count media_type",
    "build_queued": f"{PLACE} is_manual build_id docker_tags trigger_id trigger_kind trigger_metadata",
    "build_start": f"{PLACE} {BUILD}",
    "build_success": f"{PLACE} {BUILD} image_id manifest_digests",
    "build_failure": f"{PLACE} {BUILD} error_message",
    "build_cancelled": f"{PLACE} {BUILD} image_id",
    "vulnerability_found": f"{PLACE} vulnerability",
    "repo_mirror_sync_started": f"{PLACE} message",
    "repo_mirror_sync_success": f"{PLACE} message",
    "repo_mirror_sync_failed": f"{PLACE} message",
    "repo_image_expiry": f"{PLACE} expiring_in",
    "quota_warning": f"{OF_NAMESPACE} {FILLING}",
    "quota_error": f"{OF_NAMESPACE} {FILLING}",
}
"""The keys of the payload of a test, by event."""

CONFIGS: Mapping[str, dict[str, Any]] = {"repo_image_expiry": {"days": "7"}}


async def notify(factory: Factory, event: str, **config: Any) -> str:
    """A notification of `acme`, or of its repository, by `ada`; its uuid."""
    row = EVENTS[NotificationEvent(event)]
    made = await notification.create(
        await factory.as_account("ada"),
        Owner(namespace="acme") if row.is_of_namespace else Owner(repository=PATH),
        Draft(
            event=row.event,
            method=NotificationMethod.FLOWDOCK,
            config={"flow_api_token": "1"},
            event_config=config or CONFIGS.get(event, {}),
        ),
    )
    return made.uuid


async def fire(*events: tuple[str, dict[str, Any]]) -> None:
    """Append events of the repository to the log."""
    (place,) = await fetch("SELECT r.id, r.namespace_id FROM repository r")
    async with transaction("test"):
        await append(
            *(
                EventRow(kind, metadata, namespace_id=place["namespace_id"], repository_id=place["id"])
                for kind, metadata in events
            )
        )


async def noted(factory: Factory) -> list[tuple[str, dict[str, Any]]]:
    """What the feed notes: the notification and the payload of each delivery, in their order."""
    await feed_all(factory.context())
    rows = await fetch(
        "SELECT n.uuid, d.payload FROM notification_delivery d"
        " JOIN notification n ON n.id = d.notification_id ORDER BY d.id"
    )
    return [(row["uuid"], decode_json(row["payload"])) for row in rows]


@pytest.fixture
async def acme(factory: Factory) -> Factory:
    """The factory, with an organization of `ada` and a repository in it."""
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository(PATH, by="ada")
    return factory


async def test_every_event_can_be_tested_and_says_what_it_would(acme: Factory) -> None:
    owner = await acme.as_account("ada")
    found = {}
    for event, row in EVENTS.items():
        place = Owner(namespace="acme") if row.is_of_namespace else Owner(repository=PATH)
        record, test = await deliveries.test(owner, place, await notify(acme, event.value))
        found[event.value] = test.payload
        assert (record.event, test.payload["event"], test.event_id) == (
            event,
            event.value,
            test.payload["event_id"],
        )

    assert {event: set(told) for event, told in found.items()} == {
        event: set(keys.split()) for event, keys in SAMPLES.items()
    }
    homes = {event: told["homepage"].removeprefix("http://127.0.0.1:8080") for event, told in found.items()}
    assert homes["build_start"] == f"/repository/acme/app/build/{found['build_start']['build_id']}"
    assert homes["repo_push"] == "/repository/acme/app"
    assert homes["quota_error"] == "/organization/acme"
    assert found["repo_mirror_sync_failed"]["message"] == "TEST NOTIFICATION"
    assert found["repo_image_expiry"]["expiring_in"] == "7 days"
    assert found["quota_warning"]["usage_formatted"] == "8.0 GiB"


async def test_a_level_lets_through_what_is_as_bad_or_worse(acme: Factory) -> None:
    levels = {await notify(acme, "vulnerability_found", level=level): level for level in ("High", "0", 5)}
    every = await notify(acme, "vulnerability_found")
    names = ("Critical", "High", "Low", "Unknown")

    await fire(
        *(("vulnerability_found", {"tags": ["a"], "vulnerability": {"priority": name}}) for name in names)
    )

    got = [(uuid, told["vulnerability"]["priority"]) for uuid, told in await noted(acme)]
    by_level = {levels.get(uuid): [name for one, name in got if one == uuid] for uuid in (*levels, every)}
    assert by_level == {"High": ["Critical", "High"], "0": ["Critical"], 5: [*names], None: [*names]}


async def test_a_ref_regex_fits_from_the_start_of_a_ref(acme: Factory) -> None:
    main = await notify(acme, "build_failure", **{"ref-regex": "refs/heads/(main|next)"})
    refs = ("refs/heads/main", "refs/heads/main-2", "refs/tags/refs/heads/main", None)

    await fire(
        *(
            (
                "build_failure",
                {"build_id": str(number), "error_message": "no", "trigger_metadata": ref and {"ref": ref}},
            )
            for number, ref in enumerate(refs)
        )
    )

    assert [(uuid, told["build_id"]) for uuid, told in await noted(acme)] == [(main, "0"), (main, "1")]


async def test_each_event_reaches_those_who_asked_for_it(acme: Factory) -> None:
    await fire(("push_repo", {"tag": "before", "manifest_digest": "sha256:0"}))
    push = await notify(acme, "repo_push")
    assert await notify(acme, "repo_mirror_sync_started")
    sync = await notify(acme, "repo_mirror_sync_failed")

    await fire(
        ("push_repo", {"tag": "v1", "manifest_digest": "sha256:1", "username": "gone"}),
        ("push_repo", {"manifest_digest": "sha256:2"}),
        ("pull_repo", {"tag": "v1"}),
        ("repo_mirror_sync_failed", {"message": "no"}),
    )

    got = await noted(acme)
    assert [(uuid, told["event"]) for uuid, told in got] == [
        (push, "repo_push"),
        (sync, "repo_mirror_sync_failed"),
    ]
    assert [(told["actor"], told["digest"], told["tags"]) for _, told in got] == [
        ("gone", "sha256:1", ["v1"]),
        (None, None, []),
    ]
    assert got[1][1]["message"] == "no"


@pytest.mark.skipif(TEST_DB != "postgres", reason="SQLite has one writer at a time")
async def test_what_committed_before_is_not_told_though_an_older_transaction_is_open(acme: Factory) -> None:
    opened, may_commit = asyncio.Event(), asyncio.Event()

    async def older() -> None:
        async with transaction("test.older"):
            await execute("INSERT INTO site_setting (name, value) VALUES ('older', '1')")
            opened.set()
            await may_commit.wait()

    task = asyncio.create_task(older())
    await opened.wait()
    await fire(("push_repo", {"tag": "before", "manifest_digest": "sha256:0"}))
    push = await notify(acme, "repo_push")
    await fire(("push_repo", {"tag": "after", "manifest_digest": "sha256:1"}))
    may_commit.set()
    await task

    assert [(uuid, told["tags"]) for uuid, told in await noted(acme)] == [(push, ["after"])]


async def test_events_are_read_in_batches_and_each_only_once(acme: Factory) -> None:
    uuids = [await notify(acme, "repo_push") for _ in range(45)]
    await fire(*(("push_repo", {"tag": f"t{number}", "manifest_digest": "d"}) for number in range(30)))

    # A transaction notes at most 500 deliveries, and whole events.
    assert await feed_all(acme.context()) == 2
    got = await noted(acme)
    assert len(got) == 30 * 45
    for uuid in uuids:
        assert [told["updated_tags"] for one, told in got if one == uuid] == [[f"t{n}"] for n in range(30)]
    assert await feed(acme.context()) is False
    jobs = await fetch("SELECT namespace_id FROM job WHERE kind = 'notification.deliver'")
    assert len(jobs) == 45


async def test_a_malformed_event_holds_up_no_other_one(
    acme: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    wants = await notify(acme, "repo_push")
    await notify(acme, "quota_warning")
    compares = await notify(acme, "vulnerability_found", level="1")
    found = {"vulnerability": {"id": "CVE-1", "priority": "High"}, "tags": ["v1"]}
    await fire(("quota_warning", {"namespace": "acme"}), ("vulnerability_found", {"vulnerability": "x"}))
    await fire(("push_repo", {"tag": "after"}), ("vulnerability_found", found))

    got = await noted(acme)

    assert [(one, told["tags"]) for one, told in got] == [(wants, ["after"]), (compares, ["v1"])]
    rows = await fetch(
        "SELECT id FROM event WHERE kind IN ('quota_warning', 'vulnerability_found') ORDER BY id"
    )
    assert [record.__dict__["event"] for record in caplog.records if "event" in record.__dict__] == [
        row["id"] for row in rows[:2]
    ]


async def test_without_notifications_nothing_is_read(acme: Factory) -> None:
    await fire(("push_repo", {"tag": "v1", "manifest_digest": "d"}))

    assert await feed(acme.context()) is False
    assert await site_setting(CURSOR) is None


async def test_an_event_cannot_be_chosen_without_its_feature(acme: Factory) -> None:
    bare = acme.without_features("REPO_MIRROR", "IMAGE_EXPIRY_TRIGGER", "QUOTA_NOTIFICATIONS")
    refused = []
    for event in EVENTS:
        try:
            await notify(bare, event.value)
        except Invalid as error:
            refused.append((event.value, error.field))
    assert refused == [(event.value, "event") for event, row in EVENTS.items() if row.feature is not None]
    assert len(refused) == 6


async def test_an_owner_has_at_most_a_hundred_notifications(acme: Factory) -> None:
    for _ in range(100):
        await notify(acme, "repo_push")

    with pytest.raises(TooMany, match="100 notifications"):
        await notify(acme, "repo_push")
    assert await notify(acme, "quota_error")


@pytest.mark.skipif(TEST_DB == "sqlite", reason="positions in the log of SQLite are its rows")
async def test_notifications_go_on_in_a_database_that_was_restored(acme: Factory) -> None:
    uuid = await notify(acme, "repo_push")
    await fire(("push_repo", {"tag": "before", "manifest_digest": "d"}))
    # A dump brings rows with the ids of transactions of the server that it is from.
    for table, column in (("event", "transaction_id"), ("notification", "since_transaction_id")):
        await execute(f"UPDATE {table} SET {column} = {column} + 1000000")
    await execute("UPDATE site_setting SET value = '1000123:5' WHERE name = ?", CURSOR)

    assert await noted(acme) == []
    await fire(("push_repo", {"tag": "after", "manifest_digest": "d"}))

    assert [(one, told["tags"]) for one, told in await noted(acme)] == [(uuid, ["after"])]
    # Nor are those from before the dump told when the server has counted that far.
    assert await fetch("SELECT id FROM event WHERE transaction_id > 1000000") == []
