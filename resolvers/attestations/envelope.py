"""Envelopes: an in-toto statement, and the signature of what it says.

Sources: in-toto Statement v1, DSSE 1.0 (protocol and envelope; the signature is over the pre-authentication
encoding of type and payload).
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resolvers.access.registry_tokens import SigningKey
from resolvers.access.rsa_keys import constructed

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PAYLOAD: Final = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: the name of a repository with its registry, and the digest of an image."""

    name: str
    digest: str


def statement(subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """A statement as JSON."""
    return orjson.dumps(
        {
            "_type": STATEMENT,
            "subject": [{"name": each.name, "digest": digest_set(each.digest)} for each in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def digest_set(digest: str) -> dict[str, str]:
    """A digest in the form of statements."""
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def signed(key: SigningKey, payload: bytes) -> dict[str, Any]:
    """The envelope of a statement.

    It does not name the key: verifiers that are given one skip signatures of a `keyid` that they do not
    derive from it themselves.
    """
    signature = key.key.sign(_encoding(PAYLOAD, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }


@dataclass(frozen=True, slots=True)
class Opened:
    """A statement as an envelope has it. Nothing is verified."""

    envelope: dict[str, Any]
    statement: dict[str, Any]
    payload: bytes
    signature: bytes

    def is_signed_by(self, public_pem: str) -> bool:
        """Whether the signature is that of a key."""
        return bool(constructed(public_pem).verify(_encoding(PAYLOAD, self.payload), self.signature))

    def names(self, digest: str) -> bool:
        """Whether the statement is about a digest."""
        subjects = self.statement.get("subject")
        return isinstance(subjects, list) and any(
            isinstance(each, dict) and each.get("digest") == digest_set(digest) for each in subjects
        )


def opened(envelope: Any) -> Opened | None:
    """What somebody's envelope has, None if it is no envelope of one statement with one signature."""
    try:
        (signature,) = envelope["signatures"]
        if envelope["payloadType"] != PAYLOAD:
            return None
        payload = base64.b64decode(envelope["payload"], validate=True)
        found = orjson.loads(payload)
        if not isinstance(found, dict) or found.get("_type") != STATEMENT:
            return None
        return Opened(envelope, found, payload, base64.b64decode(signature["sig"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None


def _encoding(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed, in which neither part can be taken for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
