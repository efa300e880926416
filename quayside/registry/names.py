"""The grammar of repository names, tags, digests and references.

Source: OCI Distribution 1.1, "Pulling manifests". Names may have more forms than there, all of those that a
repository may be created with: a name that is good elsewhere must not be out of reach here.
"""

import re

from quayside.registry.errors import OciCode, RegistryError
from resolvers.names import REPOSITORY
from storage.blobs import DigestInvalid
from storage.blobs.digest import parse_digest

LIBRARY = "library"
MAX_NAME_LENGTH = 255
"""Of the namespace, and of the name below it."""

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_name(text: str) -> bool:
    """Whether the text can name a repository, with its namespace or, where one is implied, without."""
    namespace, slash, name = text.partition("/")
    if len(namespace) > MAX_NAME_LENGTH or _NAMESPACE.fullmatch(namespace) is None:
        return False
    return not slash or REPOSITORY.fullmatch(name) is not None


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


def repository_path(name: str, *, has_library: bool) -> str:
    """Return the path of the repository that a good name means.

    A name without a namespace means one in ``library``, if there is such a thing. Raises RegistryError
    NAME_INVALID (400).
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
