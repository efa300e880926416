"""What tests of the collector need: content that looks old, runs of the collector, and what is left."""

from resolvers.content.garbage_collection import Removed, collect
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import execute, fetch

DAY_MS = 86_400_000
WINDOW_MS = 14 * DAY_MS


async def backdate() -> None:
    """Let everything look as if it had been pushed long ago; the spans of tags stay as they are."""
    await execute("UPDATE manifest SET created_at_ms = 1, pushed_at_ms = NULL WHERE collected_at_ms IS NULL")
    await execute(
        "UPDATE manifest SET created_at_ms = 1, collected_at_ms = 2 WHERE collected_at_ms IS NOT NULL"
    )
    await execute("UPDATE repository_blob SET created_at_ms = 1")
    await execute("UPDATE blob SET committed_at_ms = 1")


async def end_tags(names: str, *, ago_ms: int) -> None:
    """Set the spans of tags whose names match a LIKE pattern to have ended some time ago."""
    ended_at_ms = now_ms() - ago_ms
    await execute(
        "UPDATE tag SET started_at_ms = ?, ended_at_ms = ? WHERE name LIKE ?",
        ended_at_ms - 1,
        ended_at_ms,
        names,
    )


async def collected(blobs: BlobStore, *, is_dry_run: bool = False) -> list[Removed]:
    """Run garbage collection. Returns the reports of what it removed, or would remove."""
    return [removed async for removed in collect(blobs, is_dry_run=is_dry_run)]


async def held(path: str) -> set[str]:
    """The digests of the manifests that a repository holds."""
    rows = await fetch(
        "SELECT m.digest AS digest FROM manifest m JOIN repository r ON r.id = m.repository_id"
        " WHERE r.path = ? AND m.deleted_digest IS NULL",
        path,
    )
    return {row["digest"] for row in rows}


async def rights(path: str) -> set[str]:
    """The digests of the blobs to which a repository has a right."""
    rows = await fetch(
        "SELECT b.digest AS digest FROM blob b JOIN repository_blob x ON x.blob_id = b.id"
        " JOIN repository r ON r.id = x.repository_id WHERE r.path = ?",
        path,
    )
    return {row["digest"] for row in rows}


async def stored(blobs: BlobStore) -> set[str]:
    """The digests of the bytes that are there."""
    return {digest async for digest, _ in blobs.digests()}
