"""Manifests: what a repository holds, and how they come and go. What is in them: `manifest_content`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.expiration import END_NOW
from resolvers.manifests.document import MAX_SIZE
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.statements import Row, execute, fetch, fetch_one, placeholders


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """A manifest or index of a repository. Sizes are bytes; `layers_size_bytes` is 0 for an index.

    One that was collected stands in the history of tags alone, and has no content.
    """

    id: int
    repository_id: int
    digest: str
    media_type: str
    artifact_type: str | None
    size_bytes: int
    layers_size_bytes: int
    is_index: bool
    config_digest: str | None
    config_media_type: str | None
    subject_digest: str | None
    has_annotations: bool
    os: str | None
    architecture: str | None
    variant: str | None
    created_at_ms: int
    is_collected: bool


COLUMNS = (
    "m.id, m.repository_id, COALESCE(m.deleted_digest, m.digest) AS digest, m.media_type, m.artifact_type,"
    " m.size_bytes, m.layers_size_bytes, m.is_index, m.config_digest, m.config_media_type, m.subject_digest,"
    " m.os, m.architecture, m.variant, m.created_at_ms, m.annotations IS NOT NULL AS has_annotations,"
    " m.collected_at_ms IS NOT NULL AS is_collected"
)


def record(row: Row) -> ManifestRecord:
    """A manifest from a row of `COLUMNS`."""
    flags = {key: bool(row[key]) for key in ("is_index", "has_annotations", "is_collected")}
    return ManifestRecord(**(row | flags))


async def by_digest(repository: RepositoryRecord, digest: str) -> ManifestRecord | None:
    """A manifest of an authorized repository."""
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM manifest m WHERE m.repository_id = ? AND m.digest = ?", repository.id, digest
    )
    return record(row) if row else None


COLLECTED_MESSAGE = "The content of the manifest has been removed, since its last tag ended too long ago."
# A digest of its own form, which nobody can ask for, lets every search for the real one miss it.
TOMBSTONE = (
    "deleted_digest = COALESCE(deleted_digest, digest),"
    " deleted_subject_digest = COALESCE(deleted_subject_digest, subject_digest),"
    " digest = 'deleted:' || id, subject_digest = NULL"
)
"""What is set of a manifest of which the history of tags alone goes on to tell."""

_UNDELETE = (
    "UPDATE manifest SET digest = deleted_digest, subject_digest = deleted_subject_digest,"
    " deleted_digest = NULL, deleted_subject_digest = NULL, collected_at_ms = NULL"
    " WHERE deleted_digest IS NOT NULL AND collected_at_ms IS {collected} AND {condition}"
)


async def undelete(condition: str, *values: Any) -> int:
    """Undo the deletion of the manifests on which a condition holds; how many there were.

    In the open transaction, with the row of their repository locked. What was collected stays so.
    """
    return await execute(_UNDELETE.format(collected="NULL", condition=condition), *values)


async def undelete_collected(repository_id: int, digests: Sequence[str]) -> list[int]:
    """Take back that manifests with some of at most 500 digests were collected; their rows.

    In the open transaction, with the row of their repository locked. They have no content until the caller
    gives it to them. So the history of tags speaks of one that is pushed again as it did before.
    """
    rows = await fetch(
        "SELECT id FROM manifest WHERE repository_id = ? AND collected_at_ms IS NOT NULL"
        f" AND deleted_digest IN ({placeholders(digests)})",
        repository_id,
        *digests,
    )
    ids = [row["id"] for row in rows]
    if ids:
        # The collector may not have come to what they had.
        for table in ("manifest_child", "manifest_blob", "label", "manifest_body"):
            await execute(f"DELETE FROM {table} WHERE manifest_id IN ({placeholders(ids)})", *ids)
        await execute(
            f"UPDATE manifest SET pushed_at_ms = ? WHERE id IN ({placeholders(ids)})", now_ms(), *ids
        )
        await execute(_UNDELETE.format(collected="NOT NULL", condition=f"id IN ({placeholders(ids)})"), *ids)
    return ids


async def require_content(ids: Sequence[int], *, field: str) -> None:
    """Raise `NotFound`, naming a field, if one of at most 500 manifests was collected."""
    row = await fetch_one(
        f"SELECT id FROM manifest WHERE id IN ({placeholders(ids)}) AND collected_at_ms IS NOT NULL LIMIT 1",
        *ids,
    )
    if row is not None:
        raise NotFound(COLLECTED_MESSAGE, field=field)


async def find_or_undelete(repository_id: int, digest: str) -> int | None:
    """The row of a manifest; one that was deleted, but stands in the history of tags, is there again.

    In the open transaction, with the repository's row locked.
    """
    statement = "SELECT id FROM manifest WHERE repository_id = ? AND digest = ?"
    row = await fetch_one(statement, repository_id, digest)
    if row is None and await undelete("repository_id = ? AND deleted_digest = ?", repository_id, digest):
        row = await fetch_one(statement, repository_id, digest)
    return int(row["id"]) if row else None


async def tombstone_or_delete(manifest_id: int, moment_ms: int) -> None:
    """Delete a manifest and end its tags, whose history keeps it out of sight.

    In the open transaction, with the row of its repository locked.
    """
    kept = await execute(
        f"UPDATE manifest SET {TOMBSTONE}"
        " WHERE id = ? AND EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = manifest.id)",
        manifest_id,
    )
    if not kept:
        await execute("DELETE FROM manifest WHERE id = ?", manifest_id)
        return
    await execute(
        f"UPDATE tag SET {END_NOW} WHERE manifest_id = ? AND (ended_at_ms IS NULL OR ended_at_ms > ?)",
        moment_ms,
        manifest_id,
        moment_ms,
    )


async def by_ids(ids: Sequence[int]) -> dict[int, ManifestRecord]:
    """Manifests by id, in one statement; the history of tags also speaks of deleted ones."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {COLUMNS} FROM manifest m WHERE m.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: record(row) for row in rows}


async def manifests(context: Context, repository: RepositoryRecord, page: Page) -> Slice[ManifestRecord]:
    """The manifests of an authorized repository, newest first, tagged or not."""
    rows = await paginate(
        Query(
            COLUMNS,
            "manifest m",
            (Term("m.id", "id", descending=True),),
            ("m.repository_id = ?", "m.deleted_digest IS NULL"),
            (repository.id,),
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(record)


async def total_sizes(manifest_ids: Sequence[int]) -> dict[int, int]:
    """The bytes of configuration and layers that pulling everything takes, each digest counted once.

    For an index, of all the images that it holds, however deep; one statement, each manifest walked once. At
    most `MAX_SIZE`, which only claims of content that is kept elsewhere exceed.
    """
    if not manifest_ids:
        return {}
    rows = await fetch(
        "WITH RECURSIVE held (root, id) AS ("
        f" SELECT m.id, m.id FROM manifest m WHERE m.id IN ({placeholders(manifest_ids)})"
        " UNION SELECT h.root, k.id FROM held h JOIN manifest p ON p.id = h.id"
        " JOIN manifest_child c ON c.manifest_id = p.id"
        " JOIN manifest k ON k.repository_id = p.repository_id AND k.digest = c.digest)"
        # In two halves, since SQLite fails where a sum of claims does not fit into 64 bits.
        " SELECT d.root AS root, SUM(d.size_bytes / 16777216) AS high,"
        " SUM(d.size_bytes % 16777216) AS low FROM"
        " (SELECT DISTINCT h.root, b.digest, b.size_bytes FROM held h"
        " JOIN manifest_blob b ON b.manifest_id = h.id) d"
        " GROUP BY d.root",
        *manifest_ids,
    )
    totals = {row["root"]: (int(row["high"]) << 24) + int(row["low"]) for row in rows}
    return dict.fromkeys(manifest_ids, 0) | {root: min(total, MAX_SIZE) for root, total in totals.items()}
