"""A clock that goes back: what was acknowledged stays, and history stays in order."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from quayside.settings.settings import Settings
from resolvers.content.garbage_collection import collect
from resolvers.manifests import referrer
from resolvers.manifests.liveness import GRACE_MS
from resolvers.manifests.referrer import ReferrerFilter
from resolvers.pages import Page
from resolvers.repositories import repository as repositories
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import history, plan, tag
from resolvers.tags.outcome import PlanArguments, PlanKind
from resolvers.tags.tag import TagChanges
from storage.blobs import open_blob_store
from storage.clock import now_ms
from storage.database import Database
from storage.statements import execute, fetch
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.quayside.registry.people import acting

SECOND, HOUR, DAY = 1, 3_600, 86_400
PATH = "owner/app"
pytestmark = pytest.mark.usefixtures("database")
back = pytest.mark.parametrize("jump", [5 * SECOND, 3 * HOUR, 30 * DAY], ids=["seconds", "hours", "days"])


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The registry's database, beside it. The spans in it must be in order at the end."""
    opened = await Database.connect(settings.database_url)
    opened.make_current()
    yield opened
    rows = await fetch("SELECT * FROM tag ORDER BY repository_id, name, id")
    assert [row["id"] for row in rows if row["started_at_ms"] > (row["ended_at_ms"] or 2**62)] == []
    for before, after in pairwise(rows):
        if (before["repository_id"], before["name"]) == (after["repository_id"], after["name"]):
            assert before["has_ended"]
            assert before["ended_at_ms"] <= after["started_at_ms"]
    await opened.close()


async def listed(repository: kit.Repository) -> list[str]:
    """The names that `/v2` lists."""
    answer = await repository.client.get(repository.url("tags/list"))
    return list(answer.json()["tags"])


async def pulled(repository: kit.Repository, name: str) -> bytes | None:
    """What a tag serves; None for 404. GET and HEAD must agree."""
    answer = await repository.get_manifest(name)
    head = await repository.client.head(repository.url(f"manifests/{name}"))
    assert answer.status_code == head.status_code
    assert answer.status_code in {200, 404}
    return answer.content if answer.status_code == 200 else None


async def delete(repository: kit.Repository, reference: str) -> None:
    answer = await repository.client.delete(repository.url(f"manifests/{reference}"))
    assert answer.status_code == 202


async def record() -> RepositoryRecord:
    found = await repositories.find(PATH)
    assert found is not None
    return found


async def kinds(settings: Settings, name: str = "v1") -> list[str]:
    """The kinds of changes in the history of a tag, oldest first."""
    async with acting(settings) as context:
        found = await history.history(context, await record(), name, Page(50))
    return [change.kind.value for change in reversed(found.items)]


@back
async def test_a_deleted_tag_stays_deleted_and_a_new_one_is_listed_once(
    repository: kit.Repository, settings: Settings, clock: Clock, jump: int
) -> None:
    # given a tag that has moved
    await repository.push_image(b"one", tag="v1")
    await repository.push_image(b"two", tag="v1")
    # when the clock goes back behind all of that, and the tag is deleted
    clock.move(-jump)
    await delete(repository, "v1")
    # then no older image comes back
    assert await pulled(repository, "v1") is None
    assert await listed(repository) == []
    # and a new one can be pushed under the name, moved, and is there once
    await repository.push_image(b"three", tag="v1")
    body = await repository.push_image(b"four", tag="v1")
    assert await pulled(repository, "v1") == body
    assert await listed(repository) == ["v1"]
    # and nothing changes as the clock comes there again
    clock.move(jump + DAY)
    assert await pulled(repository, "v1") == body
    assert await listed(repository) == ["v1"]
    assert await kinds(settings) == ["created", "moved", "deleted", "created", "moved"]


@back
async def test_what_was_deleted_before_stays_deleted(
    repository: kit.Repository, settings: Settings, clock: Clock, jump: int
) -> None:
    body = await repository.push_image(b"one", tag="v1")
    await repository.push_image(b"two", tag="v1")
    await delete(repository, "v1")
    clock.move(-jump)

    assert await pulled(repository, "v1") is None
    assert await listed(repository) == []
    for _ in range(2):
        assert await repository.push_image(b"one", tag="v1") == body
        assert await pulled(repository, "v1") == body
        await delete(repository, "v1")
        assert await pulled(repository, "v1") is None
    assert (await kinds(settings))[:3] == ["created", "moved", "deleted"]


@back
async def test_a_deleted_manifest_takes_its_tags_with_it_for_good(
    repository: kit.Repository, clock: Clock, jump: int
) -> None:
    subject = await repository.push_image(b"one", tag="v1")
    signature = await repository.push_image(
        b"signature", tag=f"sha256-{kit.digest_of(subject).removeprefix('sha256:')}.sig"
    )
    await repository.push_image(b"two", tag="v2")
    await repository.put_manifest("v2", subject)
    clock.move(-jump)

    await delete(repository, kit.digest_of(subject))

    assert await listed(repository) == []
    assert (await repository.get_manifest(kit.digest_of(signature))).status_code == 200
    again = await repository.push_image(b"one", tag="v1")
    assert again == subject
    assert await listed(repository) == ["v1"]


@back
async def test_an_expiration_comes_when_the_clock_says_so_unless_the_tag_was_made_again(
    repository: kit.Repository, settings: Settings, clock: Clock, jump: int
) -> None:
    # given two tags that expire at a time to come, which are there before it and gone after
    body = await repository.push_image(b"one", tag="v1")
    await repository.put_manifest("other", body)
    async with acting(settings) as context:
        for name in ("v1", "other"):
            await tag.update(context, PATH, name, TagChanges(expires_at_ms=now_ms() + (2 * HOUR + 60) * 1000))
    clock.move(2 * HOUR)
    assert await listed(repository) == ["other", "v1"]
    clock.move(61)
    assert await listed(repository) == []
    assert await pulled(repository, "v1") is None
    # when one of them is made again, and the clock goes back before the expiration
    new = await repository.push_image(b"two", tag="v1")
    clock.move(-61 - jump)
    # then that one is what it was made, once, and the other one is there until it expires
    assert await pulled(repository, "v1") == new
    assert await listed(repository) == ["other", "v1"]
    await delete(repository, "v1")
    assert await pulled(repository, "v1") is None
    assert await listed(repository) == ["other"]
    clock.move(jump + 61)
    assert await listed(repository) == []
    assert await kinds(settings) == ["created", "expired", "created", "deleted"]
    assert await kinds(settings, "other") == ["created", "expired"]


@back
async def test_plans_judge_spans_by_the_same_rule(
    repository: kit.Repository, settings: Settings, clock: Clock, jump: int
) -> None:
    async def planned(kind: PlanKind, **arguments: int) -> None:
        async with acting(settings) as context:
            made = await plan.prepare(context, PATH, kind, PlanArguments(**arguments))
            await plan.apply(context, PATH, kind, made.uuid)

    # given two tags, one of which was deleted, and a clock that goes back
    clock.move(-10)
    body = await repository.push_image(b"one", tag="v1")
    clock.move(5)
    await repository.push_image(b"two", tag="v2")
    good = now_ms()
    clock.move(5)
    await delete(repository, "v1")
    await repository.push_image(b"three", tag="v2")
    clock.move(-jump)
    # when all are deleted
    await planned(PlanKind.DELETE)
    # then there are none, and a difference up to now says so
    assert await listed(repository) == []
    if good < now_ms():
        async with acting(settings) as context:
            found = (await history.difference(context, await record(), good, None, Page(9))).items
        assert [(one.name, one.kind.value) for one in found] == [("v1", "removed"), ("v2", "removed")]
    # and a rollback brings back what was there, as soon as the clock is there again
    clock.move(jump)
    await planned(PlanKind.ROLLBACK, to_ms=good)
    assert await pulled(repository, "v1") == body
    assert await listed(repository) == ["v1", "v2"]
    assert await kinds(settings) == ["created", "deleted", "reverted"]


async def test_a_rollback_makes_tags_again_after_an_end_that_is_ahead_of_the_clock(
    repository: kit.Repository, settings: Settings, clock: Clock
) -> None:
    body = await repository.push_image(b"one", tag="v1")
    good = now_ms() + 1
    clock.move(HOUR)
    await delete(repository, "v1")
    clock.move(2 - HOUR)

    async with acting(settings) as context:
        made = await plan.prepare(context, PATH, PlanKind.ROLLBACK, PlanArguments(to_ms=good))
        await plan.apply(context, PATH, PlanKind.ROLLBACK, made.uuid)

    assert await pulled(repository, "v1") == body
    assert await kinds(settings) == ["created", "deleted", "reverted"]


async def test_what_is_collected_after_an_expiration_does_not_come_back(
    repository: kit.Repository, settings: Settings, clock: Clock
) -> None:
    await repository.push_image(b"one", tag="v1")
    async with acting(settings) as context:
        await tag.update(context, PATH, "v1", TagChanges(expires_at_ms=now_ms() + 2 * HOUR * 1000))
    clock.move(20 * DAY)
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - ?", GRACE_MS)
    store = open_blob_store("memory:")
    async for _ in collect(store):
        pass
    await store.close()
    clock.move(-20 * DAY)

    assert await listed(repository) == []
    assert await pulled(repository, "v1") is None


@back
async def test_referrers_by_tag_follow_the_same_rule(
    repository: kit.Repository, settings: Settings, clock: Clock, jump: int
) -> None:
    subject = await repository.push_image(b"one", tag="v1")
    name = f"sha256-{kit.digest_of(subject).removeprefix('sha256:')}.sig"
    for content in (b"first", b"second"):
        await repository.push_image(content, tag=name)
    clock.move(-jump)
    await delete(repository, name)

    assert await listed(repository) == ["v1"]
    assert await _signatures(settings, subject) == []
    await repository.push_image(b"third", tag=name)
    assert await _signatures(settings, subject) == [name]


async def _signatures(settings: Settings, subject: bytes) -> list[str | None]:
    async with acting(settings) as context:
        found = await referrer.referrers_of_digest(
            context, await record(), kit.digest_of(subject), Page(9), ReferrerFilter()
        )
    return [one.tag for one in found.items]
