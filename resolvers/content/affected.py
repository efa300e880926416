"""Which images need a blob or a manifest: the tags that lead to it, by way of indexes at any depth.

Where no tag does, the manifests themselves. Few are named, and all are counted: a base layer may be in all
images of a registry.
"""

from dataclasses import dataclass
from typing import Any

from resolvers.tags.tag import WITH_PARENTS
from storage.clock import now_ms
from storage.conditions import exists, is_active
from storage.statements import fetch, fetch_one

NAMED = 10
"""How many images are named."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: a tag, or a manifest without one, with the digest of its manifest."""

    repository: str
    tag: str | None
    digest: str

    @property
    def name(self) -> str:
        """The image as clients name it."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Images:
    """How many images there are, and the first of them."""

    number: int = 0
    named: tuple[Image, ...] = ()


_OF_BLOB = (
    "SELECT m.id FROM manifest m WHERE m.id IN (SELECT n.manifest_id FROM manifest_blob n WHERE n.digest = ?"
    # An index may also list plain blobs.
    " UNION SELECT c.manifest_id FROM manifest_child c WHERE c.digest = ?) AND m.deleted_digest IS NULL"
    " AND EXISTS (SELECT 1 FROM blob b JOIN repository_blob h ON h.blob_id = b.id"
    " WHERE b.digest = ? AND h.repository_id = m.repository_id)"
)
_OF_MANIFEST = "SELECT m.id FROM manifest m WHERE m.id = ?"
_NAMING = (
    "SELECT m.id FROM manifest m JOIN manifest_blob n ON n.manifest_id = m.id"
    " WHERE m.repository_id = ? AND n.digest = ? AND m.deleted_digest IS NULL"
)
_TAGS = (
    f" FROM above a JOIN tag t ON t.manifest_id = a.id AND {is_active('t')}"
    f" JOIN manifest m ON m.id = a.id JOIN repository r ON r.id = m.repository_id AND {exists('r')}"
)
_MANIFESTS = (
    " FROM above a JOIN manifest m ON m.id = a.id"
    f" JOIN repository r ON r.id = m.repository_id AND {exists('r')}"
)


async def of_blob(digest: str) -> Images:
    """The images with a blob, in the repositories that have a right to it."""
    return await _images(_OF_BLOB, digest, digest, digest)


async def of_manifest(manifest_id: int) -> Images:
    """The images of which a manifest is a part."""
    return await _images(_OF_MANIFEST, manifest_id)


async def naming(repository_id: int, digest: str) -> Images:
    """The images of one repository whose manifests name a blob."""
    return await _images(_NAMING, repository_id, digest)


async def _images(manifests: str, *values: Any) -> Images:
    prefix = WITH_PARENTS.format(manifests)
    for source, name, more in ((_TAGS, "t.name", (now_ms(),)), (_MANIFESTS, "NULL", ())):
        row = await fetch_one(f"{prefix} SELECT COUNT(*) AS number{source}", *values, *more)
        if row is not None and row["number"]:
            rows = await fetch(
                f"{prefix} SELECT r.path AS repository, {name} AS tag,"
                f" COALESCE(m.deleted_digest, m.digest) AS digest{source} ORDER BY 1, 2, 3 LIMIT {NAMED}",
                *values,
                *more,
            )
            return Images(int(row["number"]), tuple(Image(**each) for each in rows))
    return Images()
