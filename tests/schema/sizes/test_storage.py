"""Stored bytes through GraphQL: what counts, who sees it, how it grew, and what a list costs."""

from datetime import datetime
from functools import partial

import pytest

from resolvers.access.roles import TeamRole
from resolvers.accounts.namespace import Owner
from resolvers.pruning import policy
from resolvers.pruning.policy import PruneMethod
from resolvers.quotas import quota
from resolvers.quotas.quota import Limit, LimitKind
from resolvers.repositories import purge, repository
from resolvers.repositories.repository import Visibility
from resolvers.sizes import history
from resolvers.tags import tag
from storage.clock import DAY_MS, now_ms
from storage.statements import count_statements, execute, fetch
from tests.counting import least_statements
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, endpoint

BASE, APP, EXTRA = b"b" * 1000, b"a" * 200, b"e" * 30


def size_of(*layers: bytes) -> int:
    """The bytes of the manifest of an image."""
    return len(kit.encode(kit.image_document(*layers)))


@pytest.fixture
async def acme(ada: GraphQL, factory: Factory) -> GraphQL:
    """Ada, who owns `acme` with the empty repositories `app` and `web`."""
    await factory.organization("acme", owner="ada")
    for path in ("acme/app", "acme/web"):
        await factory.repository(path, by="ada", visibility=Visibility.PUBLIC)
    return ada


async def stored(client: GraphQL) -> dict[str, int]:
    """The stored bytes of `acme` and of its repositories."""
    data = await client.data(
        'query { namespace(name: "acme") { storage { storedBytes } } organization(name: "acme") {'
        " repositories { nodes { name storage { storedBytes } } } } }"
    )
    found = {
        node["name"]: node["storage"]["storedBytes"] for node in data["organization"]["repositories"]["nodes"]
    }
    return {"acme": data["namespace"]["storage"]["storedBytes"], **found}


async def test_content_counts_once_for_a_namespace_until_it_is_collected(
    acme: GraphQL, factory: Factory
) -> None:
    first = len(kit.CONFIG) + len(BASE) + len(APP) + size_of(BASE, APP)
    second = len(kit.CONFIG) + len(BASE) + len(EXTRA) + size_of(BASE, EXTRA)
    shared = len(kit.CONFIG) + len(BASE)
    assert await stored(acme) == {"acme": 0, "app": 0, "web": 0}

    await factory.image("acme/app", BASE, APP, tag="v1")
    await factory.image("acme/web", BASE, EXTRA, tag="v1")
    both = {"acme": first + second - shared, "app": first, "web": second}
    assert await stored(acme) == both

    # What the time machine keeps still counts, and a push of the same costs nothing.
    await tag.delete(await factory.as_account("ada"), "acme/app", "v1")
    await factory.image("acme/app", BASE, APP, tag="v2")
    assert await stored(acme) == both

    # A deleted repository counts until its content is purged.
    (row,) = await fetch("SELECT id FROM repository WHERE path = 'acme/web'")
    await repository.delete(await factory.as_account("ada"), "acme/web")
    assert (await stored(acme))["acme"] == both["acme"]
    await purge.purge_repository(row["id"])
    assert await stored(acme) == {"acme": first, "app": first}
    assert await fetch("SELECT 1 FROM repository_size WHERE repository_id = ?", row["id"]) == []


async def test_content_of_another_namespace_changes_no_figure(acme: GraphQL, factory: Factory) -> None:
    await factory.user("eve")
    await factory.repository("eve/hidden")
    await factory.image("eve/hidden", BASE, tag="v1")
    size = len(kit.CONFIG) + len(BASE) + size_of(BASE)

    await factory.image("acme/app", BASE, tag="v1")

    assert await stored(acme) == {"acme": size, "app": size, "web": 0}


async def test_members_and_superusers_see_what_a_namespace_stores(acme: GraphQL, factory: Factory) -> None:
    await factory.user("bob")
    await factory.user("eve")
    await factory.user("root", is_superuser=True)
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])
    query = 'query { organization(name: "acme") { storage { storedBytes } } }'

    for name in ("ada", "bob", "root"):
        client = acme.with_token(await factory.token(name))
        assert await client.data(query) == {"organization": {"storage": {"storedBytes": 0}}}, name
    answer = await acme.with_token(await factory.token("eve")).answer(query)
    assert answer["data"] == {"organization": {"storage": None}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    own = "query ($name: String!) { user(username: $name) { storage { storedBytes } } }"
    eve = acme.with_token(await factory.token("eve"))
    assert await eve.data(own, name="eve") == {"user": {"storage": {"storedBytes": 0}}}
    assert await eve.refusal(own, name="bob") == "FORBIDDEN"


async def sampled(days_ago: int, stored_bytes: int) -> None:
    """Write the sample of a day of everything that stores something."""
    await execute("UPDATE namespace_size SET stored_bytes = stored_bytes + ?", stored_bytes)
    await execute("UPDATE repository_size SET stored_bytes = stored_bytes + ?", stored_bytes)
    await history.sample()
    await execute("UPDATE storage_sample SET day = day - ? WHERE day = ?", days_ago, now_ms() // DAY_MS)
    await execute("UPDATE namespace_size SET stored_bytes = stored_bytes - ?", stored_bytes)
    await execute("UPDATE repository_size SET stored_bytes = stored_bytes - ?", stored_bytes)


async def test_history_fills_gaps_and_tells_the_pace(acme: GraphQL, factory: Factory) -> None:
    await factory.blob("acme/app", BASE)
    await sampled(40, -900)
    await sampled(31, -700)
    await sampled(2, -400)
    query = (
        'query ($days: Int!) { namespace(name: "acme") { storage { dailyGrowthBytes'
        " storageHistory(days: $days) { startsAt storedBytes } } }"
        ' repository(path: "acme/app") { storage { storageHistory(days: $days) { storedBytes } } } }'
    )

    data = await acme.data(query, days=5)

    storage = data["namespace"]["storage"]
    assert [day["storedBytes"] for day in storage["storageHistory"]] == [1000, 600, 600, 300, 300]
    assert storage["storageHistory"][0]["startsAt"].endswith("T00:00:00Z")
    assert [day["storedBytes"] for day in data["repository"]["storage"]["storageHistory"]] == [
        1000,
        600,
        600,
        300,
        300,
    ]
    # Over 29 days, from 300 to 1,000 bytes.
    assert storage["dailyGrowthBytes"] == 24
    whole = (await acme.data(query, days=365))["namespace"]["storage"]["storageHistory"]
    assert [len(whole), whole[-1]["storedBytes"]] == [41, 100]
    refused = (await acme.answer(query, days=366))["errors"]
    assert [error["extensions"]["code"] for error in refused] == ["BAD_REQUEST", "BAD_REQUEST"]

    # A second sample of a day replaces the first; samples beyond a year and some days go.
    await sampled(403, 0)
    await history.sample()
    await history.sample()
    rows = await fetch("SELECT day, stored_bytes FROM storage_sample WHERE repository_id = 0 ORDER BY day")
    today = now_ms() // DAY_MS
    assert [(today - row["day"], row["stored_bytes"]) for row in rows] == [
        (40, 100),
        (31, 300),
        (2, 600),
        (0, 1000),
    ]


async def test_a_list_with_sizes_costs_one_more_statement(acme: GraphQL, factory: Factory) -> None:
    repositories = 'organization(name: "acme") {{ repositories(first: 100) {{ nodes {{ path {} }} }} }}'
    organizations = (
        'user(username: "ada") {{ memberships(first: 100) {{ nodes {{ organization {{'
        " name viewerRole {} }} }} }} }}"
    )
    for number in range(10):
        await factory.repository(f"acme/r{number}", by="ada")
        await factory.organization(f"o{number}", owner="ada")
    for query in (repositories, organizations):
        counts = []
        for more in ("", "storage { storedBytes }"):
            document = f"{{ {query.format(more)} }}"
            counts.append(await least_statements(partial(acme.data, document)))
        assert counts[1] == counts[0] + 1, query


STORAGE_PAGE = """{
  namespace(name: "acme") {
    storage {
      storedBytes dailyGrowthBytes quotaFullAt
      quota { limitBytes limits { kind percent } }
      storageHistory(days: 4) { storedBytes }
    }
    prunePolicies(first: 10) { nodes { method value nextRun { tagCount freedBytes } } }
    nextPruneRun { tagCount freedBytes items(first: 10) { nodes { repository name } } }
    largestBlobs(first: 2) { nodes { sizeBytes } }
  }
  repositories(namespace: "acme", orderBy: SIZE, first: 10) { nodes { path storage { storedBytes } } }
}"""


async def test_one_query_feeds_the_storage_page_of_an_organization(acme: GraphQL, factory: Factory) -> None:
    await factory.image("acme/app", BASE, APP, tag="v1")
    await factory.image("acme/app", BASE, EXTRA, tag="v2")
    await factory.image("acme/app", APP, tag="dev1")
    await factory.image("acme/app", BASE, EXTRA, tag="dev2")
    await factory.image("acme/web", BASE, tag="v1")
    first, second, third, dev = size_of(BASE, APP), size_of(BASE, EXTRA), size_of(BASE), size_of(APP)
    app = len(kit.CONFIG) + len(BASE) + len(APP) + len(EXTRA) + first + second + dev
    web = len(kit.CONFIG) + len(BASE) + third
    stores = app + third
    # Ten days ago it stored 100 bytes a day less for each day.
    await sampled(10, -1000)
    admin = await factory.as_account("ada")
    for owner, pattern in ((Owner(namespace="acme"), "^v"), (Owner(repository="acme/app"), "dev")):
        rule = policy.rule_of(PruneMethod.NUMBER_OF_TAGS, 1, tag_pattern=pattern)
        await policy.create(admin, owner, rule)
    await factory.quota("acme", stores + 450, (LimitKind.WARNING, 90))

    with count_statements() as count:
        data = await acme.data(STORAGE_PAGE)

    storage = data["namespace"]["storage"]
    assert in_days(storage.pop("quotaFullAt")) == pytest.approx(4.5, abs=0.001)
    assert storage == {
        "storedBytes": stores,
        "dailyGrowthBytes": 100,
        "quota": {"limitBytes": stores + 450, "limits": [{"kind": "WARNING", "percent": 90}]},
        "storageHistory": [{"storedBytes": stores}, *[{"storedBytes": stores - 1000}] * 3],
    }
    # The policies of the namespace and of its repository delete a tag each. Only both free their layer.
    next_run = {"tagCount": 1, "freedBytes": first}
    assert data["namespace"]["prunePolicies"]["nodes"] == [
        {"method": "NUMBER_OF_TAGS", "value": 1, "nextRun": next_run}
    ]
    assert data["namespace"]["nextPruneRun"] == {
        "tagCount": 2,
        "freedBytes": first + dev + len(APP),
        "items": {"nodes": [{"repository": "acme/app", "name": name} for name in ("dev1", "v1")]},
    }
    assert data["namespace"]["largestBlobs"]["nodes"] == [{"sizeBytes": 1000}, {"sizeBytes": 200}]
    assert data["repositories"]["nodes"] == [
        {"path": "acme/app", "storage": {"storedBytes": app}},
        {"path": "acme/web", "storage": {"storedBytes": web}},
    ]
    assert len(count.statements) <= 75


def in_days(moment: str | None) -> float:
    """How far ahead a time is, in days."""
    assert moment is not None
    return (datetime.fromisoformat(moment).timestamp() * 1000 - now_ms()) / DAY_MS


async def test_a_forecast_needs_a_quota_and_growth(acme: GraphQL, factory: Factory) -> None:
    query = '{ namespace(name: "acme") { storage { quotaFullAt } } }'

    async def forecast() -> str | None:
        full_at: str | None = (await acme.data(query))["namespace"]["storage"]["quotaFullAt"]
        return full_at

    assert await forecast() is None
    await factory.quota("acme", 5000)
    await factory.blob("acme/app", BASE)
    # There is no day to compare with.
    assert await forecast() is None
    await sampled(20, 400)
    # It shrank.
    assert await forecast() is None
    await quota.update(factory.superuser(), "acme", limit_bytes=1000)
    assert in_days(await forecast()) == pytest.approx(0, abs=0.001)

    # It grew by 50 bytes a day, and half of the quota is where pushes are refused.
    await execute("DELETE FROM storage_sample")
    await sampled(10, -500)
    await quota.update(factory.superuser(), "acme", limit_bytes=3000, limits=[Limit(LimitKind.REJECT, 50)])
    assert in_days(await forecast()) == pytest.approx(10, abs=0.001)


async def test_a_clock_that_jumps_ahead_takes_no_history_away(
    acme: GraphQL, factory: Factory, clock: Clock
) -> None:
    await factory.blob("acme/app", BASE)
    await sampled(3, -400)
    clock.move(500 * 86_400)
    await history.sample()
    clock.move(-500 * 86_400)

    data = await acme.data(
        '{ namespace(name: "acme") { storage { storageHistory(days: 5) { storedBytes } } } }'
    )

    found = [day["storedBytes"] for day in data["namespace"]["storage"]["storageHistory"]]
    assert found == [1000, 600, 600, 600]


async def test_nothing_is_said_where_storage_is_not_counted(factory: Factory) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    async with endpoint(factory.without_features("QUOTA_MANAGEMENT")) as client:
        ada = client.with_token(await factory.token("ada"))
        data = await ada.data(
            '{ user(username: "ada") { storage { storedBytes } } namespace { storage { storedBytes } }'
            ' repository(path: "ada/app") { storage { storedBytes } } }'
        )
    assert data == {
        "user": {"storage": None},
        "namespace": {"storage": None},
        "repository": {"storage": None},
    }
