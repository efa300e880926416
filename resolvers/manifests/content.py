"""What manifests hold: their documents, annotations, layers, entries, configurations and model cards.

One request reads a bounded part of it, so that nobody makes the server hold all of a registry at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.manifests.document import Descriptor, ManifestDocument, parse_manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.nesting import is_too_deep
from storage.blobs import BlobError
from storage.statements import decode_json, fetch, placeholders

CONFIG_LIMIT = 8 * 1024 * 1024
REQUEST_LIMIT = 64 * 1024 * 1024
"""Bytes of documents, annotations, configurations and model cards that are read in one request."""
ENTRIES_LIMIT = 50_000
"""Entries of indexes that are read in one request; an index has at most 10,000."""
MODEL_CARD_LIMIT = 1024 * 1024
MODEL_ARTIFACT_TYPE = "application/x-mlmodel"
IMAGE_CONFIG_MEDIA_TYPES = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)


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


def is_model(manifest: ManifestRecord) -> bool:
    """Whether it is a machine learning model, which can have a model card."""
    return manifest.artifact_type == MODEL_ARTIFACT_TYPE and not manifest.is_index


async def bodies(manifest_ids: Sequence[int]) -> dict[int, bytes]:
    """The bytes of several manifests as they were pushed, in one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        f"SELECT manifest_id, body FROM manifest_body WHERE manifest_id IN ({placeholders(manifest_ids)})",
        *manifest_ids,
    )
    return {row["manifest_id"]: bytes(row["body"]) for row in rows}


async def annotations(manifest_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The annotations of several manifests, in one statement."""
    if not manifest_ids:
        return {}
    rows = await fetch(
        f"SELECT id, annotations FROM manifest WHERE id IN ({placeholders(manifest_ids)})", *manifest_ids
    )
    return {row["id"]: decode_json(row["annotations"]) or {} for row in rows}


class ContentReader:
    """Reads what manifests hold: at most `REQUEST_LIMIT` bytes and `ENTRIES_LIMIT` entries in one request.

    Where that does not suffice the answer is a `BadRequest`, returned so that the others have theirs.
    """

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._left = REQUEST_LIMIT
        self._entries_left = ENTRIES_LIMIT
        self._entries_lock = asyncio.Lock()

    async def bodies(self, manifests: Sequence[ManifestRecord]) -> list[bytes | BadRequest | None]:
        """The bytes of manifests as they were pushed, in one statement; None for what was collected."""
        fitting = {manifest.id for manifest in manifests if self._spend(manifest.size_bytes)}
        found = await bodies(sorted(fitting))
        return [found.get(item.id) if item.id in fitting else _too_much() for item in manifests]

    async def annotations(self, manifests: Sequence[ManifestRecord]) -> list[dict[str, str] | BadRequest]:
        """What authors attached to manifests, by key, in one statement; each counts as its whole document."""
        annotated = [manifest for manifest in manifests if manifest.has_annotations]
        fitting = {manifest.id for manifest in annotated if self._spend(manifest.size_bytes)}
        found = await annotations(sorted(fitting))
        return [
            _too_much() if item.has_annotations and item.id not in fitting else found.get(item.id, {})
            for item in manifests
        ]

    async def entries(self, index_ids: Sequence[int]) -> list[list[ChildRecord] | BadRequest]:
        """The entries of several indexes in their order, in one statement."""
        # One batch after the other, so that none reads what another is about to take.
        async with self._entries_lock:
            rows = await fetch(
                "SELECT c.manifest_id, c.digest, c.media_type, c.artifact_type, c.size_bytes, c.os,"
                " c.architecture, c.variant, k.id AS child_id"
                " FROM manifest_child c JOIN manifest m ON m.id = c.manifest_id"
                " LEFT JOIN manifest k ON k.repository_id = m.repository_id AND k.digest = c.digest"
                f" WHERE c.manifest_id IN ({placeholders(index_ids)})"
                " ORDER BY c.manifest_id, c.position LIMIT ?",
                *index_ids,
                self._entries_left + 1,
            )
            # The row beyond the limit belongs to the first index that is not whole.
            cut = rows[-1]["manifest_id"] if len(rows) > self._entries_left else None
            whole = [ChildRecord(**row) for row in rows if row["manifest_id"] != cut]
            self._entries_left -= len(whole)
        found: dict[int, list[ChildRecord]] = {identity: [] for identity in index_ids}
        for entry in whole:
            found[entry.manifest_id].append(entry)
        return [
            found[identity] if cut is None or identity < cut else _too_many_entries()
            for identity in index_ids
        ]

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
            if not self._spend(size):
                return _too_much()
            value = orjson.loads(await self._blobs.read_all(manifest.config_digest, limit=CONFIG_LIMIT))
        except (BlobError, ValueError):
            return None
        return value if isinstance(value, dict) and not is_too_deep(value) else None

    async def model_card(self, body: bytes) -> str | BadRequest | None:
        """What the author of a machine learning model says of it: the last layer of such an artifact.

        None for a layer that is no UTF-8 text, longer than 1 MiB, or not here. A manifest may name a layer
        that is kept elsewhere without any right to it, so that is not here either.
        """
        *_, last = parse_manifest(body, None).layers or (None,)
        if last is None or not last.is_distributable or last.size_bytes > MODEL_CARD_LIMIT:
            return None
        if not self._spend(last.size_bytes):
            return _too_much()
        try:
            return (await self._blobs.read_all(last.digest, limit=MODEL_CARD_LIMIT)).decode()
        except (BlobError, UnicodeDecodeError):
            return None

    def _spend(self, size_bytes: int) -> bool:
        fits = size_bytes <= self._left
        if fits:
            self._left -= size_bytes
        return fits


def _too_much() -> BadRequest:
    return BadRequest(f"A request reads at most {REQUEST_LIMIT >> 20} MiB of documents and what they hold.")


def _too_many_entries() -> BadRequest:
    return BadRequest(f"A request reads at most {ENTRIES_LIMIT:,} entries of indexes.")


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
