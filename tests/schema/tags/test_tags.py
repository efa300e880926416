"""Tags through GraphQL: lists, history, changes, deletion, restoration."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from resolvers.access.roles import RepositoryRole
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, endpoint

TAGS = """
query ($first: Int! = 50, $after: Cursor, $exact: String, $name: NameFilter, $active: Boolean! = true,
       $asOf: DateTime) {
  repository(path: "ada/app") {
    tags(first: $first, after: $after, exact: $exact, name: $name, isActive: $active, asOf: $asOf) {
      totalCount pageInfo { hasNextPage nextCursor }
      nodes { name startedAt endedAt isReversion isImmutable manifest { digest } }
    }
  }
}
"""
UPDATE = """
mutation ($tag: String!, $input: TagUpdateInput!) {
  tagUpdate(repository: "ada/app", tag: $tag, input: $input) {
    tag { name endedAt isImmutable isReversion manifest { digest } } errors { code field message } } }
"""
DELETE = """
mutation ($tag: String!) { tagDelete(repository: "ada/app", tag: $tag) {
  tag { name endedAt } errors { code field message } } }
"""
RESTORE = """
mutation ($tag: String!, $digest: Digest!) {
  tagRestore(repository: "ada/app", tag: $tag, manifestDigest: $digest) {
    tag { name isReversion manifest { digest } } errors { code field message } } }
"""
TAG = '{ repository(path: "ada/app") { tag(name: "v1") { endedAt isImmutable manifest { digest } } } }'


async def tags(client: GraphQL, **variables: object) -> list[tuple[str, str]]:
    """Names and digests of a list of tags."""
    found = (await client.data(TAGS, **variables))["repository"]["tags"]["nodes"]
    return [(tag["name"], tag["manifest"]["digest"]) for tag in found]


@pytest.fixture
async def images(factory: Factory, ada: GraphQL) -> list[str]:
    """The digests of three images in `ada/app`, none of them tagged."""
    await factory.repository("ada/app")
    return [await factory.image("ada/app", f"layer {number}".encode()) for number in range(3)]


@pytest.fixture
async def kept(factory: Factory, ada: GraphQL, images: list[str]) -> list[str]:
    """The images, each kept alive by a tag of its own."""
    for number, digest in enumerate(images):
        await ada.payload(UPDATE, tag=f"keep{number}", input={"manifestDigest": digest})
    return images


async def at(moment_ms: int) -> None:
    """Backdate all spans that are not backdated yet to start, and ended ones to end, at this time."""
    await execute("UPDATE tag SET started_at_ms = ? WHERE started_at_ms > 1000000000000", moment_ms)
    await execute(
        "UPDATE tag SET ended_at_ms = ? WHERE ended_at_ms > 1000000000000 AND started_at_ms < ?",
        moment_ms,
        moment_ms,
    )


def iso(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()


async def test_active_tags_are_ordered_by_start_then_name(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    for name, moment in (("b", 2_000), ("a", 2_000), ("z", 1_000), ("c", 3_000)):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": images[0]})
        await at(moment)

    assert [name for name, _ in await tags(ada)] == ["c", "a", "b", "z"]


async def test_lists_of_all_spans_and_of_spans_at_a_time(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    first, second, third = images
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": first})
    await at(1_000)
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": second})
    await at(2_000)
    await ada.payload(DELETE, tag="v1")
    await at(3_000)
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": third})
    await at(4_000)

    history = (await ada.data(TAGS, active=False))["repository"]["tags"]
    spans = [(tag["manifest"]["digest"], tag["startedAt"], tag["endedAt"]) for tag in history["nodes"]]
    moments = {
        moment: await tags(ada, asOf=iso(moment)) for moment in (999, 1_000, 1_999, 2_000, 3_500, 4_000)
    }

    assert spans == [
        (third, "1970-01-01T00:00:04Z", None),
        (second, "1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z"),
        (first, "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"),
    ]
    assert history["totalCount"] == 3
    assert moments == {
        999: [],
        1_000: [("v1", first)],
        1_999: [("v1", first)],
        2_000: [("v1", second)],
        3_500: [],
        4_000: [("v1", third)],
    }
    assert await tags(ada) == [("v1", third)]


async def test_tags_are_filtered_by_name(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    for name in ("v1", "v1.0", "V1-rc", "v_1", "latest"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": images[0]})

    async def names(**variables: object) -> set[str]:
        return {name for name, _ in await tags(ada, **variables)}

    assert await names(exact="v1") == {"v1"}
    assert await names(name={"equals": "v1.0"}) == {"v1.0"}
    assert await names(name={"contains": "v1"}) == {"v1", "v1.0", "V1-rc"}
    assert await names(name={"contains": "_"}) == {"v_1"}
    assert await names(name={"contains": "%"}) == set()
    assert await names(name={"contains": "!"}) == set()
    assert await names(name={"contains": ""}) == {"v1", "v1.0", "V1-rc", "v_1", "latest"}
    assert await names(name={"contains": "1", "equals": "v1.0"}) == {"v1.0"}
    assert await names(exact="nothing") == set()


async def test_pages_miss_and_repeat_nothing_while_tags_come_and_go(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    for number in range(9):
        await ada.payload(UPDATE, tag=f"t{number}", input={"manifestDigest": images[0]})
        # Three tags share a start, so that pages end among equal starts.
        await at(1_000 + number // 3)
    seen: list[str] = []
    cursor = None

    for round_ in range(20):
        page = (await ada.data(TAGS, first=2, after=cursor))["repository"]["tags"]
        seen += [tag["name"] for tag in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]
        if cursor is None:
            break
        await ada.payload(UPDATE, tag=f"new{round_}", input={"manifestDigest": images[1]})

    assert seen == ["t6", "t7", "t8", "t3", "t4", "t5", "t0", "t1", "t2"]


async def test_pages_of_a_long_history_are_contiguous(
    factory: Factory, ada: GraphQL, kept: list[str]
) -> None:
    for number in range(7):
        await ada.payload(UPDATE, tag="v1", input={"manifestDigest": kept[number % 2]})
    whole = await tags(ada, active=False, exact="v1")
    paged: list[tuple[str, str]] = []
    cursor = None

    for _ in range(7):
        page = (await ada.data(TAGS, first=1, after=cursor, active=False, exact="v1"))["repository"]["tags"]
        paged += [(tag["name"], tag["manifest"]["digest"]) for tag in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]

    assert cursor is None
    assert paged == whole
    assert [digest for _, digest in whole] == [kept[0], kept[1]] * 3 + [kept[0]]


async def test_moving_a_tag_is_idempotent(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    before = await fetch("SELECT * FROM tag")

    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    assert await fetch("SELECT * FROM tag") == before


async def test_a_deleted_tag_is_gone_at_once_and_its_span_has_ended(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    payload = await ada.payload(DELETE, tag="v1")

    assert payload["tag"]["name"] == "v1"
    assert datetime.fromisoformat(payload["tag"]["endedAt"]) <= datetime.now(UTC) + timedelta(seconds=1)
    assert (await ada.data(TAG))["repository"]["tag"] is None
    assert await ada.payload_error(DELETE, tag="v1") == ("NOT_FOUND", "tag")


async def test_restoring_marks_a_reversion(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})

    moved_back = await ada.payload(RESTORE, tag="v1", digest=images[0])
    await ada.payload(DELETE, tag="v1")
    revived = await ada.payload(RESTORE, tag="v1", digest=images[1])

    assert moved_back["tag"] == {"name": "v1", "isReversion": True, "manifest": {"digest": images[0]}}
    assert revived["tag"] == {"name": "v1", "isReversion": True, "manifest": {"digest": images[1]}}
    assert [digest for _, digest in await tags(ada, active=False)] == [
        images[1],
        images[0],
        images[1],
        images[0],
    ]


async def test_a_dead_manifest_can_be_restored_but_not_moved_to(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(DELETE, tag="v1")

    assert await ada.payload_error(UPDATE, tag="v1", input={"manifestDigest": images[0]}) == (
        "NOT_FOUND",
        "input.manifestDigest",
    )
    assert (await ada.payload(RESTORE, tag="v1", digest=images[0]))["tag"]["isReversion"] is True


async def test_an_image_is_alive_while_an_index_lists_it(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="arm", input={"manifestDigest": images[0]})
    inner = kit.index_document(kit.encode(kit.image_document(b"layer 0")))
    await factory.manifest("ada/app", inner, tag="inner")
    await factory.manifest("ada/app", kit.index_document(kit.encode(inner)), tag="multi")
    for name in ("arm", "inner"):
        await ada.payload(DELETE, tag=name)

    again = await ada.payload(UPDATE, tag="arm", input={"manifestDigest": images[0]})
    await ada.payload(DELETE, tag="arm")
    await ada.payload(DELETE, tag="multi")

    assert again["tag"]["manifest"] == {"digest": images[0]}
    assert await ada.payload_error(UPDATE, tag="arm", input={"manifestDigest": images[0]}) == (
        "NOT_FOUND",
        "input.manifestDigest",
    )


HOUR_MS, WEEK_MS = 3_600_000, 7 * 86_400_000


async def test_an_expiration_is_clamped_to_an_hour_and_104_weeks(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    (row,) = await fetch("SELECT started_at_ms FROM tag")
    start = row["started_at_ms"]

    async def expires(moment_ms: int) -> int:
        await ada.payload(UPDATE, tag="v1", input={"expiresAt": iso(moment_ms)})
        (span,) = await fetch("SELECT ended_at_ms FROM tag")
        return int(span["ended_at_ms"]) - start

    assert await expires(start + 60_000) == HOUR_MS
    assert await expires(start + 2 * HOUR_MS) == 2 * HOUR_MS
    assert await expires(start + 200 * WEEK_MS) == 104 * WEEK_MS
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": None})
    assert (await ada.data(TAG))["repository"]["tag"]["endedAt"] is None


async def test_an_expiration_must_be_in_the_future(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    refused = await ada.payload_error(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() - 1)})

    assert refused == ("INVALID", "input.expiresAt")


async def test_an_expired_tag_is_history_and_can_be_created_again(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() + 2 * HOUR_MS)})
    assert await tags(ada) == [("v1", images[0])]
    await execute("UPDATE tag SET started_at_ms = 1000, ended_at_ms = 2000")

    assert await tags(ada) == []
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})

    assert await tags(ada) == [("v1", images[1])]
    assert len(await tags(ada, active=False)) == 2


async def test_moving_a_tag_drops_its_expiration(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() + 2 * HOUR_MS)})

    payload = await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})

    assert payload["tag"]["endedAt"] is None
    assert await tags(ada) == [("v1", images[1])]


async def test_combined_changes_apply_to_the_new_span(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    expires_at_ms = now_ms() // 1000 * 1000 + 2 * HOUR_MS
    zulu = iso(expires_at_ms).replace("+00:00", "Z")
    expiring = {"expiresAt": zulu}

    made = await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0], **expiring})
    moved = await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1], **expiring})
    locked = await ada.payload(UPDATE, tag="v2", input={"manifestDigest": images[1], "isImmutable": True})
    relocked = await ada.payload_error(
        UPDATE, tag="v2", input={"manifestDigest": images[2], "isImmutable": True}
    )
    unlocked = await ada.payload(UPDATE, tag="v2", input={"isImmutable": False, **expiring})
    both = await ada.payload_error(UPDATE, tag="v1", input={"isImmutable": True, **expiring})

    assert [made["tag"]["endedAt"], moved["tag"]["endedAt"]] == [zulu] * 2
    assert moved["tag"]["manifest"] == {"digest": images[1]}
    assert (locked["tag"]["isImmutable"], relocked) == (True, ("IMMUTABLE", "tag"))
    assert (unlocked["tag"]["isImmutable"], unlocked["tag"]["endedAt"]) == (False, zulu)
    assert both == ("INVALID", "input.isImmutable")


async def test_an_invalid_tag_name_is_refused_for_every_change(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    changes: list[dict[str, object]] = [
        {},
        {"expiresAt": None},
        {"isImmutable": True},
        {"manifestDigest": images[0]},
    ]

    assert [await ada.payload_error(UPDATE, tag="bad tag!", input=change) for change in changes] == [
        ("INVALID", "tag")
    ] * 4


async def test_an_immutable_tag_cannot_be_moved_deleted_restored_or_made_to_expire(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    locked = await ada.payload(UPDATE, tag="v1", input={"isImmutable": True})

    assert locked["tag"]["isImmutable"] is True
    assert [
        await ada.payload_error(UPDATE, tag="v1", input={"manifestDigest": images[1]}),
        await ada.payload_error(DELETE, tag="v1"),
        await ada.payload_error(RESTORE, tag="v1", digest=images[1]),
        await ada.payload_error(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() + 2 * HOUR_MS)}),
    ] == [("IMMUTABLE", "tag"), ("IMMUTABLE", "tag"), ("IMMUTABLE", "tag"), ("IMMUTABLE", "input.expiresAt")]
    assert await tags(ada) == [("v1", images[0])]


async def test_writers_lock_and_administrators_unlock(
    graphql: GraphQL, factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await factory.user("bob")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    bob = graphql.with_token(await factory.token("bob"))
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    assert (await bob.payload(UPDATE, tag="v1", input={"isImmutable": True}))["tag"]["isImmutable"] is True
    assert await bob.refusal(UPDATE, tag="v1", input={"isImmutable": False}) == "FORBIDDEN"
    assert (await ada.payload(UPDATE, tag="v1", input={"isImmutable": False}))["tag"]["isImmutable"] is False


async def test_unlocking_and_moving_go_together_or_not_at_all(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"isImmutable": True})
    absent = "sha256:" + "0" * 64

    failed = await ada.payload_error(UPDATE, tag="v1", input={"isImmutable": False, "manifestDigest": absent})
    still = (await ada.data(TAG))["repository"]["tag"]
    moved = await ada.payload(UPDATE, tag="v1", input={"isImmutable": False, "manifestDigest": images[1]})

    assert failed == ("NOT_FOUND", "input.manifestDigest")
    assert still == {"endedAt": None, "isImmutable": True, "manifest": {"digest": images[0]}}
    assert moved["tag"]["manifest"] == {"digest": images[1]}


async def test_immutable_tags_may_expire_with_the_feature(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(UPDATE, tag="v1", input={"isImmutable": True})

    async with endpoint(factory.with_features("IMMUTABLE_TAGS_CAN_EXPIRE")) as client:
        payload = await client.with_token(ada.token).payload(
            UPDATE, tag="v1", input={"expiresAt": "2100-01-01T00:00:00Z"}
        )

    assert payload["tag"]["endedAt"] is not None


async def test_nothing_of_a_read_only_repository_is_written(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await ada.payload(
        """mutation { repositoryStateChange(repository: "ada/app", state: READ_ONLY) {
          repository { state } errors { code } } }"""
    )

    assert [
        await ada.payload_error(UPDATE, tag="v2", input={"manifestDigest": images[0]}),
        await ada.payload_error(DELETE, tag="v1"),
        await ada.payload_error(RESTORE, tag="v1", digest=images[1]),
    ] == [("NOT_WRITABLE", "repository")] * 3


async def test_an_empty_change_returns_the_tag(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})

    assert (await ada.payload(UPDATE, tag="v1", input={}))["tag"]["manifest"] == {"digest": images[0]}
    assert (await ada.payload(UPDATE, tag="v2", input={}))["tag"] is None


async def test_a_manifest_of_another_repository_is_unknown(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await factory.repository("ada/other")
    foreign = await factory.image("ada/other", b"only there")

    assert await ada.payload_error(UPDATE, tag="v1", input={"manifestDigest": foreign}) == (
        "NOT_FOUND",
        "input.manifestDigest",
    )
    assert await ada.payload_error(RESTORE, tag="v1", digest=foreign) == ("NOT_FOUND", "manifestDigest")


async def test_twenty_writers_of_one_tag_leave_one_open_span_and_a_linear_history(
    factory: Factory, ada: GraphQL, kept: list[str]
) -> None:
    async def write(number: int) -> None:
        await ada.payload(UPDATE, tag="v1", input={"manifestDigest": kept[number % 3]})

    await asyncio.gather(*(write(number) for number in range(20)))

    spans = await fetch(
        "SELECT manifest_id, started_at_ms, ended_at_ms FROM tag WHERE name = 'v1' ORDER BY started_at_ms, id"
    )
    assert [span["ended_at_ms"] is None for span in spans] == [False] * (len(spans) - 1) + [True]
    assert all(before["ended_at_ms"] == after["started_at_ms"] for before, after in pairwise(spans))
    assert all(before["manifest_id"] != after["manifest_id"] for before, after in pairwise(spans))
    assert {span["started_at_ms"] <= (span["ended_at_ms"] or now_ms()) for span in spans} == {True}


async def test_a_clock_that_goes_back_keeps_history_ordered(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[0]})
    await execute("UPDATE tag SET started_at_ms = ?", now_ms() + 60_000)

    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})
    moved = await tags(ada), await tags(ada, active=False)
    await ada.payload(DELETE, tag="v1")
    deleted = await tags(ada), await tags(ada, active=False)

    history = [("v1", images[1]), ("v1", images[0])]
    assert moved == ([("v1", images[1])], history)
    assert deleted == ([], history)
