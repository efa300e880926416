"""Artifacts about images: which kind they are, and which digest their content names.

Nothing here judges a signature: whether a content is about an image is asked before who says so. Sources: OCI
Image 1.1 (artifacts), cosign's signature and bundle formats, the Notary Project's JWS envelope, in-toto
attestations in DSSE envelopes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import orjson

from resolvers.manifests.document import ManifestDocument

BUNDLE = "application/vnd.dev.sigstore.bundle"
BUNDLE_CONTENT = "dev.sigstore.bundle.content"
BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"


class ArtifactKind(StrEnum):
    """What an artifact is to the image that it is about."""

    SIGNATURE = "signature"
    ATTESTATION = "attestation"
    SBOM = "sbom"
    OTHER = "other"


KINDS: Mapping[str, ArtifactKind] = {
    "application/vnd.cncf.notary.signature": ArtifactKind.SIGNATURE,
    "application/vnd.dev.cosign.artifact.sig": ArtifactKind.SIGNATURE,
    "application/vnd.dev.cosign.simplesigning": ArtifactKind.SIGNATURE,
    BUNDLE: ArtifactKind.SIGNATURE,
    "application/vnd.dev.cosign.artifact.att": ArtifactKind.ATTESTATION,
    "application/vnd.dsse.envelope": ArtifactKind.ATTESTATION,
    "application/vnd.in-toto": ArtifactKind.ATTESTATION,
    "application/vnd.dev.cosign.artifact.sbom": ArtifactKind.SBOM,
    "application/spdx": ArtifactKind.SBOM,
    "application/vnd.cyclonedx": ArtifactKind.SBOM,
    "application/vnd.syft": ArtifactKind.SBOM,
    "text/spdx": ArtifactKind.SBOM,
}
"""How artifact types and the media types of layers begin, and what that makes an artifact."""

COSIGN_TAGS: Mapping[str, ArtifactKind] = {
    ".att": ArtifactKind.ATTESTATION,
    ".sbom": ArtifactKind.SBOM,
    ".sig": ArtifactKind.SIGNATURE,
}
"""How tags end that name a digest, `sha256-<hex>.sig`, and what they point to."""


def kind_of(document: ManifestDocument) -> ArtifactKind | None:
    """What an artifact is, by its type as a referrer or else its layers; None for images and the unknown."""
    # Artifacts from before there were artifact types say by the type of their configuration what they are.
    types = (document.referrer_artifact_type or "", *(layer.media_type for layer in document.layers))
    for type_ in types:
        for beginning, kind in KINDS.items():
            if type_.lower().startswith(beginning):
                return _of_bundle(document.annotations) if beginning == BUNDLE else kind
    return None


def _of_bundle(annotations: Mapping[str, str]) -> ArtifactKind:
    """A bundle holds either; its annotations say which. Cosign signs by a statement of its own, too."""
    is_statement = annotations.get(BUNDLE_CONTENT) == "dsse-envelope"
    if is_statement and annotations.get(BUNDLE_PREDICATE) != SIGN_PREDICATE:
        return ArtifactKind.ATTESTATION
    return ArtifactKind.SIGNATURE


def names_digest(media_type: str, content: bytes, digest: str) -> bool | None:
    """Whether a layer's content says that it is about a digest; None where that cannot be told from it.

    Any content is taken, however malformed.
    """
    reader = _reader(media_type)
    if reader is None:
        return None
    named = reader(_json(content))
    algorithm = digest.partition(":")[0]
    comparable = {item for item in named if item.partition(":")[0] == algorithm}
    return digest in comparable if comparable else None


def is_readable(media_type: str) -> bool:
    """Whether `names_digest` knows the format of a layer."""
    return _reader(media_type) is not None


def _json(content: bytes | str) -> Any:
    try:
        return orjson.loads(content)
    except ValueError:
        return None


def _at(value: Any, *keys: str) -> Any:
    """What lies under some keys; None if anything on the way is no object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _decoded(text: Any) -> Any:
    """JSON in Base64 of either alphabet, padded or not; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        plain = text.translate(str.maketrans("-_", "+/")).rstrip("=")
        return _json(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (ValueError, binascii.Error):
        return None


def _texts(*values: Any) -> set[str]:
    return {value for value in values if isinstance(value, str)}


def _of_simple_signing(value: Any) -> set[str]:
    return _texts(_at(value, "critical", "image", "docker-manifest-digest"))


def _of_notation(value: Any) -> set[str]:
    return _texts(_at(_decoded(_at(value, "payload")), "targetArtifact", "digest"))


def _of_statement(value: Any) -> set[str]:
    subjects = _at(value, "subject")
    digests = [_at(subject, "digest") for subject in (subjects if isinstance(subjects, list) else [])]
    return {
        f"{algorithm}:{encoded}"
        for digest in digests
        if isinstance(digest, dict)
        for algorithm, encoded in digest.items()
        if isinstance(encoded, str)
    }


def _of_attestation(value: Any) -> set[str]:
    """A statement, or a signed envelope around one."""
    if (payload := _at(value, "payload")) is not None:
        return _of_statement(_decoded(payload))
    return _of_statement(value)


def _of_bundled(value: Any) -> set[str]:
    return _of_attestation(_at(value, "dsseEnvelope"))


_READERS: Mapping[str, Callable[[Any], set[str]]] = {
    "application/vnd.dev.cosign.simplesigning": _of_simple_signing,
    "application/jose+json": _of_notation,
    "application/vnd.dsse.envelope": _of_attestation,
    "application/vnd.in-toto": _of_attestation,
    BUNDLE: _of_bundled,
}
"""How the media types of layers begin, and which digests their content names."""


def _reader(media_type: str) -> Callable[[Any], set[str]] | None:
    return next((reader for beginning, reader in _READERS.items() if media_type.startswith(beginning)), None)
