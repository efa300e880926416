"""Envelopes: an in-toto statement, and the signature of what it says.

Sources: in-toto Statement v1, DSSE 1.0 (protocol and envelope; the signature is over the pre-authentication
encoding of type and payload).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from resolvers.access.registry_tokens import SigningKey
from resolvers.access.rsa_keys import constructed
from resolvers.attestations.statement import PAYLOAD, STATEMENT, digest_set, is_about, signed_statement


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
        return is_about(self.statement, digest)


def opened(envelope: Any) -> Opened | None:
    """What somebody's envelope has, None if it is no envelope of one statement with one signature."""
    found = signed_statement(envelope)
    return Opened(envelope, *found) if found is not None else None


def _encoding(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed, in which neither part can be taken for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
