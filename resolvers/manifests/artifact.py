"""Artifacts about images: their kind, and the digest that their content names.

Signatures are not verified here, only which image they are about. Sources: OCI Image 1.1 (artifacts),
cosign's signature and bundle formats, the Notary Project's JWS envelope, in-toto attestations in DSSE
envelopes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import orjson

from resolvers.manifests.document import ManifestDocument
from resolvers.nesting import within

BUNDLE = "application/vnd.dev.sigstore.bundle"
BUNDLE_CONTENT = "dev.sigstore.bundle.content"
BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"


class ArtifactKind(StrEnum):
    """The kind of an artifact about an image."""

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
"""Kinds by prefix of the artifact type or of a layer's media type."""

COSIGN_TAGS: Mapping[str, ArtifactKind] = {
    ".att": ArtifactKind.ATTESTATION,
    ".sbom": ArtifactKind.SBOM,
    ".sig": ArtifactKind.SIGNATURE,
}
"""Kinds by the ending of a cosign tag, `sha256-<hex>.sig`."""


def kind_of(document: ManifestDocument) -> ArtifactKind | None:
    """The kind by the artifact type or else the layers; None for images and unknown types."""
    # `referrer_artifact_type` falls back to the configuration's type, as before there were artifact types.
    types = (document.referrer_artifact_type or "", *(layer.media_type for layer in document.layers))
    for type_ in types:
        for beginning, kind in KINDS.items():
            if type_.lower().startswith(beginning):
                return _of_bundle(document.annotations) if beginning == BUNDLE else kind
    return None


def _of_bundle(annotations: Mapping[str, str]) -> ArtifactKind:
    """Signature or attestation, as the annotations say. Cosign may sign with an in-toto statement too."""
    is_statement = annotations.get(BUNDLE_CONTENT) == "dsse-envelope"
    if is_statement and annotations.get(BUNDLE_PREDICATE) != SIGN_PREDICATE:
        return ArtifactKind.ATTESTATION
    return ArtifactKind.SIGNATURE


def names_digest(media_type: str, content: bytes, digest: str) -> bool | None:
    """Whether a layer's content names a digest; None if it names none that can be compared.

    Never raises, however malformed the content is.
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


def _decoded(text: Any) -> Any:
    """Decode JSON in Base64, standard or URL-safe, padded or not; None for anything else."""
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
    return _texts(within(value, "critical", "image", "docker-manifest-digest"))


def _of_notation(value: Any) -> set[str]:
    return _texts(within(_decoded(within(value, "payload")), "targetArtifact", "digest"))


def _of_statement(value: Any) -> set[str]:
    subjects = within(value, "subject")
    digests = [within(subject, "digest") for subject in (subjects if isinstance(subjects, list) else [])]
    return {
        f"{algorithm}:{encoded}"
        for digest in digests
        if isinstance(digest, dict)
        for algorithm, encoded in digest.items()
        if isinstance(encoded, str)
    }


def _of_attestation(value: Any) -> set[str]:
    """Digests of an in-toto statement, bare or in a signed DSSE envelope."""
    if (payload := within(value, "payload")) is not None:
        return _of_statement(_decoded(payload))
    return _of_statement(value)


def _of_bundled(value: Any) -> set[str]:
    return _of_attestation(within(value, "dsseEnvelope"))


_READERS: Mapping[str, Callable[[Any], set[str]]] = {
    "application/vnd.dev.cosign.simplesigning": _of_simple_signing,
    "application/jose+json": _of_notation,
    "application/vnd.dsse.envelope": _of_attestation,
    "application/vnd.in-toto": _of_attestation,
    BUNDLE: _of_bundled,
}
"""Functions that read the named digests from a layer's JSON, by prefix of its media type."""


def _reader(media_type: str) -> Callable[[Any], set[str]] | None:
    return next((reader for beginning, reader in _READERS.items() if media_type.startswith(beginning)), None)
