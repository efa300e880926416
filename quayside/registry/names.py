"""The grammar of repository names, tags, digests and references.

Source: OCI Distribution 1.1, "Pulling manifests". More names than specified are valid: all that a repository
can be created with, so that every repository can be pulled.
"""

import re

from quayside.registry.errors import OciCode, RegistryError
from resolvers.names import REPOSITORY
from storage.blobs import DigestInvalid
from storage.blobs.digest import parse_digest

LIBRARY = "library"
MAX_NAME_LENGTH = 255
"""Characters of the namespace, and of the name below it."""

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_name(text: str) -> bool:
    """Whether the text is a valid repository name, with or without a namespace."""
    namespace, slash, name = text.partition("/")
    if len(namespace) > MAX_NAME_LENGTH or _NAMESPACE.fullmatch(namespace) is None:
        return False
    return not slash or REPOSITORY.fullmatch(name) is not None


def is_tag(text: str) -> bool:
    """Whether the text is a valid tag."""
    return _TAG.fullmatch(text) is not None


def is_digest_reference(reference: str) -> bool:
    """Whether a reference is a digest and no tag: tags have no colon."""
    return ":" in reference


def require_name(text: str) -> str:
    """Return the name. Raises RegistryError NAME_INVALID (400)."""
    if not is_name(text):
        raise RegistryError(OciCode.NAME_INVALID, detail={"name": text[:MAX_NAME_LENGTH]})
    return text


def repository_path(name: str, *, has_library: bool) -> str:
    """Return the path of the repository with a valid name.

    A name without a namespace is in ``library`` if `has_library`, else RegistryError NAME_INVALID (400) is
    raised.
    """
    if "/" in name:
        return name
    if has_library:
        return f"{LIBRARY}/{name}"
    raise RegistryError(
        OciCode.NAME_INVALID, "a repository name has a namespace, a slash and a name", detail={"name": name}
    )


def require_digest(text: str) -> str:
    """Return the digest. Raises RegistryError DIGEST_INVALID (400)."""
    try:
        parse_digest(text)
    except DigestInvalid as error:
        raise RegistryError(OciCode.DIGEST_INVALID, str(error), detail={"digest": text[:255]}) from error
    return text


def require_reference(text: str) -> str:
    """Return the tag or digest of a manifest to read or delete.

    Raises RegistryError: DIGEST_INVALID (400), or MANIFEST_UNKNOWN (404) for an invalid tag, which cannot
    exist.
    """
    if is_digest_reference(text):
        return require_digest(text)
    if not is_tag(text):
        raise RegistryError(OciCode.MANIFEST_UNKNOWN, detail={"reference": text[:255]})
    return text


def require_new_tag(text: str) -> str:
    """Return the tag for a push to set. Raises RegistryError MANIFEST_INVALID (400)."""
    if not is_tag(text):
        raise RegistryError(OciCode.MANIFEST_INVALID, "invalid tag name", detail={"tag": text[:255]})
    return text
