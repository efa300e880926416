"""The grammar of repository names, tags, digests and references.

Source: OCI Distribution 1.1, "Pulling manifests".
"""

import re

from quayside.registry.errors import OciCode, RegistryError
from storage.blobs import DigestInvalid
from storage.blobs.digest import parse_digest

MAX_NAME_LENGTH = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_name(text: str) -> bool:
    """Whether the text can name a repository."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether the text can name a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest_reference(reference: str) -> bool:
    """Whether a reference is meant as a digest: no tag has a colon."""
    return ":" in reference


def require_name(text: str) -> str:
    """Return the name. Raises RegistryError NAME_INVALID (400)."""
    if not is_name(text):
        raise RegistryError(OciCode.NAME_INVALID, detail={"name": text[:MAX_NAME_LENGTH]})
    return text


def require_digest(text: str) -> str:
    """Return the digest. Raises RegistryError DIGEST_INVALID (400)."""
    try:
        parse_digest(text)
    except DigestInvalid as error:
        raise RegistryError(OciCode.DIGEST_INVALID, str(error), detail={"digest": text[:255]}) from error
    return text


def require_reference(text: str) -> str:
    """Return the tag or digest of a manifest that is to be read or deleted.

    Raises RegistryError: DIGEST_INVALID (400), or MANIFEST_UNKNOWN (404) for what cannot be a tag, since no
    manifest is there.
    """
    if is_digest_reference(text):
        return require_digest(text)
    if not is_tag(text):
        raise RegistryError(OciCode.MANIFEST_UNKNOWN, detail={"reference": text[:255]})
    return text


def require_new_tag(text: str) -> str:
    """Return the tag that a push is to set. Raises RegistryError MANIFEST_INVALID (400)."""
    if not is_tag(text):
        raise RegistryError(OciCode.MANIFEST_INVALID, "invalid tag name", detail={"tag": text[:255]})
    return text
