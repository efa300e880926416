"""Parsing manifests: results by format, and refusals with the invalid field."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.manifests.document import (
    MAX_BYTES,
    MAX_CHILDREN,
    MAX_LAYERS,
    MAX_SIZE,
    Descriptor,
    ManifestInvalid,
    ManifestTooLarge,
    Platform,
    parse_manifest,
)
from tests.quayside.registry import kit


def refusal(document: Any, content_type: str | None = None) -> ManifestInvalid:
    body = document if isinstance(document, bytes) else kit.encode(document)
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(body, content_type)
    return caught.value


def image_with(**fields: Any) -> kit.Json:
    return kit.image_document(b"layer") | fields


def with_layer(**fields: Any) -> kit.Json:
    return image_with(layers=[kit.descriptor(b"layer", kit.OCI_LAYER, **fields)])


def test_an_oci_image_is_read() -> None:
    body = kit.encode(image_with(annotations={"org.example.note": "héllo"}))

    document = parse_manifest(body, kit.OCI_MANIFEST)

    assert document.media_type == kit.OCI_MANIFEST
    assert document.digest == kit.digest_of(body)
    assert document.size_bytes == len(body)
    assert document.config == Descriptor(
        media_type=kit.OCI_CONFIG, digest=kit.digest_of(kit.CONFIG), size_bytes=len(kit.CONFIG)
    )
    assert document.layers == (
        Descriptor(media_type=kit.OCI_LAYER, digest=kit.digest_of(b"layer"), size_bytes=5),
    )
    assert document.children == ()
    assert document.subject is None
    assert document.annotations == {"org.example.note": "héllo"}
    assert document.is_index is False
    assert document.artifact_type is None
    assert document.referrer_artifact_type == kit.OCI_CONFIG


def test_a_docker_image_is_read() -> None:
    document = parse_manifest(kit.encode(kit.docker_image_document(b"layer")), kit.DOCKER_MANIFEST)

    assert document.media_type == kit.DOCKER_MANIFEST
    assert [layer.media_type for layer in document.layers] == [kit.DOCKER_LAYER]
    assert document.is_index is False


@pytest.mark.parametrize("media_type", [kit.OCI_INDEX, kit.DOCKER_LIST])
def test_an_index_is_read(media_type: str) -> None:
    child, nested = kit.encode(image_with()), kit.encode(kit.index_document())
    index = kit.index_document(child, nested, mediaType=media_type)
    index["manifests"][0]["platform"] = {
        "architecture": "arm64",
        "os": "windows",
        "variant": "v8",
        "os.version": "10.0",
        "os.features": ["win32k"],
    }

    document = parse_manifest(kit.encode(index), media_type)

    assert document.is_index is True
    assert document.config is None
    assert document.layers == ()
    assert [item.digest for item in document.children] == [kit.digest_of(child), kit.digest_of(nested)]
    assert document.children[0].platform == Platform(
        architecture="arm64",
        operating_system="windows",
        variant="v8",
        os_version="10.0",
        os_features=("win32k",),
    )
    assert document.children[1].platform is None
    assert document.required_manifests == document.children
    assert document.referrer_artifact_type is None


def test_an_empty_index_is_read() -> None:
    assert parse_manifest(kit.encode(kit.index_document()), kit.OCI_INDEX).children == ()


def test_an_artifact_keeps_its_type_and_subject() -> None:
    subject = kit.descriptor(b"absent", kit.OCI_MANIFEST)
    body = kit.encode(kit.artifact_document("application/vnd.example.sbom", b"sbom", subject=subject))

    document = parse_manifest(body, kit.OCI_MANIFEST)

    assert document.artifact_type == "application/vnd.example.sbom"
    assert document.referrer_artifact_type == "application/vnd.example.sbom"
    assert document.subject is not None
    assert document.subject.digest == kit.digest_of(b"absent")
    assert kit.digest_of(b"absent") not in [item.digest for item in document.required_blobs]


def test_an_empty_artifact_type_counts_as_none() -> None:
    document = parse_manifest(kit.encode(image_with(artifactType="")), kit.OCI_MANIFEST)

    assert document.artifact_type is None
    assert document.referrer_artifact_type == kit.OCI_CONFIG


def test_non_distributable_layers_are_not_required() -> None:
    foreign = kit.descriptor(b"foreign", kit.OCI_FOREIGN_LAYER, urls=["https://example.com/layer"])
    own = kit.descriptor(b"own", kit.OCI_LAYER)

    document = parse_manifest(kit.encode(image_with(layers=[foreign, own, own])), kit.OCI_MANIFEST)

    assert document.layers[0].urls == ("https://example.com/layer",)
    assert [item.digest for item in document.required_blobs] == [
        kit.digest_of(kit.CONFIG),
        kit.digest_of(b"own"),
    ]


def test_an_index_may_list_other_media_types() -> None:
    stray = kit.descriptor(b"cache", kit.OCI_LAYER)

    document = parse_manifest(kit.encode(kit.index_document(manifests=[stray])), kit.OCI_INDEX)

    assert document.required_manifests == ()
    assert document.required_blobs == ()
    assert [item.digest for item in document.required_contents] == [kit.digest_of(b"cache")]


def test_embedded_data_is_decoded() -> None:
    body = kit.encode(image_with(config=kit.with_data(kit.EMPTY, kit.OCI_EMPTY)))

    document = parse_manifest(body, kit.OCI_MANIFEST)

    assert document.config is not None
    assert document.config.data == kit.EMPTY


def test_unknown_fields_are_ignored() -> None:
    document = parse_manifest(
        kit.encode(with_layer(vendor={"deep": [1, None]}) | {"vendor": True}), kit.OCI_MANIFEST
    )

    assert len(document.layers) == 1


def test_sha512_is_supported_everywhere() -> None:
    body = kit.encode(kit.image_document(b"layer", algorithm="sha512"))

    document = parse_manifest(body, kit.OCI_MANIFEST, algorithm="sha512")

    assert document.digest == kit.digest_of(body, algorithm="sha512")
    assert document.layers[0].digest == kit.digest_of(b"layer", algorithm="sha512")


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        (None, None),
        (f"{kit.OCI_MANIFEST}; charset=utf-8", None),
        (kit.OCI_MANIFEST, None),
        (None, kit.OCI_MANIFEST),
        (kit.OCI_MANIFEST.upper(), kit.OCI_MANIFEST),
    ],
)
def test_the_type_comes_from_header_or_document(content_type: str | None, media_type: str | None) -> None:
    document = parse_manifest(kit.encode(image_with(mediaType=media_type)), content_type)

    assert document.media_type == kit.OCI_MANIFEST


def test_an_index_without_a_media_type_is_detected_by_its_fields() -> None:
    assert parse_manifest(kit.encode(kit.index_document(mediaType=None)), None).media_type == kit.OCI_INDEX


def test_null_optional_fields_count_as_absent() -> None:
    absent = {"annotations": None, "subject": None, "artifactType": None, "layers": None}

    document = parse_manifest(kit.encode(image_with(**absent)), kit.OCI_MANIFEST)

    assert (document.layers, document.subject, document.annotations) == ((), None, {})


def test_a_manifest_of_exactly_the_limit_is_read() -> None:
    body = kit.encode(image_with())

    assert parse_manifest(body + b" " * (MAX_BYTES - len(body)), None).size_bytes == MAX_BYTES


def test_a_manifest_above_the_limit_is_too_large() -> None:
    body = kit.encode(image_with())

    with pytest.raises(ManifestTooLarge, match="a manifest may have at most 4194304 bytes"):
        parse_manifest(body + b" " * (MAX_BYTES - len(body) + 1), None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schemaVersion": 3}, "schemaVersion"),
        ({"schemaVersion": 2.0}, "schemaVersion"),
        ({"schemaVersion": "2"}, "schemaVersion"),
        ({"schemaVersion": None}, "schemaVersion"),
        ({"mediaType": kit.DOCKER_MANIFEST}, "mediaType"),
        ({"mediaType": 7}, "mediaType"),
        ({"mediaType": []}, "mediaType"),
        ({"manifests": []}, "manifests"),
        ({"manifests": None}, "manifests"),
        ({"fsLayers": []}, "fsLayers"),
        ({"config": None}, "config"),
        ({"config": "text"}, "config"),
        ({"config": {}}, "config.mediaType"),
        ({"layers": {}}, "layers"),
        ({"layers": [1]}, "layers[0]"),
        ({"subject": []}, "subject"),
        ({"subject": {"mediaType": kit.OCI_MANIFEST, "size": 1}}, "subject.digest"),
        ({"artifactType": "no slash"}, "artifactType"),
        ({"artifactType": 1}, "artifactType"),
        ({"annotations": []}, "annotations"),
        ({"annotations": {"a": 1}}, "annotations.a"),
        ({"annotations": {"a": "\0"}}, "annotations.a"),
        ({"annotations": {"a": "\ud800"}}, "annotations.a"),
        ({"annotations": {"\ud800": "a"}}, "annotations"),
    ],
)
def test_bad_fields_are_named(fields: kit.Json, field: str) -> None:
    assert refusal(image_with(**fields), kit.OCI_MANIFEST).field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mediaType": ""}, "mediaType"),
        ({"mediaType": None}, "mediaType"),
        ({"mediaType": "text"}, "mediaType"),
        ({"mediaType": "a/" + "b" * 254}, "mediaType"),
        ({"digest": None}, "digest"),
        ({"digest": "sha256:abc"}, "digest"),
        ({"digest": kit.digest_of(b"layer").upper()}, "digest"),
        ({"digest": kit.digest_of(b"layer") + "\n"}, "digest"),
        ({"digest": "md5:" + "0" * 32}, "digest"),
        ({"size": -1}, "size"),
        ({"size": MAX_SIZE + 1}, "size"),
        ({"size": 5.0}, "size"),
        ({"size": True}, "size"),
        ({"size": "5"}, "size"),
        ({"size": None}, "size"),
        ({"urls": "https://example.com"}, "urls"),
        ({"urls": ["https://example.com", 1]}, "urls[1]"),
        ({"data": "!"}, "data"),
        ({"data": "é"}, "data"),
        ({"data": 1}, "data"),
        ({"data": base64.b64encode(b"short").decode()[:-1]}, "data"),
        ({"data": base64.b64encode(b"too long").decode()}, "data"),
        ({"data": base64.b64encode(b"other").decode()}, "data"),
        ({"annotations": {"a": None}}, "annotations.a"),
        ({"artifactType": "*"}, "artifactType"),
        ({"platform": "linux"}, "platform"),
        ({"platform": {"os": 1}}, "platform.os"),
        ({"platform": {"os": "x" * 65}}, "platform.os"),
        ({"platform": {"os.features": [1]}}, "platform.os.features[0]"),
    ],
)
def test_bad_descriptors_are_named(fields: kit.Json, field: str) -> None:
    assert refusal(with_layer(**fields), kit.OCI_MANIFEST).field == f"layers[0].{field}"


@pytest.mark.parametrize("name", ["config", "layers", "fsLayers"])
def test_an_index_with_fields_of_an_image_is_refused(name: str) -> None:
    assert refusal(kit.index_document(**{name: None}), kit.OCI_INDEX).field == name


@pytest.mark.parametrize("name", ["config", "layers"])
def test_required_fields_of_an_image(name: str) -> None:
    document = image_with()
    del document[name]

    assert refusal(document, kit.OCI_MANIFEST).field == name


def test_an_index_needs_its_list() -> None:
    document = kit.index_document()
    del document["manifests"]

    assert refusal(document, kit.OCI_INDEX).field == "manifests"


def test_one_digest_with_two_sizes_is_refused() -> None:
    layer = kit.descriptor(b"layer", kit.OCI_LAYER)

    error = refusal(image_with(layers=[layer, layer | {"size": 6}]), kit.OCI_MANIFEST)

    assert error.field == "layers[1].size"
    assert error.message == "layers[1].size: differs from the size given for this digest before"


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        ({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []}, None),
        (kit.image_document(), "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (kit.image_document(mediaType="application/vnd.docker.distribution.manifest.v1+json"), None),
    ],
)
def test_schema_1_is_refused_with_advice(document: kit.Json, content_type: str | None) -> None:
    error = refusal(document, content_type)

    assert error.message == "schema 1 manifests are not supported; push the image as schema 2 or OCI"


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/vnd.oci.artifact.manifest.v1+json"]
)
def test_other_types_are_refused(content_type: str) -> None:
    error = refusal(image_with(mediaType=None), content_type)

    assert error.field == "mediaType"
    assert error.message.endswith(f"not {content_type}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"[]",
        b"null",
    ],
)
def test_anything_but_a_json_object_is_refused(content: bytes) -> None:
    assert refusal(content).field is None


@pytest.mark.parametrize(
    "content", [b'{"a":1,"a":1}', b'{"x":[{"a":1,"b":2,"a":3}]}', b'{"a":1,"\\u0061":2}']
)
def test_a_repeated_field_is_refused_at_any_level(content: bytes) -> None:
    assert refusal(content).field == "a"


@pytest.mark.parametrize(("depth", "is_read"), [(64, True), (65, False)])
def test_nesting_is_limited(depth: int, is_read: bool) -> None:
    # The document is the first level.
    nested = json.loads("[" * (depth - 1) + "]" * (depth - 1))
    document = image_with(vendor=nested)

    if is_read:
        assert parse_manifest(kit.encode(document), None).is_index is False
    else:
        assert refusal(document).message == "the manifest is nested more than 64 levels deep"


def test_the_number_of_layers_is_limited() -> None:
    layer = kit.descriptor(b"layer", kit.OCI_LAYER)

    assert len(parse_manifest(kit.encode(image_with(layers=[layer] * MAX_LAYERS)), None).layers) == MAX_LAYERS
    assert refusal(image_with(layers=[layer] * (MAX_LAYERS + 1))).field == "layers"


def test_the_number_of_children_is_limited() -> None:
    child = kit.descriptor(b"child", kit.OCI_MANIFEST)

    assert refusal(kit.index_document(manifests=[child] * (MAX_CHILDREN + 1))).field == "manifests"


def test_messages_do_not_repeat_hostile_text() -> None:
    error = refusal(image_with(mediaType=None), "a/\x1b[31m" + "b" * 500)

    assert "\x1b" not in error.message
    assert len(error.message) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
field_names = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
        "subject",
        "annotations",
        "artifactType",
        "digest",
        "size",
        "urls",
        "data",
        "platform",
        "os",
        "architecture",
        "fsLayers",
    ]
)
likely_values = st.recursive(
    json_values | st.sampled_from([2, 5, kit.OCI_MANIFEST, kit.OCI_INDEX, kit.digest_of(b"layer"), "e30="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(field_names, inner, max_size=6),
    max_leaves=12,
)
content_types = st.none() | st.text(max_size=20) | st.sampled_from([kit.OCI_MANIFEST, kit.OCI_INDEX])


def check_any(content: bytes, content_type: str | None) -> None:
    # Any exception but ManifestInvalid fails the test.
    with contextlib.suppress(ManifestInvalid):
        assert parse_manifest(content, content_type).digest == kit.digest_of(content)


@given(st.binary(), content_types)
def test_any_bytes_are_read_or_refused(content: bytes, content_type: str | None) -> None:
    check_any(content, content_type)


@given(likely_values, content_types)
def test_any_json_is_read_or_refused(value: Any, content_type: str | None) -> None:
    check_any(json.dumps(value).encode(), content_type)


@given(
    st.dictionaries(field_names, likely_values, max_size=5), st.sampled_from([(), ("layers", 0), ("config",)])
)
def test_any_change_of_a_good_manifest_is_read_or_refused(fields: kit.Json, place: tuple[Any, ...]) -> None:
    document: Any = image_with()
    target = document
    for step in place:
        target = target[step]
    target.update(fields)

    check_any(kit.encode(document), kit.OCI_MANIFEST)


@given(st.lists(st.binary(max_size=40), max_size=5), st.sampled_from(["sha256", "sha512"]))
def test_built_images_are_parsed_back(layers: list[bytes], algorithm: str) -> None:
    body = kit.encode(kit.image_document(*layers, algorithm=algorithm))

    document = parse_manifest(body, kit.OCI_MANIFEST, algorithm=algorithm)

    assert document.digest == kit.digest_of(body, algorithm=algorithm)
    assert [layer.digest for layer in document.layers] == [
        kit.digest_of(layer, algorithm=algorithm) for layer in layers
    ]
    assert [layer.size_bytes for layer in document.layers] == [len(layer) for layer in layers]
