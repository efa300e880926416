"""Kinds of artifacts, and the digests that their content names, for any bytes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.manifests.artifact import KINDS, ArtifactKind, kind_of, names_digest
from resolvers.manifests.document import parse_manifest
from tests.quayside.registry import kit

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
JWS = "application/jose+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
FORMATS = (SIMPLE, JWS, DSSE, IN_TOTO, BUNDLE)

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def document(artifact_type: str | None, *types: str, **extra: Any) -> Any:
    """A parsed artifact with a layer of each media type."""
    made = kit.artifact_document(artifact_type, **extra)
    made["layers"] = [kit.descriptor(b"layer", type_) for type_ in types]
    return parse_manifest(kit.encode(made), None)


@pytest.mark.parametrize(
    ("artifact_type", "layers", "kind"),
    [
        ("application/vnd.cncf.notary.signature", [JWS], ArtifactKind.SIGNATURE),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", [SIMPLE], ArtifactKind.SIGNATURE),
        ("application/vnd.dev.cosign.artifact.att.v1+json", [DSSE], ArtifactKind.ATTESTATION),
        ("application/vnd.dev.cosign.artifact.sbom.v1+json", ["text/spdx+json"], ArtifactKind.SBOM),
        ("application/vnd.in-toto+json", [], ArtifactKind.ATTESTATION),
        ("application/spdx+json", [kit.OCTETS], ArtifactKind.SBOM),
        ("application/vnd.cyclonedx+xml", [], ArtifactKind.SBOM),
        ("text/spdx", [], ArtifactKind.SBOM),
        ("Application/SPDX+JSON", [], ArtifactKind.SBOM),
        (None, [SIMPLE], ArtifactKind.SIGNATURE),
        (None, [DSSE, DSSE], ArtifactKind.ATTESTATION),
        (None, [kit.OCI_LAYER, IN_TOTO], ArtifactKind.ATTESTATION),
        ("application/vnd.example", ["application/vnd.cyclonedx+json"], ArtifactKind.SBOM),
        ("application/vnd.example", [kit.OCTETS], None),
        (None, [kit.OCI_LAYER], None),
        ("example/vnd.in-toto", [], None),
    ],
)
def test_artifact_kind_by_type_or_layers(
    artifact_type: str | None, layers: list[str], kind: ArtifactKind | None
) -> None:
    assert kind_of(document(artifact_type, *layers)) is kind


@pytest.mark.parametrize(
    ("config_type", "kind"),
    [
        ("application/vnd.cncf.notary.signature", ArtifactKind.SIGNATURE),
        ("application/vnd.cyclonedx+json", ArtifactKind.SBOM),
        (kit.OCI_CONFIG, None),
    ],
)
def test_artifact_kind_falls_back_to_the_configuration(config_type: str, kind: ArtifactKind | None) -> None:
    made = kit.artifact_document(None, b"layer", config=kit.descriptor(kit.EMPTY, config_type))

    assert kind_of(parse_manifest(kit.encode(made), None)) is kind


@pytest.mark.parametrize(
    ("annotations", "kind"),
    [
        ({}, ArtifactKind.SIGNATURE),
        ({"dev.sigstore.bundle.content": "message-signature"}, ArtifactKind.SIGNATURE),
        ({"dev.sigstore.bundle.content": "dsse-envelope"}, ArtifactKind.ATTESTATION),
        (
            {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
            },
            ArtifactKind.ATTESTATION,
        ),
        (
            {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
            },
            ArtifactKind.SIGNATURE,
        ),
    ],
)
def test_bundle_kind_by_annotations(annotations: dict[str, str], kind: ArtifactKind) -> None:
    assert kind_of(document(BUNDLE, BUNDLE, annotations=annotations)) is kind


@pytest.mark.parametrize(
    ("types", "kind"),
    [({}, None), ({"artifactType": "application/spdx+json"}, ArtifactKind.SBOM)],
)
def test_index_kind_by_artifact_type(types: dict[str, str], kind: ArtifactKind | None) -> None:
    assert kind_of(parse_manifest(kit.encode(kit.index_document(**types)), None)) is kind


def test_no_kind_prefix_is_a_prefix_of_another() -> None:
    assert [(one, other) for one in KINDS for other in KINDS if one != other and one.startswith(other)] == []


def coded(value: Any, *, url_safe: bool = False) -> str:
    """JSON in Base64; the URL-safe alphabet has no padding."""
    content = json.dumps(value).encode()
    if url_safe:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")
    return base64.b64encode(content).decode()


def statement(*digests: str) -> dict[str, Any]:
    """An in-toto statement about some digests."""
    subjects = [dict([digest.split(":")]) for digest in digests]
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": one} for one in subjects]}


def envelope(*digests: str) -> dict[str, Any]:
    """A statement in a signed envelope."""
    return {"payloadType": IN_TOTO, "payload": coded(statement(*digests)), "signatures": []}


def simple(digest: Any) -> dict[str, Any]:
    return {
        "critical": {"image": {"docker-manifest-digest": digest}, "type": "cosign container image signature"}
    }


def jws(digest: str) -> dict[str, Any]:
    return {"payload": coded({"targetArtifact": {"digest": digest}, "?": "ÿþ>>"}, url_safe=True)}


@pytest.mark.parametrize(
    ("media_type", "content", "expected"),
    [
        (SIMPLE, simple(DIGEST), True),
        (SIMPLE, simple(OTHER), False),
        (SIMPLE, simple("sha512:" + "a" * 128), None),
        (SIMPLE, simple(7), None),
        (JWS, jws(DIGEST), True),
        (JWS, jws(OTHER), False),
        (JWS, {"payload": "***"}, None),
        (IN_TOTO, statement(DIGEST), True),
        (IN_TOTO, statement(OTHER, DIGEST), True),
        (IN_TOTO, statement(OTHER), False),
        (IN_TOTO, statement(), None),
        (IN_TOTO, envelope(DIGEST), True),
        (DSSE, envelope(DIGEST), True),
        (DSSE, envelope(OTHER), False),
        (DSSE, envelope("sha512:" + "a" * 128), None),
        (BUNDLE, {"dsseEnvelope": envelope(DIGEST)}, True),
        (BUNDLE, {"dsseEnvelope": envelope(OTHER)}, False),
        (BUNDLE, {"messageSignature": {}}, None),
        (IN_TOTO, {"subject": [7, {"digest": []}, {"digest": {"sha256": 7}}]}, None),
        (kit.OCTETS, simple(DIGEST), None),
    ],
)
def test_content_names_the_digest_another_one_or_none(
    media_type: str, content: Any, expected: bool | None
) -> None:
    assert names_digest(media_type, json.dumps(content).encode(), DIGEST) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["critical", "image", "payload", "subject", "digest", "dsseEnvelope", "sha256"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from(FORMATS), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_malformed_content_never_raises(media_type: str, content: bytes) -> None:
    assert names_digest(media_type, content, DIGEST) in {None, False}


def test_deeply_nested_content_names_nothing() -> None:
    assert [names_digest(type_, b"[" * 100_000, DIGEST) for type_ in FORMATS] == [None] * len(FORMATS)
