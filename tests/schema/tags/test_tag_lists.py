"""Which tags a list shows on demand, and who pointed them where they do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.tags import tag as resolver
from resolvers.tags.filter import Platform, TagFilter, conditions_of
from storage.clock import now_ms
from storage.statements import execute, fetch
from storage.transactions import transaction
from tests.factories import Factory, image_config
from tests.quayside.registry import kit
from tests.schema.client import GraphQL

DAY_MS = 86_400_000

TAGS = """query ($unpulledSince: DateTime, $expiresBefore: DateTime, $platform: PlatformFilter) {
  repository(path: "acme/app") {
    tags(unpulledSince: $unpulledSince, expiresBefore: $expiresBefore, platform: $platform) {
      totalCount nodes { name } } } }"""

PUSHERS = """query ($active: Boolean! = true) { repository(path: "acme/app") {
  tags(isActive: $active) { nodes { name pushedBy { __typename name } } } } }"""


def moment(days: float) -> str:
    """The time so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def names(client: GraphQL, **variables: Any) -> list[str]:
    """The names of the tags that a filter lets pass, in order."""
    found = (await client.data(TAGS, **variables))["repository"]["tags"]
    assert found["totalCount"] == len(found["nodes"])
    return sorted(tag["name"] for tag in found["nodes"])


@pytest.fixture
async def app(factory: Factory, ada: GraphQL) -> None:
    """`acme/app` with images for two processors, an index of both, and an artifact, all a month old."""
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    configs = [image_config("amd64"), image_config("arm64", variant="v8")]
    for config, name in zip(configs, ("intel", "arm"), strict=True):
        await factory.image("acme/app", b"layer", config=config, tag=name)
    images = [kit.encode(kit.image_document(b"layer", config=config)) for config in configs]
    platforms = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
    ]
    document = kit.index_document(*images)
    for entry, platform in zip(document["manifests"], platforms, strict=True):
        entry["platform"] = platform
    await factory.manifest("acme/app", document, tag="both")
    await factory.blob("acme/app", kit.EMPTY)
    await factory.manifest("acme/app", kit.artifact_document("application/x-note", b"layer"), tag="note")
    await execute("UPDATE tag SET started_at_ms = ?", now_ms() - 30 * DAY_MS)
    # The factory pushes as the owner of the namespace, which nobody else can do for an organization.
    await execute(
        "UPDATE tag SET pusher_id = (SELECT id FROM account WHERE name = 'ada')"
        " WHERE pusher_id = (SELECT id FROM account WHERE name = 'acme')"
    )


async def pulled(name: str, days_ago: float) -> None:
    """A pull by the name of a tag."""
    await execute(
        "INSERT INTO tag_pulls (repository_id, name, pulls, last_pulled_at_ms)"
        " SELECT DISTINCT repository_id, name, 1, CAST(? AS BIGINT) FROM tag WHERE name = ?",
        now_ms() - int(days_ago * DAY_MS),
        name,
    )


async def test_stale_tags_were_not_pulled_since(app: None, ada: GraphQL) -> None:
    await pulled("intel", 2)
    await pulled("arm", 20)
    # One that is younger is not stale, though nobody has pulled it.
    await execute("UPDATE tag SET started_at_ms = ? WHERE name = 'note'", now_ms() - DAY_MS)

    assert await names(ada, unpulledSince=moment(-10)) == ["arm", "both"]
    assert await names(ada, unpulledSince=moment(-1.5)) == ["arm", "both", "intel"]
    assert await names(ada, unpulledSince=moment(-40)) == []


async def test_a_plan_chooses_stale_tags_like_the_list(app: None, ada: GraphQL) -> None:
    await pulled("intel", 2)

    plan = await ada.payload(
        """mutation ($since: DateTime!) { tagsDeletePlan(repository: "acme/app",
          filter: { unpulledSince: $since }) { plan { id items { nodes { name } } } errors { code } } }""",
        since=moment(-10),
    )
    await pulled("note", 0)
    late = await ada.data(
        """mutation ($plan: ID!) { tagsDelete(repository: "acme/app", plan: $plan) { errors { code } } }""",
        plan=plan["plan"]["id"],
    )

    assert [item["name"] for item in plan["plan"]["items"]["nodes"]] == ["arm", "both", "note"]
    # What was pulled since the plan was made is no longer stale.
    assert late["tagsDelete"]["errors"] == [{"code": "CONFLICT"}]


async def test_expiring_tags_have_one_name_in_and_out(app: None, ada: GraphQL) -> None:
    for name, days in (("intel", 3), ("arm", 20)):
        payload = await ada.payload(
            """mutation ($tag: String!, $at: DateTime) { tagUpdate(repository: "acme/app", tag: $tag,
              input: { expiresAt: $at }) { tag { expiresAt endedAt } errors { code } } }""",
            tag=name,
            at=moment(days),
        )
        assert payload["tag"]["expiresAt"] == payload["tag"]["endedAt"] is not None
    # An end that was not set in advance is no expiration.
    ended = await ada.payload(
        """mutation { tagDelete(repository: "acme/app", tag: "note") {
          tag { expiresAt endedAt } errors { code } } }"""
    )

    assert await names(ada, expiresBefore=moment(7)) == ["intel"]
    assert await names(ada, expiresBefore=moment(30)) == ["arm", "intel"]
    assert (ended["tag"]["expiresAt"], ended["tag"]["endedAt"] is None) == (None, False)


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ({"os": "linux", "architecture": "amd64"}, ["both", "intel"]),
        ({"architecture": "arm64"}, ["arm", "both"]),
        ({"architecture": "arm64", "variant": "v8"}, ["arm", "both"]),
        ({"architecture": "arm64", "variant": "v7"}, []),
        ({"os": "windows"}, []),
        ({}, ["arm", "both", "intel"]),
    ],
)
async def test_tags_of_a_platform(
    app: None, ada: GraphQL, platform: dict[str, str], expected: list[str]
) -> None:
    assert await names(ada, platform=platform) == expected


async def test_every_way_to_point_a_tag_keeps_who_did_it(factory: Factory, app: None, ada: GraphQL) -> None:
    await factory.robot("acme+bot", by="ada")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.WRITE, by="ada")
    await factory.user("bob")
    await factory.grant("acme/app", "bob", RepositoryRole.WRITE, by="ada")
    robot = await factory.as_account("acme+bot")
    digest = (await fetch("SELECT digest FROM manifest ORDER BY id LIMIT 1"))[0]["digest"]
    await resolver.update(robot, "acme/app", "intel", resolver.TagChanges(manifest_digest=digest))
    await resolver.update(robot, "acme/app", "robotic", resolver.TagChanges(manifest_digest=digest))
    bob = ada.with_token(await factory.token("bob"))
    plan = await bob.payload(
        """mutation ($digest: Digest!) { tagsMovePlan(repository: "acme/app", manifestDigest: $digest,
          filter: { names: ["note"] }) { plan { id } errors { code } } }""",
        digest=digest,
    )
    await bob.payload(
        """mutation ($plan: ID!) { tagsMove(repository: "acme/app", plan: $plan) {
          plan { id } errors { code } } }""",
        plan=plan["plan"]["id"],
    )
    await execute("UPDATE tag SET pusher_id = NULL WHERE name = 'both'")

    found = (await ada.data(PUSHERS))["repository"]["tags"]["nodes"]

    assert {tag["name"]: tag["pushedBy"] for tag in found} == {
        # The move to what it pointed to already is none.
        "intel": {"__typename": "User", "name": "ada"},
        "arm": {"__typename": "User", "name": "ada"},
        "both": None,
        "robotic": {"__typename": "Robot", "name": "acme+bot"},
        "note": {"__typename": "User", "name": "bob"},
    }


async def test_who_pushed_is_for_those_who_push_and_for_members(
    factory: Factory, app: None, ada: GraphQL, graphql: GraphQL
) -> None:
    for name in ("reader", "writer", "member", "stranger"):
        await factory.user(name)
    await factory.grant("acme/app", "reader", RepositoryRole.READ, by="ada")
    await factory.grant("acme/app", "writer", RepositoryRole.WRITE, by="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["member"])
    await ada.payload(
        """mutation { repositoryVisibilityChange(repository: "acme/app", visibility: PUBLIC) {
          repository { path } errors { code } } }"""
    )
    clients = {
        "anonymous": graphql,
        "scoped": ada.with_token(await factory.token("ada", frozenset({Scope.REPO_READ}))),
    } | {
        name: ada.with_token(await factory.token(name)) for name in ("reader", "writer", "member", "stranger")
    }

    seen = set()
    for name, client in clients.items():
        nodes = (await client.data(PUSHERS))["repository"]["tags"]["nodes"]
        assert len(nodes) == 4
        if {tag["pushedBy"] and tag["pushedBy"]["name"] for tag in nodes} == {"ada"}:
            seen.add(name)
        else:
            assert [tag["pushedBy"] for tag in nodes] == [None] * 4

    assert seen == {"writer", "member"}


async def test_filters_are_looked_up_by_row_in_the_order_of_the_list(factory: Factory) -> None:
    chosen = TagFilter(
        is_active=True,
        unpulled_since_ms=1,
        expires_before_ms=2,
        platform=Platform(os="linux", architecture="amd64"),
    )
    conditions = ["t.repository_id = ?"]
    values: list[Any] = [1]
    for condition, more in conditions_of(chosen):
        conditions.append(condition)
        values += more
    query = (
        f"SELECT t.id FROM tag t WHERE {' AND '.join(conditions)}"
        " ORDER BY t.started_at_ms DESC, t.name, t.id DESC LIMIT 51"
    )

    if factory.database.dialect == "postgres":
        async with transaction("explain"):
            # Tables as small as those of a test are scanned unless that is forbidden.
            await execute("SET LOCAL enable_seqscan = off")
            plan = " ".join(row["QUERY PLAN"] for row in await fetch(f"EXPLAIN {query}", *values))
        assert "Seq Scan" not in plan
    else:
        details = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {query}", *values)]
        assert not [detail for detail in details if detail.startswith("SCAN")]
        assert [detail for detail in details if "started_at_ms" in detail or "repository_id=?" in detail]
