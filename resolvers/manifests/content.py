"""Content of manifests: documents, annotations, layers, entries of indexes, configurations and model cards.

The amount that one request reads is bounded, so that a request cannot exhaust the server's memory.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.manifests import rights
from resolvers.manifests.document import Descriptor, ManifestDocument, parse_manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.nesting import is_too_deep
from storage.blobs import BlobError
from storage.statements import decode_json, fetch, placeholders

CONFIG_LIMIT = 8 * 1024 * 1024
REQUEST_LIMIT = 64 * 1024 * 1024
"""Most bytes of documents, annotations, configurations and model cards that one request reads."""
ENTRIES_LIMIT = 50_000
"""Most entries of indexes that one request reads; an index has at most 10,000."""
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
    """An entry of an index; `child_id` is None if the repository does not hold the child."""

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
    """A layer with its step of the history in the image configuration."""

    index: int
    descriptor: Descriptor
    command: list[str] | None
    comment: str | None
    author: str | None
    created_at: datetime | None


def is_model(manifest: ManifestRecord) -> bool:
    """Whether a manifest is a machine learning model, which may have a model card."""
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
    """Reads content of manifests, at most `REQUEST_LIMIT` bytes and `ENTRIES_LIMIT` entries in one request.

    Beyond a limit it returns a `BadRequest` in place of the value, so that the other values still arrive.
    """

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._left = REQUEST_LIMIT
        self._entries_left = ENTRIES_LIMIT
        self._entries_lock = asyncio.Lock()

    async def bodies(self, manifests: Sequence[ManifestRecord]) -> list[bytes | BadRequest | None]:
        """The bytes of manifests as they were pushed, in one statement; None for collected ones."""
        fitting = {manifest.id for manifest in manifests if self._spend(manifest.size_bytes)}
        found = await bodies(sorted(fitting))
        return [found.get(item.id) if item.id in fitting else _too_much() for item in manifests]

    async def annotations(self, manifests: Sequence[ManifestRecord]) -> list[dict[str, str] | BadRequest]:
        """The annotations of manifests, in one statement; each costs the bytes of its whole document."""
        annotated = [manifest for manifest in manifests if manifest.has_annotations]
        fitting = {manifest.id for manifest in annotated if self._spend(manifest.size_bytes)}
        found = await annotations(sorted(fitting))
        return [
            _too_much() if item.has_annotations and item.id not in fitting else found.get(item.id, {})
            for item in manifests
        ]

    async def entries(self, index_ids: Sequence[int]) -> list[list[ChildRecord] | BadRequest]:
        """The entries of several indexes in their order, in one statement."""
        # Batches run one after the other, since each may use up the limit of the next.
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
            # The row beyond the limit belongs to the first index that is incomplete.
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
        """Configurations of images as JSON; None for other manifests and unreadable configurations.

        A collected manifest has none, and one whose configuration its repository does not hold.
        """
        named = {
            item.id: (item.repository_id, item.config_digest)
            for item in manifests
            if item.config_digest and item.config_media_type in IMAGE_CONFIG_MEDIA_TYPES
            if not item.is_collected
        }
        held = await rights.held(named.values()) if named else set()
        return [await self._configuration(item) if named.get(item.id) in held else None for item in manifests]

    async def _configuration(self, manifest: ManifestRecord) -> dict[str, Any] | BadRequest | None:
        assert manifest.config_digest is not None
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

    async def model_card(self, repository_id: int, body: bytes) -> str | BadRequest | None:
        """The model card of a machine learning model: the text of its last layer.

        None for a layer that is not UTF-8, longer than 1 MiB, or not held by the repository.
        """
        *_, last = parse_manifest(body, None).layers or (None,)
        if last is None or last.size_bytes > MODEL_CARD_LIMIT:
            return None
        if not await rights.held([(repository_id, last.digest)]):
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
    return BadRequest(f"A request reads at most {REQUEST_LIMIT >> 20} MiB of manifests; ask for fewer.")


def _too_many_entries() -> BadRequest:
    return BadRequest(f"A request reads at most {ENTRIES_LIMIT:,} entries of indexes; ask for fewer.")


def layers(body: bytes, configuration: dict[str, Any] | None) -> list[Layer]:
    """The layers of an image, base layer first, each with its step of the configuration's history."""
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
    """The words of a command: the items of a JSON list of strings, or any other text as one word."""
    try:
        words = orjson.loads(text)
    except ValueError:
        return [text]
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return [text]


def _moment(text: str) -> datetime | None:
    """Parse a date and time; without a zone it is UTC. None for malformed or out of range."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
