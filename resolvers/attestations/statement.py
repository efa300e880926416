"""Statements: what attestations of strangers say of which content. Nothing is verified.

Sources: in-toto Statement v1 and v0.1, DSSE 1.0 (envelope), Sigstore bundle 0.3.
"""

import base64
import binascii
from typing import Any, Final

import orjson

from resolvers.nesting import is_too_deep, within

STATEMENT: Final = "https://in-toto.io/Statement/v1"
STATEMENTS: Final = frozenset({STATEMENT, "https://in-toto.io/Statement/v0.1"})
PAYLOAD: Final = "application/vnd.in-toto+json"


class Unreadable(Exception):
    """A document that is attached to an image cannot be read; the text is a sentence that says why."""


def digest_set(digest: str) -> dict[str, str]:
    """A digest in the form of statements."""
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def is_about(statement: dict[str, Any], digest: str) -> bool:
    """Whether a statement is about a digest."""
    subjects = statement.get("subject")
    return isinstance(subjects, list) and any(
        isinstance(each, dict) and each.get("digest") == digest_set(digest) for each in subjects
    )


def only_subject(statement: dict[str, Any]) -> str | None:
    """The sha256 digest that all subjects of a statement have; None if there is no such one."""
    subjects = statement.get("subject")
    digests = [within(each, "digest", "sha256") for each in (subjects if isinstance(subjects, list) else [])]
    found = {each if isinstance(each, str) else "" for each in digests}
    value = found.pop() if len(found) == 1 else ""
    return f"sha256:{value}" if len(value) == 64 else None


def signed_statement(envelope: Any) -> tuple[dict[str, Any], bytes, bytes] | None:
    """The statement of an envelope with one signature, its bytes and the signature; None if it is none."""
    try:
        (signature,) = envelope["signatures"]
        if envelope["payloadType"] != PAYLOAD:
            return None
        payload = base64.b64decode(envelope["payload"], validate=True)
        found = orjson.loads(payload)
        if not isinstance(found, dict) or found.get("_type") not in STATEMENTS:
            return None
        return found, payload, base64.b64decode(signature["sig"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None


def loaded(content: bytes) -> Any:
    """A document as JSON. Raises `Unreadable`."""
    try:
        document = orjson.loads(content)
    except ValueError as error:
        raise Unreadable("The document is no JSON.") from error
    if is_too_deep(document):
        raise Unreadable("The document has too many objects in each other.")
    return document


def statement_of(document: Any) -> dict[str, Any] | None:
    """The statement in a Sigstore bundle or an envelope of DSSE, or one that a document is itself.

    None if it is another document. Raises `Unreadable` for an envelope that is broken.
    """
    if not isinstance(document, dict):
        return None
    if document.get("_type") in STATEMENTS:
        return document
    envelope = document.get("dsseEnvelope", document)
    if not isinstance(envelope, dict) or "payload" not in envelope:
        return None
    found = signed_statement(envelope)
    if found is None or is_too_deep(found[0]):
        raise Unreadable("The envelope is none of one in-toto statement with one signature.")
    return found[0]


def unwrapped(document: Any, digest: str) -> Any:
    """The predicate of an attestation on a digest; a document that is none as it is. Raises `Unreadable`."""
    statement = statement_of(document)
    if statement is None:
        return document
    if not is_about(statement, digest):
        raise Unreadable("The attestation is about another image.")
    return statement.get("predicate")
