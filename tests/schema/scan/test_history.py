"""How bad vulnerabilities were over time, through GraphQL: what a day counts, who sees it, what it costs."""

from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts import organization
from resolvers.accounts.namespace import Owner
from resolvers.advisories.severity import Severity
from resolvers.content.push import delete_manifest
from resolvers.gate import policy
from resolvers.gate.policy import PullMode, PullTerms
from resolvers.job_kinds import KINDS, Run
from resolvers.repositories import purge, repository
from resolvers.repositories.repository import Visibility
from resolvers.scan import history
from resolvers.tags import tag
from storage.clock import DAY_MS, now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory, image_config
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.resolvers.advisories.records import concerned, record
from tests.scanning import RELEASE, STATUS, layer, scan_pushed, status, tools
from tests.schema.client import GraphQL, Json, endpoint
from tests.schema.scan.test_vex import attach, document, stated
from tests.schema.scan.test_vulnerabilities import bring, compare

DAY = """startsAt imageCount scans { state count } count fixableCount
  severities { severity count fixableCount } images { severity count }"""
OF_REPOSITORY = f"""query ($path: RepositoryPath! = "ada/app", $days: Int! = 30) {{
  repository(path: $path) {{ vulnerabilityHistory(days: $days) {{ {DAY} }} }} }}"""
OF_NAMESPACE = f"""query ($name: String!, $days: Int! = 30) {{
  namespace(name: $name) {{ vulnerabilityHistory(days: $days) {{ {DAY} }} }} }}"""
ALL = ("introduced", "0")
RECORDS = (
    record("DSA-1", affected=[concerned(name="libflaw"), concerned("Debian:12", "zlib", ALL)]),
    record("DSA-2", severity=None, affected=[concerned("Debian:12", "curl", ALL)]),
)
"""Critical, in libflaw, where a version fixes it, and in zlib; and of an unknown severity, in curl."""


async def sample(factory: Factory) -> str | None:
    """Do the job."""
    return await KINDS["severities.sample"].handler(Run({}, tools(factory)))


async def of_repository(client: GraphQL, **variables: object) -> list[Json]:
    found: list[Json] = (await client.data(OF_REPOSITORY, **variables))["repository"]["vulnerabilityHistory"]
    return found


async def of_namespace(client: GraphQL, name: str, **variables: object) -> list[Json]:
    data = await client.data(OF_NAMESPACE, name=name, **variables)
    found: list[Json] = data["namespace"]["vulnerabilityHistory"]
    return found


def short(day: Json) -> tuple[Any, ...]:
    """Scans, advisories and images of a day, by the initials of states and severities."""

    def by(key: str, rows: list[Json] | None, *numbers: str) -> str | None:
        if rows is None:
            return None
        return " ".join((row[key] or "-")[0] + "/".join(str(row[one]) for one in numbers) for row in rows)

    return (
        by("state", day["scans"], "count"),
        by("severity", day["severities"], "count", "fixableCount"),
        by("severity", day["images"], "count"),
    )


async def push(factory: Factory, path: str, name: str, **versions: str) -> str:
    """Push an image of Debian with these packages."""
    return await factory.image(path, layer({**RELEASE, STATUS: status(**versions)}), tag=name)


@pytest.fixture
async def app(factory: Factory, ada: GraphQL) -> GraphQL:
    """Ada, whose repository `ada/app` has an image with a fixable critical vulnerability, not scanned yet."""
    await factory.repository("ada/app")
    await bring(*RECORDS)
    await push(factory, "ada/app", "v1", libflaw="1.2-1")
    return ada


async def test_days_tell_scanned_images_from_others_and_repeat_what_is_known(
    app: GraphQL, factory: Factory, clock: Clock
) -> None:
    # Nothing is known, which is another thing than no vulnerability.
    (unknown,) = await of_repository(app)
    assert short(unknown) == ("Q1", None, "")
    assert (unknown["imageCount"], unknown["count"], unknown["fixableCount"]) == (1, None, None)
    assert await sample(factory) == "1 repositories were counted anew."

    clock.move(86_400)
    await scan_pushed(factory)
    assert await sample(factory) == "1 repositories were counted anew."
    clock.move(3 * 86_400)
    await push(factory, "ada/app", "v2", curl="8.0-1")
    await push(factory, "ada/app", "v3", clean="1")
    await scan_pushed(factory)

    days = await of_repository(app)

    first = ("S1", "C1/1", "C1")
    assert [short(day) for day in days] == [
        ("S3", "C1/1 U1/0", "C1 U1 -1"),
        first,
        first,
        first,
        ("Q1", None, ""),
    ]
    assert (days[0]["imageCount"], days[0]["count"], days[0]["fixableCount"]) == (3, 2, 1)
    assert [day["startsAt"][10:] for day in days] == ["T00:00:00Z"] * 5
    assert await of_namespace(app, "ada") == days
    # The sample of a day is replaced, and what has no tag any more does not count.
    assert await sample(factory) == "1 repositories were counted anew."
    await tag.delete(await factory.as_account("ada"), "ada/app", "v1")
    assert await sample(factory) == "1 repositories were counted anew."
    clock.move(86_400)
    without = ("S2", "U1/0", "U1 -1")
    assert [short(day) for day in await of_repository(app, days=3)] == [without, without, first]
    assert [short(day) for day in await of_namespace(app, "ada", days=3)] == [without, without, first]
    refused = (await app.answer(OF_REPOSITORY, days=366))["errors"]
    assert [error["extensions"]["code"] for error in refused] == ["BAD_REQUEST"]


async def test_an_advisory_counts_once_and_as_fixable_if_it_is_in_all_images(
    app: GraphQL, factory: Factory
) -> None:
    await push(factory, "ada/app", "again", libflaw="1.2-1")
    await push(factory, "ada/app", "other", libflaw="1.2-2", curl="8.0-1")
    await scan_pushed(factory)
    assert short((await of_repository(app))[0]) == ("S2", "C1/1 U1/0", "C2")

    await push(factory, "ada/app", "last", zlib="1")
    await scan_pushed(factory)
    assert short((await of_repository(app))[0]) == ("S3", "C1/0 U1/0", "C3")
    # Another repository has it as well: in the namespace it is one advisory all the same.
    await factory.repository("ada/web")
    await push(factory, "ada/web", "v1", zlib="1", curl="9")
    await scan_pushed(factory)
    assert short((await of_namespace(app, "ada"))[0]) == ("S4", "C1/0 U1/0", "C4")
    assert await sample(factory) == "2 repositories were counted anew."
    assert short((await of_namespace(app, "ada"))[0]) == ("S4", "C1/0 U1/0", "C4")


async def test_an_index_counts_by_its_images(app: GraphQL, factory: Factory) -> None:
    await factory.repository("ada/multi")
    documents = []
    for architecture, versions in (("amd64", {"libflaw": "1.2-1"}), ("arm64", {"clean": "1"})):
        content, config = layer({**RELEASE, STATUS: status(**versions)}), image_config(architecture)
        await factory.image("ada/multi", content, config=config)
        documents.append(kit.encode(kit.image_document(content, config=config)))
    await factory.manifest("ada/multi", kit.index_document(*documents), tag="latest")
    assert short((await of_repository(app, path="ada/multi"))[0]) == ("Q2", None, "")
    await scan_pushed(factory)

    for _ in range(2):
        assert short((await of_repository(app, path="ada/multi"))[0]) == ("S2", "C1/1", "C1 -1")
        await sample(factory)


async def test_what_documents_of_vex_suppress_does_not_count(app: GraphQL, factory: Factory) -> None:
    digest = await push(factory, "ada/app", "v2", libflaw="1.2-2", curl="8.0-1")
    await scan_pushed(factory)
    assert await sample(factory) == "1 repositories were counted anew."
    assert short((await of_repository(app))[0]) == ("S2", "C1/1 U1/0", "C2")

    whole = {"hashes": {"sha-256": digest.removeprefix("sha256:")}}
    referrer, _ = await attach(factory, digest, document(stated("DSA-1", whole)))

    assert short((await of_repository(app))[0]) == ("S2", "C1/1 U1/0", "C1 U1")
    assert await sample(factory) == "1 repositories were counted anew."
    assert short((await of_namespace(app, "ada"))[0]) == ("S2", "C1/1 U1/0", "C1 U1")
    app_record = await repository.find("ada/app")
    assert app_record is not None
    await delete_manifest(await factory.as_account("ada"), app_record, referrer)
    assert short((await of_repository(app))[0]) == ("S2", "C1/1 U1/0", "C2")


async def test_only_what_has_changed_is_counted_again(app: GraphQL, factory: Factory) -> None:
    await scan_pushed(factory)
    await factory.repository("ada/empty")
    assert await sample(factory) == "2 repositories were counted anew."
    assert await sample(factory) == "0 repositories were counted anew."
    terms = PullTerms(PullMode.WARN, Severity.HIGH)
    await policy.set_policy(await factory.as_account("ada"), Owner(repository="ada/app"), terms)
    assert await sample(factory) == "0 repositories were counted anew."

    await bring(record("DSA-9", affected=[concerned("Debian:12", "libflaw", ALL)]))
    assert short((await of_repository(app))[0]) == ("S1", "C1/1", "C1")
    await compare(factory)

    # Repositories without scanned images have nothing that advisories could be about.
    assert short((await of_repository(app))[0]) == ("S1", "C2/1", "C1")
    assert await sample(factory) == "1 repositories were counted anew."
    assert short((await of_repository(app))[0]) == ("S1", "C2/1", "C1")


async def test_more_than_can_be_counted_at_once_has_the_last_count(
    app: GraphQL, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scan_pushed(factory)
    monkeypatch.setattr(history, "MOST_COUNTED", 1)
    await push(factory, "ada/app", "v2", curl="8.0-1")
    assert await of_repository(app) == []
    await sample(factory)
    await scan_pushed(factory)

    for found in (await of_repository(app), await of_namespace(app, "ada")):
        assert [short(day) for day in found] == [("Q1 S1", "C1/1", "C1")]
    await sample(factory)
    assert [short(day) for day in await of_namespace(app, "ada")] == [("S2", "C1/1 U1/0", "C1 U1")]


async def test_histories_are_for_those_who_may_see_everything_they_count(
    ada: GraphQL, factory: Factory
) -> None:
    for name in ("bob", "carol", "eve"):
        await factory.user(name)
    await factory.user("root", is_superuser=True)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.CREATOR, ["bob"])
    await factory.team("acme", "heads", TeamRole.ADMIN, ["carol"])
    await factory.repository("acme/hidden", by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    await factory.grant("acme/hidden", "eve", RepositoryRole.READ, by="ada")
    query = """{ organization(name: "acme") { name vulnerabilityHistory { count } } }"""
    own = """{ namespace(name: "acme") { vulnerabilityHistory { count } } }"""

    for name in ("ada", "carol", "root"):
        client = ada.with_token(await factory.token(name))
        found = (await client.data(query))["organization"]["vulnerabilityHistory"]
        assert found == [{"count": None}], name
    for name in ("ada", "carol"):
        client = ada.with_token(await factory.token(name))
        assert (await client.data(own))["namespace"]["vulnerabilityHistory"] == [{"count": None}]
    for name in ("bob", "eve"):
        client = ada.with_token(await factory.token(name))
        answer = await client.answer(query)
        assert answer["data"] == {"organization": {"name": "acme", "vulnerabilityHistory": None}}, name
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert (await client.answer(own))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    anonymous = await ada.with_token(None).answer(query)
    assert [error["extensions"]["code"] for error in anonymous["errors"]] == ["UNAUTHENTICATED"]

    for path, readers in (("acme/hidden", "ada eve"), ("acme/open", "ada bob eve")):
        for name in ("ada", "bob", "eve"):
            answer = await ada.with_token(await factory.token(name)).answer(OF_REPOSITORY, path=path)
            assert (name in readers.split()) is not ("errors" in answer), (path, name)


async def test_samples_end_with_what_they_are_about(app: GraphQL, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await push(factory, "acme/app", "v1", curl="8.0-1")
    await scan_pushed(factory)
    await sample(factory)
    (row,) = await fetch("SELECT id FROM repository WHERE path = 'acme/app'")
    admin = await factory.as_account("ada")
    await repository.delete(admin, "acme/app")
    assert short((await of_namespace(app, "acme"))[0]) == ("", None, "")
    await sample(factory)
    await purge.purge_repository(row["id"])

    tables = ("repository_severity", "repository_severity_sample")
    left = {
        table: await fetch(f"SELECT r.path FROM {table} s JOIN repository r ON r.id = s.repository_id")
        for table in tables
    }
    assert left == {table: [{"path": "ada/app"}] for table in tables}
    (row,) = await fetch("SELECT id FROM account WHERE name = 'acme'")
    await organization.delete(admin, "acme")
    await sample(factory)
    await purge.purge_namespace(row["id"])
    for table in ("namespace_severity", "namespace_severity_sample"):
        rows = await fetch(f"SELECT n.name FROM {table} s JOIN account n ON n.id = s.namespace_id")
        assert rows == [{"name": "ada"}]


async def test_old_samples_go_unless_the_clock_jumped(app: GraphQL, factory: Factory, clock: Clock) -> None:
    await scan_pushed(factory)
    today = now_ms() // DAY_MS
    for days_ago in (410, 390, 2):
        await sample(factory)
        for owner in ("repository", "namespace"):
            await execute(
                f"UPDATE {owner}_severity_sample SET day = ? WHERE day = ?", today - days_ago, today
            )
    clock.move(500 * 86_400)
    await sample(factory)
    clock.move(-500 * 86_400)
    await sample(factory)

    for owner in ("repository", "namespace"):
        rows = await fetch(f"SELECT day FROM {owner}_severity_sample ORDER BY day")
        assert [row["day"] - today for row in rows] == [-390, -2, 0, 500]
    assert len(await of_repository(app, days=5)) == 5
    assert len(await of_namespace(app, "ada", days=5)) == 5


async def test_a_list_of_repositories_costs_as_much_as_one(app: GraphQL, factory: Factory) -> None:
    counts = []
    for number in range(2):
        for name in range(number * 5):
            await factory.repository(f"ada/r{name}")
            await push(factory, f"ada/r{name}", "v1", curl=f"8.{name}")
        await scan_pushed(factory)
        with count_statements() as count:
            data = await app.data(
                '{ repositories(namespace: "ada") { nodes { vulnerabilityHistory { count } } } }'
            )
        assert [node["vulnerabilityHistory"] for node in data["repositories"]["nodes"]] == [
            [{"count": 1}]
        ] * (1 + number * 5)
        counts.append(len(count.statements))
    assert counts[0] == counts[1]


async def test_nothing_is_said_where_nothing_is_scanned(factory: Factory) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    async with endpoint(factory.without_features("SECURITY_SCANNER")) as client:
        ada = client.with_token(await factory.token("ada"))
        data = await ada.data(
            "{ namespace { vulnerabilityHistory { count } }"
            ' repository(path: "ada/app") { vulnerabilityHistory { count } } }'
        )
    assert data == {"namespace": {"vulnerabilityHistory": None}, "repository": {"vulnerabilityHistory": None}}
