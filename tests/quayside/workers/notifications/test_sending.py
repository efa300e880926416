"""What is sent to receivers, in which form, and to whom it is not."""

import hmac
from dataclasses import replace
from typing import cast

import pytest

from quayside.workers.runner import Runner
from resolvers import byte_size
from resolvers.context import Context
from resolvers.notifications import delivery
from resolvers.notifications.method_table import METHODS
from resolvers.notifications.methods import MethodRow, NotificationMethod, Outgoing
from resolvers.quotas.quota import LimitKind
from storage.clock import DAY_MS, now_ms
from storage.jobs import enqueue
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.workers.notifications.place import CREATE, PATH, Place, documented, tags_of
from tests.schema.client import endpoint


def test_the_page_on_notifications_names_the_waits_between_attempts() -> None:
    assert documented()["waits"] == delivery.RETRY_AFTER_S


async def test_a_push_is_told_with_its_signature(place: Place) -> None:
    uuid = await place.notify("/push", secret="a key")

    digest = await place.push("v1")
    await place.settle()

    (got,) = place.receiver.seen("/push")
    told = got.json
    assert told == {
        "repository": "acme/app",
        "namespace": "acme",
        "name": "app",
        "docker_url": "127.0.0.1:8080/acme/app",
        "homepage": "http://127.0.0.1:8080/repository/acme/app",
        "updated_tags": ["v1"],
        "tags": ["v1"],
        "digest": digest,
        "media_type": kit.image_document(b"layer")["mediaType"],
        "event": "repo_push",
        "event_id": told["event_id"],
        "occurred_at": told["occurred_at"],
        "actor": "ada",
    }
    moment, _, mac = got.headers["x-quayside-signature"].partition(",")
    seconds = moment.removeprefix("t=")
    signed = hmac.new(b"a key", f"{seconds}.{got.body}".encode(), "sha256").hexdigest()
    assert mac == f"v1={signed}"
    is_genuine, field, body = (
        documented()["is_genuine"],
        got.headers["x-quayside-signature"],
        got.body.encode(),
    )
    assert is_genuine("a key", field, body)
    assert not is_genuine("another key", field, body)
    assert not is_genuine("a key", field, body + b" ")
    assert not is_genuine("a key", field.replace(f"t={seconds}", f"t={int(seconds) - 1}"), body)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-quayside-event"] == "repo_push"
    assert got.headers["x-quayside-event-id"] == told["event_id"]
    (entry,) = (await place.log(uuid))["deliveries"]["nodes"]
    assert {key: entry[key] for key in entry.keys() - {"id"}} == {
        "eventId": told["event_id"],
        "isTest": False,
        "status": "DELIVERED",
        "attempts": 1,
        "httpStatus": 200,
        "response": "thanks",
        "error": None,
        "payload": told,
    }


async def test_nothing_is_sent_for_a_disabled_namespace_and_nothing_unsigned(place: Place) -> None:
    held = await place.notify("/held")
    await place.push("a")
    await place.runner.feed_due()
    await execute("UPDATE account SET is_enabled = FALSE WHERE name = 'acme'")
    await place.settle()
    assert place.receiver.seen("/held") == []
    await execute("UPDATE account SET is_enabled = TRUE WHERE name = 'acme'")
    await execute("UPDATE job SET run_at_ms = 1 WHERE kind = 'notification.deliver' AND state = 'waiting'")
    await place.settle()
    assert tags_of(place.receiver.taken("/held")) == ["a"]
    await place.act("Delete", held)

    signed = await place.notify("/signed", secret="a key")
    await execute("UPDATE notification SET secret = 'of another key'")
    await place.push("b")
    await place.settle()
    assert place.receiver.seen("/signed") == []
    (entry,) = (await place.log(signed))["deliveries"]["nodes"]
    assert entry["status"] == "FAILED"
    assert entry["error"].startswith("The secret of the notification cannot be read")


async def test_the_logs_of_many_notifications_are_read_by_pages(place: Place) -> None:
    uuids = [await place.notify(f"/log{number}") for number in range(3)]
    await place.push(*"abcde")
    await place.settle()
    await place.act("Test", uuids[1])

    found = await place.owner.data(
        """{ repository(path: "acme/app") { notifications(first: 3) { nodes {
          uuid deliveries(first: 2) { nodes { payload } pageInfo { hasNextPage } } } } } }"""
    )

    nodes = {one["uuid"]: one["deliveries"] for one in found["repository"]["notifications"]["nodes"]}
    expected = [["e", "d"], ["latest", "e"], ["e", "d"]]
    got = [[row["payload"]["tags"][0] for row in nodes[uuid]["nodes"]] for uuid in uuids]
    assert got == expected
    assert all(nodes[uuid]["pageInfo"]["hasNextPage"] for uuid in uuids)


async def test_what_is_deleted_is_not_told_of(place: Place) -> None:
    uuid, kept = await place.notify("/gone"), await place.notify("/kept")
    await place.push("a")
    await place.runner.feed_due()
    waiting = await fetch("SELECT id FROM notification_delivery")
    assert len(waiting) == 2

    await place.act("Delete", uuid)
    await place.settle()
    assert place.receiver.seen("/gone") == []
    assert tags_of(place.receiver.seen("/kept")) == ["a"]
    assert len(await fetch("SELECT id FROM notification_delivery")) == 1

    # and with its repository all of it ends
    await place.push("b")
    await place.runner.feed_due()
    await place.owner.payload(
        'mutation { repositoryDelete(repository: "acme/app") { path errors { code field message } } }'
    )
    await place.settle()
    assert tags_of(place.receiver.seen("/kept")) == ["a"]
    assert await fetch("SELECT id FROM notification") == []
    assert await fetch("SELECT id FROM notification_delivery") == []
    assert kept


async def test_where_an_address_leads_is_judged_again_for_each_attempt(place: Place) -> None:
    uuid = await place.notify("/inside")
    closed = Runner(
        place.runner._database,
        replace(place.runner._settings, ssrf_allowed_hosts=frozenset()),
        place.factory.blobs,
    )
    redirected = await place.notify("/redirect")
    place.receiver.rule("/redirect", failures=1, status=307, location=place.receiver.url("/inside"))

    await place.act("Test", redirected)
    await place.settle()
    await place.act("Test", uuid)
    while await closed.start_due():
        await closed.wind_down()

    assert place.receiver.seen("/inside") == []
    (entry,) = (await place.log(uuid))["deliveries"]["nodes"]
    assert (entry["status"], entry["httpStatus"]) == ("FAILED", None)
    assert entry["error"] == "The host 127.0.0.1 is not on the public internet."
    (entry,) = (await place.log(redirected))["deliveries"]["nodes"]
    assert (entry["status"], entry["httpStatus"]) == ("FAILED", 307)
    assert entry["error"] == "127.0.0.1 answered 307; redirects are not followed."


async def test_nothing_is_sent_to_a_host_that_the_operator_closes(place: Place) -> None:
    uuid = await place.notify("/closed")
    settings = replace(place.runner._settings, webhook_hostname_blacklist=frozenset({"127.0.0.1"}))
    closed = Runner(place.runner._database, settings, place.factory.blobs)
    await place.act("Test", uuid)
    while await closed.start_due():
        await closed.wind_down()

    assert place.receiver.seen("/closed") == []
    (entry,) = (await place.log(uuid))["deliveries"]["nodes"]
    assert entry["error"] == "The operator of the registry lets no notifications be sent to 127.0.0.1."
    factory = Factory.of(settings, place.runner._database, place.factory.blobs)
    async with endpoint(factory) as graphql:
        refused = await graphql.with_token(place.owner.token or "").data(
            CREATE,
            input={
                "event": "REPO_PUSH",
                "method": "WEBHOOK",
                "config": {"url": place.receiver.url("/closed")},
            },
        )
    assert refused["notificationCreate"]["errors"] == [
        {"code": "INVALID", "field": "input.config", "message": "Invalid webhook URL"}
    ]


async def test_each_method_has_its_form(place: Place) -> None:
    """A test of each method that posts to a given address; the others post to those of their makers."""
    template = '{"text": "${repository} has ${updated_tags}", "tags": "${updated_tags}", "first":'
    template += ' "${updated_tags[0]} by ${actor}", "none": "${nothing.here}", "n": 1}'
    for path, method, config in (
        ("/template", "WEBHOOK", {"template": template}),
        ("/slack", "SLACK", {}),
        ("/structured", "CLOUDEVENTS", {}),
        ("/binary", "CLOUDEVENTS", {"mode": "binary"}),
    ):
        await place.act("Test", await place.notify(path, method=method, config=config))
    await place.settle()

    assert place.receiver.seen("/template")[0].json == {
        "text": 'acme/app has ["latest","foo"]',
        "tags": ["latest", "foo"],
        "first": "latest by ada",
        "none": None,
        "n": 1,
    }
    text = "Test: acme/app was pushed to: latest, foo"
    assert place.receiver.seen("/slack")[0].json == {
        "text": "",
        "username": "quayiobot",
        "attachments": [
            {
                "fallback": text,
                "text": f"{text} (<http://127.0.0.1:8080/repository/acme/app|open>)",
                "color": "#ffffff",
                "mrkdwn_in": ["text"],
            }
        ],
    }
    (whole,), (apart,) = place.receiver.seen("/structured"), place.receiver.seen("/binary")
    data = apart.json
    attributes = {
        "specversion": "1.0",
        "id": data["event_id"],
        "source": "http://127.0.0.1:8080",
        "type": "io.quayside.repo_push",
        "subject": "acme/app",
        "time": data["occurred_at"],
    }
    assert apart.headers["content-type"] == "application/json"
    assert {name: apart.headers[f"ce-{name}"] for name in attributes} == attributes
    assert whole.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    told = whole.json
    data = told.pop("data")
    assert told == attributes | {
        "id": data["event_id"],
        "time": data["occurred_at"],
        "datacontenttype": "application/json",
    }
    assert data.keys() == apart.json.keys()


async def test_a_quota_that_fills_up_is_told_of_its_namespace(place: Place) -> None:
    await place.factory.quota("acme", 10**6, (LimitKind.WARNING, 1))
    url = place.receiver.url("/quota")
    made = await place.owner.payload(
        f"""mutation {{ notificationCreate(owner: {{ namespace: "acme" }}, input: {{
          event: QUOTA_WARNING, method: WEBHOOK, config: {{ url: "{url}" }} }}) {{
          notification {{ uuid }} errors {{ code field message }} }} }}"""
    )
    assert made["notification"]

    await place.factory.image(PATH, b"x" * 20_000, tag="big")
    await place.settle()

    (got,) = place.receiver.seen("/quota")
    told = got.json
    usage = told["usage_bytes"]
    assert usage > 20_000
    assert told == {
        "namespace": "acme",
        "homepage": "http://127.0.0.1:8080/organization/acme",
        "threshold_percent": 1,
        "usage_bytes": usage,
        "limit_bytes": 10**6,
        "usage_percent": 2,
        "usage_formatted": byte_size.display(usage),
        "limit_formatted": "976.6 KiB",
        "event": "quota_warning",
        "event_id": told["event_id"],
        "occurred_at": told["occurred_at"],
        "actor": "acme",
    }


async def test_a_lost_job_is_found_and_old_deliveries_are_forgotten(place: Place) -> None:
    uuid = await place.notify("/lost")
    await place.push("old")
    await place.settle()
    await place.push("waits")
    await place.runner.feed_due()
    await execute("UPDATE job SET state = 'failed' WHERE kind = 'notification.deliver'")
    await execute("UPDATE notification_delivery SET created_at_ms = ?", now_ms() - 7 * DAY_MS - 1)
    await place.settle()
    assert tags_of(place.receiver.taken("/lost")) == ["old"]

    await enqueue("notification.forget", {})
    await place.settle()

    assert tags_of(place.receiver.taken("/lost")) == ["old", "waits"]
    (left,) = (await place.log(uuid))["deliveries"]["nodes"]
    assert (left["payload"]["tags"], left["status"]) == (["waits"], "DELIVERED")


async def test_what_cannot_be_written_does_not_hold_up_what_comes_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    async def write(_: Context, outgoing: Outgoing) -> None:
        (tag,) = outgoing.payload["tags"]
        if tag == "bad":
            raise ValueError("no luck")
        written.append(tag)

    bell = replace(METHODS[NotificationMethod.QUAY_NOTIFICATION], write=write)
    monkeypatch.setitem(cast(dict[NotificationMethod, MethodRow], METHODS), bell.method, bell)
    target = {"target": {"kind": "user", "name": "ada"}}
    uuid = await place.notify("/unused", method="QUAY_NOTIFICATION", config=target)

    await place.push("a", "bad", "b", "c")
    for _ in range(5):
        await place.settle()
        await execute("UPDATE job SET run_at_ms = 0 WHERE state = 'waiting'")

    assert written == ["a", "b", "c"]
    found = await place.log(uuid)
    assert [one["status"] for one in found["deliveries"]["nodes"]] == [
        "DELIVERED",
        "DELIVERED",
        "FAILED",
        "DELIVERED",
    ]
    assert found["deliveries"]["nodes"][2]["error"].startswith("The event could not be written")
    assert found["numberOfFailures"] == 0
