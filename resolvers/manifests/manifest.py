"""Manifests of a repository: reading, deleting (tombstones) and undeleting. Their content: `content.py`.

A manifest with history is not deleted but becomes a tombstone: its row stays, so that the history of tags can
name it, but its digest is replaced, so that no lookup finds it. Undeleting restores the digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.manifests.document import MAX_SIZE
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import RepositoryRecord
from resolvers.spans import end
from storage.clock import now_ms
from storage.statements import execute, fetch, fetch_one, placeholders


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """A manifest or index of a repository. `layers_size_bytes` is 0 for an index.

    A collected one (`is_collected`) is a tombstone without content: only the history of tags names it.
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


COLUMNS = Columns(
    ManifestRecord,
    "m",
    digest="COALESCE(m.deleted_digest, m.digest)",
    has_annotations="m.annotations IS NOT NULL",
    is_collected="m.collected_at_ms IS NOT NULL",
)


async def by_digest(repository: RepositoryRecord, digest: str) -> ManifestRecord | None:
    """A manifest of an authorized repository."""
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM manifest m WHERE m.repository_id = ? AND m.digest = ?", repository.id, digest
    )
    return COLUMNS.record(row) if row else None


async def by_digest_or_tombstone(repository: RepositoryRecord, digest: str) -> ManifestRecord | None:
    """As `by_digest`, also a deleted manifest that the history of tags still names."""
    found = await by_digest(repository, digest)
    if found is not None:
        return found
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM manifest m WHERE m.repository_id = ? AND m.deleted_digest = ?"
        " ORDER BY m.id DESC LIMIT 1",
        repository.id,
        digest,
    )
    return COLUMNS.record(row) if row else None


COLLECTED_MESSAGE = "The content of the manifest was garbage collected: its last tag ended too long ago."
TOMBSTONE = (
    "deleted_digest = COALESCE(deleted_digest, digest),"
    " deleted_subject_digest = COALESCE(deleted_subject_digest, subject_digest),"
    " digest = 'deleted:' || id, subject_digest = NULL"
)
"""SQL assignments that make a manifest a tombstone. No client can ask for a digest of this form."""

_UNDELETE = (
    "UPDATE manifest SET digest = deleted_digest, subject_digest = deleted_subject_digest,"
    " deleted_digest = NULL, deleted_subject_digest = NULL, collected_at_ms = NULL"
    " WHERE deleted_digest IS NOT NULL AND collected_at_ms IS {collected} AND {condition}"
)


async def undelete(condition: str, *values: Any) -> int:
    """Undelete the tombstones that match an SQL condition, except collected ones. Returns their number.

    In the open transaction, with the row of their repository locked.
    """
    return await execute(_UNDELETE.format(collected="NULL", condition=condition), *values)


_COLLECTED_PARTS: Final = (
    *("manifest_child", "manifest_blob", "label", "manifest_body"),
    # What was found in layers went with these, and what documents said.
    *("manifest_scan", "hidden_file", "sbom_document", "vex_document"),
)


async def undelete_collected(repository_id: int, digests: Sequence[str]) -> list[int]:
    """Undelete the collected tombstones with some of at most 500 digests. Returns their ids.

    In the open transaction, with the row of their repository locked. The caller must store their content
    again. A manifest that is pushed again thus keeps its id and its history of tags.
    """
    rows = await fetch(
        "SELECT id FROM manifest WHERE repository_id = ? AND collected_at_ms IS NOT NULL"
        f" AND deleted_digest IN ({placeholders(digests)})",
        repository_id,
        *digests,
    )
    ids = [row["id"] for row in rows]
    if ids:
        # Garbage collection may not have removed their parts yet.
        for table in _COLLECTED_PARTS:
            await execute(f"DELETE FROM {table} WHERE manifest_id IN ({placeholders(ids)})", *ids)
        await execute(
            f"UPDATE manifest SET pushed_at_ms = ? WHERE id IN ({placeholders(ids)})", now_ms(), *ids
        )
        await execute(_UNDELETE.format(collected="NOT NULL", condition=f"id IN ({placeholders(ids)})"), *ids)
    return ids


async def require_content(ids: Sequence[int], *, field: str) -> None:
    """Raise `NotFound` for `field` if one of at most 500 manifests was collected."""
    row = await fetch_one(
        f"SELECT id FROM manifest WHERE id IN ({placeholders(ids)}) AND collected_at_ms IS NOT NULL LIMIT 1",
        *ids,
    )
    if row is not None:
        raise NotFound(COLLECTED_MESSAGE, field=field)


async def find_or_undelete(repository_id: int, digest: str) -> int | None:
    """The id of a manifest, undeleted if it is a tombstone; None if there is none or it was collected.

    In the open transaction, with the repository's row locked.
    """
    statement = "SELECT id FROM manifest WHERE repository_id = ? AND digest = ?"
    row = await fetch_one(statement, repository_id, digest)
    if row is None and await undelete("repository_id = ? AND deleted_digest = ?", repository_id, digest):
        row = await fetch_one(statement, repository_id, digest)
    return int(row["id"]) if row else None


async def tombstone_or_delete(manifest_id: int, moment_ms: int) -> None:
    """Delete a manifest that never had a tag; make any other a tombstone, and end its tags.

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
    await end("manifest_id = ?", manifest_id, moment_ms=moment_ms)


async def by_ids(ids: Sequence[int]) -> dict[int, ManifestRecord]:
    """Manifests by id, tombstones included, which the history of tags names; one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {COLUMNS} FROM manifest m WHERE m.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: COLUMNS.record(row) for row in rows}


async def manifests(context: Context, repository: RepositoryRecord, page: Page) -> Slice[ManifestRecord]:
    """The manifests of an authorized repository, newest first, tagged or not."""
    rows = await paginate(
        Query(
            COLUMNS.sql,
            "manifest m",
            (Term("m.id", "id", descending=True),),
            ("m.repository_id = ?", "m.deleted_digest IS NULL"),
            (repository.id,),
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(COLUMNS.record)


def held_by(manifest_ids: Sequence[int]) -> str:
    """SQL that begins a statement: `held` has pairs of a manifest, and itself or one that it holds."""
    return (
        "WITH RECURSIVE held (root, id) AS ("
        f"SELECT m.id, m.id FROM manifest m WHERE m.id IN ({placeholders(manifest_ids)})"
        " UNION SELECT h.root, k.id FROM held h JOIN manifest p ON p.id = h.id"
        " JOIN manifest_child c ON c.manifest_id = p.id"
        " JOIN manifest k ON k.repository_id = p.repository_id AND k.digest = c.digest)"
    )


async def total_sizes(manifest_ids: Sequence[int]) -> dict[int, int]:
    """The bytes of configurations and layers to pull a manifest completely, each digest counted once.

    Those of an index are the sum over its images, at any depth. One statement, which visits each manifest
    once. Capped at `MAX_SIZE`, since sizes of content that is not stored here are only claims.
    """
    if not manifest_ids:
        return {}
    rows = await fetch(
        # Summed in two halves: SQLite fails if a sum of claimed sizes overflows 64 bits.
        f"{held_by(manifest_ids)} SELECT d.root AS root, SUM(d.size_bytes / 16777216) AS high,"
        " SUM(d.size_bytes % 16777216) AS low FROM"
        " (SELECT DISTINCT h.root, b.digest, b.size_bytes FROM held h"
        " JOIN manifest_blob b ON b.manifest_id = h.id) d"
        " GROUP BY d.root",
        *manifest_ids,
    )
    totals = {row["root"]: (int(row["high"]) << 24) + int(row["low"]) for row in rows}
    return dict.fromkeys(manifest_ids, 0) | {root: min(total, MAX_SIZE) for root, total in totals.items()}
