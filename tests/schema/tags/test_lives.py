"""Lives of tags: a tag that is made again counts its pulls from 0; moved and restored ones go on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from quayside.settings.settings import Settings
from resolvers.repositories.activity import Pull, record_pulls
from storage.clock import now_ms
from storage.database import Database
from storage.hot import HotStore, open_hot_store
from storage.statements import fetch
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.quayside.registry.test_pull_counts import pull
from tests.schema.client import GraphQL
from tests.schema.tags.test_plans import applied, planned
from tests.schema.tags.test_tags import DELETE, RESTORE, UPDATE, iso

TAGS = """{ repository(path: "ada/app") { tags(isActive: false) {
  nodes { name pulls { count lastPulledAt } } } tag(name: "v1") { pulls { count } } } }"""


@dataclass
class Puller:
    """Pulls of `v1` in `ada/app` as `/v2` notes them, which are counted when they are written."""

    hot: HotStore
    repository_id: int

    async def pull(self) -> Pull:
        """Pull the tag now, to be counted later."""
        found = await self.hot.manifest_by_tag(self.repository_id, "v1")
        assert found is not None
        return pull(repository_id=self.repository_id, manifest_id=found.id, tag="v1", life=found.life)

    async def count(self, times: int) -> None:
        """Pull the tag so often, counted at once."""
        await record_pulls([await self.pull() for _ in range(times)])


@pytest.fixture
async def images(factory: Factory, ada: GraphQL) -> list[str]:
    """Two images in `ada/app`, each kept by a tag."""
    await factory.repository("ada/app")
    return [await factory.image("ada/app", name.encode(), tag=name) for name in ("one", "two")]


@pytest.fixture
async def puller(images: list[str], settings: Settings, database: Database) -> AsyncIterator[Puller]:
    """Somebody who pulls the tag `v1`."""
    (row,) = await fetch("SELECT id FROM repository")
    hot = await open_hot_store(settings.database_url)
    yield Puller(hot, row["id"])
    await hot.close()


async def counted(ada: GraphQL) -> int:
    """The pulls of the tag that there is now."""
    found = (await ada.data(TAGS))["repository"]["tag"]
    return int(found["pulls"]["count"])


async def test_a_tag_that_is_made_again_starts_at_0(ada: GraphQL, images: list[str], puller: Puller) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await puller.count(3)
    assert await counted(ada) == 3
    late = await puller.pull()

    await ada.payload(DELETE, tag="v1")
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    # A pull of the old one that is written late, alone or among those of the new one, does not count.
    assert await counted(ada) == 0
    await record_pulls([late])
    assert await counted(ada) == 0
    await record_pulls([late, await puller.pull(), await puller.pull()])
    assert await counted(ada) == 2
    await record_pulls([late])
    assert await counted(ada) == 2
    nodes = (await ada.data(TAGS))["repository"]["tags"]["nodes"]
    assert [node["pulls"]["count"] for node in nodes if node["name"] == "v1"] == [2, 0]
    rows = await fetch("SELECT name, life, pulls FROM tag_pulls")
    assert rows == [{"name": "v1", "life": 1, "pulls": 2}]


async def test_when_a_tag_was_pulled_last_is_of_its_own_life(
    ada: GraphQL, images: list[str], puller: Puller, clock: Clock
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await puller.count(1)
    clock.move(-3_600)
    await ada.payload(DELETE, tag="v1")
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await puller.count(1)

    (row,) = await fetch("SELECT pulls, last_pulled_at_ms FROM tag_pulls")
    assert row["pulls"] == 1
    assert row["last_pulled_at_ms"] <= now_ms()


async def test_a_tag_that_moves_keeps_its_count(ada: GraphQL, images: list[str], puller: Puller) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await puller.count(1)
    before = now_ms()
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})
    await puller.count(1)
    plan = await planned(ada, "tagsMove", filter={"nameContains": "v1"}, manifestDigest=images[0])
    await applied(ada, "tagsMove", plan)
    await puller.count(1)
    await ada.payload(RESTORE, tag="v1", digest=images[1])
    await puller.count(1)
    await applied(ada, "repositoryRollback", await planned(ada, "repositoryRollback", to=iso(before)))
    await puller.count(1)

    assert await counted(ada) == 5


@pytest.mark.parametrize("way", ["restore", "roll back"])
async def test_a_deleted_tag_that_comes_back_goes_on(
    factory: Factory, ada: GraphQL, images: list[str], puller: Puller, clock: Clock, way: str
) -> None:
    # given the second life of a tag, pulled twice
    clock.move(-60)
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(DELETE, tag="v1")
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await puller.count(2)
    before = now_ms() + 1
    clock.move(60)
    # when it is deleted and comes back
    await ada.payload(DELETE, tag="v1")
    if way == "restore":
        await ada.payload(RESTORE, tag="v1", digest=images[0])
    else:
        await applied(ada, "repositoryRollback", await planned(ada, "repositoryRollback", to=iso(before)))
    # then it goes on, and the one that is made after it starts at 0 again
    assert await counted(ada) == 2
    await puller.count(1)
    assert await counted(ada) == 3
    await ada.payload(DELETE, tag="v1")
    await factory.image("ada/app", b"three", tag="v1")
    assert await counted(ada) == 0


async def test_a_tag_that_is_made_again_after_it_expired_starts_at_0(
    ada: GraphQL, images: list[str], puller: Puller, clock: Clock
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() + 7_200_000)})
    await puller.count(2)
    clock.move(7_201)
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    assert await counted(ada) == 0
