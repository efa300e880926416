"""Pulls over REST: days of a repository, statistics of tags and manifests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quayside.settings.settings import Settings
from resolvers.repositories.activity import DAY_MS
from storage.activity import (
    DailyCount,
    DailyKey,
    PullCount,
    TagKey,
    add_daily,
    add_manifest_pulls,
    add_tag_pulls,
)
from storage.clock import now_ms
from storage.statements import fetch_one
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory

FERRY = f"{ORGANIZATION}/ferry"


@pytest.fixture
async def world(factory: Factory) -> World:
    """The harbour, with a private repository `ferry` whose tag `deck` was pulled yesterday."""
    world = World(factory)
    await world.people()
    await world.organization()
    await factory.repository(FERRY, by="maren")
    await factory.image(FERRY, b"deck", tag="deck")
    await factory.image(FERRY, b"keel", tag="keel")
    tag = await fetch_one(
        "SELECT t.repository_id, t.manifest_id, r.namespace_id FROM tag t JOIN repository r"
        " ON r.id = t.repository_id WHERE t.name = 'deck'"
    )
    assert tag is not None
    day = now_ms() // DAY_MS - 1
    await add_daily({DailyKey(tag["repository_id"], tag["namespace_id"], day, "user"): DailyCount(pulls=3)})
    await add_tag_pulls({TagKey(tag["repository_id"], "deck", 0): PullCount(3, 86_400_000)})
    await add_manifest_pulls({tag["manifest_id"]: PullCount(4, 172_800_000)})
    return world


@pytest.fixture
async def caller(world: World, settings_with_files: Settings) -> AsyncIterator[Caller]:
    """A client of the whole application."""
    async with callers(world, settings_with_files) as opened:
        yield opened


async def test_the_statistics_of_a_tag_and_of_its_manifest(caller: Caller) -> None:
    of_tag = await caller.ask("maren", "GET", f"/repository/{FERRY}/tag/deck/pull_statistics")
    digest = of_tag.json()["current_manifest_digest"]
    of_manifest = await caller.ask("maren", "GET", f"/repository/{FERRY}/manifest/{digest}/pull_statistics")

    manifest = {"manifest_pull_count": 4, "last_manifest_pull_date": "1970-01-03T00:00:00Z"}
    assert of_tag.json() == manifest | {
        "tag_name": "deck",
        "tag_pull_count": 3,
        "last_tag_pull_date": "1970-01-02T00:00:00Z",
        "current_manifest_digest": digest,
    }
    assert of_manifest.json() == manifest | {"manifest_digest": digest}


async def test_what_was_never_pulled_has_no_date(caller: Caller) -> None:
    answer = (await caller.ask("maren", "GET", f"/repository/{FERRY}/tag/keel/pull_statistics")).json()

    assert (answer["tag_pull_count"], answer["last_tag_pull_date"]) == (0, None)
    assert (answer["manifest_pull_count"], answer["last_manifest_pull_date"]) == (0, None)


@pytest.mark.parametrize("place", ["tag/{}", "manifest/{}"])
async def test_statistics_are_for_whoever_may_read(caller: Caller, place: str) -> None:
    known = place.format("deck" if place.startswith("tag") else "sha256:" + "0" * 64)
    path = f"/repository/{FERRY}/{known}/pull_statistics"
    absent = f"/repository/{FERRY}/{place.format('sha256:' + '0' * 64)}/pull_statistics"

    assert (await caller.ask("anonymous", "GET", path)).status_code == 401
    assert (await caller.ask("tove", "GET", path)).status_code == 403
    assert (await caller.ask("maren", "GET", absent)).status_code == 404


async def test_a_repository_lists_91_days(caller: Caller) -> None:
    answer = await caller.ask("maren", "GET", f"/repository/{FERRY}?includeStats=true&includeTags=false")

    stats = answer.json()["stats"]
    newest = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    assert [day["date"] for day in stats] == [str(newest - timedelta(days=days)) for days in range(91)]
    assert [day["count"] for day in stats] == [0, 3] + [0] * 89


async def test_statistics_can_be_switched_off(world: World, settings_with_files: Settings) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features - {"IMAGE_PULL_STATS"})
    async with callers(world, settings) as caller:
        answer = await caller.ask("maren", "GET", f"/repository/{FERRY}/tag/deck/pull_statistics")

    assert answer.status_code == 404
