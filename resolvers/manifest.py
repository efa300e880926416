"""Manifests: what a repository holds, and the views of one: layers, configuration, children."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from resolvers.context import Context
from resolvers.errors import BadRequest, NotFound
from resolvers.expiration import END_NOW
from resolvers.manifest_document import MAX_SIZE, Descriptor, ManifestDocument, parse_manifest
from resolvers.nesting import is_too_deep
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repository import RepositoryRecord
from storage.blobs import BlobError
from storage.clock import now_ms
from storage.statements import Row, decode_json, execute, fetch, fetch_one, placeholders

CONFIG_LIMIT = 8 * 1024 * 1024
REQUEST_LIMIT = 64 * 1024 * 1024
"""Bytes of documents, configurations and model cards that are read in one request."""
MODEL_CARD_LIMIT = 1024 * 1024
MODEL_ARTIFACT_TYPE = "application/x-mlmodel"
IMAGE_CONFIG_MEDIA_TYPES = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)


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
    annotations: dict[str, str]
    os: str | None
    architecture: str | None
    variant: str | None
    created_at_ms: int
    is_collected: bool


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """An entry of an index; `child_id` is None while the child itself is not in the repository."""

    manifest_id: int
    digest: str
    media_type: str
    artifact_type: str | None
    size_bytes: int
    os: str | None
    architecture: str | None
    variant: str | None
    child_id: int | None


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with what the image configuration says of how it came to be."""

    index: int
    descriptor: Descriptor
    command: list[str] | None
    comment: str | None
    author: str | None
    created_at: datetime | None


COLUMNS = (
    "m.id, m.repository_id, COALESCE(m.deleted_digest, m.digest) AS digest, m.media_type, m.artifact_type,"
    " m.size_bytes, m.layers_size_bytes, m.is_index,"
    " m.config_digest, m.config_media_type, m.subject_digest, m.annotations, m.os, m.architecture, m.variant,"
    " m.created_at_ms, m.collected_at_ms IS NOT NULL AS is_collected"
)


def record(row: Row) -> ManifestRecord:
    """A manifest from a row of `COLUMNS`."""
    flags = {key: bool(row[key]) for key in ("is_index", "is_collected")}
    return ManifestRecord(**(row | flags | {"annotations": decode_json(row["annotations"]) or {}}))


async def by_digest(repository: RepositoryRecord, digest: str) -> ManifestRecord | None:
    """A manifest of an authorized repository."""
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM manifest m WHERE m.repository_id = ? AND m.digest = ?", repository.id, digest
    )
    return record(row) if row else None


COLLECTED = "The content of the manifest has been removed, since its last tag ended too long ago."
# A digest of its own form, which nobody can ask for, lets every search for the real one miss it.
OUT_OF_SIGHT = (
    "deleted_digest = COALESCE(deleted_digest, digest),"
    " deleted_subject_digest = COALESCE(deleted_subject_digest, subject_digest),"
    " digest = 'deleted:' || id, subject_digest = NULL"
)
"""What is set of a manifest of which the history of tags alone goes on to tell."""

_REVIVE = (
    "UPDATE manifest SET digest = deleted_digest, subject_digest = deleted_subject_digest,"
    " deleted_digest = NULL, deleted_subject_digest = NULL, collected_at_ms = NULL"
    " WHERE deleted_digest IS NOT NULL AND collected_at_ms IS {collected} AND {condition}"
)


async def revive(condition: str, *values: Any) -> int:
    """Undo the deletion of the manifests on which a condition holds; how many there were.

    In the open transaction, with the row of their repository locked. What was collected stays so.
    """
    return await execute(_REVIVE.format(collected="NULL", condition=condition), *values)


async def reopen(repository_id: int, digests: Sequence[str]) -> list[int]:
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
        await execute(_REVIVE.format(collected="NOT NULL", condition=f"id IN ({placeholders(ids)})"), *ids)
    return ids


async def require_content(ids: Sequence[int], *, field: str) -> None:
    """Raise `NotFound`, naming a field, if one of at most 500 manifests was collected."""
    row = await fetch_one(
        f"SELECT id FROM manifest WHERE id IN ({placeholders(ids)}) AND collected_at_ms IS NOT NULL LIMIT 1",
        *ids,
    )
    if row is not None:
        raise NotFound(COLLECTED, field=field)


async def stored_id(repository_id: int, digest: str) -> int | None:
    """The row of a manifest; one that was deleted, but stands in the history of tags, is there again.

    In the open transaction, with the repository's row locked.
    """
    statement = "SELECT id FROM manifest WHERE repository_id = ? AND digest = ?"
    row = await fetch_one(statement, repository_id, digest)
    if row is None and await revive("repository_id = ? AND deleted_digest = ?", repository_id, digest):
        row = await fetch_one(statement, repository_id, digest)
    return int(row["id"]) if row else None


async def remove(manifest_id: int, moment_ms: int) -> None:
    """Delete a manifest and end its tags, whose history keeps it out of sight.

    In the open transaction, with the row of its repository locked.
    """
    kept = await execute(
        f"UPDATE manifest SET {OUT_OF_SIGHT}"
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


async def children(manifest_ids: Sequence[int]) -> dict[int, list[ChildRecord]]:
    """The entries of several indexes in their order, in one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        "SELECT c.manifest_id, c.digest, c.media_type, c.artifact_type, c.size_bytes, c.os, c.architecture,"
        " c.variant, k.id AS child_id FROM manifest_child c JOIN manifest m ON m.id = c.manifest_id"
        " LEFT JOIN manifest k ON k.repository_id = m.repository_id AND k.digest = c.digest"
        f" WHERE c.manifest_id IN ({placeholders(manifest_ids)}) ORDER BY c.manifest_id, c.position",
        *manifest_ids,
    )
    found: dict[int, list[ChildRecord]] = {identity: [] for identity in manifest_ids}
    for row in rows:
        found[row["manifest_id"]].append(ChildRecord(**row))
    return found


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


async def bodies(manifest_ids: Sequence[int]) -> dict[int, bytes]:
    """The bytes of several manifests as they were pushed, in one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        f"SELECT manifest_id, body FROM manifest_body WHERE manifest_id IN ({placeholders(manifest_ids)})",
        *manifest_ids,
    )
    return {row["manifest_id"]: bytes(row["body"]) for row in rows}


class ContentReader:
    """Reads documents, configurations and model cards, at most `REQUEST_LIMIT` bytes in one request.

    Where that does not suffice the answer is a `BadRequest`, returned so that the others have theirs.
    """

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._left = REQUEST_LIMIT

    async def bodies(self, manifests: Sequence[ManifestRecord]) -> list[bytes | BadRequest | None]:
        """The bytes of manifests as they were pushed, in one statement; None for what was collected."""
        fitting = {manifest.id for manifest in manifests if self._take(manifest.size_bytes)}
        found = await bodies(sorted(fitting))
        return [found.get(item.id) if item.id in fitting else _too_much() for item in manifests]

    async def configurations(
        self, manifests: Sequence[ManifestRecord]
    ) -> list[dict[str, Any] | BadRequest | None]:
        """Configurations of images as JSON; None for anything else, and for those that cannot be read."""
        return [await self._configuration(manifest) for manifest in manifests]

    async def _configuration(self, manifest: ManifestRecord) -> dict[str, Any] | BadRequest | None:
        if manifest.config_digest is None or manifest.config_media_type not in IMAGE_CONFIG_MEDIA_TYPES:
            return None
        if manifest.is_collected:
            # The repository has no right to it any more.
            return None
        try:
            size = await self._blobs.stat(manifest.config_digest)
            if size is None or size > CONFIG_LIMIT:
                return None
            if not self._take(size):
                return _too_much()
            value = orjson.loads(await self._blobs.read_all(manifest.config_digest, limit=CONFIG_LIMIT))
        except (BlobError, ValueError):
            return None
        return value if isinstance(value, dict) and not is_too_deep(value) else None

    async def model_card(self, manifest: ManifestRecord, body: bytes) -> str | None:
        """What the author of a machine learning model says of it: the last layer of such an artifact.

        None for anything else, and for a layer that is no UTF-8 text, longer than 1 MiB, or not here. A
        manifest may name a layer that is kept elsewhere without any right to it, so that is not here either.
        Raises `BadRequest`.
        """
        if manifest.artifact_type != MODEL_ARTIFACT_TYPE or manifest.is_index:
            return None
        *_, last = parse_manifest(body, None).layers or (None,)
        if last is None or not last.is_distributable or last.size_bytes > MODEL_CARD_LIMIT:
            return None
        if not self._take(last.size_bytes):
            raise _too_much()
        try:
            return (await self._blobs.read_all(last.digest, limit=MODEL_CARD_LIMIT)).decode()
        except (BlobError, UnicodeDecodeError):
            return None

    def _take(self, size_bytes: int) -> bool:
        fits = size_bytes <= self._left
        if fits:
            self._left -= size_bytes
        return fits


def _too_much() -> BadRequest:
    return BadRequest(f"A request reads at most {REQUEST_LIMIT >> 20} MiB of documents and what they hold.")


def layers(body: bytes, configuration: dict[str, Any] | None) -> list[Layer]:
    """The layers of an image from the bottom up, each with its step of the configuration's history."""
    document: ManifestDocument = parse_manifest(body, None)
    history = (configuration or {}).get("history")
    steps = [
        step
        for step in (history if isinstance(history, list) else [])
        if isinstance(step, dict) and not step.get("empty_layer")
    ]
    return [
        _layer(index, descriptor, steps[index] if index < len(steps) else {})
        for index, descriptor in enumerate(document.layers)
    ]


def _layer(index: int, descriptor: Descriptor, step: dict[str, Any]) -> Layer:
    def text(key: str) -> str | None:
        value = step.get(key)
        return value if isinstance(value, str) and value else None

    command, created_at = text("created_by"), text("created")
    return Layer(
        index,
        descriptor,
        _command(command) if command else None,
        text("comment"),
        text("author"),
        _moment(created_at) if created_at else None,
    )


def _command(text: str) -> list[str]:
    """The words of a command that is written as a list in JSON; any other is one word."""
    try:
        words = orjson.loads(text)
    except ValueError:
        return [text]
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return [text]


def _moment(text: str) -> datetime | None:
    """A date and time, in UTC if it names no zone; None for what is none, or none in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
