"""Referrer: the form in which an envelope is attached to an image.

It is a Sigstore bundle in an artifact of OCI 1.1, for which verifiers ask the list of referrers: cosign from
2.4 on, policy controllers, and what reads attestations of GitHub.

Sources: Sigstore bundle 0.3, cosign's bundle specification, OCI Image 1.1 (artifacts).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resolvers.manifests.artifact import BUNDLE, BUNDLE_CONTENT, BUNDLE_PREDICATE
from resolvers.manifests.document import OCI_MANIFEST

BUNDLE_TYPE: Final = f"{BUNDLE}.v0.3+json"
_EMPTY: Final = b"{}"
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True, slots=True)
class Image:
    """An image as what refers to it must name it."""

    digest: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest about an image, and the blobs that it names, by digest."""

    digest: str
    media_type: str
    body: bytes
    blobs: Mapping[str, bytes]


def referrer(
    image: Image, envelope: Mapping[str, Any], kid: str, predicate_type: str, created_at: str
) -> Referrer:
    """The artifact that attaches an envelope, signed by the key `kid`, to an image."""
    bundle = orjson.dumps(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": kid}},
            "dsseEnvelope": envelope,
        }
    )
    body = orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE_TYPE,
            "config": _descriptor(_EMPTY_TYPE, _EMPTY),
            "layers": [_descriptor(BUNDLE_TYPE, bundle)],
            "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size_bytes},
            "annotations": {
                BUNDLE_CONTENT: "dsse-envelope",
                BUNDLE_PREDICATE: predicate_type,
                "org.opencontainers.image.created": created_at,
            },
        }
    )
    blobs = {_digest(content): content for content in (_EMPTY, bundle)}
    return Referrer(_digest(body), OCI_MANIFEST, body, blobs)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
