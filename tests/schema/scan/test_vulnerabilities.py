"""Vulnerabilities of images through GraphQL: whichever came first, and told of when an advisory is new."""

import asyncio
from typing import Any

import pytest

from resolvers.advisories import imports, match
from resolvers.job_kinds import KINDS, Run
from resolvers.scan import rematch
from storage.statements import count_statements, decode_json, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.resolvers.advisories.records import SCORE_7_5, concerned, record, write
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_pushed, status, tools
from tests.schema.client import GraphQL, Json

LOOK = """
query ($path: RepositoryPath! = "ada/app", $digest: Digest!, $minSeverity: VulnerabilitySeverity,
       $fixable: Boolean, $first: Int! = 50, $after: Cursor) {
  repository(path: $path) { manifest(digest: $digest) {
    vulnerabilitySummary {
      count fixableCount suppressedCount worst severities { severity count fixableCount } }
    vulnerabilities(minSeverity: $minSeverity, fixable: $fixable, first: $first, after: $after) {
      totalCount pageInfo { nextCursor }
      nodes { severity fixedVersion
        advisory { name aliases summary severity score vector links publishedAt modifiedAt }
        package { path addedBy package { name version } } } } } } }
"""
SEARCH = """
query ($id: String!) { vulnerabilitySearch(id: $id) {
  advisories { name } images { totalCount nodes { repository { path } manifest { digest tagNames } } } } }
"""


async def bring(*records: dict[str, Any]) -> None:
    """Import records, as the command does."""
    await write(*records)
    await imports.note()


async def compare(factory: Factory) -> str | None:
    """Do the job that imports leave."""
    return await KINDS[imports.JOB].handler(Run({}, tools(factory)))


async def look(client: GraphQL, digest: str, **variables: object) -> Json:
    found: Json = (await client.data(LOOK, digest=digest, **variables))["repository"]["manifest"]
    return found


async def named(client: GraphQL, digest: str, **variables: object) -> list[tuple[str, str, str | None]]:
    """Names of advisories and packages, and the versions that fix these."""
    nodes = (await look(client, digest, **variables))["vulnerabilities"]["nodes"]
    return [
        (node["advisory"]["name"], node["package"]["package"]["name"], node["fixedVersion"]) for node in nodes
    ]


@pytest.fixture
async def image(factory: Factory) -> str:
    """The digest of an image with packages of Debian 12 and of Python, which is not scanned yet."""
    await factory.repository("ada/app")
    content = {**RELEASE, STATUS: status(libflaw="1.2-1", curl="8.0-1"), **python_package("Flask", "3.0.0")}
    return await factory.image("ada/app", layer(content), tag="v1")


RECORDS = (
    record("DSA-1", summary="Debian's flaw."),
    record("PYSEC-1", affected=[concerned("PyPI", "flask", ("introduced", "2"))], severity=None),
    record(
        "CVE-9",
        severity=[{"type": "CVSS_V2", "score": SCORE_7_5}],
        affected=[concerned(name="curl"), concerned(name="curl", versions=["8.0-1"], ranges=[])],
    ),
    # What does not concern it: fixed already, of another release, of another ecosystem, and an odd version.
    record("DSA-2", affected=[concerned("Debian:12", "libflaw", ("introduced", "0"), ("fixed", "1.2-1"))]),
    record("DSA-3", affected=[concerned("Debian:11")]),
    record("NPM-1", affected=[concerned("npm", "flask", ("introduced", "0"))]),
    record("PYSEC-2", affected=[concerned("PyPI", "flask", ("introduced", "no version"))]),
)


@pytest.mark.parametrize("is_scanned_first", [True, False])
async def test_what_comes_later_is_compared_with_what_is_there(
    factory: Factory, ada: GraphQL, image: str, is_scanned_first: bool
) -> None:
    unknown = await look(ada, image)
    assert (unknown["vulnerabilities"], unknown["vulnerabilitySummary"]) == (None, None)
    if is_scanned_first:
        await scan_pushed(factory)
        nothing = {"count": 0, "fixableCount": 0, "suppressedCount": 0, "worst": None, "severities": []}
        assert (await look(ada, image))["vulnerabilitySummary"] == nothing

    await bring(*RECORDS)
    if is_scanned_first:
        assert await compare(factory) == "7 advisories were compared, and 3 times an image was told of."
    await scan_pushed(factory)

    found = await look(ada, image)
    nodes = found["vulnerabilities"]["nodes"]
    assert [(node["advisory"]["name"], node["severity"], node["fixedVersion"]) for node in nodes] == [
        ("DSA-1", "CRITICAL", "1.2-3"),
        ("CVE-9", "HIGH", None),
        ("PYSEC-1", "UNKNOWN", None),
    ]
    assert nodes[0]["package"]["package"] == {"name": "libflaw", "version": "1.2-1"}
    assert nodes[0]["package"]["path"] == STATUS
    assert nodes[0]["advisory"] == {
        "name": "DSA-1",
        "aliases": ["CVE-DSA-1"],
        "summary": "Debian's flaw.",
        "severity": "CRITICAL",
        "score": 9.8,
        "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "links": ["https://example.com/flaw"],
        "publishedAt": "2026-01-01T00:00:00Z",
        "modifiedAt": "2026-01-02T03:04:05Z",
    }
    assert found["vulnerabilitySummary"] == {
        "count": 3,
        "fixableCount": 1,
        "suppressedCount": 0,
        "worst": "CRITICAL",
        "severities": [
            {"severity": "CRITICAL", "count": 1, "fixableCount": 1},
            {"severity": "HIGH", "count": 1, "fixableCount": 0},
            {"severity": "UNKNOWN", "count": 1, "fixableCount": 0},
        ],
    }
    assert [one[0] for one in await named(ada, image, minSeverity="HIGH")] == ["DSA-1", "CVE-9"]
    assert [one[0] for one in await named(ada, image, fixable=True)] == ["DSA-1"]
    assert [one[0] for one in await named(ada, image, fixable=False)] == ["CVE-9", "PYSEC-1"]
    # Compared again, nothing changes.
    await execute("DELETE FROM advisory_change")
    await execute("INSERT INTO advisory_change (advisory_id) SELECT id FROM advisory")
    assert await compare(factory) == "7 advisories were compared, and 0 times an image was told of."
    assert (await look(ada, image)) == found


async def test_pages_follow_each_other(factory: Factory, ada: GraphQL, image: str) -> None:
    await bring(*RECORDS)
    await scan_pushed(factory)

    first = (await look(ada, image, first=2))["vulnerabilities"]
    rest = (await look(ada, image, first=2, after=first["pageInfo"]["nextCursor"]))["vulnerabilities"]

    assert first["totalCount"] == 3
    assert [node["advisory"]["name"] for node in first["nodes"] + rest["nodes"]] == [
        "DSA-1",
        "CVE-9",
        "PYSEC-1",
    ]


async def test_changed_and_withdrawn_advisories_are_followed(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    await bring(record("A"), record("B"))
    await scan_pushed(factory)
    await compare(factory)
    assert await named(ada, image) == [("A", "libflaw", "1.2-3"), ("B", "libflaw", "1.2-3")]
    later = {"modified": "2026-02-01T00:00:00Z"}

    fixed_elsewhere = concerned("Debian:12", "libflaw", ("introduced", "0"), ("fixed", "2"))
    await bring(
        record("A", affected=[fixed_elsewhere], **later), record("B", withdrawn=later["modified"], **later)
    )
    assert await compare(factory) == "2 advisories were compared, and 0 times an image was told of."

    assert await named(ada, image) == [("A", "libflaw", "2")]
    assert await compare(factory) is None


async def test_an_index_sums_up_its_images(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    documents = []
    for version in ("1.2-1", "9"):
        content = layer({**RELEASE, STATUS: status(libflaw=version)})
        await factory.image("ada/app", content)
        documents.append(kit.encode(kit.image_document(content)))
    index = await factory.manifest("ada/app", kit.index_document(*documents), tag="all")
    await scan_pushed(factory)
    await bring(record("A"))

    assert await compare(factory) == "1 advisories were compared, and 1 times an image was told of."

    found = await look(ada, index)
    assert found["vulnerabilities"] is None
    assert found["vulnerabilitySummary"]["severities"] == [
        {"severity": "CRITICAL", "count": 1, "fixableCount": 1}
    ]
    ((metadata,),) = [tuple(row.values()) for row in await told()]
    assert decode_json(metadata)["tags"] == ["all"]


async def told() -> list[dict[str, Any]]:
    return await fetch("SELECT metadata FROM event WHERE kind = 'vulnerability_found' ORDER BY id")


async def test_an_image_is_told_of_once_if_it_has_a_tag(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    untagged = await factory.image("ada/app", layer({**RELEASE, STATUS: status(libflaw="1.1-1")}))
    await scan_pushed(factory)
    await bring(record("A", summary="Bad."))

    assert await compare(factory) == "1 advisories were compared, and 1 times an image was told of."

    (event,) = await fetch(
        "SELECT e.metadata, r.name FROM event e JOIN repository r ON r.id = e.repository_id"
        " WHERE e.kind = 'vulnerability_found'"
    )
    assert event["name"] == "app"
    assert decode_json(event["metadata"]) == {
        "tags": ["v1"],
        "digest": image,
        "vulnerability": {
            "id": "A",
            "description": "Bad.",
            "link": "https://example.com/flaw",
            "priority": "Critical",
            "has_fix": True,
        },
    }
    # It turns out not to be concerned, and then to be: told is told.
    for number, affected in enumerate(([], [concerned()]), start=2):
        await bring(record("A", modified=f"2026-0{number}-01T00:00:00Z", affected=affected))
        await compare(factory)
    assert len(await told()) == 1
    assert [one[0] for one in await named(ada, untagged)] == ["A"]
    monkeypatch.setattr(rematch, "MOST_TOLD", 1)
    await bring(record("B"), record("C"))
    assert await compare(factory) == "2 advisories were compared, and 1 times an image was told of."


async def test_images_are_found_by_each_name_as_far_as_the_viewer_may_see(
    factory: Factory, ada: GraphQL, graphql: GraphQL, image: str
) -> None:
    await factory.user("bob")
    bob = graphql.with_token(await factory.token("bob"))
    await factory.image("ada/app", layer({**RELEASE, STATUS: status(libflaw="1.1-1")}))
    await scan_pushed(factory)
    await bring(record("A", aliases=["CVE-1"], upstream=["CVE-2"]), record("B", aliases=["CVE-1"]))
    await compare(factory)

    async def search(client: GraphQL, name: str) -> tuple[list[str], list[tuple[str, str]]]:
        found = (await client.data(SEARCH, id=name))["vulnerabilitySearch"]
        images = [(one["repository"]["path"], one["manifest"]["digest"]) for one in found["images"]["nodes"]]
        assert found["images"]["totalCount"] == len(images)
        return [one["name"] for one in found["advisories"]], images

    # The one without a tag is left out.
    assert await search(ada, "A") == (["A"], [("ada/app", image)])
    assert await search(ada, "CVE-1") == (["A", "B"], [("ada/app", image)])
    assert await search(ada, "CVE-2") == (["A"], [("ada/app", image)])
    assert await search(ada, "CVE-3") == await search(ada, "") == ([], [])
    assert await search(bob, "A") == await search(graphql, "A") == (["A"], [])


async def test_many_images_cost_as_many_statements_as_one(factory: Factory, ada: GraphQL, image: str) -> None:
    query = """{ repository(path: "ada/app") { manifests { nodes {
      vulnerabilitySummary { count } vulnerabilities(first: 3) { nodes { advisory { aliases } } } } } } }"""
    await bring(*RECORDS)
    await scan_pushed(factory)
    with count_statements() as one:
        await ada.data(query)
    for number in range(3):
        await factory.image("ada/app", layer({**RELEASE, STATUS: status(libflaw=f"1.{number}-1")}))
    await scan_pushed(factory)
    with count_statements() as many:
        nodes = (await ada.data(query))["repository"]["manifests"]["nodes"]

    assert sorted(node["vulnerabilitySummary"]["count"] for node in nodes) == [1, 2, 2, 3]
    assert len(many.statements) == len(one.statements)


async def test_imports_and_scans_at_the_same_time_leave_nothing_out(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digests = [
        await factory.image(
            "ada/app", layer({**RELEASE, STATUS: status(libflaw=f"1.{number}-1")}), tag=f"v{number}"
        )
        for number in range(2)
    ]

    async def import_some(first: int) -> None:
        for number in range(first, first + 5):
            await bring(record(f"A{number}"))
            await compare(factory)

    await asyncio.gather(import_some(0), scan_pushed(factory), import_some(5))
    await compare(factory)

    for digest in digests:
        assert sorted(one[0] for one in await named(ada, digest)) == [f"A{number}" for number in range(10)]
    await execute("DELETE FROM compared_package")
    await execute("DELETE FROM vulnerability")
    # As if the process had been killed before it could compare.
    assert await match.compare_others() > 0
    assert len(await named(ada, digests[0])) == 10
