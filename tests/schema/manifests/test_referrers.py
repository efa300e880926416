"""Referrers through GraphQL: kinds, sources, and whether their content names the subject."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from resolvers.manifests import referrer
from storage.statements import count_statements
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.resolvers.manifests.test_artifact import BUNDLE, DSSE, OTHER, SIMPLE, envelope, simple
from tests.schema.client import GraphQL, Json

REFERRERS = """
query ($digest: Digest!, $type: String, $kind: ArtifactKind, $first: Int! = 50, $after: Cursor) {
  repository(path: "ada/app") { manifest(digest: $digest) {
    referrers(artifactType: $type, kind: $kind, first: $first, after: $after) {
      totalCount pageInfo { nextCursor }
      nodes { kind source tagName isSubjectNamed manifest { digest artifactType } } } } } }
"""
ABOUT = """
query ($digest: Digest!, $kind: ArtifactKind) { repository(path: "ada/app") {
  referrers(digest: $digest, kind: $kind) { totalCount nodes { kind source isSubjectNamed } } } }
"""


async def artifact(
    factory: Factory,
    artifact_type: str | None,
    *layers: tuple[str, Any],
    subject: bytes | None = None,
    tag: str | None = None,
    path: str = "ada/app",
) -> str:
    """An artifact with layers of a media type and content, bytes or JSON; its digest."""
    contents = [
        (type_, value if isinstance(value, bytes) else json.dumps(value).encode()) for type_, value in layers
    ]
    for content in (kit.EMPTY, *(content for _, content in contents)):
        await factory.blob(path, content)
    extra = {} if subject is None else {"subject": kit.descriptor(subject, kit.OCI_MANIFEST)}
    document = kit.artifact_document(artifact_type, **extra)
    document["layers"] = [kit.descriptor(content, type_) for type_, content in contents]
    return await factory.manifest(path, document, tag=tag)


async def image(factory: Factory, content: bytes = b"layer", path: str = "ada/app") -> tuple[str, bytes]:
    """An image: its digest and document."""
    digest = await factory.image(path, content, tag="v1")
    return digest, kit.encode(kit.image_document(content))


async def listed(client: GraphQL, digest: str, **variables: object) -> list[Json]:
    """The referrers of a manifest."""
    found = (await client.data(REFERRERS, digest=digest, **variables))["repository"]["manifest"]["referrers"]
    assert found["totalCount"] == len(found["nodes"])
    return list(found["nodes"])


def old_tag(digest: str, ending: str) -> str:
    """The cosign tag of a digest."""
    return digest.replace(":", "-") + ending


async def test_kinds_are_told_apart_and_listed_by_kind(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    types = {
        "application/vnd.cncf.notary.signature": "SIGNATURE",
        "application/vnd.in-toto+json": "ATTESTATION",
        "application/spdx+json": "SBOM",
        "application/vnd.example.readme": "OTHER",
    }
    made = {type_: await artifact(factory, type_, subject=subject) for type_ in types}

    nodes = await listed(ada, digest)

    assert [(node["manifest"], node["kind"]) for node in nodes] == [
        ({"digest": made[type_], "artifactType": type_}, kind) for type_, kind in types.items()
    ]
    assert {(node["source"], node["tagName"], node["isSubjectNamed"]) for node in nodes} == {
        ("SUBJECT", None, None)
    }
    for type_, kind in types.items():
        assert [node["manifest"]["digest"] for node in await listed(ada, digest, kind=kind)] == [made[type_]]
        assert [node["kind"] for node in await listed(ada, digest, type=type_)] == [kind]
    assert await listed(ada, digest, type="application/spdx+json", kind="SIGNATURE") == []


async def test_an_index_that_is_about_an_image_has_a_kind_too(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    about = {"artifactType": "application/vnd.cyclonedx+json"}
    bills = kit.index_document(subject=kit.descriptor(subject, kit.OCI_MANIFEST), **about)
    made = await factory.manifest("ada/app", bills)

    (node,) = await listed(ada, digest, kind="SBOM")

    assert (node["kind"], node["manifest"]["digest"]) == ("SBOM", made)


async def test_cosign_tags_are_referrers_while_active(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, _ = await image(factory)
    for ending, layer in (
        (".sig", (SIMPLE, simple(digest))),
        (".att", (DSSE, envelope(OTHER))),
        (".sbom", ("text/spdx", b"SPDX")),
    ):
        await artifact(factory, None, layer, tag=old_tag(digest, ending))
    await artifact(factory, None, (SIMPLE, simple(digest)), tag=old_tag(OTHER, ".sig"))

    assert [
        (node["kind"], node["source"], node["tagName"], node["isSubjectNamed"])
        for node in await listed(ada, digest)
    ] == [
        ("SIGNATURE", "TAG", old_tag(digest, ".sig"), True),
        ("ATTESTATION", "TAG", old_tag(digest, ".att"), False),
        ("SBOM", "TAG", old_tag(digest, ".sbom"), None),
    ]
    assert [node["kind"] for node in await listed(ada, digest, kind="ATTESTATION")] == ["ATTESTATION"]
    await ada.payload(
        """mutation ($tag: String!) { tagDelete(repository: "ada/app", tag: $tag) { errors { code } } }""",
        tag=old_tag(digest, ".att"),
    )
    assert [node["kind"] for node in await listed(ada, digest)] == ["SIGNATURE", "SBOM"]


async def test_a_referrer_with_subject_and_tag_is_listed_once(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    await artifact(factory, None, (SIMPLE, simple(digest)), subject=subject, tag=old_tag(digest, ".sig"))

    assert [(node["source"], node["isSubjectNamed"]) for node in await listed(ada, digest)] == [
        ("SUBJECT", True)
    ]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["mine"], True),
        (["other"], False),
        (["mine", "other"], False),
        (["mine", "unknown"], True),
        (["mine", "broken"], None),
        (["broken"], None),
        (["unknown"], None),
        (["large"], None),
        (["mine", "large"], None),
        ([], None),
    ],
)
async def test_content_names_its_subject_or_another(
    factory: Factory, ada: GraphQL, layers: Sequence[str], expected: bool | None
) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    known: dict[str, tuple[str, Any]] = {
        "mine": (SIMPLE, simple(digest)),
        "other": (BUNDLE, {"dsseEnvelope": envelope(OTHER)}),
        "unknown": (kit.OCTETS, b"whatever"),
        "broken": (DSSE, b'{"payload": "'),
        "large": (SIMPLE, json.dumps(simple(digest)).encode() + b" " * referrer.LAYER_LIMIT),
    }
    await artifact(factory, "application/x", *(known[name] for name in layers), subject=subject)

    (node,) = await listed(ada, digest)

    assert node["isSubjectNamed"] is expected


async def test_a_request_reads_a_bounded_amount(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    content = json.dumps(simple(digest)).encode()
    for number in range(3):
        await artifact(factory, f"application/x{number}", (SIMPLE, content), subject=subject)
    monkeypatch.setattr(referrer, "REQUEST_LIMIT", 2 * len(content))

    assert [node["isSubjectNamed"] for node in await listed(ada, digest)] == [True, True, None]


async def test_missing_content_is_not_an_error(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    content = json.dumps(simple(digest)).encode()
    await artifact(factory, "application/x", (SIMPLE, content), subject=subject)
    await factory.blobs.delete(kit.digest_of(content))

    assert [node["isSubjectNamed"] for node in await listed(ada, digest)] == [None]


async def test_referrers_of_a_digest_that_is_absent(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = kit.digest_of(b"gone"), b"gone"
    await artifact(factory, "application/x", (SIMPLE, simple(digest)), subject=subject)
    await artifact(factory, None, (SIMPLE, simple(OTHER)), tag=old_tag(digest, ".sig"))

    found = (await ada.data(ABOUT, digest=digest))["repository"]["referrers"]
    signatures = (await ada.data(ABOUT, digest=digest, kind="SIGNATURE"))["repository"]["referrers"]

    assert found == {
        "totalCount": 2,
        "nodes": [
            {"kind": "SIGNATURE", "source": "SUBJECT", "isSubjectNamed": True},
            {"kind": "SIGNATURE", "source": "TAG", "isSubjectNamed": False},
        ],
    }
    assert signatures == found


async def test_referrers_of_other_repositories_are_not_listed(factory: Factory, ada: GraphQL) -> None:
    for path in ("ada/app", "ada/other"):
        await factory.repository(path)
    digest, subject = await image(factory)
    await image(factory, path="ada/other")
    await artifact(factory, "application/x", subject=subject, path="ada/other")
    await artifact(factory, None, (SIMPLE, b"{}"), tag=old_tag(digest, ".sig"), path="ada/other")

    assert await listed(ada, digest) == []


async def test_referrers_are_paged(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest, subject = await image(factory)
    made = [
        await artifact(
            factory,
            f"application/x{number}",
            subject=subject if number % 2 else None,
            tag=None if number % 2 else old_tag(digest, (".sig", ".att", ".sbom")[number // 2]),
        )
        for number in range(5)
    ]
    seen, cursor = [], None

    for _ in range(3):
        page = (await ada.data(REFERRERS, digest=digest, first=2, after=cursor))["repository"]["manifest"]
        assert page["referrers"]["totalCount"] == 5
        seen += [node["manifest"]["digest"] for node in page["referrers"]["nodes"]]
        cursor = page["referrers"]["pageInfo"]["nextCursor"]

    assert (seen, cursor) == (made, None)


async def test_referrers_of_many_manifests_take_two_statements(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    document = """{ repository(path: "ada/app") { tags(first: 100) { nodes { manifest {
      referrers(first: 5) { nodes { kind isSubjectNamed manifest { digest } } } } } } } }"""
    costs = []

    for numbers in (range(2), range(2, 20)):
        for number in numbers:
            digest = await factory.image("ada/app", f"{number}".encode(), tag=f"v{number}")
            subject = kit.encode(kit.image_document(f"{number}".encode()))
            await artifact(factory, "application/x", (SIMPLE, simple(digest)), subject=subject)
        await ada.data(document)
        with count_statements() as count:
            nodes = (await ada.data(document))["repository"]["tags"]["nodes"]
        assert [node["manifest"]["referrers"]["nodes"][0]["isSubjectNamed"] for node in nodes] == [True] * (
            numbers.stop
        )
        costs.append(len(count.statements))

    # The token, the repository, the viewer's grants, tags, manifests; then referrers and their layers.
    assert costs == [7, 7]


async def test_copied_referrers_keep_their_kind(factory: Factory, ada: GraphQL) -> None:
    for path in ("ada/app", "ada/source"):
        await factory.repository(path)
    digest, subject = await image(factory, path="ada/source")
    await artifact(factory, "application/spdx+json", subject=subject, path="ada/source")

    await ada.payload(
        """mutation { tagCopy(from: { repository: "ada/source", tag: "v1" },
        to: [{ repository: "ada/app", tag: "v1" }], includeReferrers: true) { errors { code } } }"""
    )

    assert [node["kind"] for node in await listed(ada, digest, kind="SBOM")] == ["SBOM"]
