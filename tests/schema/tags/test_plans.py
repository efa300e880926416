"""Plans through GraphQL: dry run, application, staleness and refusal."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.tags import plan as tag_plan
from resolvers.tags.outcome import PlanInputs
from storage.clock import now_ms
from storage.statements import count_statements, decode_json, execute, fetch
from tests.factories import Factory, add_tags
from tests.schema.client import GraphQL, Json
from tests.schema.tags.test_tags import DELETE, UPDATE, iso

ITEMS = """plan { id kind isApplied isStale changeCount lockedCount items(first: 100) { totalCount nodes {
  name action before { digest } after { digest } expiresAt error { code field } } } }
  errors { code field message }"""
PLANS = {
    "tagsDelete": "",
    "tagsExpire": ", expiresAt: $expiresAt",
    "tagsMove": ", manifestDigest: $manifestDigest",
}
HOUR_MS = 3_600_000


def planning(change: str) -> str:
    """The document that makes a plan."""
    if change == "repositoryRollback":
        return f"""mutation ($path: RepositoryPath! = "ada/app", $to: DateTime!) {{
          repositoryRollbackPlan(repository: $path, to: $to) {{ {ITEMS} }} }}"""
    declared = {"tagsExpire": ", $expiresAt: DateTime", "tagsMove": ", $manifestDigest: Digest!"}
    return f"""
      mutation ($path: RepositoryPath! = "ada/app", $filter: TagFilter! {declared.get(change, "")}) {{
      {change}Plan(repository: $path, filter: $filter {PLANS[change]}) {{ {ITEMS} }} }}"""


def applying(change: str) -> str:
    """The document that applies a plan."""
    return f"""mutation ($path: RepositoryPath! = "ada/app", $plan: ID!) {{
      {change}(repository: $path, plan: $plan) {{ {ITEMS} }} }}"""


PLAN = """query ($id: ID!, $after: Cursor) { repository(path: "ada/app") { tagPlan(id: $id) {
  isStale changeCount items(first: 60, after: $after) { nodes { name } pageInfo { nextCursor } } } } }"""


async def planned(client: GraphQL, change: str, **arguments: Any) -> Json:
    plan: Json = (await client.payload(planning(change), **arguments))["plan"]
    return plan


async def applied(client: GraphQL, change: str, plan: Json) -> Json:
    done: Json = (await client.payload(applying(change), plan=plan["id"]))["plan"]
    return done


def named(plan: Json) -> list[tuple[str, str]]:
    return [(item["name"], item["action"]) for item in plan["items"]["nodes"]]


async def pointing() -> dict[str, tuple[int, int | None]]:
    """The manifest and the end of every active tag."""
    rows = await fetch(
        "SELECT name, manifest_id, ended_at_ms FROM tag WHERE ended_at_ms IS NULL OR ended_at_ms > ?",
        now_ms(),
    )
    assert len({row["name"] for row in rows}) == len(rows)
    return {row["name"]: (row["manifest_id"], row["ended_at_ms"]) for row in rows}


@pytest.fixture
async def images(factory: Factory, ada: GraphQL) -> list[str]:
    """Two images in `ada/app`; `v1`, `v10`, `v2` and `main` point to the first, `keep` to the second."""
    await factory.repository("ada/app")
    digests = [await factory.image("ada/app", f"layer {number}".encode()) for number in range(2)]
    for name in ("v1", "v10", "v2", "main"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": digests[0]})
    await ada.payload(UPDATE, tag="keep", input={"manifestDigest": digests[1]})
    return digests


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, ["keep", "main", "v1", "v10", "v2"]),
        ({"nameContains": "V1"}, ["v1", "v10"]),
        ({"nameContains": "%"}, []),
        ({"namePattern": "^v[0-9]$"}, ["v1", "v2"]),
        ({"namePattern": "1", "nameContains": "0"}, ["v10"]),
        ({"olderThan": "2001-01-01T00:00:00Z"}, ["v2"]),
        ({"olderThan": "1999-01-01T00:00:00Z"}, []),
    ],
)
async def test_a_filter_selects_active_tags(
    ada: GraphQL, images: list[str], chosen: Json, names: list[str]
) -> None:
    await execute("UPDATE tag SET started_at_ms = ? WHERE name = 'v2'", 946_684_800_000)

    plan = await planned(ada, "tagsDelete", filter=chosen)

    assert named(plan) == [(name, "DELETE") for name in names]
    assert (plan["changeCount"], plan["items"]["totalCount"], plan["isApplied"]) == (
        len(names),
        len(names),
        False,
    )


async def test_a_plan_is_a_dry_run_and_applying_matches_it(ada: GraphQL, images: list[str]) -> None:
    before = await pointing()
    events = len(await fetch("SELECT id FROM event"))

    plan = await planned(ada, "tagsDelete", filter={"nameContains": "v1"})
    untouched = await pointing()
    written = len(await fetch("SELECT id FROM event")) - events
    done = await applied(ada, "tagsDelete", plan)

    assert (untouched, written) == (before, 0)
    assert done["items"] == plan["items"]
    assert done["isApplied"] is True
    assert (await pointing()).keys() == {"v2", "main", "keep"}
    rows = await fetch("SELECT kind, metadata FROM event WHERE kind = 'delete_tag' ORDER BY id")
    told = [decode_json(row["metadata"]) for row in rows]
    assert [
        {key: value for key, value in one.items() if not key.startswith("oauth_token")} for one in told
    ] == [{"username": "ada", "repo": "app", "namespace": "ada", "tag": name} for name in ("v1", "v10")]
    assert len(await fetch("SELECT id FROM audit_log WHERE kind = 'delete_tag'")) == 2


async def test_tags_are_moved_in_bulk(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "tagsMove", filter={}, manifestDigest=images[1])
    await applied(ada, "tagsMove", plan)

    assert [
        (item["name"], item["before"]["digest"], item["after"]["digest"]) for item in plan["items"]["nodes"]
    ] == [(name, images[0], images[1]) for name in ("main", "v1", "v10", "v2")]
    assert len({manifest for manifest, _ in (await pointing()).values()}) == 1
    rows = await fetch("SELECT metadata FROM event WHERE kind = 'move_tag'")
    assert {decode_json(row["metadata"])["original_manifest_digest"] for row in rows} == {images[0]}


async def test_bulk_expirations_are_clamped_and_can_be_removed(ada: GraphQL, images: list[str]) -> None:
    soon = now_ms() + 5_000
    plan = await planned(ada, "tagsExpire", filter={"nameContains": "v"}, expiresAt=iso(soon))
    await applied(ada, "tagsExpire", plan)
    starts = {row["name"]: row["started_at_ms"] for row in await fetch("SELECT * FROM tag")}
    ends = {name: end for name, (_, end) in (await pointing()).items()}

    again = await planned(ada, "tagsExpire", filter={}, expiresAt=None)
    await applied(ada, "tagsExpire", again)

    assert ends == {name: starts[name] + HOUR_MS for name in ("v1", "v10", "v2")} | {
        "main": None,
        "keep": None,
    }
    assert {
        item["name"]: round(datetime.fromisoformat(item["expiresAt"]).timestamp() * 1000)
        for item in plan["items"]["nodes"]
    } == {name: starts[name] + HOUR_MS for name in ("v1", "v10", "v2")}
    assert named(again) == [("v1", "EXPIRE"), ("v10", "EXPIRE"), ("v2", "EXPIRE")]
    assert {end for _, end in (await pointing()).values()} == {None}
    assert await fetch("SELECT id FROM tag WHERE is_expiration") == []


async def test_a_locked_tag_is_listed_as_refused_and_left_alone(ada: GraphQL, images: list[str]) -> None:
    await ada.payload(UPDATE, tag="v1", input={"isImmutable": True})
    outcomes = {}

    for change, arguments in (
        ("tagsMove", {"manifestDigest": images[1]}),
        ("tagsExpire", {"expiresAt": iso(now_ms() + 2 * HOUR_MS)}),
        ("tagsDelete", {}),
    ):
        done = await applied(
            ada, change, await planned(ada, change, filter={"nameContains": "v1"}, **arguments)
        )
        outcomes[change] = [(item["name"], item["error"]) for item in done["items"]["nodes"]]
        assert (done["changeCount"], done["lockedCount"]) == (1, 1)

    refused = {"code": "IMMUTABLE", "field": "tag"}
    assert outcomes == {change: [("v1", refused), ("v10", None)] for change in outcomes}
    assert (await pointing()).keys() == {"v1", "v2", "main", "keep"}


async def test_a_rollback_restores_all_tags_and_can_be_rolled_back(ada: GraphQL, images: list[str]) -> None:
    for name, days in (("v1", 2), ("v2", 3)):
        await ada.payload(UPDATE, tag=name, input={"expiresAt": iso(now_ms() + days * 86_400_000)})
    await execute("UPDATE tag SET started_at_ms = started_at_ms - 10000")
    first = now_ms()
    before = await pointing()
    await asyncio.sleep(0.002)
    await applied(ada, "tagsDelete", await planned(ada, "tagsDelete", filter={"nameContains": "v1"}))
    await ada.payload(UPDATE, tag="v2", input={"manifestDigest": images[1]})
    await ada.payload(UPDATE, tag="new", input={"manifestDigest": images[1]})
    second = now_ms()
    changed = await pointing()
    await asyncio.sleep(0.002)

    plan = await planned(ada, "repositoryRollback", to=iso(first))
    await applied(ada, "repositoryRollback", plan)
    back = await pointing()
    assert [(item["name"], item["expiresAt"] is not None) for item in plan["items"]["nodes"]] == [
        ("new", False),
        ("v1", True),
        ("v10", False),
        ("v2", True),
    ]
    await applied(ada, "repositoryRollback", await planned(ada, "repositoryRollback", to=iso(second)))

    assert named(plan) == [("new", "DELETE"), ("v1", "CREATE"), ("v10", "CREATE"), ("v2", "MOVE")]
    assert back == before
    assert await pointing() == changed
    reversions = await fetch("SELECT name FROM tag WHERE is_reversion ORDER BY name, id")
    assert [row["name"] for row in reversions] == ["new", "v1", "v10", "v2", "v2"]


async def test_a_rollback_leaves_locked_tags_where_they_are(ada: GraphQL, images: list[str]) -> None:
    moment = now_ms()
    await asyncio.sleep(0.002)
    for name in ("v1", "v2", "new"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": images[1]})
    for name in ("v1", "new"):
        await ada.payload(UPDATE, tag=name, input={"isImmutable": True})
    locked = {name: place for name, place in (await pointing()).items() if name in ("v1", "new")}

    done = await applied(ada, "repositoryRollback", await planned(ada, "repositoryRollback", to=iso(moment)))

    refused = {"code": "IMMUTABLE", "field": "tag"}
    assert [(item["name"], item["action"], item["error"]) for item in done["items"]["nodes"]] == [
        ("new", "DELETE", refused),
        ("v1", "MOVE", refused),
        ("v2", "MOVE", None),
    ]
    after = await pointing()
    assert {name: after[name] for name in ("v1", "new")} == locked
    assert after["v2"] == after["main"]


async def test_a_rollback_out_of_the_window_or_to_the_future_is_refused(
    ada: GraphQL, images: list[str]
) -> None:
    for moment in (now_ms() - 15 * 86_400_000, now_ms() + HOUR_MS):
        assert await ada.payload_error(planning("repositoryRollback"), to=iso(moment)) == ("INVALID", "to")


async def test_a_stale_plan_is_refused_and_shows_what_a_new_one_would_do(
    ada: GraphQL, images: list[str]
) -> None:
    plan = await planned(ada, "tagsDelete", filter={"nameContains": "v"})
    fresh = (await ada.data(PLAN, id=plan["id"]))["repository"]["tagPlan"]
    await ada.payload(UPDATE, tag="v10", input={"manifestDigest": images[1]})

    refused = await ada.payload_error(applying("tagsDelete"), plan=plan["id"])
    shown = (await ada.data(PLAN, id=plan["id"]))["repository"]["tagPlan"]

    assert refused == ("CONFLICT", "plan")
    assert (fresh["isStale"], shown["isStale"]) == (False, True)
    assert len(await pointing()) == 5


async def test_a_plan_with_a_deleted_target_is_stale(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "tagsMove", filter={"nameContains": "v"}, manifestDigest=images[1])
    await ada.payload(DELETE, tag="keep")

    seen = (await ada.data(PLAN, id=plan["id"]))["repository"]["tagPlan"]
    refused = await ada.payload_error(applying("tagsMove"), plan=plan["id"])

    assert (seen["isStale"], seen["changeCount"]) == (True, 0)
    assert refused == ("CONFLICT", "plan")


async def test_a_rollback_beyond_a_shortened_window_is_stale(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "repositoryRollback", to=iso(now_ms() - HOUR_MS))
    await execute("UPDATE account SET tag_expiration_s = 0 WHERE name = 'ada'")

    seen = (await ada.data(PLAN, id=plan["id"]))["repository"]["tagPlan"]
    refused = await ada.payload_error(applying("repositoryRollback"), plan=plan["id"])

    assert plan["changeCount"] == 5
    assert (seen["isStale"], seen["changeCount"]) == (True, 0)
    assert refused == ("CONFLICT", "plan")


async def test_a_plan_shows_previous_expirations(ada: GraphQL, images: list[str]) -> None:
    was = iso(now_ms() // 1000 * 1000 + 2 * HOUR_MS).replace("+00:00", "Z")
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": was})

    plan = await ada.payload(
        """mutation { tagsExpirePlan(repository: "ada/app", filter: {namePattern: "^v[12]$"}
          expiresAt: "2027-01-31T00:00:00Z") { plan { items { nodes { name previousExpiresAt expiresAt } } }
          errors { code } } }"""
    )

    assert plan["plan"]["items"]["nodes"] == [
        {"name": "v1", "previousExpiresAt": was, "expiresAt": "2027-01-31T00:00:00Z"},
        {"name": "v2", "previousExpiresAt": None, "expiresAt": "2027-01-31T00:00:00Z"},
    ]


async def test_a_plan_is_applied_once(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "tagsDelete", filter={"nameContains": "v"})

    answers = await asyncio.gather(*(ada.data(applying("tagsDelete"), plan=plan["id"]) for _ in range(3)))

    codes = sorted(error["code"] for answer in answers for error in answer["tagsDelete"]["errors"])
    assert codes == ["CONFLICT", "CONFLICT"]
    messages = {error["message"] for answer in answers for error in answer["tagsDelete"]["errors"]}
    assert messages == {"The plan has been applied already. Make a new one."}
    later = await ada.data(applying("tagsDelete"), plan=plan["id"])
    assert {error["message"] for error in later["tagsDelete"]["errors"]} == messages
    assert len(await fetch("SELECT id FROM event WHERE kind = 'delete_tag'")) == 3


async def test_a_concurrently_applied_plan_is_told_so(
    ada: GraphQL, images: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await planned(ada, "tagsDelete", filter={"nameContains": "v"})
    read, done = tag_plan.read, []

    async def overtaken(*arguments: Any) -> PlanInputs:
        """Apply the plan in another request, between finding it and reading the tags."""
        monkeypatch.setattr(tag_plan, "read", read)
        done.append(await applied(ada, "tagsDelete", plan))
        return await read(*arguments)

    monkeypatch.setattr(tag_plan, "read", overtaken)

    late = await ada.data(applying("tagsDelete"), plan=plan["id"])
    ((error,),) = [payload["errors"] for payload in late.values()]
    assert (error["code"], error["field"]) == ("CONFLICT", "plan")
    assert error["message"] == "The plan has been applied already. Make a new one."
    assert done[0]["isApplied"] is True


async def test_a_plan_of_names_changes_those_tags_and_no_others(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "tagsDelete", filter={"names": ["v2", "v1", "absent"]})
    none = await planned(ada, "tagsDelete", filter={"names": []})

    assert named(plan) == [("v1", "DELETE"), ("v2", "DELETE")]
    assert named(none) == []


async def test_a_plan_is_bound_to_account_repository_and_kind_and_expires(
    graphql: GraphQL, factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await factory.user("bob")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    bob = graphql.with_token(await factory.token("bob"))
    await factory.repository("ada/other")
    plan = await planned(ada, "tagsDelete", filter={})

    wrong = [
        await bob.payload_error(applying("tagsDelete"), plan=plan["id"]),
        await ada.payload_error(applying("tagsDelete"), plan=plan["id"], path="ada/other"),
        await ada.payload_error(applying("tagsMove"), plan=plan["id"]),
        await ada.payload_error(applying("tagsDelete"), plan="' OR 1=1"),
    ]
    hidden = (await bob.data(PLAN, id=plan["id"]))["repository"]["tagPlan"]
    await execute("UPDATE plan SET expires_at_ms = ?", now_ms())
    late = await ada.payload_error(applying("tagsDelete"), plan=plan["id"])
    await planned(ada, "tagsDelete", filter={})

    assert wrong == [("NOT_FOUND", "plan")] * 4
    assert hidden is None
    assert late == ("CONFLICT", "plan")
    assert len(await fetch("SELECT id FROM plan")) == 1
    assert len(await pointing()) == 5


async def test_planning_and_applying_each_require_write_access(
    graphql: GraphQL, factory: Factory, ada: GraphQL, images: list[str]
) -> None:
    await factory.user("bob")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    bob = graphql.with_token(await factory.token("bob"))
    plan = await planned(bob, "tagsDelete", filter={})
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")

    assert await bob.refusal(applying("tagsDelete"), plan=plan["id"]) == "FORBIDDEN"
    assert await bob.refusal(planning("tagsDelete"), filter={}) == "FORBIDDEN"
    assert await bob.refusal(PLAN, id=plan["id"]) == "FORBIDDEN"
    assert await graphql.refusal(planning("repositoryRollback"), to=iso(now_ms())) == "UNAUTHENTICATED"
    assert len(await pointing()) == 5


async def test_invalid_arguments_of_plans_are_refused(ada: GraphQL, images: list[str]) -> None:
    assert [
        await ada.payload_error(planning("tagsDelete"), filter={"namePattern": "("}),
        await ada.payload_error(planning("tagsExpire"), filter={}, expiresAt="2001-01-01T00:00:00Z"),
        await ada.payload_error(planning("tagsMove"), filter={}, manifestDigest="sha256:" + "0" * 64),
    ] == [("INVALID", "namePattern"), ("INVALID", "expiresAt"), ("NOT_FOUND", "manifestDigest")]


async def many(digest: str, number: int) -> None:
    """Let that many more tags point to a manifest."""
    await add_tags(digest, (f"many{one}" for one in range(number)))


async def test_ten_thousand_tags_of_one_manifest_are_moved_and_deleted_in_few_statements(
    ada: GraphQL, images: list[str]
) -> None:
    await many(images[0], 10_000)

    move = await planned(ada, "tagsMove", filter={"nameContains": "many"}, manifestDigest=images[1])
    with count_statements() as count:
        await applied(ada, "tagsMove", move)
    moved = await pointing()
    delete = await planned(ada, "tagsDelete", filter={"nameContains": "many"})
    await applied(ada, "tagsDelete", delete)

    assert (move["changeCount"], delete["changeCount"]) == (10_000, 10_000)
    assert len({manifest for name, (manifest, _) in moved.items() if name.startswith("many")}) == 1
    # Twenty batches of ends, a hundred each of new spans, of events and of their log; and some to find them.
    assert len(count.statements) < 350
    assert (await pointing()).keys() == {"v1", "v10", "v2", "main", "keep"}
    assert len(await fetch("SELECT id FROM tag WHERE name LIKE 'many%'")) == 20_000


async def test_more_than_ten_thousand_tags_are_too_many_for_one_plan(ada: GraphQL, images: list[str]) -> None:
    await many(images[0], 10_001)

    assert await ada.payload_error(planning("tagsDelete"), filter={}) == ("TOO_MANY", "filter")
    assert (await planned(ada, "tagsDelete", filter={"namePattern": "many.*7$"}))["changeCount"] == 1_000


async def test_unchanged_tags_do_not_count_as_changes_of_a_plan(ada: GraphQL, images: list[str]) -> None:
    await many(images[0], 16_000)
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": iso(now_ms() + 2 * HOUR_MS)})

    staying = await planned(ada, "tagsExpire", filter={}, expiresAt=None)
    await execute("UPDATE tag SET manifest_id = (SELECT MAX(id) FROM manifest) WHERE name LIKE 'many%'")
    moving = await planned(ada, "tagsMove", filter={}, manifestDigest=images[1])
    done = await applied(ada, "tagsMove", moving)

    assert named(staying) == [("v1", "EXPIRE")]
    assert named(moving) == [(name, "MOVE") for name in ("main", "v1", "v10", "v2")]
    assert done["changeCount"] == 4


async def test_the_items_of_a_plan_are_read_in_pages(ada: GraphQL, images: list[str]) -> None:
    await many(images[0], 100)
    plan = await planned(ada, "tagsDelete", filter={"nameContains": "many"})
    names, cursor = [], None

    for _ in range(2):
        page = (await ada.data(PLAN, id=plan["id"], after=cursor))["repository"]["tagPlan"]["items"]
        names += [item["name"] for item in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]

    assert names == sorted(f"many{one}" for one in range(100))
    assert cursor is None


async def test_a_concurrent_plan_and_push_are_serialized(ada: GraphQL, images: list[str]) -> None:
    plan = await planned(ada, "tagsMove", filter={"nameContains": "v1"}, manifestDigest=images[1])

    done, _ = await asyncio.gather(
        ada.data(applying("tagsMove"), plan=plan["id"]),
        ada.payload(UPDATE, tag="v1", input={"manifestDigest": images[1]}),
    )

    codes = [error["code"] for error in done["tagsMove"]["errors"]]
    rows = await fetch("SELECT id FROM tag WHERE name = 'v1' AND ended_at_ms IS NULL")
    assert len(rows) == 1
    assert codes in ([], ["CONFLICT"])
