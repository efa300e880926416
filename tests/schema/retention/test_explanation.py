"""Explanations of retention agree with what the garbage collector does, and say why."""

import random
from datetime import datetime

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.content import push
from resolvers.manifests import liveness
from resolvers.manifests.liveness import GRACE_MS, Cutoffs
from resolvers.pruning import explanation
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from resolvers.tags import tag
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.plugins.scale import SCALE
from tests.quayside.registry import kit
from tests.quayside.workers.contents import DAY_MS, WINDOW_MS, backdate, collected, end_tags, held
from tests.resolvers.pruning.given import aged, left, numbered, older, pruned
from tests.schema.client import GraphQL, Json
from tests.schema.manifests.test_reclaimable import fill, stored_bytes

PATH = "ada/app"
EXPLAIN = """
query ($path: RepositoryPath!, $tag: String, $digest: Digest) {
  explainRetention(repository: $path, tag: $tag, digest: $digest) {
    tag { name } manifest { digest } isKept collectableAt collectableBytes
    reasons { rule endsAt tag { name } manifest { digest } } } }
"""


async def explain(client: GraphQL, **asked: str) -> Json:
    found: Json = (await client.data(EXPLAIN, path=PATH, **asked))["explainRetention"]
    return found


def milliseconds(text: str | None) -> int | None:
    """A time of an answer."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def rules(found: Json) -> list[tuple[str, str | None]]:
    """The rules of an explanation, each with the tag or the manifest that keeps."""
    return [
        (
            reason["rule"],
            (reason["tag"] or {}).get("name") or (reason["manifest"] or {}).get("digest"),
        )
        for reason in found["reasons"]
    ]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3 * SCALE))
async def test_the_collector_takes_what_was_explained_when_it_was_explained(
    factory: Factory, ada: GraphQL, blobs: BlobStore, clock: Clock, seed: int
) -> None:
    await fill(factory, "ada", seed)
    chance = random.Random(seed)
    if seed % 3:
        await backdate()
    for days in (1, 15, 40):
        # Some tags end: some of them expire, some have ended within or before the window.
        names = [row["name"] for row in await fetch("SELECT DISTINCT name FROM tag")]
        await end_tags(chance.choice(names), ago_ms=(days - 20) * DAY_MS)
    await execute("UPDATE tag SET has_ended = COALESCE(ended_at_ms <= ?, FALSE)", now_ms())
    manifests = await fetch(
        "SELECT m.id, m.digest FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE r.path = ?",
        PATH,
    )
    explained = {row["digest"]: await explain(ada, digest=row["digest"]) for row in manifests}
    until = {digest: milliseconds(found["collectableAt"]) for digest, found in explained.items()}
    now = now_ms()

    for row in manifests:
        found, moment = explained[row["digest"]], until[row["digest"]]
        assert found["isKept"] == bool(found["reasons"]) == (moment is None or moment > now)
        if moment is not None and moment > now:
            for at_ms, gone in ((moment - 1, []), (moment, [row["id"]])):
                cutoffs = Cutoffs.at(at_ms, WINDOW_MS // 1000)
                assert await liveness.find_garbage([row["id"]], cutoffs) == gone
    for moment in sorted({one for one in until.values() if one is not None}):
        clock.move(max(0, (moment - now_ms()) // 1000 + 1))
        await collected(blobs)
        assert await held(PATH) == {one for one, at_ms in until.items() if at_ms is None or at_ms > now_ms()}


async def test_each_rule_is_named_with_what_keeps_and_until_when(
    factory: Factory, ada: GraphQL, blobs: BlobStore, clock: Clock
) -> None:
    clock.stop()
    now = now_ms()
    await factory.repository(PATH)
    context = await factory.as_account("ada")
    first = await factory.image(PATH, b"first", config=b"1")
    second = await factory.image(PATH, b"second", config=b"2")
    bodies = [kit.encode(kit.image_document(b"first", config=b"1"))]
    await factory.blob(PATH, kit.EMPTY)
    signature = await factory.manifest(
        PATH,
        kit.artifact_document("application/vnd.example", subject=kit.descriptor(bodies[0], kit.OCI_MANIFEST)),
    )
    fresh = await explain(ada, digest=second)
    await backdate()
    untagged = await explain(ada, digest=second)
    index = await factory.manifest(PATH, kit.index_document(*bodies), tag="multi")
    await tag.update(context, PATH, "old", tag.TagChanges(manifest_digest=second))
    expires_at_ms = now + 3 * DAY_MS
    await tag.update(
        context, PATH, "soon", tag.TagChanges(manifest_digest=second, expires_at_ms=expires_at_ms)
    )
    await tag.update(context, PATH, "safe", tag.TagChanges(manifest_digest=index, is_immutable=True))
    await tag.delete(context, PATH, "old")
    ended = await explain(ada, tag="old")
    soon = await explain(ada, tag="soon")

    assert rules(fresh) == [("GRACE_PERIOD", None)]
    assert milliseconds(fresh["reasons"][0]["endsAt"]) == now + GRACE_MS
    assert (fresh["collectableAt"], fresh["collectableBytes"]) == (None, 0)
    assert rules(untagged) == [("NEVER_TAGGED", None)]
    assert rules(await explain(ada, tag="multi")) == [
        ("ACTIVE_TAG", "multi"),
        ("LOCKED_TAG", "safe"),
        ("GRACE_PERIOD", None),
    ]
    assert rules(await explain(ada, digest=first)) == [("INDEX", index)]
    assert rules(await explain(ada, digest=signature)) == [("SUBJECT", first)]
    assert rules(ended) == rules(soon) == [("ACTIVE_TAG", "soon"), ("TIME_MACHINE", "old")]
    assert [milliseconds(reason["endsAt"]) for reason in soon["reasons"]] == [expires_at_ms, now + WINDOW_MS]
    assert milliseconds(soon["collectableAt"]) == expires_at_ms + WINDOW_MS
    size = len(kit.encode(kit.image_document(b"second", config=b"2")))
    assert soon["collectableBytes"] == size + len(b"second2")
    before = await stored_bytes("ada")
    await execute("UPDATE tag SET ended_at_ms = 1, started_at_ms = 1, has_ended = TRUE WHERE name <> 'multi'")
    gone = await explain(ada, tag="soon")
    await collected(blobs)
    assert (gone["isKept"], milliseconds(gone["collectableAt"])) == (False, now)
    assert before - await stored_bytes("ada") == gone["collectableBytes"] == size + len(b"second2")
    past = await explain(ada, digest=second)
    assert (past["isKept"], past["collectableAt"], past["collectableBytes"]) == (False, None, 0)


async def test_a_deleted_manifest_is_kept_by_the_time_machine(factory: Factory, ada: GraphQL) -> None:
    await factory.repository(PATH)
    digest = await factory.image(PATH, b"layer", tag="v1")
    await backdate()
    record = await repository.find(PATH)
    assert record is not None
    await push.delete_manifest(await factory.as_account("ada"), record, digest)

    found = await explain(ada, digest=digest)

    assert found == await explain(ada, tag="v1") | {"tag": None}
    assert rules(found) == [("TIME_MACHINE", "v1")]
    assert found["manifest"] == {"digest": digest}


async def test_who_may_ask_and_for_what(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.repository(PATH)
    digest = await factory.image(PATH, b"layer", tag="v1")
    bob = ada.with_token(await factory.token("bob"))

    assert await explain(ada, tag="none") is None
    assert await explain(ada, digest=kit.digest_of(b"none")) is None
    for asked in ({}, {"tag": "v1", "digest": digest}):
        answer = await ada.answer(EXPLAIN, path=PATH, **asked)
        assert answer["errors"][0]["message"] == "tag: give either a tag or a digest."
    assert await bob.refusal(EXPLAIN, path=PATH, tag="v1") == "FORBIDDEN"
    await execute("UPDATE repository SET visibility = ?", Visibility.PUBLIC.value)
    answer = await bob.answer(EXPLAIN, path=PATH, tag="v1")
    assert answer["data"]["explainRetention"]["isKept"] is True
    assert answer["data"]["explainRetention"]["collectableBytes"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


PRUNES = """
query ($path: RepositoryPath!, $tag: String!) { explainRetention(repository: $path, tag: $tag) {
  endings { ending endsAt tag { name } policy { uuid } } collectableAt } }
"""


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3 * SCALE))
async def test_policies_delete_the_tags_that_were_explained(
    factory: Factory, ada: GraphQL, seed: int
) -> None:
    await fill(factory, "ada", seed)
    chance = random.Random(seed)
    for owner in ("ada", PATH):
        makers = [
            lambda owner: numbered(factory, owner, chance.choice([1, 2, 3]), chance.choice([None, "v"])),
            lambda owner: older(factory, owner, "1d", chance.choice(["v[12]", "v3"])),
        ]
        for make in chance.sample(makers, chance.choice([1, 2])):
            await make(owner)
    await execute("UPDATE tag SET is_immutable = ? WHERE name = 'v2' AND NOT has_ended", True)
    await execute("UPDATE tag SET started_at_ms = started_at_ms - ? WHERE name IN ('v1', 'v3')", 2 * DAY_MS)
    explained = {name: await prunes(ada, name) for name in await left()}

    gone = await pruned(factory)

    assert {
        (PATH, name): ending["policy"]["uuid"]
        for name, found in explained.items()
        for ending in found["endings"]
        if ending["ending"] == "PRUNE_POLICY" and ending["tag"]["name"] == name
    } == {place: policy for place, policy in gone.items() if place[0] == PATH}


async def prunes(client: GraphQL, name: str) -> Json:
    found: Json = (await client.data(PRUNES, path=PATH, tag=name))["explainRetention"]
    return found


async def test_a_policy_ends_a_tag_at_its_next_run(factory: Factory, ada: GraphQL, clock: Clock) -> None:
    clock.stop()
    now = now_ms()
    await factory.user("bob")
    await factory.repository(PATH)
    await factory.grant(PATH, "bob", RepositoryRole.READ, by="ada")
    for name in ("v1", "v2"):
        await factory.image(PATH, name.encode(), tag=name, config=name.encode())
    await execute("UPDATE tag SET started_at_ms = started_at_ms - 1000 WHERE name = 'v1'")
    await execute("DELETE FROM job")
    policy = await numbered(factory, PATH, 1)
    after_change = await prunes(ada, "v1")
    await execute("DELETE FROM job")
    await execute(
        "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms)"
        " VALUES ('prune.schedule', '{}', 'done', ?, 1, ?)",
        now - 600_000,
        now - 600_000,
    )
    await tag.update(
        await factory.as_account("ada"), PATH, "v1", tag.TagChanges(expires_at_ms=now + 2 * 3_600_000)
    )
    scheduled = await prunes(ada, "v1")
    kept = await prunes(ada, "v2")
    for_bob = await prunes(ada.with_token(await factory.token("bob")), "v1")
    await execute("UPDATE repository SET state = 'READ_ONLY'")
    closed = await prunes(ada, "v1")

    (ending,) = after_change["endings"]
    assert ending["ending"] == "PRUNE_POLICY"
    assert ending["policy"] == {"uuid": policy.uuid}
    assert milliseconds(ending["endsAt"]) == now + 10_000
    assert milliseconds(after_change["collectableAt"]) == now + 10_000 + WINDOW_MS
    assert [(one["ending"], milliseconds(one["endsAt"])) for one in scheduled["endings"]] == [
        ("EXPIRATION", now + 2 * 3_600_000),
        ("PRUNE_POLICY", now + 3_000_000),
    ]
    assert milliseconds(scheduled["collectableAt"]) == now + 3_000_000 + WINDOW_MS
    assert (kept["endings"], kept["collectableAt"]) == ([], None)
    assert [(one["ending"], one["policy"]) for one in for_bob["endings"]] == [("EXPIRATION", None)]
    assert milliseconds(for_bob["collectableAt"]) == now + 2 * 3_600_000 + WINDOW_MS
    assert [one["ending"] for one in closed["endings"]] == ["EXPIRATION"]


SEEN = """query ($tag: String!) { explainRetention(repository: "ada/app", tag: $tag) {
  isKept endings { ending policy { uuid } } collectableAt pruneRulings { policyUuid } } }"""


async def test_policies_are_told_to_those_who_may_see_them(factory: Factory, ada: GraphQL) -> None:
    await factory.repository(PATH)
    await factory.organization("acme", owner="ada")
    for name, days in {"v1": 9, "main": 3, "new": 1}.items():
        await aged(factory, PATH, {name: days}, layer=name.encode())
    own = (await older(factory, PATH, "5d", "^v")).uuid
    shared = (await numbered(factory, "ada", 1)).uuid
    for name, role in (("eve", RepositoryRole.ADMIN), ("bob", RepositoryRole.WRITE)):
        await factory.user(name)
        await factory.grant(PATH, name, role, by="ada")
    await execute("UPDATE repository SET visibility = ?", Visibility.PUBLIC.value)

    async def told(client: GraphQL) -> dict[str, list[list[str] | None]]:
        """Of each tag the policies that end it, and those that say something of it."""
        found = {}
        for name in ("main", "v1"):
            answer = (await client.answer(SEEN, tag=name))["data"]["explainRetention"]
            rulings = answer["pruneRulings"]
            ends = [one["policy"]["uuid"] for one in answer["endings"]]
            assert answer["isKept"]
            assert (answer["collectableAt"] is None) == (not ends)
            found[name] = [ends, rulings and [one["policyUuid"] for one in rulings]]
        return found

    assert await told(ada) == {"main": [[shared], [own, shared]], "v1": [[own], [own]]}
    # An administrator from outside knows the repository's own alone, readers none.
    eve, bob = [ada.with_token(await factory.token(name)) for name in ("eve", "bob")]
    assert await told(eve) == {"main": [[], [own]], "v1": [[own], [own]]}
    for reader in (bob, ada.with_token(None)):
        with count_statements() as count:
            assert await told(reader) == {"main": [[], None], "v1": [[], None]}
        assert not [one for one in count.statements if "prune_policy" in one]


async def test_policies_are_tried_only_where_they_are_asked_for_and_as_far_as_there_is_room(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository(PATH)
    await aged(factory, PATH, {f"v{one}": 9 + one for one in range(4)})
    await numbered(factory, PATH, 1)
    await older(factory, PATH, "5d", "none")

    monkeypatch.setattr(explanation, "MAX_RULINGS", 8)
    assert (await ada.answer(SEEN, tag="v3"))["data"]["explainRetention"]["endings"] != []
    monkeypatch.setattr(explanation, "MAX_RULINGS", 7)
    answer = await ada.answer(SEEN, tag="v3")
    with count_statements() as count:
        whole = await ada.data(EXPLAIN.replace("collectableAt collectableBytes", ""), path=PATH, tag="v3")

    assert answer["data"]["explainRetention"] == {
        "isKept": True,
        "endings": None,
        "collectableAt": None,
        "pruneRulings": None,
    }
    refused = sorted(error["path"][-1] for error in answer["errors"])
    assert refused == ["collectableAt", "endings", "pruneRulings"]
    told = (
        "tag: too many newer tags to try 2 policies on: at most 7 rulings are made for one explanation. Ask"
        " about a newer tag, or have fewer policies."
    )
    assert {error["message"] for error in answer["errors"]} == {told}
    assert whole["explainRetention"]["isKept"] is True
    assert not [one for one in count.statements if "prune_policy" in one]
