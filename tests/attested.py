"""Attestations as somebody else verifies them: with the published key, and nothing of the registry's code."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def verify(envelope: dict[str, Any], jwk: dict[str, str]) -> dict[str, Any]:
    """The statement of an envelope that the key has signed. Raises `InvalidSignature`."""
    (signature,) = envelope["signatures"]
    # Verifiers in Go skip a signature with a `keyid` that is not the fingerprint they make of a key.
    assert signature.keys() == {"sig"}
    kind, payload = envelope["payloadType"], base64.b64decode(envelope["payload"])
    encoded = b" ".join(
        [b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(payload)).encode(), payload]
    )
    key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
    key.verify(base64.b64decode(signature["sig"]), encoded, padding.PKCS1v15(), SHA256())
    assert kind == "application/vnd.in-toto+json"
    return dict(json.loads(payload))
