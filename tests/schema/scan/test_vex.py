"""Documents of VEX that are attached to images: which vulnerabilities do not count any more, and why."""

import json
from typing import Any

import pytest

from resolvers.manifests.examination import VEX
from storage.statements import decode_json, execute
from tests import scanning
from tests.factories import Factory
from tests.resolvers.advisories.records import concerned, record
from tests.scanning import RELEASE, STATUS, layer, scan_pushed, status
from tests.schema.client import GraphQL, Json
from tests.schema.scan.test_vulnerabilities import bring, compare, told

OPENVEX = "application/vnd.openvex+json"
LOOK = """
query ($path: RepositoryPath! = "ada/app", $digest: Digest!, $suppressed: Boolean) {
  repository(path: $path) { manifest(digest: $digest) {
  vulnerabilitySummary { count suppressedCount worst }
  packages { nodes { package { name }
    vulnerabilities { nodes { advisory { name } suppression { status } } } } }
  vulnerabilities(suppressed: $suppressed) { nodes { advisory { name } package { package { name } }
    suppression { status justification impactStatement statedAt pushedBy manifestDigest } } } } } }
"""
SEARCH = """
query ($id: String!, $suppressed: Boolean) { vulnerabilitySearch(id: $id) {
  images(suppressed: $suppressed) { totalCount nodes { isSuppressed manifest { digest } } } } }
"""
RECORDS = (
    record("DSA-1", aliases=["CVE-1"], affected=[concerned(name="libflaw"), concerned(name="curl")]),
    record("DSA-2", aliases=[], upstream=["CVE-2", "CVE-3"], affected=[concerned(name="curl")]),
)


@pytest.fixture
async def image(factory: Factory) -> str:
    """The digest of a scanned image with two packages and two advisories, of which one concerns both."""
    await factory.repository("ada/app")
    await bring(*RECORDS)
    content = {**RELEASE, STATUS: status(libflaw="1.2-1", curl="1.2-1")}
    digest = await factory.image("ada/app", layer(content), tag="v1")
    await scan_pushed(factory)
    return digest


def stated(name: str, product: Any, status_: str = "not_affected", **more: Any) -> dict[str, Any]:
    return {"vulnerability": {"name": name}, "products": [product], "status": status_, **more}


def document(*statements: dict[str, Any], at: str = "2026-01-02T03:04:05Z") -> bytes:
    return json.dumps(
        {"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": at, "statements": statements}
    ).encode()


async def attach(
    factory: Factory, image: str, content: bytes, media_type: str = OPENVEX, **annotations: str
) -> tuple[str, str | None]:
    """Push a referrer with a document, and read it; its digest, and what came of that."""
    digest = await scanning.attach(factory, image, content, media_type, **annotations)
    return digest, await read(factory)


async def read(factory: Factory) -> str | None:
    """Do the job that a referrer with a document left; what came of it."""
    (said,) = await scanning.work_off(factory, VEX)
    return said


async def look(client: GraphQL, digest: str, **variables: object) -> Json:
    found: Json = (await client.data(LOOK, digest=digest, **variables))["repository"]["manifest"]
    return found


async def suppressed(client: GraphQL, digest: str) -> set[tuple[str, str]]:
    """Names of advisories and packages that do not count."""
    found = await look(client, digest)
    nodes = (await look(client, digest, suppressed=True))["vulnerabilities"]["nodes"]
    others = (await look(client, digest, suppressed=False))["vulnerabilities"]["nodes"]
    assert len(nodes) + len(others) == len(found["vulnerabilities"]["nodes"]) == 3
    assert [node["suppression"] for node in others] == [None] * len(others)
    names = {(node["advisory"]["name"], node["package"]["package"]["name"]) for node in nodes}
    # The packages say the same.
    assert names == {
        (one["advisory"]["name"], package["package"]["name"])
        for package in found["packages"]["nodes"]
        for one in package["vulnerabilities"]["nodes"]
        if one["suppression"]
    }
    return names


async def test_what_does_not_affect_an_image_does_not_count(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    assert await suppressed(ada, image) == set()
    image_purl = f"pkg:oci/app@{image.replace(':', '%3A')}?repository_url=x.example/app"
    package = {"@id": image_purl, "subcomponents": [{"@id": "pkg:deb/debian/curl@1.2-1?arch=amd64"}]}
    why = {"justification": "vulnerable_code_not_present", "impact_statement": "It is left out."}
    first, said = await attach(factory, image, document(stated("CVE-1", package, **why)))
    assert said == "It states 1 things of the image."

    # In one of the two packages that the advisory concerns
    found = await look(ada, image, suppressed=True)
    assert found["vulnerabilities"]["nodes"] == [
        {
            "advisory": {"name": "DSA-1"},
            "package": {"package": {"name": "curl"}},
            "suppression": {
                "status": "not_affected",
                "justification": "vulnerable_code_not_present",
                "impactStatement": "It is left out.",
                "statedAt": "2026-01-02T03:04:05Z",
                "pushedBy": "ada",
                "manifestDigest": first,
            },
        }
    ]
    assert await suppressed(ada, image) == {("DSA-1", "curl")}
    assert found["vulnerabilitySummary"] == {"count": 2, "suppressedCount": 0, "worst": "CRITICAL"}

    # In all of them; one of two vulnerabilities of an advisory leaves it as it is
    whole = {"hashes": {"sha-256": image.removeprefix("sha256:")}}
    statements = [stated("DSA-1", whole, "fixed"), stated("CVE-2", whole)]
    second, _ = await attach(factory, image, document(*statements, at="2026-02-01T00:00:00Z"))
    assert await suppressed(ada, image) == {("DSA-1", "curl"), ("DSA-1", "libflaw")}
    assert (await look(ada, image))["vulnerabilitySummary"] == {
        "count": 1,
        "suppressedCount": 1,
        "worst": "CRITICAL",
    }

    # What is stated later goes before, and no more when its referrer is gone
    later, _ = await attach(
        factory, image, document(stated("CVE-1", whole, "affected"), at="2026-03-01T00:00:00Z")
    )
    assert await suppressed(ada, image) == set()
    await execute("DELETE FROM manifest WHERE digest = ?", later)
    assert await suppressed(ada, image) == {("DSA-1", "curl"), ("DSA-1", "libflaw")}
    await execute("DELETE FROM manifest WHERE digest = ?", second)
    assert await suppressed(ada, image) == {("DSA-1", "curl")}


async def test_images_are_found_by_what_counts_in_them(factory: Factory, ada: GraphQL, image: str) -> None:
    content = {**RELEASE, STATUS: status(curl="1.1-1")}
    other = await factory.image("ada/app", layer(content), tag="v2")
    await scan_pushed(factory)

    async def found(name: str, **variables: object) -> dict[str, bool]:
        images = (await ada.data(SEARCH, id=name, **variables))["vulnerabilitySearch"]["images"]
        assert images["totalCount"] == len(images["nodes"])
        return {node["manifest"]["digest"]: node["isSuppressed"] for node in images["nodes"]}

    assert await found("CVE-1") == await found("CVE-1", suppressed=False) == {other: False, image: False}
    # In one of the two packages of the image, and in the only one of the other
    for each in (image, other):
        package = {"@id": f"pkg:oci/app@{each}", "subcomponents": ["pkg:deb/debian/curl"]}
        await attach(factory, each, document(stated("CVE-1", package)))
    assert await found("CVE-1") == {other: True, image: False}
    assert await found("CVE-1", suppressed=True) == {other: True}
    assert await found("CVE-1", suppressed=False) == {image: False}
    assert await found("CVE-2", suppressed=True) == await found("CVE-9", suppressed=True) == {}


async def test_what_does_not_count_in_an_image_is_not_told_of(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    versions = (("libflaw", "curl"), ("curl",))
    images = [
        await factory.image(
            "ada/app",
            layer({**RELEASE, STATUS: status(**dict.fromkeys(names, "1.2-1"))}),
            tag=f"v{number}",
        )
        for number, names in enumerate(versions)
    ]
    await scan_pushed(factory)
    for image in images:
        package = {"@id": f"pkg:oci/app@{image}", "subcomponents": ["pkg:deb/debian/curl"]}
        await attach(factory, image, document(stated("DSA-1", package)))
    await bring(*RECORDS)

    assert await compare(factory) == "2 advisories were compared, and 3 times an image was told of."

    events = [decode_json(row["metadata"]) for row in await told()]
    # The first has another package that it counts in.
    assert sorted((event["vulnerability"]["id"], event["digest"]) for event in events) == sorted(
        [("DSA-1", images[0]), ("DSA-2", images[0]), ("DSA-2", images[1])]
    )


async def test_an_attestation_counts_if_it_is_about_the_image(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    predicate = json.loads(document(stated("DSA-1", "pkg:oci/app")))

    def envelope(subject: str) -> bytes:
        return scanning.envelope("https://openvex.dev/ns/v0.2.0", predicate, subject)

    kind = "application/vnd.dsse.envelope.v1+json"
    notes = {"predicateType": "https://openvex.dev/ns/v0.2.0"}
    _, said = await attach(factory, image, envelope("0" * 64), kind, **notes)
    assert said == "The attestation is about another image."
    assert await suppressed(ada, image) == set()
    _, said = await attach(factory, image, envelope(image), kind, **notes)
    assert said == "It states 1 things of the image."
    assert await suppressed(ada, image) == {("DSA-1", "curl"), ("DSA-1", "libflaw")}


async def test_a_copy_with_its_referrers_says_the_same(factory: Factory, ada: GraphQL, image: str) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await attach(factory, image, document(stated("DSA-1", "pkg:oci/app")))
    copy = """mutation { tagCopy(from: { repository: "ada/app", tag: "v1" }, includeReferrers: true,
      to: [{ repository: "acme/app", tag: "v1" }]) { errors { message } } }"""

    assert (await ada.data(copy))["tagCopy"]["errors"] == []
    assert await scan_pushed(factory) == ["The image is scanned."]
    assert await read(factory) == "It states 1 things of the image."

    summary = (await look(ada, image, path="acme/app"))["vulnerabilitySummary"]
    assert summary == {"count": 1, "suppressedCount": 1, "worst": "CRITICAL"}


DEEP = b'{"@context": "https://openvex.dev/ns", "statements": ' + b"[" * 200 + b"]" * 200 + b"}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "The document is no JSON."),
        (b"[]", "The document has no `@context` that begins with https://openvex.dev/ns."),
        (b'{"@context": "https://openvex.dev/ns", "statements": {}}', "`statements` must be a list."),
        (DEEP, "The document has too many objects in each other."),
        (b" " * (4 * 1024 * 1024 + 1), "The document has more than 4 MiB."),
        (document(*[stated(f"CVE-{n}", "pkg:oci/app") for n in range(10_001)]),
         "The document states more than 10,000 things of the image."),
        (document(*[stated(f"CVE-{n % 5_001 + 9}", "pkg:oci/app") for n in range(10_002)]),
         "The document states more than 10,000 things of the image."),
        # Names and packages are multiplied, but not with products that say the same.
        (document({"vulnerability": {"aliases": [f"CVE-{n}" for n in range(9, 1_009)]}, "status": "fixed",
                   "products": ["pkg:oci/app", {"@id": "pkg:oci/app"}] * 10}),
         "It states 1000 things of the image."),
        # Other images, and what is nothing
        (document(
            stated("DSA-1", "pkg:oci/app@sha256:00"),
            stated("DSA-1", "pkg:oci/other"),
            stated("DSA-1", "pkg:oci/app?repository_url=x.example/app"),
            stated("DSA-1", {"@id": "pkg:oci/app", "subcomponents": [{"@id": "curl"}, 1]}),
            stated("DSA-1", {"@id": 1, "hashes": [], "identifiers": []}),
            stated("DSA-1", "pkg:oci/app", "wrong"),
            {"vulnerability": 1, "status": "fixed", "products": ["pkg:oci/app"], "timestamp": "x"},
         ), "It states 0 things of the image."),
    ],
    ids=["broken", "other", "wrong", "deep", "large", "many", "again", "multiplied", "elsewhere"],
)  # fmt: skip
async def test_what_says_nothing_of_the_image_suppresses_nothing(
    factory: Factory, ada: GraphQL, image: str, content: bytes, said: str
) -> None:
    assert (await attach(factory, image, content))[1] == said
    assert await suppressed(ada, image) == set()
