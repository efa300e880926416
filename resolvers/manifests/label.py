"""Labels: keys and values on manifests, imported from the image or added by accounts that may push.

Labels of an image configuration are imported unchanged. Labels added by the API must match a grammar and must
not use reserved prefixes, which belong to image tools and this registry.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from resolvers import events
from resolvers.access.roles import RepositoryRole
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, TooMany
from resolvers.manifests import manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.pages import Page, Query, Slice, Term, paginate_each
from resolvers.repositories.repository import RepositoryRecord, require
from resolvers.repositories.writing import lock_writable, require_writable
from storage.clock import now_ms
from storage.models.label import Label
from storage.statements import execute, fetch_one
from storage.transactions import transaction

MAX_KEY_LENGTH = 255
MAX_VALUE_LENGTH = 65_536
"""Characters. Longer labels of an image are not imported; its configuration still has them."""
MAX_LABELS = 1_000
"""Most labels of one source on one manifest."""
MAX_IMPORTED_LENGTH = 1024 * 1024
"""Most characters of keys and values that are imported from one image."""

_KEY = re.compile(r"[a-z0-9](([a-z0-9]|[-.](?![.-]))*[a-z0-9])?", re.ASCII)
_RESERVED = (
    "com.docker.",
    "io.docker.",
    "org.dockerproject.",
    "org.opencontainers.",
    "io.cncf.",
    "io.kubernetes.",
    "io.k8s.",
    "io.quay",
    "com.coreos",
    "com.tectonic",
    "internal",
    "quay",
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class LabelSource(StrEnum):
    """The origin of a label. Only those of the API can be deleted."""

    MANIFEST = "manifest"
    API = "api"
    INTERNAL = "internal"


class LabelMediaType(StrEnum):
    """The media type of a label's value."""

    TEXT = "text/plain"
    JSON = "application/json"


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A label of a manifest. Keys need not be unique."""

    id: int
    uuid: str
    manifest_id: int
    key: str
    value: str
    media_type: LabelMediaType
    source: LabelSource
    created_at_ms: int


_COLUMNS = Columns(LabelRecord, "l")


async def labels_of(
    context: Context, manifest_ids: Sequence[int], page: Page, *, prefix: str = ""
) -> dict[int, Slice[LabelRecord]]:
    """One page of the labels of each of some authorized manifests, oldest first; one statement.

    `prefix` selects keys that begin with it, ignoring case.
    """
    found = await paginate_each(
        Query(
            _COLUMNS.sql,
            "label l",
            (Term("l.id", "id"),),
            ("LOWER(substr(l.key, 1, ?)) = LOWER(?)",) if prefix else (),
            (len(prefix), prefix) if prefix else (),
        ),
        "l.manifest_id",
        manifest_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: rows.of(_COLUMNS.record) for identity, rows in found.items()}


async def label(manifest_id: int, identity: str) -> LabelRecord | None:
    """A label of an authorized manifest, by its uuid."""
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM label l WHERE l.manifest_id = ? AND l.uuid = ?", manifest_id, identity
    )
    return _COLUMNS.record(row) if row else None


async def by_id(label_id: int) -> LabelRecord | None:
    """A label by its row id; the caller decides on access to its manifest."""
    row = await fetch_one(f"SELECT {_COLUMNS} FROM label l WHERE l.id = ?", label_id)
    return _COLUMNS.record(row) if row else None


def inferred_media_type(value: str) -> LabelMediaType:
    """JSON for a JSON object or list, plain text for anything else."""
    if value.lstrip()[:1] not in {"{", "["}:
        return LabelMediaType.TEXT
    try:
        orjson.loads(value)
    except ValueError:
        return LabelMediaType.TEXT
    return LabelMediaType.JSON


def check_key(key: str) -> None:
    """Raise `Invalid` for a key outside the grammar or with a reserved prefix."""
    if len(key) > MAX_KEY_LENGTH or not _KEY.fullmatch(key):
        raise Invalid(
            f"Label is of an invalid format or missing please use ^{_KEY.pattern}$ format for labels",
            field="key",
        )
    if key.startswith(_RESERVED):
        raise Invalid("Label has a reserved prefix", field="key")


def _media_type(text: str | None, value: str) -> LabelMediaType:
    if text is None:
        return inferred_media_type(value)
    try:
        return LabelMediaType(text)
    except ValueError as error:
        known = ", ".join(LabelMediaType)
        raise Invalid(
            f"Media type is invalid please use a valid media type: {known}", field="mediaType"
        ) from error


def _new(manifest_id: int, key: str, value: str, media_type: LabelMediaType, source: LabelSource) -> Label:
    return Label(
        uuid=str(uuid.uuid4()),
        manifest_id=manifest_id,
        key=key,
        value=value,
        media_type=media_type.value,
        source=source.value,
        created_at_ms=now_ms(),
    )


async def import_labels(manifest_id: int, labels: Mapping[str, str]) -> None:
    """Store the labels of an image with its manifest, in the open transaction.

    Labels that cannot be stored are left out, because bad labels are no reason to refuse a push.
    """
    fitting, room = [], MAX_IMPORTED_LENGTH
    for key, value in labels.items():
        length = len(key) + len(value)
        if not 0 < len(key) <= MAX_KEY_LENGTH or len(value) > MAX_VALUE_LENGTH or length > room:
            continue
        if "\0" in key + value or _SURROGATE.search(key + value):
            continue
        fitting.append((key, value))
        room -= length
    await Label.bulk_create(
        [
            _new(manifest_id, key, value, inferred_media_type(value), LabelSource.MANIFEST)
            for key, value in fitting[:MAX_LABELS]
        ],
        batch_size=500,
    )


async def _writable(context: Context, path: str, digest: str) -> tuple[RepositoryRecord, ManifestRecord]:
    repository = await require(context, path, RepositoryRole.WRITE)
    require_writable(context, repository)
    found = await manifest.by_digest(repository, digest)
    if found is None:
        raise NotFound(field="manifest")
    return repository, found


async def create(
    context: Context, path: str, digest: str, *, key: str, value: str, media_type: str | None = None
) -> LabelRecord:
    """Add a label to a manifest, not idempotent: a duplicate is a new label. Requires `repo:write`.

    The media type is inferred from the value if None. Raises `NotFound`, `Invalid`, `TooMany`, `NotWritable`.
    """
    repository, found = await _writable(context, path, digest)
    check_key(key)
    if len(value) > MAX_VALUE_LENGTH:
        raise Invalid(f"value: must have at most {MAX_VALUE_LENGTH} characters.", field="value")
    kind = _media_type(media_type, value)
    async with transaction("label.create"):
        # The lock makes counting and inserting atomic against other writers and a deletion of the manifest.
        await lock_writable(context, repository)
        if await manifest.by_digest(repository, digest) is None:
            raise NotFound(field="manifest")
        counted = await fetch_one(
            "SELECT COUNT(*) AS total FROM label WHERE manifest_id = ? AND source = ?",
            found.id,
            LabelSource.API.value,
        )
        if counted is not None and counted["total"] >= MAX_LABELS:
            raise TooMany(f"A manifest has at most {MAX_LABELS} labels; delete one first.", field="key")
        made = _new(found.id, key, value, kind, LabelSource.API)
        await made.save()
        await _record_event(
            context,
            repository,
            found,
            "manifest_label_add",
            {"id": made.uuid, "key": key, "value": value, "media_type": kind.value},
        )
    record = await label(found.id, made.uuid)
    if record is None:
        raise NotFound(field="manifest")
    return record


async def delete(context: Context, path: str, digest: str, identity: str) -> LabelRecord:
    """Delete a label that the API added. Requires `repo:write`.

    Raises `NotFound`, `Invalid` for a label of the image itself, `NotWritable`.
    """
    repository, found = await _writable(context, path, digest)
    record = await label(found.id, identity)
    if record is None:
        raise NotFound(field="label")
    if record.source is not LabelSource.API:
        raise Invalid("Cannot delete immutable label", field="label")
    async with transaction("label.delete"):
        await lock_writable(context, repository)
        if not await execute("DELETE FROM label WHERE id = ?", record.id):
            raise NotFound(field="label")
        await _record_event(
            context,
            repository,
            found,
            "manifest_label_delete",
            {"id": record.uuid, "key": record.key, "value": record.value},
        )
    return record


async def _record_event(
    context: Context,
    repository: RepositoryRecord,
    found: ManifestRecord,
    kind: str,
    metadata: dict[str, str],
) -> None:
    place = {
        "manifest_digest": found.digest,
        "namespace": repository.namespace_name,
        "repo": repository.name,
    }
    await events.record(
        context,
        kind,
        metadata | place,
        namespace_id=repository.namespace_id,
        repository_id=repository.id,
    )
