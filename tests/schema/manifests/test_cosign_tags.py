"""Cosign tags: they end and expire with the tags of their subject."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.content import push
from resolvers.repositories import repository
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.schema.manifests.test_referrers import old_tag
from tests.schema.tags.test_plans import HOUR_MS, applied, planned, pointing
from tests.schema.tags.test_tags import DELETE, RESTORE, UPDATE, iso

DAY_MS = 24 * HOUR_MS
IS_CONSEQUENCE = """query ($id: ID!) { repository(path: "ada/app") { tagPlan(id: $id) {
  changeCount items(first: 100) { nodes { name action expiresAt isConsequence } } } } }"""
ENDINGS = (".sig", ".att", ".sbom")


@pytest.fixture
async def images(factory: Factory, ada: GraphQL) -> list[str]:
    """`v1` and `v2` point to the first image, `signature` to the second, which is about the first."""
    await factory.repository("ada/app")
    digests = [await factory.image("ada/app", f"layer {number}".encode()) for number in range(2)]
    for name in ("v1", "v2"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": digests[0]})
    for ending in ENDINGS:
        await ada.payload(UPDATE, tag=old_tag(digests[0], ending), input={"manifestDigest": digests[1]})
    return digests


async def ends(names: Sequence[str]) -> list[int | None]:
    """The end of the latest span of each tag."""
    rows = await fetch("SELECT name, ended_at_ms FROM tag ORDER BY started_at_ms, id")
    found = {row["name"]: row["ended_at_ms"] for row in rows}
    return [found[name] for name in names]


async def expire(client: GraphQL, name: str, moment_ms: int | None) -> None:
    moment = None if moment_ms is None else iso(moment_ms)
    await client.payload(UPDATE, tag=name, input={"expiresAt": moment})


async def test_cosign_tags_end_with_the_last_deleted_tag_of_their_subject(
    ada: GraphQL, images: list[str]
) -> None:
    signatures = [old_tag(images[0], ending) for ending in ENDINGS]

    await ada.payload(DELETE, tag="v1")
    with_one_left = await ends(signatures)
    await ada.payload(DELETE, tag="v2")

    assert with_one_left == [None, None, None]
    (moment,) = await ends(["v2"])
    assert moment is not None
    assert await ends(signatures) == [moment] * 3
    rows = await fetch("SELECT is_expiration FROM tag WHERE name = ?", signatures[0])
    assert [bool(row["is_expiration"]) for row in rows] == [False]
    assert len(await fetch("SELECT id FROM event WHERE kind = 'delete_tag'")) == 2

    await ada.payload(RESTORE, tag="v2", digest=images[0])
    assert await ends(signatures) == [moment] * 3


async def test_cosign_tags_end_when_the_last_tag_moves_or_the_manifest_is_deleted(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await ada.payload(DELETE, tag="v2")
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]})
    about_second = old_tag(images[1], ".sig")
    await ada.payload(UPDATE, tag=about_second, input={"manifestDigest": images[1]})
    assert (await pointing()).keys() == {"v1", about_second}

    third = await factory.image("ada/app", b"another", tag="v3")
    await ada.payload(UPDATE, tag=old_tag(third, ".att"), input={"manifestDigest": images[1]})
    record = await repository.find("ada/app")
    assert record is not None
    await push.delete_manifest(await factory.as_account("ada"), record, third)

    assert (await pointing()).keys() == {"v1", about_second}


async def test_cosign_tags_follow_the_expiration_of_the_last_tag(ada: GraphQL, images: list[str]) -> None:
    signature = old_tag(images[0], ".sig")
    soon, later = now_ms() + DAY_MS, now_ms() + 2 * DAY_MS

    await expire(ada, "v1", soon)
    assert await ends([signature]) == [None]
    await expire(ada, "v2", later)
    assert await ends([signature, old_tag(images[0], ".sbom")]) == [later, later]
    rows = await fetch("SELECT is_expiration FROM tag WHERE name = ?", signature)
    assert [bool(row["is_expiration"]) for row in rows] == [True]
    await ada.payload(DELETE, tag="v2")
    assert await ends([signature]) == [soon]
    # Signed again before its expiration: the new span expires as well.
    await ada.payload(RESTORE, tag=signature, digest=images[0])
    assert await ends([signature]) == [soon]
    await expire(ada, "v1", None)
    assert await ends([signature]) == [None]
    rows = await fetch("SELECT kind FROM event WHERE kind = 'change_tag_expiration'")
    assert len(rows) == 3


async def test_cosign_tags_stay_if_locked_or_if_the_subject_never_had_a_tag(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    locked, orphan = old_tag(images[0], ".att"), old_tag("sha256:" + "0" * 64, ".sig")
    untagged = await factory.image("ada/app", b"untagged")
    kept = [locked, orphan, old_tag(untagged, ".sig"), old_tag(images[1], ".sig")]
    for name in kept[1:]:
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": images[1]})
    await ada.payload(UPDATE, tag=locked, input={"isImmutable": True})
    # Names that only resemble cosign tags are ordinary, and keep an image alive.
    nearly = old_tag(images[0], ".sig").replace("sha256-", "sha256_")
    await ada.payload(UPDATE, tag=nearly, input={"manifestDigest": images[0]})

    for name in ("v1", "v2"):
        await ada.payload(DELETE, tag=name)
    before = (await pointing()).keys()
    await ada.payload(DELETE, tag=nearly)

    assert before == {*kept, nearly, *(old_tag(images[0], ending) for ending in ENDINGS)}
    assert (await pointing()).keys() == set(kept)


async def test_a_rollback_restores_the_expiration_of_cosign_tags(ada: GraphQL, images: list[str]) -> None:
    # given cosign tags that expire with the tags of their subject, which then move and are locked
    until = now_ms() // 1000 * 1000 + DAY_MS
    for name in ("v1", "v2"):
        await expire(ada, name, until)
    await execute("UPDATE tag SET started_at_ms = started_at_ms - 1000")
    moment = now_ms()
    await asyncio.sleep(0.002)
    for name in ("v1", "v2"):
        change = {"manifestDigest": images[1], "isImmutable": True}
        await ada.payload(UPDATE, tag=name, input=change)
    signatures = [old_tag(images[0], ending) for ending in ENDINGS]
    assert not (await pointing()).keys() & set(signatures)

    await applied(ada, "repositoryRollback", await planned(ada, "repositoryRollback", to=iso(moment)))

    assert await ends(signatures) == [until] * 3


async def test_a_plan_lists_and_changes_cosign_tags(ada: GraphQL, images: list[str]) -> None:
    signatures = [old_tag(images[0], ending) for ending in sorted(ENDINGS)]
    before = await pointing()
    moment = now_ms()
    await execute("UPDATE tag SET started_at_ms = started_at_ms - 10000")

    plan = await planned(ada, "tagsDelete", filter={"nameContains": "v"})
    shown = (await ada.data(IS_CONSEQUENCE, id=plan["id"]))["repository"]["tagPlan"]
    done = await applied(ada, "tagsDelete", plan)

    assert shown == {
        "changeCount": 5,
        "items": {
            "nodes": [
                {"name": name, "action": "DELETE", "expiresAt": None, "isConsequence": name in signatures}
                for name in (*signatures, "v1", "v2")
            ]
        },
    }
    assert done["items"] == plan["items"]
    assert await pointing() == {}
    assert len(await fetch("SELECT id FROM event WHERE kind = 'delete_tag'")) == 2

    await execute("UPDATE tag SET ended_at_ms = ended_at_ms + 5")
    back = await planned(ada, "repositoryRollback", to=iso(moment - 1))
    await applied(ada, "repositoryRollback", back)
    assert (await pointing()) == before


async def test_cosign_tags_that_a_policy_locks_in_a_plan_stay(
    factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    signature = old_tag(images[0], ".sig")
    other = await factory.image("ada/app", b"another layer", tag="other")
    for name in ("v1", "v2"):
        await expire(ada, name, now_ms() + DAY_MS)
    await ada.payload(
        """mutation { immutabilityPolicyCreate(
          owner: {repository: "ada/app"}, input: {tagPattern: ".*[.]sig"}) {
          policy { uuid } errors { code } } }"""
    )

    plan = await planned(ada, "tagsMove", filter={"nameContains": ".sig"}, manifestDigest=other)
    await applied(ada, "tagsMove", plan)

    (row,) = await fetch(
        "SELECT is_immutable, is_expiration, ended_at_ms FROM tag WHERE name = ? ORDER BY id DESC LIMIT 1",
        signature,
    )
    assert (bool(row["is_immutable"]), bool(row["is_expiration"]), row["ended_at_ms"]) == (True, False, None)


async def test_a_plan_of_expirations_lists_those_of_cosign_tags(ada: GraphQL, images: list[str]) -> None:
    signature, moment = old_tag(images[0], ".sig"), now_ms() + DAY_MS

    plan = await planned(ada, "tagsExpire", filter={"namePattern": "^v"}, expiresAt=iso(moment))
    shown = (await ada.data(IS_CONSEQUENCE, id=plan["id"]))["repository"]["tagPlan"]["items"]["nodes"]
    await applied(ada, "tagsExpire", plan)
    again = await planned(ada, "tagsExpire", filter={"namePattern": "^v"}, expiresAt=None)
    await applied(ada, "tagsExpire", again)

    assert [(item["name"], item["isConsequence"]) for item in shown if ".sig" in item["name"]] == [
        (signature, True)
    ]
    assert len({item["expiresAt"] for item in shown}) == 1
    assert {until for _, until in (await pointing()).values()} == {None}


async def test_cosign_tags_cost_no_n_plus_1(factory: Factory, ada: GraphQL, images: list[str]) -> None:
    async def asked(part: str) -> int:
        plan = await planned(ada, "tagsDelete", filter={"nameContains": part})
        with count_statements() as count:
            await applied(ada, "tagsDelete", plan)
        return len(count.statements)

    with count_statements() as count:
        await ada.payload(UPDATE, tag="new", input={"manifestDigest": images[1]})
    following = [statement for statement in count.statements if "'.sig'" in statement]
    for number in range(60):
        await ada.payload(UPDATE, tag=f"many{number}", input={"manifestDigest": images[number % 2]})

    assert len(following) == 1
    assert await asked("many1") == await asked("many")
