"""Bills of materials that somebody attached to images: what they add, and that they hide nothing."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.package import ExternalPackageRef, ExternalPackageRefCategory, Package
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from quayside.scan import bill
from resolvers.accounts.namespace import Owner
from resolvers.advisories.severity import Severity
from resolvers.builds import build
from resolvers.builds.build import BuildRequest
from resolvers.content import push
from resolvers.gate import policy
from resolvers.gate.policy import PullMode, PullTerms
from resolvers.manifests.examination import BILL, VEX
from resolvers.repositories import repository
from resolvers.sbom import reading
from resolvers.scan import having
from resolvers.tags import tag
from storage.statements import count_statements, decode_json, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.workers.contents import DAY_MS, backdate, collected, end_tags
from tests.resolvers.advisories.records import concerned, record
from tests.scanning import (
    RELEASE,
    STATUS,
    attach,
    envelope,
    layer,
    python_package,
    scan_others,
    scan_pushed,
    status,
    work_off,
)
from tests.schema.client import GraphQL, Json
from tests.schema.scan.test_history import of_repository, short
from tests.schema.scan.test_vex import OPENVEX, document, stated
from tests.schema.scan.test_vex import SEARCH as OF_VEX
from tests.schema.scan.test_vulnerabilities import bring, compare

SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
LOOK = """
query ($digest: Digest!, $source: PackageSource) {
  repository(path: "ada/app") { manifest(digest: $digest) {
    scan { state }
    attachedSboms { format version digest packageCount state reason pushedBy }
    packages(source: $source) { totalCount nodes { source sbomManifestDigest path layerDigest addedBy
      package { name version purl distribution { name version } sourceName }
      vulnerabilities { nodes { advisory { name } } } } }
    vulnerabilities(source: $source) { nodes { advisory { name } package { source package { name } } } }
    vulnerabilitySummary { count sbomCount } } } }
"""
SEARCH = """
query ($name: String!, $id: String!) {
  packageSearch(name: $name) { images { totalCount nodes {
    source manifest { digest } packages { version } } } }
  vulnerabilitySearch(id: $id) { images { totalCount nodes { source manifest { digest } } } } }
"""
WAYS = ((500, 4), (0, 0.1), (0, 1_000))
"""Images are looked at one by one, found by their packages, or tried in their order."""


def spdx(*purls: str, **more: object) -> bytes:
    """A document as syft writes it."""
    packages = [
        {
            "SPDXID": f"SPDXRef-Package-{number}",
            "name": purl.rpartition("/")[2].partition("@")[0],
            "versionInfo": purl.rpartition("@")[2].partition("?")[0],
            "downloadLocation": "NOASSERTION",
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:x:x:1:*:*:*:*:*:*:*",
                },
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": purl,
                },
            ],
        }
        for number, purl in enumerate(purls)
    ]
    image = {
        "SPDXID": "SPDXRef-Image",
        "name": "app",
        "primaryPackagePurpose": "CONTAINER",
        "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:oci/app@sha256%3A00"}],
    }
    return json.dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "SPDXID": "SPDXRef-DOCUMENT",
            "packages": [*packages, image],
            "files": [{"SPDXID": "SPDXRef-File", "fileName": "/bin/sh"}],
            **more,
        }
    ).encode()


def cyclonedx(*components: Any, **more: object) -> bytes:
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components, **more}
    ).encode()


async def read(
    factory: Factory, image: str, content: bytes, kind: str = SPDX, *, is_near: bool = True, **notes: str
) -> str | None:
    """Attach a bill and read it; what came of that."""
    await attach(factory, image, content, kind, **notes)
    (said,) = await work_off(factory, BILL, is_near=is_near)
    return said


async def look(client: GraphQL, digest: str, source: str | None = None) -> Json:
    found: Json = (await client.data(LOOK, digest=digest, source=source))["repository"]["manifest"]
    return found


async def sources(client: GraphQL, digest: str, source: str | None = None) -> list[tuple[str, str]] | None:
    """The names of packages and their sources; None if they are not known."""
    found = (await look(client, digest, source))["packages"]
    if found is None:
        return None
    assert found["totalCount"] == len(found["nodes"])
    return [(node["package"]["name"], node["source"]) for node in found["nodes"]]


@pytest.fixture
async def image(factory: Factory) -> str:
    """The digest of a scanned image with two packages."""
    await factory.repository("ada/app")
    content = {**RELEASE, STATUS: status(curl="8.0-1"), **python_package("Flask", "3.0.0")}
    digest = await factory.image("ada/app", layer(content), tag="v1")
    await scan_pushed(factory, is_near=True)
    return digest


FOUND = [("curl", "FOUND"), ("flask", "FOUND")]
CURL = "pkg:deb/debian/curl@8.0-1?arch=amd64&distro=debian-12&upstream=curl-source%408.0"
LIBFLAW = "pkg:deb/debian/libflaw@1.2-1?arch=amd64"


async def test_a_bill_adds_what_no_scan_has_found(factory: Factory, ada: GraphQL, image: str) -> None:
    await bring(record("DSA-1"), record("DSA-2", affected=[concerned(name="curl", versions=["8.0-1"])]))
    await compare(factory)
    content = spdx(CURL, LIBFLAW, LIBFLAW, "pkg:generic/other@1", "pkg:npm/%40ex/lib", "pkg:pypi/Flask@3.0.0")
    digest = await attach(factory, image, content, SPDX)
    queued = await look(ada, image)
    assert [bill["state"] for bill in queued["attachedSboms"]] == ["QUEUED"]
    assert await sources(ada, image) == FOUND
    assert await work_off(factory, BILL, is_near=True) == ["It names 3 packages."]

    found = await look(ada, image)

    assert found["attachedSboms"] == [
        {
            "format": "SPDX",
            "version": "2.3",
            "digest": digest,
            "packageCount": 3,
            "state": "READ",
            "reason": "2 of its components are of no known ecosystem, or have no version.",
            "pushedBy": "ada",
        }
    ]
    curl, flask, libflaw = found["packages"]["nodes"]
    # What both name is there once, as it was found.
    assert (curl["source"], curl["path"], curl["sbomManifestDigest"]) == ("FOUND", STATUS, digest)
    assert curl["package"]["sourceName"] is None
    assert (flask["source"], flask["sbomManifestDigest"]) == ("FOUND", digest)
    assert libflaw == {
        "source": "SBOM",
        "sbomManifestDigest": digest,
        "path": None,
        "layerDigest": None,
        "addedBy": None,
        "package": {
            "name": "libflaw",
            "version": "1.2-1",
            # Of the distribution of the image.
            "purl": "pkg:deb/debian/libflaw@1.2-1?arch=amd64&distro=debian-12",
            "distribution": {"name": "debian", "version": "12"},
            "sourceName": None,
        },
        "vulnerabilities": {"nodes": [{"advisory": {"name": "DSA-1"}}]},
    }
    marked = {
        (one["advisory"]["name"], one["package"]["source"]) for one in found["vulnerabilities"]["nodes"]
    }
    assert marked == {("DSA-1", "SBOM"), ("DSA-2", "FOUND")}
    assert found["vulnerabilitySummary"] == {"count": 2, "sbomCount": 1}
    assert await sources(ada, image, "FOUND") == FOUND
    assert await sources(ada, image, "SBOM") == [("libflaw", "SBOM")]
    assert len((await look(ada, image, "SBOM"))["vulnerabilities"]["nodes"]) == 1

    # It goes with its referrer, comes back with that, and a scan of the image leaves it as it is.
    await execute("UPDATE scanned_layer SET version = 0")
    await execute("UPDATE manifest_scan SET version = 0")
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")
    assert await scan_others(factory) == "1 images were scanned."
    assert await sources(ada, image) == [*FOUND, ("libflaw", "SBOM")]
    place = await repository.find("ada/app")
    assert place is not None
    await push.delete_manifest(await factory.as_account("ada"), place, digest)
    assert await sources(ada, image) == FOUND
    assert (await look(ada, image))["attachedSboms"] == []
    assert await attach(factory, image, content, SPDX) == digest
    await work_off(factory, BILL, is_near=True)
    assert await sources(ada, image) == [*FOUND, ("libflaw", "SBOM")]
    assert [len(await fetch(f"SELECT id FROM {table}")) for table in ("sbom_document", "sbom_package")] == [
        1,
        3,
    ]


async def test_what_a_bill_names_is_searched_and_told_of_but_refuses_no_pull(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await factory.image("ada/app", layer({**RELEASE, STATUS: status(libflaw="1.2-1")}), tag="v2")
    await scan_pushed(factory, is_near=True)
    await read(factory, image, spdx(LIBFLAW))
    await read(factory, other, spdx(LIBFLAW))
    place = Owner(repository="ada/app")
    await policy.set_policy(await factory.as_account("ada"), place, PullTerms(PullMode.ENFORCE, Severity.LOW))
    await bring(record("DSA-1"))
    assert await compare(factory) == "1 advisories were compared, and 2 times an image was told of."

    told = await fetch("SELECT metadata FROM event WHERE kind = 'vulnerability_found'")
    assert {decode_json(row["metadata"])["digest"] for row in told} == {image, other}
    images: Json = {"totalCount": 2, "nodes": [
        {"source": "FOUND", "manifest": {"digest": other}},
        {"source": "SBOM", "manifest": {"digest": image}},
    ]}  # fmt: skip
    packages = [{"version": "1.2-1"}]
    for few, most in WAYS:
        monkeypatch.setattr(having, "_FEW", few)
        monkeypatch.setattr(having, "_MOST", most)
        found = await ada.data(SEARCH, name="libflaw", id="DSA-1")
        assert found["vulnerabilitySearch"]["images"] == images
        nodes = [node | {"packages": packages} for node in images["nodes"]]
        assert found["packageSearch"]["images"] == images | {"nodes": nodes}
        none = (await ada.data(SEARCH, name="none", id="DSA-9"))["vulnerabilitySearch"]["images"]
        assert none == {"totalCount": 0, "nodes": []}
    explain = 'query ($digest: Digest!) { explainPull(repository: "ada/app", digest: $digest) { outcome } }'
    outcomes = [
        (await ada.data(explain, digest=digest))["explainPull"]["outcome"] for digest in (image, other)
    ]
    assert outcomes == ["ALLOWED", "REFUSED"]
    # Charts count it, as long as no document of VEX says that it does not count.
    (day,) = await of_repository(ada)
    assert short(day) == ("S2", "C1/1", "C2")
    whole = {"hashes": {"sha-256": image.removeprefix("sha256:")}}
    await attach(factory, image, document(stated("DSA-1", whole)), OPENVEX)
    await work_off(factory, VEX, is_near=True)
    (day,) = await of_repository(ada)
    assert short(day) == ("S2", "C1/1", "C1 -1")
    for few, most in WAYS:
        monkeypatch.setattr(having, "_FEW", few)
        monkeypatch.setattr(having, "_MOST", most)
        for suppressed, digest in ((True, image), (False, other)):
            data = await ada.data(OF_VEX, id="DSA-1", suppressed=suppressed)
            assert data["vulnerabilitySearch"]["images"]["nodes"] == [
                {"isSuppressed": suppressed, "manifest": {"digest": digest}}
            ]


async def test_a_bill_may_come_before_its_image(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    content = layer({**RELEASE, STATUS: status(curl="8.0-1")})
    subject = kit.encode(kit.image_document(content))
    said = spdx("pkg:deb/debian/curl@8.0-1", LIBFLAW)
    await factory.blob("ada/app", kit.EMPTY)
    await factory.blob("ada/app", said)
    document = kit.artifact_document(
        SPDX, layers=[kit.descriptor(said, SPDX)], subject=kit.descriptor(subject, kit.OCI_MANIFEST)
    )
    await factory.manifest("ada/app", document)
    assert await work_off(factory, BILL, is_near=True) == ["It names 2 packages."]

    image = await factory.image("ada/app", content)
    assert image == kit.digest_of(subject)
    assert await sources(ada, image) == [("curl", "SBOM"), ("libflaw", "SBOM")]
    await scan_pushed(factory, is_near=True)

    assert await sources(ada, image) == [("curl", "FOUND"), ("libflaw", "SBOM")]
    # It is read again for the distribution, which only the image tells.
    assert await work_off(factory, BILL, is_near=True) == ["It names 2 packages."]
    (libflaw,) = (await look(ada, image, "SBOM"))["packages"]["nodes"]
    assert libflaw["package"]["distribution"] == {"name": "debian", "version": "12"}
    assert await work_off(factory, BILL, is_near=True) == []


async def test_an_image_that_cannot_be_scanned_has_the_packages_of_its_bill(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.repository("ada/app")
    image = await factory.image("ada/app", layer({"../x": b""}))
    await scan_pushed(factory, is_near=True)
    assert await sources(ada, image) is None
    await read(factory, image, cyclonedx({"type": "library", "purl": "pkg:npm/left-pad@1.3.0"}), CYCLONEDX)

    assert (await look(ada, image))["scan"]["state"] == "FAILED"
    assert await sources(ada, image) == await sources(ada, image, "SBOM") == [("left-pad", "SBOM")]
    assert await sources(ada, image, "FOUND") is None
    assert (await look(ada, image))["vulnerabilitySummary"] == {"count": 0, "sbomCount": 0}
    # An index has what a bill of its own names.
    index = await factory.manifest("ada/app", kit.index_document(manifests=[await factory.descriptor(image)]))
    assert await sources(ada, index) is None
    await read(factory, index, spdx("pkg:cargo/serde@1.0.0"))
    assert await sources(ada, index) == [("serde", "SBOM")]


async def test_documents_of_the_libraries_of_both_formats_are_read(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    system = Component(name="debian", version="11.2", type=ComponentType.OPERATING_SYSTEM)
    library = Component(
        name="tar",
        version="1.34",
        purl=PackageURL("deb", "debian", "tar", "1.34", {"arch": "amd64"}),
        components=[Component(name="inner", purl=PackageURL("maven", "org.ex", "inner", "1"))],
    )
    buffer = io.StringIO()
    buffer.write(JsonV1Dot6(Bom(components=[system, library])).output_as_string())
    assert await read(
        factory, image, buffer.getvalue().encode(), f"{CYCLONEDX};version=1.6", is_near=False
    ) == ("It names 2 packages.")
    written = io.StringIO()
    package = Package(
        "SPDXRef-1",
        "golang.org/x/net",
        SpdxNoAssertion(),
        version="v0.1.0",
        external_references=[
            ExternalPackageRef(
                ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", "pkg:golang/golang.org/x/net@v0.1.0"
            )
        ],
    )
    moment = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
    creation = CreationInfo(
        "SPDX-2.3",
        "SPDXRef-DOCUMENT",
        "app",
        "https://example.com/1",
        [Actor(ActorType.TOOL, "x")],
        moment,
    )
    relationship = Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, "SPDXRef-1")
    write_document_to_stream(
        Document(creation, packages=[package], relationships=[relationship]), written, validate=True
    )
    assert await read(factory, image, written.getvalue().encode(), is_near=False) == "It names 1 packages."

    nodes = (await look(ada, image, "SBOM"))["packages"]["nodes"]
    assert [node["package"]["purl"] for node in nodes] == [
        "pkg:golang/golang.org/x/net@v0.1.0",
        "pkg:maven/org.ex/inner@1",
        # Of the distribution that the bill names, rather than of that of the image.
        "pkg:deb/debian/tar@1.34?arch=amd64&distro=debian-11.2",
    ]
    formats = [(bill["format"], bill["version"]) for bill in (await look(ada, image))["attachedSboms"]]
    assert formats == [("SPDX", "2.3"), ("CYCLONEDX", "1.6")]
    assert await read(factory, image, b"{", is_near=False) == "The document is no JSON."


async def test_attestations_count_if_they_are_about_the_image(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    kind, predicate = "application/vnd.dsse.envelope.v1+json", json.loads(spdx("pkg:gem/rails@7.0"))
    notes = {"predicateType": "https://spdx.dev/Document/v2.3"}
    other = envelope(notes["predicateType"], predicate, "0" * 64)
    assert await read(factory, image, other, kind, **notes) == "The attestation is about another image."
    mine = envelope(notes["predicateType"], predicate, image, version="v0.1")
    assert await read(factory, image, mine, kind, **notes) == "It names 1 packages."
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "dsseEnvelope": json.loads(
            envelope("https://cyclonedx.org/bom", json.loads(cyclonedx({"purl": "pkg:npm/x@1"})), image)
        ),
    }
    notes = {"dev.sigstore.bundle.predicateType": "https://cyclonedx.org/bom"}
    said = await read(factory, image, json.dumps(bundle).encode(), bundle["mediaType"], **notes)
    assert said == "It names 1 packages."
    assert await sources(ada, image, "SBOM") == [("rails", "SBOM"), ("x", "SBOM")]


async def test_an_attestation_of_buildkit_is_beside_the_image_in_its_index(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    kind, predicate_type = "application/vnd.in-toto+json", "https://spdx.dev/Document"
    subject = {"name": "pkg:docker/app@v1?platform=linux%2Famd64"}

    async def push(*digests: str) -> str | None:
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": predicate_type,
            "subject": [
                subject | {"digest": {"sha256": digest.removeprefix("sha256:")}} for digest in digests
            ],
            "predicate": json.loads(spdx("pkg:cargo/serde@1.0.0")),
        }
        content = json.dumps(statement).encode()
        await factory.blob("ada/app", content)
        await factory.blob("ada/app", kit.CONFIG)
        notes = {"in-toto.io/predicate-type": predicate_type}
        document = kit.image_document() | {"layers": [kit.descriptor(content, kind, annotations=notes)]}
        attestation = kit.encode(document)
        await factory.manifest("ada/app", document)
        entry = kit.descriptor(
            attestation,
            kit.OCI_MANIFEST,
            annotations={
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image,
            },
            platform={"architecture": "unknown", "os": "unknown"},
        )
        manifests = [await factory.descriptor(image), entry]
        await factory.manifest("ada/app", kit.index_document(manifests=manifests), tag="latest")
        (said,) = await work_off(factory, BILL, is_near=True)
        return said

    assert await push(image, "sha256:" + "0" * 64) == "The attestation is about another image."
    assert await push(image, image) == "It names 1 packages."
    assert await sources(ada, image) == [*FOUND, ("serde", "SBOM")]


async def test_the_bill_of_a_build_is_not_read_back(factory: Factory, ada: GraphQL, image: str) -> None:
    made, _ = await build.request(
        await factory.as_account("ada"), "ada/app", BuildRequest(archive_url="https://9.9.9.9/context.tgz")
    )
    digest = await attach(factory, image, spdx(LIBFLAW), SPDX)
    await execute("UPDATE build SET digest = ?, sbom_digest = ? WHERE id = ?", image, digest, made.id)
    assert await work_off(factory, BILL, is_near=True) == ["It is a bill of the registry itself."]
    assert await sources(ada, image) == FOUND
    (own,) = (await look(ada, image))["attachedSboms"]
    assert (own["state"], own["reason"]) == ("OWN", "The registry has made it, of what it found.")


DEEP = b'{"spdxVersion": "SPDX-2.3", "packages": ' + b"[" * 200 + b"]" * 200 + b"}"


HOSTILE = (
    (b"<bom/>", "The document is no JSON."),
    (b"\xff", "The document is no JSON."),
    (b"[" * 250, "The document is no JSON."),
    (DEEP, "The document has too many objects in each other."),
    (b"[" + b"[]," * 300 + b"[]]", "The document has more than 300 objects and lists."),
    (b"1", "The document has neither `spdxVersion` nor the `bomFormat` `CycloneDX`."),
    (b'{"spdxVersion": 3}', "`spdxVersion` must be a version of SPDX 2."),
    (b'{"spdxVersion": "SPDX-2.3", "packages": {}}', "`packages` must be a list of objects."),
    (cyclonedx(1), "`components` must be a list of objects."),
    (cyclonedx({"components": "x"}), "`components` must be a list of objects."),
    (cyclonedx(specVersion="2.0"), "`specVersion` must be a version of CycloneDX 1."),
    (cyclonedx(specVersion="1." + "0" * 20), "The version of the format is none."),
    (spdx(*[f"pkg:npm/p{number}@1" for number in range(4)]), "The document names more than 3 packages."),
    (b" " * (1024 * 1024 + 1), "The document has more than 1 MiB."),
    # What is nothing is no package.
    (cyclonedx(
        {"type": ["x"], "purl": 1}, {"type": {}, "purl": "pkg:npm/x@" + "1" * 300},
        {"purl": "pkg:npm/x@1%00"}, {"purl": "npm/x"}, {"purl": "pkg:npm/y@1", "scope": "excluded"},
        {"type": "operating-system", "name": ["x"], "version": {}}, {"purl": "pkg:npm/x@1" + "?" * 3_000},
        # Their small letters are more.
        {"purl": "pkg:pypi/" + "İ" * 300 + "@1"},
     ), "It names 0 packages."),
    (spdx(packages=[{"externalRefs": [1, {"referenceType": "purl", "referenceLocator": 1}]},
                    {"primaryPackagePurpose": [], "externalRefs": "x"}]), "It names 0 packages."),
)  # fmt: skip


async def test_what_cannot_be_read_says_why_and_adds_nothing(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1024 * 1024)
    monkeypatch.setattr(bill, "LIMITS", replace(bill.LIMITS, packages=3, entries=300))
    for content, said in HOSTILE:
        assert await read(factory, image, content) == said
    assert await sources(ada, image) == FOUND
    shown = (await look(ada, image))["attachedSboms"]
    assert {one["packageCount"] for one in shown} == {0}
    assert [(one["state"], one["reason"]) for one in reversed(shown)][:-2] == [
        ("FAILED", said) for _, said in HOSTILE[:-2]
    ]
    assert [one["state"] for one in shown[:2]] == ["READ", "READ"]


async def test_names_of_distributions_that_are_too_long_are_none(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    # Their small letters are more.
    system = {"type": "operating-system", "name": "İ" * 64, "version": "1"}
    content = cyclonedx({"purl": "pkg:deb/debian/x@1?distro=" + "İ" * 64 + "-1"}, system)
    assert await read(factory, image, content, CYCLONEDX) == "It names 1 packages."
    (found,) = (await look(ada, image, "SBOM"))["packages"]["nodes"]
    assert found["package"]["distribution"] == {"name": "debian", "version": "12"}


async def test_what_a_bill_names_goes_with_its_content(factory: Factory, ada: GraphQL, image: str) -> None:
    content = document(stated("CVE-1", {"hashes": {"sha-256": image.removeprefix("sha256:")}}))
    said = ((spdx(LIBFLAW), SPDX, BILL), (content, OPENVEX, VEX))
    for text, media_type, kind in said:
        digest = await attach(factory, image, text, media_type)
        # The history of tags still names it.
        changes = tag.TagChanges(manifest_digest=digest)
        await tag.update(await factory.as_account("ada"), "ada/app", kind, changes)
        await work_off(factory, kind, is_near=True)
    tables = ("sbom_document", "sbom_package", "vex_document", "vex_statement")

    async def left() -> list[str]:
        return [table for table in tables if await fetch(f"SELECT 1 AS one FROM {table} LIMIT 1")]

    assert await left() == list(tables)
    await end_tags("%", ago_ms=10 * DAY_MS)
    await execute("UPDATE account SET tag_expiration_s = 604800")
    for _ in range(2):
        await backdate()
        await collected(factory.blobs)
    assert len(await fetch("SELECT id FROM manifest WHERE collected_at_ms IS NOT NULL")) == 3
    assert await left() == []


async def test_documents_that_no_job_is_for_are_read_in_time(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    content = document(stated("CVE-1", {"hashes": {"sha-256": image.removeprefix("sha256:")}}))
    without = factory.without_features("SECURITY_SCANNER")
    # Before there was a scanner, by the type of the layer or of the artifact
    await attach(without, image, spdx("pkg:npm/a@1"), SPDX)
    await attach(without, image, content, OPENVEX)
    assert await fetch("SELECT id FROM sbom_document") == await fetch("SELECT id FROM vex_document") == []
    # While the registry could not
    await attach(factory, image, spdx("pkg:npm/b@1"), SPDX)
    await attach(factory, image, content + b" ", OPENVEX)
    await execute("DELETE FROM job")
    assert await scan_others(factory) == "0 images were scanned."
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")

    assert await scan_others(factory) == "0 images were scanned. 4 attached documents are read."
    assert await scan_others(factory) == "0 images were scanned."
    assert sorted(await work_off(factory, BILL, is_near=True)) == ["It names 1 packages."] * 2
    assert await work_off(factory, VEX, is_near=True) == ["It states 1 things of the image."] * 2
    assert await scan_others(factory) == "0 images were scanned."
    shown = (await look(ada, image))["attachedSboms"]
    assert sorted((one["state"], one["pushedBy"] or "") for one in shown) == [("READ", ""), ("READ", "ada")]


@pytest.mark.parametrize(("kind", "media_type"), [(BILL, SPDX), (VEX, OPENVEX)])
async def test_documents_that_are_not_there_yet_are_waited_for(
    factory: Factory, ada: GraphQL, image: str, kind: str, media_type: str
) -> None:
    whole = {"hashes": {"sha-256": image.removeprefix("sha256:")}}
    content = {BILL: spdx(LIBFLAW), VEX: document(stated("CVE-1", whole))}[kind]
    await attach(factory, image, content, media_type)
    await execute(
        "DELETE FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)",
        kit.digest_of(content),
    )
    waits = []
    while await fetch("SELECT id FROM job WHERE kind = ?", kind):
        assert await work_off(factory, kind, is_near=True) == ["The document is not in the repository."]
        rows = await fetch("SELECT run_at_ms - created_at_ms AS waits FROM job WHERE kind = ?", kind)
        waits += [row["waits"] // 1000 for row in rows]
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920]
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")
    assert await scan_others(factory) == "0 images were scanned."
    await factory.blob("ada/app", content)
    assert await scan_others(factory) == "0 images were scanned. 1 attached documents are read."
    (said,) = await work_off(factory, kind, is_near=True)
    assert said in {"It names 1 packages.", "It states 1 things of the image."}


async def test_so_many_bills_of_an_image_are_read(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_READ", 1)
    await read(factory, image, spdx("pkg:npm/a@1"))
    said = "The image has 1 other bills of materials, and no more are read."
    assert await read(factory, image, spdx("pkg:npm/b@1")) == said
    assert await sources(ada, image, "SBOM") == [("a", "SBOM")]


async def test_lists_of_images_cost_as_much_as_one(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    document = """{ repository(path: "ada/app") { manifests(first: %s) { nodes {
      attachedSboms { digest } packages { nodes { sbomManifestDigest } } } } } }"""
    for number in range(3):
        image = await factory.image("ada/app", layer(python_package(f"p{number}", "1")))
        await scan_pushed(factory, is_near=True)
        await attach(factory, image, spdx(f"pkg:pypi/p{number}@1", "pkg:npm/x@1"), SPDX)
    await work_off(factory, BILL, is_near=True)
    counted = []
    for first in (2, 6):
        with count_statements() as count:
            nodes = (await ada.data(document % first))["repository"]["manifests"]["nodes"]
        assert len(nodes) == first
        assert {len(node["packages"]["nodes"]) for node in nodes if node["packages"]} == {2}
        counted.append(len(count.statements))
    assert counted[0] == counted[1]
