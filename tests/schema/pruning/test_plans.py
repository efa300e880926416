"""What auto-prune policies would delete: plans that are carried out, next runs, and what runs have done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.manifests import own_graph
from resolvers.manifests.liveness import GRACE_MS
from resolvers.pruning import deletion, preview, selection
from resolvers.tags import tag
from resolvers.tags.tag import TagChanges
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import execute, fetch
from storage.transactions import transaction
from tests.counting import least_statements
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.plugins.scale import SCALE
from tests.quayside.workers.contents import WINDOW_MS, collected
from tests.resolvers.pruning.given import PATH, aged, left, lock, numbered, older, pruned, series
from tests.schema.client import GraphQL, Json
from tests.schema.manifests.test_reclaimable import fill, stored_bytes

PREVIEW = """tagCount freedBytes isComplete unreadRepositoryCount
  items(first: 100) { totalCount nodes { repository name digest startedAt isConsequence } }"""
PLAN = f"""
mutation ($owner: OwnerInput, $policy: PrunePlanPolicyInput!) {{
  autoPrunePlan(owner: $owner, policy: $policy) {{
    plan {{ id expiresAt deletedCount preview {{ {PREVIEW} }} }}
    errors {{ code field message }} }} }}
"""
APPLY = """
mutation ($owner: OwnerInput, $plan: ID!) { autoPrune(owner: $owner, plan: $plan) {
  plan { deletedCount preview { tagCount } } errors { code field message } } }
"""
APP, ADA = {"repository": PATH}, {"namespace": "ada"}
KEEP_TWO = {"draft": {"method": "NUMBER_OF_TAGS", "value": 2}}


@pytest.fixture
async def app(factory: Factory, ada: GraphQL) -> GraphQL:
    """`ada`, with the repository `ada/app`."""
    await factory.repository(PATH)
    return ada


async def planned(client: GraphQL, owner: Json, policy: Json) -> Json:
    """A plan."""
    return dict((await client.payload(PLAN, owner=owner, policy=policy))["plan"])


def shown(found: Json) -> list[str]:
    """The tags of a preview, with their repositories."""
    return [f"{one['repository']}:{one['name']}" for one in found["items"]["nodes"]]


async def test_a_draft_shows_what_it_adds_and_is_carried_out_once(factory: Factory, app: GraphQL) -> None:
    digest = await aged(factory, PATH, series("v", 5) | {"old": 90})
    await lock("v3")
    await older(factory, PATH, "60d")

    made = await planned(app, APP, KEEP_TWO)
    before = await left()
    applied = (await app.payload(APPLY, owner=APP, plan=made["id"]))["plan"]

    assert made["deletedCount"] is None
    assert shown(made["preview"]) == ["ada/app:v2", "ada/app:v4"]
    assert {one["digest"] for one in made["preview"]["items"]["nodes"]} == {digest}
    # Other tags of the image stay.
    assert (made["preview"]["freedBytes"], made["preview"]["isComplete"]) == (0, True)
    assert before == ["old", "v0", "v1", "v2", "v3", "v4"]
    assert applied == {"deletedCount": 2, "preview": {"tagCount": 2}}
    assert await left() == ["old", "v0", "v1", "v3"]
    rows = await fetch("SELECT kind FROM audit_log WHERE kind LIKE '%tag%' ORDER BY id")
    assert [row["kind"] for row in rows] == ["delete_tag"] * 2
    assert await app.payload_error(APPLY, owner=APP, plan=made["id"]) == ("CONFLICT", "plan")


@pytest.mark.parametrize("change", ["moved", "locked", "added", "policy", "deleted", "time"])
async def test_a_plan_is_refused_when_it_is_not_true_any_more(
    factory: Factory, app: GraphQL, clock: Clock, change: str
) -> None:
    await aged(factory, PATH, series("v", 4))
    policy = await numbered(factory, PATH, 2)
    other = await factory.image(PATH, b"other")
    made = await planned(app, APP, {"uuid": policy.uuid})
    context = await factory.as_account("ada")
    if change == "moved":
        await tag.update(context, PATH, "v3", TagChanges(manifest_digest=other))
    elif change == "locked":
        await lock("v3")
    elif change == "added":
        await tag.update(context, PATH, "new", TagChanges(manifest_digest=other))
    elif change == "policy":
        await execute("UPDATE prune_policy SET value = '1'")
    elif change == "deleted":
        await execute("DELETE FROM prune_policy")
    else:
        clock.move(901)
    before = await left()

    assert await app.payload_error(APPLY, owner=APP, plan=made["id"]) == ("CONFLICT", "plan")
    assert await left() == before


async def test_time_alone_changes_no_plan(factory: Factory, app: GraphQL, clock: Clock) -> None:
    await aged(factory, PATH, {"v1": 10, "v2": 3})
    await execute("UPDATE tag SET started_at_ms = ? WHERE name = 'v2'", now_ms() - 259_200_000 + 60_000)
    made = await planned(app, APP, {"draft": {"method": "CREATION_DATE", "value": "3d"}})
    clock.move(600)

    assert shown(made["preview"]) == ["ada/app:v1"]
    assert (await app.payload(APPLY, owner=APP, plan=made["id"]))["plan"]["deletedCount"] == 1
    assert await left() == ["v2"]


async def test_plans_are_of_their_maker_and_owner(factory: Factory, app: GraphQL) -> None:
    await aged(factory, PATH, series("v", 4))
    await factory.organization("acme", owner="ada")
    made = await planned(app, APP, KEEP_TWO)
    await factory.user("eve", is_superuser=False)
    eve = app.with_token(await factory.token("eve"))

    assert await app.payload_error(APPLY, owner=ADA, plan=made["id"]) == ("NOT_FOUND", "plan")
    assert await app.payload_error(APPLY, owner={"namespace": "acme"}, plan=made["id"]) == (
        "NOT_FOUND",
        "plan",
    )
    for owner in (APP, ADA, {"repository": "ada/none"}):
        assert await eve.refusal(PLAN, owner=owner, policy=KEEP_TWO) == "FORBIDDEN"
        assert await eve.refusal(APPLY, owner=owner, plan=made["id"]) == "FORBIDDEN"
    # It is no plan of tags.
    of_tags = await app.data(
        'query ($id: ID!) { repository(path: "ada/app") { tagPlan(id: $id) { id } } }', id=made["id"]
    )
    assert of_tags == {"repository": {"tagPlan": None}}


async def test_the_bytes_of_a_preview_are_for_members(factory: Factory, app: GraphQL) -> None:
    await factory.repository("ada/hidden")
    await aged(factory, PATH, series("v", 4), layer=b"layer")
    await older(factory, PATH, "3d")
    await factory.user("eve")
    await factory.grant(PATH, "eve", RepositoryRole.ADMIN, by="ada")
    eve = app.with_token(await factory.token("eve"))
    next_run = f"""{{ repository(path: "{PATH}") {{ prunePolicies(first: 5) {{ nodes {{
      nextRun {{ tagCount freedBytes }} }} }} }} }}"""
    draft = {"draft": {"method": "CREATION_DATE", "value": "1d"}}

    async def answers() -> list[Json]:
        # Whether the hidden repository holds the layer as well would show in the bytes.
        return [await eve.answer(next_run), await eve.answer(PLAN, owner=APP, policy=draft)]

    before = await answers()
    await factory.image("ada/hidden", b"layer", tag="v1")
    after = await answers()

    for run, plan in (before, after):
        (policy,) = run["data"]["repository"]["prunePolicies"]["nodes"]
        shown = plan["data"]["autoPrunePlan"]["plan"]["preview"]
        assert policy["nextRun"] == {"tagCount": 2, "freedBytes": None}
        assert (shown["tagCount"], shown["freedBytes"]) == (2, None)
        for answer in (run, plan):
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert (await app.data(next_run))["repository"]["prunePolicies"]["nodes"][0]["nextRun"]["tagCount"] == 2


async def test_a_tag_that_changes_while_a_plan_is_carried_out_stays(
    factory: Factory, app: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await aged(factory, PATH, series("v", 5))
    made = await planned(app, APP, KEEP_TWO)

    @asynccontextmanager
    async def interrupted(name: str) -> AsyncIterator[None]:
        await lock("v3")
        async with transaction(name):
            yield

    monkeypatch.setattr(deletion, "transaction", interrupted)
    applied = (await app.payload(APPLY, owner=APP, plan=made["id"]))["plan"]
    assert applied == {"deletedCount": 2, "preview": {"tagCount": 3}}
    assert await left() == ["v0", "v1", "v3"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3 * SCALE))
async def test_a_plan_frees_what_the_collector_then_frees(
    factory: Factory, ada: GraphQL, blobs: BlobStore, clock: Clock, seed: int
) -> None:
    await fill(factory, "ada", seed)
    context = await factory.as_account("ada")
    # A signature, which ends with the tags of its subject.
    (one,) = await fetch(
        "SELECT m.digest, r.path FROM tag t JOIN manifest m ON m.id = t.manifest_id"
        " JOIN repository r ON r.id = t.repository_id WHERE NOT t.has_ended ORDER BY t.id LIMIT 1"
    )
    signature = one["digest"].replace(":", "-") + ".sig"
    await tag.update(context, one["path"], signature, TagChanges(manifest_digest=one["digest"]))
    clock.move((GRACE_MS + WINDOW_MS) // 1000 + 60)
    pattern = f"[{seed % 3 + 1}-4]$"

    made = await planned(
        ada, ADA, {"draft": {"method": "CREATION_DATE", "value": "1d", "tagPattern": pattern}}
    )
    applied = (await ada.payload(APPLY, owner=ADA, plan=made["id"]))["plan"]
    assert applied["deletedCount"] == made["preview"]["tagCount"] > 0
    # What goes anyway goes first.
    clock.move(60)
    await collected(blobs)
    before = await stored_bytes("ada")
    clock.move(WINDOW_MS // 1000 + 60)
    await collected(blobs)

    assert made["preview"]["freedBytes"] == before - await stored_bytes("ada")


async def test_a_namespace_is_planned_as_far_as_there_is_room(
    factory: Factory, app: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (PATH, "ada/b", "ada/c"):
        if path != PATH:
            await factory.repository(path)
        await aged(factory, path, series("v", 4))

    async def numbers() -> tuple[Any, ...]:
        made = await planned(app, ADA, KEEP_TWO)
        found = made["preview"]
        return shown(found), found["tagCount"], found["isComplete"], found["unreadRepositoryCount"]

    every = [f"{path}:v{number}" for path in (PATH, "ada/b", "ada/c") for number in (2, 3)]
    assert await numbers() == (every, 6, True, 0)
    monkeypatch.setattr(preview, "MAX_TAGS", 3)
    assert await numbers() == (every[:3], 3, False, 2)
    monkeypatch.setattr(preview, "MAX_TAGS", 6)
    assert await numbers() == (every, 6, True, 0)
    monkeypatch.setattr(preview, "MAX_READ", 4)
    assert await numbers() == (every[:2], 2, False, 2)
    monkeypatch.setattr(preview, "MAX_READ", 100)
    monkeypatch.setattr(preview, "MAX_RULINGS", 4)
    assert await numbers() == (every[:2], 2, False, 2)
    monkeypatch.setattr(preview, "MAX_RULINGS", 100)
    monkeypatch.setattr(preview, "MAX_TAGS", 3)
    monkeypatch.setattr(preview, "MAX_READ", 100)
    monkeypatch.setattr(own_graph, "MAX_MANIFESTS", 0)
    made = await planned(app, ADA, KEEP_TWO)
    assert made["preview"]["freedBytes"] is None
    assert (await app.payload(APPLY, owner=ADA, plan=made["id"]))["plan"]["deletedCount"] == 3


async def test_policies_show_their_next_run_and_their_last_ones(factory: Factory, app: GraphQL) -> None:
    digest = await aged(factory, PATH, series("v", 5))
    await numbered(factory, PATH, 3)
    document = f"""{{ repository(path: "{PATH}") {{ prunePolicies(first: 5) {{ nodes {{
      nextRun {{ {PREVIEW} }}
      lastRuns {{ tagCount error startedAt endedAt tags {{ repository name digest }} }} }} }} }} }}"""

    async def said() -> tuple[list[str], list[Json]]:
        ((policy,),) = [(await app.data(document))["repository"]["prunePolicies"]["nodes"]]
        return shown(policy["nextRun"]), policy["lastRuns"]

    coming, runs = await said()
    assert (coming, runs) == (["ada/app:v3", "ada/app:v4"], [])
    await pruned(factory)
    coming, (run,) = await said()
    assert coming == []
    assert (run["tagCount"], run["error"], run["endedAt"] is None) == (2, None, False)
    assert run["tags"] == [{"repository": "app", "name": name, "digest": digest} for name in ("v3", "v4")]


async def test_a_draft_wants_one_of_both(app: GraphQL) -> None:
    for policy in ({}, {"uuid": "x", **KEEP_TWO}):
        assert await app.refusal(PLAN, owner=APP, policy=policy) == "BAD_REQUEST"


async def test_an_explanation_says_what_each_policy_says_of_a_tag(factory: Factory, app: GraphQL) -> None:
    await aged(factory, PATH, series("v", 4))
    await lock("v3")
    by_number = await numbered(factory, "ada", 2)
    by_age = await older(factory, PATH, "3d", "^v2")
    document = """query ($tag: String!) { explainRetention(repository: "ada/app", tag: $tag) {
      pruneRulings { policyUuid isOfNamespace method value verdict rank } } }"""

    async def said(name: str) -> list[tuple[str, str, int | None]]:
        rulings = (await app.data(document, tag=name))["explainRetention"]["pruneRulings"]
        assert {one["policyUuid"]: one["isOfNamespace"] for one in rulings}.items() <= {
            by_number.uuid: True,
            by_age.uuid: False,
        }.items()
        return [(one["method"], one["verdict"], one["rank"]) for one in rulings]

    other = ("CREATION_DATE", "OTHER_NAME", None)
    assert await said("v0") == [other, ("NUMBER_OF_TAGS", "AMONG_NEWEST", 1)]
    assert await said("v2") == [("CREATION_DATE", "DELETES", None)]
    assert await said("v3") == [other, ("NUMBER_OF_TAGS", "LOCKED", 3)]
    await execute("DELETE FROM prune_policy WHERE method = 'number_of_tags'")
    assert await said("v0") == [other]
    await factory.user("eve")
    await factory.grant(PATH, "eve", RepositoryRole.WRITE, by="ada")
    eve = app.with_token(await factory.token("eve"))
    assert await eve.refusal(document, tag="v0") == "FORBIDDEN"


async def test_all_policies_of_an_owner_are_shown_together_to_those_who_see_them(
    factory: Factory, app: GraphQL
) -> None:
    await factory.repository("ada/b")
    for path in (PATH, "ada/b"):
        await aged(factory, path, series("v", 3) | series("dev", 3))
    await numbered(factory, "ada", 2, "^v")
    await numbered(factory, PATH, 1, "dev")
    for name, role in (("eve", RepositoryRole.ADMIN), ("bob", RepositoryRole.WRITE)):
        await factory.user(name)
        await factory.grant(PATH, name, role, by="ada")
    eve, bob = [app.with_token(await factory.token(name)) for name in ("eve", "bob")]
    of_app = '{ found: repository(path: "ada/app") { nextPruneRun { tagCount items { nodes {'
    of_app += " repository name } } } } }"
    of_ada = of_app.replace('repository(path: "ada/app")', 'namespace(name: "ada")')

    async def told(client: GraphQL, document: str) -> list[str]:
        found = (await client.data(document))["found"]["nextPruneRun"]
        assert found["tagCount"] == len(found["items"]["nodes"])
        return sorted(shown(found))

    devs = ["ada/app:dev1", "ada/app:dev2"]
    assert await told(app, of_app) == [*devs, "ada/app:v2"]
    assert await told(app, of_ada) == [*devs, "ada/app:v2", "ada/b:v2"]
    # Those of the namespace are as if there were none.
    assert await told(eve, of_app) == devs
    assert await bob.refusal(of_app) == "FORBIDDEN"
    assert await eve.refusal(of_ada) == "FORBIDDEN"
    gone = await pruned(factory)
    assert sorted(f"{path}:{name}" for path, name in gone) == [*devs, "ada/app:v2", "ada/b:v2"]


async def test_previews_of_one_request_share_passes_and_bounds(
    factory: Factory, app: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (PATH, "ada/b", "ada/c"):
        if path != PATH:
            await factory.repository(path)
        await aged(factory, path, series("v", 3) | series("dev", 3))
    for number, pattern in enumerate(("^v", "^dev1", "^dev2", "none"), 1):
        await numbered(factory, "ada", number, pattern)

    def document(policies: int) -> str:
        return f"""{{ namespace {{ prunePolicies(first: {policies}) {{ nodes {{
          nextRun {{ tagCount isComplete unreadRepositoryCount }} }} }} }} }}"""

    async def told(policies: int) -> list[tuple[int, bool, int]]:
        found = (await app.data(document(policies)))["namespace"]["prunePolicies"]["nodes"]
        return [tuple(one["nextRun"].values()) for one in found]

    one = await least_statements(lambda: told(1))
    four = await least_statements(lambda: told(4))
    whole = await told(4)
    monkeypatch.setattr(preview, "MAX_PLACES", 2)
    bounded = await told(2)

    # A further policy costs what belongs to its tags alone.
    assert four <= one + 3
    assert whole == [(6, True, 0), (0, True, 0), (0, True, 0), (0, True, 0)]
    assert bounded == [(4, False, 1), (0, False, 1)]


async def test_a_preview_reads_many_repositories_in_few_statements(
    factory: Factory, app: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """{ namespace { nextPruneRun { tagCount freedBytes items(first: 100) { nodes {
      repository name } } } } }"""

    async def told() -> list[str]:
        return sorted(shown((await app.data(document))["namespace"]["nextPruneRun"]))

    for number in range(8):
        path = f"ada/r{number}"
        await factory.repository(path)
        await aged(factory, path, series("v", 5) | {"old": 90})
        if number == 0:
            await numbered(factory, "ada", 2, "^v")
            await older(factory, "ada", "60d")
            await older(factory, path, "3d", "^v2")
            # It holds in this repository alone.
            await execute(
                "INSERT INTO immutability_policy (uuid, namespace_id, repository_id, tag_pattern,"
                " tag_pattern_matches, created_at_ms) SELECT 'u', namespace_id, id, 'v3', TRUE, 1"
                " FROM repository WHERE path = 'ada/r0'"
            )
        if number == 2:
            few = await least_statements(told)
    many = await least_statements(told)
    whole = await told()
    monkeypatch.setattr(selection, "FIRST", 2)
    monkeypatch.setattr(selection, "PAGE", 2)
    in_pages = await told()
    await execute("DELETE FROM prune_policy WHERE method = 'number_of_tags'")
    by_age = await told()

    assert few == many
    lost = [f"ada/r{number}:{name}" for number in range(8) for name in ("old", "v2", "v3", "v4")]
    assert whole == in_pages == [one for one in lost if one != "ada/r0:v3"]
    assert by_age == sorted(["ada/r0:v2", *(one for one in lost if one.endswith("old"))])
