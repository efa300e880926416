"""Manifests through GraphQL: images, indexes, artifacts."""

import json

import pytest

from resolvers.manifests import content as manifests
from tests.factories import Factory, add_tags, image_config
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, Json

MANIFEST = """
query ($digest: Digest!) { repository(path: "ada/app") { manifest(digest: $digest) {
  digest mediaType artifactType isIndex documentSizeBytes layersSizeBytes totalSizeBytes configDigest
  configMediaType config platform { os architecture variant } platforms { os architecture variant }
  annotations { key value } subjectDigest tagNames document
  layers { index digest mediaType sizeBytes isRemote urls command comment author createdAt }
  index { childCount presentChildCount isSparse children { digest mediaType artifactType sizeBytes isPresent
    platform { os architecture variant } manifest { digest } } }
} } }
"""
CONTENT = """
{ repository(path: "ada/app") { manifests(first: 2) { nodes { digest %s } } } }
"""
LIST = """
query ($first: Int! = 50, $after: Cursor) { repository(path: "ada/app") {
  manifests(first: $first, after: $after) { totalCount pageInfo { nextCursor } nodes { digest } } } }
"""
REFERRERS = """
query ($digest: Digest!, $type: String) { repository(path: "ada/app") {
  referrers(digest: $digest, artifactType: $type) { totalCount nodes { manifest { digest } } } } }
"""
MODEL_CARD = """
query ($digest: Digest!) { repository(path: "ada/app") { manifest(digest: $digest) { modelCard } } }
"""
ABSENT = "sha256:" + "0" * 64


async def manifest(client: GraphQL, digest: str) -> Json:
    return dict((await client.data(MANIFEST, digest=digest))["repository"]["manifest"])


async def test_an_image_shows_its_layers_with_the_history_of_its_configuration(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.repository("ada/app")
    config = image_config(
        "arm64",
        variant="v8",
        history=[
            {"created_by": "ADD base", "created": "2026-01-31T12:00:00Z", "author": "ada"},
            {"created_by": "ENV A=b", "empty_layer": True},
            {"created_by": "COPY app", "comment": "the app", "created": "not a date"},
        ],
    )
    digest = await factory.image("ada/app", b"base", b"app!", tag="latest", config=config)
    document = kit.encode(kit.image_document(b"base", b"app!", config=config))

    found = await manifest(ada, digest)

    nothing = {"isRemote": False, "urls": None, "command": None, "comment": None, "author": None}
    platform = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    assert found == {
        "digest": kit.digest_of(document),
        "mediaType": kit.OCI_MANIFEST,
        "artifactType": kit.OCI_CONFIG,
        "isIndex": False,
        "documentSizeBytes": len(document),
        "layersSizeBytes": 8,
        "totalSizeBytes": 8 + len(config),
        "configDigest": kit.digest_of(config),
        "configMediaType": kit.OCI_CONFIG,
        "config": json.loads(config),
        "platform": platform,
        "platforms": [platform],
        "annotations": [],
        "subjectDigest": None,
        "tagNames": ["latest"],
        "document": document.decode(),
        "index": None,
        "layers": [
            {
                "index": 0,
                "digest": kit.digest_of(b"base"),
                "mediaType": kit.OCI_LAYER,
                "sizeBytes": 4,
                "createdAt": "2026-01-31T12:00:00Z",
            }
            | nothing
            | {"command": ["ADD base"], "author": "ada"},
            {
                "index": 1,
                "digest": kit.digest_of(b"app!"),
                "mediaType": kit.OCI_LAYER,
                "sizeBytes": 4,
                "createdAt": None,
            }
            | nothing
            | {"command": ["COPY app"], "comment": "the app"},
        ],
    }


async def test_layers_are_shown_for_any_malformed_history(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    history = [
        {"created_by": '["/bin/sh", "-c", "make"]', "created": "2026-01-02T05:04:05.123456789+02:00"},
        {"created_by": '["exec", 5]', "created": "0001-01-01T00:00:00+14:00"},
        {"created_by": "5", "created": "9999-12-31T23:59:59-14:00"},
        {"created_by": "[ -d /srv ]", "created": "2026-01-02"},
    ]
    config = image_config("amd64", history=history)
    digest = await factory.image("ada/app", b"1", b"2", b"3", b"4", config=config)

    found = await manifest(ada, digest)

    assert [(layer["command"], layer["createdAt"]) for layer in found["layers"]] == [
        (["/bin/sh", "-c", "make"], "2026-01-02T03:04:05.123Z"),
        (['["exec", 5]'], None),
        (["5"], None),
        (["[ -d /srv ]"], "2026-01-02T00:00:00Z"),
    ]


async def test_an_index_shows_its_children_and_counts_each_blob_once(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    configs = [image_config("amd64"), image_config("arm64")]
    documents = [kit.encode(kit.image_document(b"shared", b"own", config=config)) for config in configs]
    for config in configs:
        await factory.image("ada/app", b"shared", b"own", config=config)
    index = kit.index_document(*documents)
    for entry, architecture in zip(index["manifests"], ("amd64", "arm64"), strict=True):
        entry["platform"] = {"os": "linux", "architecture": architecture}
    digest = await factory.manifest("ada/app", index, tag="multi")

    found = await manifest(ada, digest)

    platforms = [
        {"os": "linux", "architecture": architecture, "variant": None} for architecture in ("amd64", "arm64")
    ]
    assert found["isIndex"] is True
    assert (found["platform"], found["platforms"]) == (None, platforms)
    assert (found["layers"], found["config"], found["configDigest"]) == (None, None, None)
    assert found["layersSizeBytes"] == 0
    assert found["totalSizeBytes"] == len(b"shared") + len(b"own") + sum(map(len, configs))
    assert found["index"] == {
        "childCount": 2,
        "presentChildCount": 2,
        "isSparse": False,
        "children": [
            {
                "digest": kit.digest_of(document),
                "mediaType": kit.OCI_MANIFEST,
                "artifactType": None,
                "sizeBytes": len(document),
                "isPresent": True,
                "platform": platform,
                "manifest": {"digest": kit.digest_of(document)},
            }
            for document, platform in zip(documents, platforms, strict=True)
        ],
    }


async def test_an_index_may_lack_children_with_sparse_index(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    present = kit.encode(kit.image_document(b"here"))
    absent = kit.encode(kit.image_document(b"elsewhere"))
    await factory.image("ada/app", b"here")
    digest = await factory.with_features("SPARSE_INDEX").manifest(
        "ada/app", kit.index_document(present, absent), tag="sparse"
    )

    index = (await manifest(ada, digest))["index"]

    assert (index["childCount"], index["presentChildCount"], index["isSparse"]) == (2, 1, True)
    assert [(child["isPresent"], child["manifest"]) for child in index["children"]] == [
        (True, {"digest": kit.digest_of(present)}),
        (False, None),
    ]


async def test_an_artifact_names_its_type_subject_and_annotations(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    image = await factory.image("ada/app", b"layer", tag="latest")
    subject = kit.descriptor(kit.encode(kit.image_document(b"layer")), kit.OCI_MANIFEST)
    await factory.blob("ada/app", kit.EMPTY)
    await factory.blob("ada/app", b"signature")
    digest = await factory.manifest(
        "ada/app",
        kit.artifact_document(
            "application/x.signature", b"signature", subject=subject, annotations={"b": "2", "a": "1"}
        ),
    )

    found = await manifest(ada, digest)

    assert (found["artifactType"], found["subjectDigest"]) == ("application/x.signature", image)
    assert found["annotations"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert (found["config"], found["platform"], found["platforms"], found["tagNames"]) == (None, None, [], [])


async def test_referrers_by_subject_and_type_also_of_absent_digests(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.EMPTY)
    subject = {"mediaType": kit.OCI_MANIFEST, "digest": ABSENT, "size": 7}
    made = [
        await factory.manifest("ada/app", kit.artifact_document(type_, kit.EMPTY, subject=subject))
        for type_ in ("application/x.signature", "application/x.sbom")
    ]

    async def referrers(**variables: str) -> list[str]:
        found = (await ada.data(REFERRERS, digest=ABSENT, **variables))["repository"]["referrers"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["manifest"]["digest"] for node in found["nodes"]]

    assert await referrers() == made
    assert await referrers(type="application/x.sbom") == [made[1]]
    assert await referrers(type="application/x.other") == []


async def test_manifests_are_paged_newest_first_while_more_are_pushed(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    pushed = [await factory.image("ada/app", f"{number}".encode()) for number in range(5)]
    seen: list[str] = []
    cursor = None

    for round_ in range(9):
        page = (await ada.data(LIST, first=2, after=cursor))["repository"]["manifests"]
        seen += [node["digest"] for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]
        if cursor is None:
            break
        await factory.image("ada/app", f"late {round_}".encode())

    assert seen == pushed[::-1]


async def test_a_manifest_is_found_through_its_own_repository_alone(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.repository("ada/other")
    digest = await factory.image("ada/other", b"layer")
    document = """query ($p: RepositoryPath!, $d: Digest!) { repository(path: $p) {
      manifest(digest: $d) { digest } } }"""

    assert await ada.data(document, p="ada/other", d=digest) == {
        "repository": {"manifest": {"digest": digest}}
    }
    assert await ada.data(document, p="ada/app", d=digest) == {"repository": {"manifest": None}}
    assert await ada.data(document, p="ada/app", d=ABSENT) == {"repository": {"manifest": None}}


async def test_a_malformed_digest_is_refused(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")

    for digest in ("latest", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "md5:" + "0" * 32, ABSENT + "\n"):
        assert await ada.refusal(MANIFEST, digest=digest) == "BAD_REQUEST"


async def test_a_configuration_that_is_not_an_object_is_ignored(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", config=b"[]")

    found = await manifest(ada, digest)

    assert (found["config"], found["platform"], len(found["layers"])) == (None, None, 1)


@pytest.mark.parametrize(
    ("artifact_type", "layers", "expected"),
    [
        ("application/x-mlmodel", [b"weights", "# Müller's model".encode()], "# Müller's model"),
        ("application/x-mlmodel", [b""], ""),
        ("application/x-mlmodel", [b"# card", b"\xff\xfe weights"], None),
        ("application/x-mlmodel", [b"a" * (manifests.MODEL_CARD_LIMIT + 1)], None),
        ("application/x-mlmodel", [], None),
        ("application/x-another", [b"# card"], None),
    ],
)
async def test_a_model_has_a_model_card(
    factory: Factory, ada: GraphQL, artifact_type: str, layers: list[bytes], expected: str | None
) -> None:
    await factory.repository("ada/app")
    for content in (kit.EMPTY, *layers):
        await factory.blob("ada/app", content)
    digest = await factory.manifest("ada/app", kit.artifact_document(artifact_type, *layers))

    found = await ada.data(MODEL_CARD, digest=digest)

    assert found["repository"]["manifest"] == {"modelCard": expected}


async def test_model_cards_are_read_within_the_bounds_of_a_request(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    for content in (kit.EMPTY, b"# card"):
        await factory.blob("ada/app", content)
    model = kit.artifact_document("application/x-mlmodel", b"# card")
    digest = await factory.manifest("ada/app", model)
    size = len(kit.encode(model)) + len(b"# card")
    monkeypatch.setattr(manifests, "REQUEST_LIMIT", size)
    enough = await ada.data(MODEL_CARD, digest=digest)
    monkeypatch.setattr(manifests, "REQUEST_LIMIT", size - 1)

    assert enough["repository"]["manifest"] == {"modelCard": "# card"}
    assert await ada.refusal(MODEL_CARD, digest=digest) == "BAD_REQUEST"


async def test_a_missing_model_card_is_null(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    for content in (kit.EMPTY, b"# card"):
        await factory.blob("ada/app", content)
    digest = await factory.manifest("ada/app", kit.artifact_document("application/x-mlmodel", b"# card"))
    await factory.blobs.delete(kit.digest_of(b"# card"))

    found = await ada.data(MODEL_CARD, digest=digest)

    assert found["repository"]["manifest"] == {"modelCard": None}


async def test_a_non_distributable_model_card_discloses_no_foreign_blob(
    factory: Factory, ada: GraphQL
) -> None:
    # given a blob of another repository, and a model that names it as a non-distributable layer
    await factory.user("bob")
    await factory.repository("bob/app")
    await factory.blob("bob/app", b"only for bob")
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.EMPTY)
    card = kit.descriptor(b"only for bob", kit.OCI_FOREIGN_LAYER)
    digest = await factory.manifest("ada/app", kit.artifact_document("application/x-mlmodel", layers=[card]))

    found = await ada.data(MODEL_CARD, digest=digest)

    assert found["repository"]["manifest"] == {"modelCard": None}


@pytest.mark.parametrize("fields", ["document", "layers { digest }", "config", "document config"])
async def test_a_request_reads_a_bounded_amount_of_content(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch, fields: str
) -> None:
    await factory.repository("ada/app")
    sizes = []
    for name in ("amd64", "arm64"):
        config = image_config(name, comment="c" * 500)
        digest = await factory.image("ada/app", b"layer", config=config)
        document = kit.encode(kit.image_document(b"layer", config=config))
        assert digest == kit.digest_of(document)
        wanted = {"document": [document], "config": [config]}.get(fields, [document, config])
        sizes.append(sum(map(len, wanted)))
    monkeypatch.setattr(manifests, "REQUEST_LIMIT", sum(sizes))
    enough = await ada.data(CONTENT % fields)
    monkeypatch.setattr(manifests, "REQUEST_LIMIT", sum(sizes) - 1)

    refused = await ada.answer(CONTENT % fields)

    assert len(enough["repository"]["manifests"]["nodes"]) == 2
    assert {error["extensions"]["code"] for error in refused["errors"]} == {"BAD_REQUEST"}
    # Each manifest is still there, with what could be read.
    nodes = refused["data"]["repository"]["manifests"]["nodes"]
    assert len(nodes) == 2
    assert [None in node.values() for node in nodes].count(True) == len(refused["errors"]) == 1


async def test_a_manifest_names_the_tags_that_point_to_it_now(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    first = await factory.image("ada/app", b"1", tag="b")
    await factory.image("ada/app", b"1", tag="a")
    await factory.image("ada/app", b"1", tag="moved")
    second = await factory.image("ada/app", b"2", tag="moved")

    assert (await manifest(ada, first))["tagNames"] == ["a", "b"]
    assert (await manifest(ada, second))["tagNames"] == ["moved"]


async def test_tags_of_a_manifest_are_paged(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", tag="z")
    names = [f"v{number:05}" for number in range(10_000)]
    await add_tags(digest, names)
    document = """query ($digest: Digest!, $first: Int!, $after: Cursor) { repository(path: "ada/app") {
      manifest(digest: $digest) { tagNames tags(first: $first, after: $after) {
        totalCount pageInfo { nextCursor } nodes { name manifest { digest } } } } } }"""

    found = (await ada.data(document, digest=digest, first=60))["repository"]["manifest"]
    after = found["tags"]["pageInfo"]["nextCursor"]
    following = (await ada.data(document, digest=digest, first=60, after=after))["repository"]["manifest"]

    assert found["tagNames"] == names[:100]
    assert found["tags"]["totalCount"] == 10_001
    assert [tag["name"] for page in (found, following) for tag in page["tags"]["nodes"]] == names[:120]
    assert {tag["manifest"]["digest"] for tag in found["tags"]["nodes"]} == {digest}
    assert await ada.refusal(document, digest=digest, first=101) == "TOO_COMPLEX"
