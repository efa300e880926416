"""Warnings of tags that are about to expire: once per tag and expiration, whatever the clock does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import pytest

from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.retention import expiry_notice
from schema.scalars import to_datetime
from storage.clock import DAY_MS, HOUR_MS, now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory, add_tags
from tests.plugins.clock import Clock
from tests.schema.client import GraphQL, Json, endpoint

DAY = 86_400
OWNER = 'owner: { repository: "ada/app" }'
CREATE = f"""mutation ($config: JSONObject) {{ notificationCreate({OWNER}, input: {{ event: REPO_IMAGE_EXPIRY,
  method: QUAY_NOTIFICATION, config: {{ target: {{ kind: "user", name: "ada" }} }},
  eventConfig: $config }}) {{
  notification {{ uuid }} errors {{ code field message }} }} }}"""
DELIVERIES = """query ($uuid: String!) { repository(path: "ada/app") { notification(uuid: $uuid) {
  deliveries(first: 100) { nodes { payload } } } } }"""
EXPIRE = """mutation ($tag: String!, $at: DateTime) { tagUpdate(repository: "ada/app", tag: $tag,
  input: { expiresAt: $at }) { tag { name } errors { code message } } }"""
JOB = KINDS["notification.expiry"]


@dataclass(frozen=True)
class Place:
    """The repository `ada/app` with an image."""

    factory: Factory
    ada: GraphQL
    digest: str

    async def notify(self, days: Any) -> str:
        made = await self.ada.payload(CREATE, config={"days": days})
        uuid: str = made["notification"]["uuid"]
        return uuid

    async def expire(self, tag: str, days: float) -> str:
        """Give a tag another expiration, so many days from now."""
        at = to_datetime(now_ms()).replace(microsecond=0) + timedelta(days=days)
        await self.ada.payload(EXPIRE, tag=tag, at=at.isoformat())
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def warn(self) -> None:
        await JOB.handler(Run({}, Tools(self.factory.context())))

    async def told(self, uuid: str) -> list[tuple[list[str], str]]:
        """The tags and the time left of each warning, oldest first."""
        return [(one["tags"], one["expiring_in"]) for one in await self.payloads(uuid)]

    async def payloads(self, uuid: str) -> list[Json]:
        found = (await self.ada.data(DELIVERIES, uuid=uuid))["repository"]["notification"]
        return [node["payload"] for node in found["deliveries"]["nodes"][::-1]]


@pytest.fixture
async def place(factory: Factory) -> AsyncIterator[Place]:
    await factory.user("ada")
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", tag="latest")
    await add_tags(digest, ["a", "b", "c", "gone"])
    # An expiration is within two years of the beginning.
    await execute("UPDATE tag SET started_at_ms = ?", now_ms())
    async with endpoint(factory) as graphql:
        yield Place(factory, graphql.with_token(await factory.token("ada")), digest)


async def test_a_tag_is_told_of_once_for_each_expiration(place: Place, clock: Clock) -> None:
    week, two_days = await place.notify(7), await place.notify("2")
    at = {tag: await place.expire(tag, days) for tag, days in (("a", 3), ("b", 2.5), ("c", 9.5), ("gone", 1))}
    # A tag of a pull-through cache is left out.
    await add_tags(place.digest, ["cached"])
    await execute(
        "UPDATE tag SET ended_at_ms = ?, is_expiration = ?, confirmed_at_ms = 1 WHERE name = 'cached'",
        *(now_ms() + DAY_MS, True),
    )
    await place.ada.payload(
        'mutation { tagDelete(repository: "ada/app", tag: "gone") { errors { code message } } }'
    )

    for _ in range(2):
        await place.warn()
    assert await place.told(week) == [(["b", "a"], "3 days")]
    assert await place.told(two_days) == []
    (payload,) = await place.payloads(week)
    assert payload == {
        "repository": "ada/app",
        "namespace": "ada",
        "name": "app",
        "docker_url": "127.0.0.1:8080/ada/app",
        "homepage": "http://127.0.0.1:8080/repository/ada/app",
        "tags": ["b", "a"],
        "expiring_in": "3 days",
        "digest": place.digest,
        "expirations": [{"tag": tag, "digest": place.digest, "expires_at": at[tag]} for tag in "ba"],
        "event": "repo_image_expiry",
        "event_id": payload["event_id"],
        "occurred_at": payload["occurred_at"],
        "actor": None,
    }

    # A changed expiration is told of anew, one that was taken back not at all.
    await place.expire("a", 6.5)
    await place.ada.payload(EXPIRE, tag="b", at=None)
    await place.warn()
    for _ in range(4):
        clock.move(DAY)
        await place.warn()
    assert await place.told(week) == [(["b", "a"], "3 days"), (["a"], "7 days"), (["c"], "7 days")]
    clock.move(DAY)
    await place.warn()
    assert await place.told(two_days) == [(["a"], "2 days")]
    # What is told of newly learns of all that is near.
    assert await place.told(await place.notify(30)) == []
    third = await place.notify(30)
    await place.warn()
    assert await place.told(third) == [(["a"], "2 days"), (["c"], "5 days")]


async def test_a_clock_that_jumps_ahead_tells_of_nothing_for_a_day_and_back_of_nothing_twice(
    place: Place, clock: Clock
) -> None:
    week = await place.notify(7)
    await place.expire("a", 20.5)
    await place.warn()
    clock.move(15 * DAY)
    await place.warn()
    assert await place.told(week) == []
    clock.move(-15 * DAY)
    await place.warn()
    assert await place.told(week) == []
    clock.move(15 * DAY)
    for _ in range(3):
        await place.warn()
        clock.move(DAY // 2)
    await place.warn()
    assert await place.told(week) == [(["a"], "5 days")]
    clock.move(-10 * DAY)
    await place.warn()
    clock.move(10 * DAY)
    await place.warn()
    assert await place.told(week) == [(["a"], "5 days")]


async def test_runs_at_once_and_runs_that_die_tell_once(
    place: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = await place.notify(7)
    await place.expire("a", 3)
    with monkeypatch.context() as broken:

        async def fail(_: object) -> None:
            raise RuntimeError

        broken.setattr(expiry_notice, "note_wanted", fail)
        with pytest.raises(RuntimeError):
            await place.warn()
    assert await fetch("SELECT id FROM expiry_notice") == []

    await asyncio.gather(*(place.warn() for _ in range(3)))

    assert await place.told(week) == [(["a"], "3 days")]
    # What was told is forgotten with its notification, and long after the expiration.
    rows = "SELECT id FROM expiry_notice"
    for _ in range(2):
        assert len(await fetch(rows)) == 1
        clock.move(16 * DAY)
        await place.warn()
    clock.move(2 * DAY)
    await place.warn()
    assert await fetch(rows) == []
    await place.expire("b", 3)
    for _ in range(3):
        clock.move(DAY // 2)
        await place.warn()
    assert len(await fetch(rows)) == 1
    await place.ada.payload(
        f'mutation {{ notificationDelete({OWNER}, notification: "{week}") {{ errors {{ code }} }} }}'
    )
    await place.warn()
    assert await fetch(rows) == []


async def test_many_tags_are_told_of_in_batches_and_looked_at_by_an_index(place: Place) -> None:
    week = await place.notify(7)
    await add_tags(place.digest, [f"t{number:04}" for number in range(1200)])
    soon = now_ms() + 5 * DAY_MS - HOUR_MS
    await execute("UPDATE tag SET ended_at_ms = ? + id, is_expiration = ? WHERE name LIKE 't%'", soon, True)

    await place.warn()
    warnings = await place.told(week)
    assert [len(tags) for tags, _ in warnings] == [100] * 12
    assert {left for _, left in warnings} == {"5 days"}
    assert [tag for tags, _ in warnings for tag in tags] == [f"t{number:04}" for number in range(1200)]
    with count_statements() as count:
        await place.warn()
    # Three pages of tags, and a few that do not depend on how many there are.
    assert len([text for text in count.statements if "FROM tag" in text]) == 3
    assert len(count.statements) < 15


async def test_without_the_feature_the_event_is_refused_and_nothing_is_told(place: Place) -> None:
    assert JOB.needs(place.factory.site)
    without = place.factory.without_features("IMAGE_EXPIRY_TRIGGER")
    assert not JOB.needs(without.site)
    async with endpoint(without) as graphql:
        client = graphql.with_token(await place.factory.token("ada"))
        assert await client.payload_error(CREATE, config={"days": 7}) == ("INVALID", "input.event")
    for days in (0, -1, 36_501, "x", None, True, 1.5):
        assert await place.ada.payload_error(CREATE, config={"days": days}) == (
            "INVALID",
            "input.eventConfig",
        )
