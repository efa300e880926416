"""Activity through GraphQL: data for charts, authorization and cost."""

from typing import Any

import pytest

from resolvers.access.roles import TeamRole
from resolvers.access.scopes import Scope
from resolvers.repositories.activity import DAY_MS, ActorKind
from resolvers.repositories.repository import Visibility
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
from storage.statements import count_statements, fetch_one
from tests.factories import Factory
from tests.schema.client import GraphQL

COUNTS = "startsAt pulls checks pushes byActor { actorKind pulls checks pushes }"
OF_REPOSITORY = (
    f'query ($days: Int!) {{ repository(path: "acme/app") {{ activity(days: $days) {{ {COUNTS} }} }} }}'
)
OF_ORGANIZATION = (
    f'query ($days: Int!) {{ organization(name: "acme") {{ activity(days: $days) {{ {COUNTS} }} }} }}'
)
OF_NAMESPACE = f'query ($days: Int!) {{ namespace(name: "acme") {{ activity(days: $days) {{ {COUNTS} }} }} }}'


@pytest.fixture
async def acme(ada: GraphQL, factory: Factory) -> GraphQL:
    """Ada, who owns `acme` with two repositories, of which one was used today and four days ago."""
    await factory.organization("acme", owner="ada")
    for path in ("acme/app", "acme/other"):
        await factory.repository(path, by="ada")
    await used("acme/app", 0, ActorKind.USER, DailyCount(pulls=3, checks=2, pushes=1))
    await used("acme/app", 0, ActorKind.ANONYMOUS, DailyCount(pulls=5))
    await used("acme/app", 4, ActorKind.ROBOT, DailyCount(checks=7))
    await used("acme/other", 0, ActorKind.USER, DailyCount(pulls=10))
    return ada


async def used(path: str, days_ago: int, actor: ActorKind, count: DailyCount) -> None:
    """Count something."""
    namespace, _, name = path.partition("/")
    row = await fetch_one(
        "SELECT r.id, r.namespace_id FROM repository r JOIN account n ON n.id = r.namespace_id"
        " WHERE n.name = ? AND r.name = ?",
        namespace,
        name,
    )
    assert row is not None
    day = now_ms() // DAY_MS - days_ago
    await add_daily({DailyKey(row["id"], row["namespace_id"], day, actor.value): count})


def counted(day: dict[str, Any]) -> tuple[int, int, int]:
    return day["pulls"], day["checks"], day["pushes"]


async def test_the_days_of_a_repository_have_no_gaps(acme: GraphQL) -> None:
    days = (await acme.data(OF_REPOSITORY, days=6))["repository"]["activity"]

    assert [counted(day) for day in days] == [(8, 2, 1), *[(0, 0, 0)] * 3, (0, 7, 0), (0, 0, 0)]
    assert [int(day["startsAt"][8:10]) for day in days] == [
        int(day["startsAt"][8:10]) for day in sorted(days, key=lambda day: day["startsAt"], reverse=True)
    ]
    assert {day["startsAt"][10:] for day in days} == {"T00:00:00Z"}
    assert [(kind["actorKind"], *counted(kind)) for kind in days[0]["byActor"]] == [
        ("USER", 3, 2, 1),
        ("ROBOT", 0, 0, 0),
        ("TOKEN", 0, 0, 0),
        ("ANONYMOUS", 5, 0, 0),
    ]


@pytest.mark.parametrize(
    ("document", "field"), [(OF_ORGANIZATION, "organization"), (OF_NAMESPACE, "namespace")]
)
async def test_an_organization_adds_up_its_repositories(acme: GraphQL, document: str, field: str) -> None:
    days = (await acme.data(document, days=5))[field]["activity"]

    assert [counted(day) for day in days] == [(18, 2, 1), *[(0, 0, 0)] * 3, (0, 7, 0)]


async def test_the_number_of_days_is_bounded(acme: GraphQL) -> None:
    assert len((await acme.data(OF_REPOSITORY, days=365))["repository"]["activity"]) == 365
    for document in (OF_REPOSITORY, OF_ORGANIZATION):
        for days in (0, 366, -3):
            assert await acme.refusal(document, days=days) == "BAD_REQUEST"


async def test_days_count_as_rows_of_a_query(acme: GraphQL) -> None:
    document = "{ repositories(first: 100) { nodes { activity(days: 365) { pulls } } } }"

    assert await acme.refusal(document) == "TOO_COMPLEX"


async def test_who_may_see_the_activity(acme: GraphQL, factory: Factory) -> None:
    # given a member who does not administer, a stranger, and a token of the owner that only reads
    await factory.user("bob")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])
    bob = acme.with_token(await factory.token("bob"))
    reader = acme.with_token(await factory.token("ada", frozenset({Scope.REPO_READ})))

    assert await bob.refusal(OF_ORGANIZATION, days=1) == "FORBIDDEN"
    assert await bob.refusal(OF_NAMESPACE, days=1) == "FORBIDDEN"
    assert await reader.refusal(OF_ORGANIZATION, days=1) == "FORBIDDEN"
    assert await acme.with_token(None).refusal(OF_ORGANIZATION, days=1) == "UNAUTHENTICATED"
    # and the activity of a repository requires read access to it
    assert await bob.refusal(OF_REPOSITORY, days=1) == "FORBIDDEN"
    assert len((await reader.data(OF_REPOSITORY, days=1))["repository"]["activity"]) == 1


async def test_a_user_sees_the_own_namespace(ada: GraphQL, factory: Factory) -> None:
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    await used("ada/app", 0, ActorKind.TOKEN, DailyCount(pulls=2))

    data = await ada.data("{ namespace { activity(days: 1) { pulls } } }")

    assert data["namespace"]["activity"] == [{"pulls": 2}]


PULLS = """query ($first: Int!) { repository(path: "acme/app") { popularity activity(days: 3) { pulls }
  tags(first: $first) { nodes { name
    pulls { count lastPulledAt } manifest { pulls { count lastPulledAt } } } } } }"""


async def test_the_pulls_of_tags_and_manifests_take_one_statement_each(
    acme: GraphQL, factory: Factory
) -> None:
    # given tags of which one was pulled
    for number in range(12):
        await factory.image("acme/app", f"layer {number}".encode(), tag=f"v{number}")
    row = await fetch_one("SELECT repository_id, manifest_id FROM tag WHERE name = 'v11'")
    assert row is not None
    await add_tag_pulls({TagKey(row["repository_id"], "v11", 0): PullCount(2, 86_400_000)})
    await add_manifest_pulls({row["manifest_id"]: PullCount(5, 172_800_000)})

    # when the first ones are listed, and all of them
    await acme.data(PULLS, first=2)
    with count_statements() as few:
        await acme.data(PULLS, first=2)
    with count_statements() as many:
        found = (await acme.data(PULLS, first=12))["repository"]

    # then it takes the same statements
    assert len(few.statements) == len(many.statements)
    assert found["popularity"] == 8
    tags = {node["name"]: (node["pulls"], node["manifest"]["pulls"]) for node in found["tags"]["nodes"]}
    assert tags["v11"] == (
        {"count": 2, "lastPulledAt": "1970-01-02T00:00:00Z"},
        {"count": 5, "lastPulledAt": "1970-01-03T00:00:00Z"},
    )
    never = {"count": 0, "lastPulledAt": None}
    assert tags["v3"] == (never, never)
