"""Rights to the blobs that manifests name.

A manifest may name blobs to which its repository has no right: those of a cache that have not been fetched,
and what is kept elsewhere. The blob store may hold them for others, so whoever reads one asks here first.
"""

from collections.abc import Collection

from storage.statements import batches, fetch, placeholders

IS_HELD = (
    "EXISTS (SELECT 1 FROM blob b JOIN repository_blob r ON r.blob_id = b.id"
    " WHERE b.digest = l.digest AND r.repository_id = m.repository_id)"
)
"""SQL condition on blobs `l` that manifests `m` name: the repository has a right to it."""


async def held(named: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of some pairs of repository id and digest where the repository has a right to the blob."""
    found: set[tuple[int, str]] = set()
    for batch in batches(sorted(set(named))):
        repositories = sorted({repository_id for repository_id, _ in batch})
        digests = [digest for _, digest in batch]
        rows = await fetch(
            "SELECT r.repository_id AS repository_id, b.digest AS digest FROM blob b"
            " JOIN repository_blob r ON r.blob_id = b.id"
            f" WHERE b.digest IN ({placeholders(digests)})"
            f" AND r.repository_id IN ({placeholders(repositories)})",
            *digests,
            *repositories,
        )
        found |= {(row["repository_id"], row["digest"]) for row in rows}
    return found.intersection(named)
