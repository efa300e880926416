"""Copies (promotion): tags in other repositories and namespaces for content that the registry holds already.

No bytes are moved, only rows are written: the manifest and the entries of an index, rights to their blobs,
labels and, on request, referrers, both those with a subject and those with a cosign tag `sha256-<hex>.sig`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, TooMany, UnknownReference
from resolvers.manifests import examination, manifest
from resolvers.manifests.cosign import ENDINGS, name_of
from resolvers.manifests.document import MANIFEST_MEDIA_TYPES
from resolvers.manifests.liveness import RENEWAL_MS
from resolvers.names import check_tag
from resolvers.quotas import enforcement
from resolvers.quotas.notices import refusals
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, Visibility
from resolvers.repositories.writing import require_no_cache, require_writable
from resolvers.tags import tag
from resolvers.tags.tag import TagRecord
from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import Row, batches, execute, fetch, fetch_one, insert_many, placeholders
from storage.transactions import lock_row, transaction

MAX_MANIFESTS = 10_000
MAX_TAGS = 1_000
"""Most cosign tags of referrers that one copy sets, over all targets."""


@dataclass(frozen=True, slots=True)
class CopySource:
    """The manifest to copy, by tag or by digest; exactly one of both is given."""

    repository: str
    tag: str | None = None
    manifest_digest: str | None = None


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """The tag to set, and its repository."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class _Closure:
    """Ids of the manifests to copy, and the cosign tags of referrers: digest by tag name."""

    manifests: Sequence[int]
    tags: Mapping[str, str]


async def copy(
    context: Context,
    source: CopySource,
    targets: Sequence[CopyTarget],
    *,
    include_referrers: bool = False,
    can_create: bool = False,
) -> list[TagRecord]:
    """Set tags in several repositories to a manifest of one repository: all tags or none.

    Requires `repo:read` on the source and `repo:write` on every target. With `can_create`, missing target
    repositories are created, private, where the viewer may. Immutability policies and what the image asks
    for its tags apply to the new tags. With `include_referrers`, cosign tags (`sha256-<hex>.sig`) are set as
    in the source. Returns the active tags in the order of the targets. Raises `Invalid`, `UnknownReference`,
    `Immutable`, `NotWritable`, `TooMany`, `QuotaExceeded`. An index of which the source lacks images is
    copied with SPARSE_INDEX only.
    """
    _check(source, targets)
    origin = await repository.repository(context, source.repository, RepositoryRole.READ)
    if origin is None:
        raise UnknownReference(f"There is no repository '{source.repository}'.", field="from")
    for _ in targets:
        try:
            return await _copy(context, origin, source, targets, include_referrers, can_create)
        except AlreadyExists:
            # A concurrent request created a target; the next try finds it.
            continue
    return await _copy(context, origin, source, targets, include_referrers, can_create)


async def _copy(
    context: Context,
    origin: RepositoryRecord,
    source: CopySource,
    targets: Sequence[CopyTarget],
    include_referrers: bool,
    can_create: bool,
) -> list[TagRecord]:
    async with refusals(context), transaction("tag.copy"):
        records = {
            path: await _target(context, path, can_create=can_create)
            for path in sorted({target.repository for target in targets})
        }
        ids = sorted({origin.id, *(record.id for record in records.values())})
        for identity in ids:
            await lock_row("repository", identity)
        found = await repository.by_ids(ids)
        if len(found) < len(ids):
            raise UnknownReference("A source or target repository was deleted meanwhile.", field="to")
        for record in records.values():
            require_writable(context, found[record.id])
        root = await _root(origin, source)
        copied = await _closure(origin, root["id"], include_referrers=include_referrers)
        await _require_blobs(origin, copied.manifests)
        others = [record for record in records.values() if record.id != origin.id]
        if others and not context.site.has("SPARSE_INDEX"):
            await _require_children(origin, copied.manifests)
        if len(copied.tags) * len(others) > MAX_TAGS:
            raise TooMany(
                f"A copy sets at most {MAX_TAGS:,} tags of referrers; name fewer targets.", field="from"
            )
        stored = await enforcement.before(context.site, frozenset(record.namespace_id for record in others))
        for record in others:
            await _copy_manifests(context, origin, record, copied.manifests)
            for name, digest in copied.tags.items():
                await _point(context, record, name, digest)
        for target in targets:
            await _point(context, records[target.repository], target.tag, root["digest"])
        await enforcement.require_added(context, stored, field="to")
    tags = [await tag.active_tag(records[target.repository].id, target.tag) for target in targets]
    return [record for record in tags if record is not None]


def _check(source: CopySource, targets: Sequence[CopyTarget]) -> None:
    if (source.tag is None) == (source.manifest_digest is None):
        raise Invalid("from: give either a tag or a manifest digest.", field="from")
    if not targets:
        raise Invalid("to: give at least one target.", field="to")
    if len(set(targets)) < len(targets):
        raise Invalid("to: give each target once.", field="to")
    for target in targets:
        check_tag(target.tag)


async def _target(context: Context, path: str, *, can_create: bool) -> RepositoryRecord:
    if can_create and await repository.find(path) is None:
        namespace, _, name = path.partition("/")
        try:
            made = await repository.create(
                context, namespace=namespace, name=name, visibility=Visibility.PRIVATE
            )
        except (Invalid, AlreadyExists) as error:
            raise type(error)(f"'{path}': {error.message}", field="to") from error
        require_no_cache(context, made)
        return made
    record = await repository.repository(context, path, RepositoryRole.WRITE)
    if record is None:
        raise UnknownReference(f"There is no repository '{path}'.", field="to")
    require_writable(context, record)
    require_no_cache(context, record)
    return record


async def _root(origin: RepositoryRecord, source: CopySource) -> Row:
    """The row of the manifest that `source` names. Raises `UnknownReference`."""
    digest = source.manifest_digest
    if source.tag is not None:
        active = await tag.active_tag(origin.id, source.tag)
        row = await fetch_one(
            "SELECT id, digest FROM manifest WHERE id = ?", active.manifest_id if active else 0
        )
    else:
        row = await fetch_one(
            "SELECT id, digest FROM manifest WHERE repository_id = ? AND digest = ?", origin.id, digest
        )
    if row is None:
        name = digest if source.tag is None else source.tag
        raise UnknownReference(f"The repository has no tag or manifest '{name}'.", field="from")
    return row


_CHILDREN = (
    "SELECT DISTINCT k.id FROM manifest_child c JOIN manifest k ON k.digest = c.digest"
    " WHERE k.repository_id = ? AND c.manifest_id IN ({})"
)
_REFERRERS = (
    "SELECT DISTINCT k.id FROM manifest p JOIN manifest k ON k.subject_digest = p.digest"
    " WHERE k.repository_id = ? AND p.id IN ({})"
)
_COSIGN_TAGS = (
    f"SELECT k.id, t.name, k.digest FROM manifest p CROSS JOIN {ENDINGS} JOIN tag t"
    f" ON t.name = {name_of('p.digest')} AND {is_active('t')}"
    " JOIN manifest k ON k.id = t.manifest_id WHERE t.repository_id = ? AND p.id IN ({})"
)


async def _closure(origin: RepositoryRecord, root: int, *, include_referrers: bool) -> _Closure:
    """A manifest with its transitive children and, on request, referrers, all of its repository."""
    found = {root}
    tags: dict[str, str] = {}
    level = [root]
    while level:
        following: set[int] = set()
        for batch in batches(level):
            for statement in (_CHILDREN, _REFERRERS)[: 1 + include_referrers]:
                rows = await fetch(statement.format(placeholders(batch)), origin.id, *batch)
                following |= {row["id"] for row in rows}
            if include_referrers:
                rows = await fetch(_COSIGN_TAGS.format(placeholders(batch)), now_ms(), origin.id, *batch)
                following |= {row["id"] for row in rows}
                tags |= {row["name"]: row["digest"] for row in rows}
        level = sorted(following - found)
        found |= following
        if len(found) > MAX_MANIFESTS:
            raise TooMany(f"A copy has at most {MAX_MANIFESTS:,} manifests; this one has more.", field="from")
    return _Closure(sorted(found), dict(sorted(tags.items())))


async def _require_blobs(origin: RepositoryRecord, copied: Sequence[int]) -> None:
    """Raise `UnknownReference` if the source does not have the right to a blob of the copied manifests.

    A blob may have been deleted, or not been fetched yet into a cache.
    """
    for batch in batches(copied):
        missing = await fetch_one(
            "SELECT m.digest FROM manifest_blob m WHERE m.is_distributable"
            f" AND m.manifest_id IN ({placeholders(batch)}) AND NOT EXISTS (SELECT 1 FROM blob b"
            " JOIN repository_blob r ON r.blob_id = b.id WHERE b.digest = m.digest AND r.repository_id = ?)",
            *batch,
            origin.id,
        )
        if missing is not None:
            raise UnknownReference(
                f"The source does not hold the blob {missing['digest']}; pull the image if it is cached, or"
                " push it again.",
                field="from",
            )


async def _require_children(origin: RepositoryRecord, copied: Sequence[int]) -> None:
    """Raise `UnknownReference` if the source does not hold an image that a copied index lists."""
    kinds = sorted(MANIFEST_MEDIA_TYPES)
    for batch in batches(copied):
        missing = await fetch_one(
            f"SELECT c.digest FROM manifest_child c WHERE c.manifest_id IN ({placeholders(batch)})"
            f" AND c.media_type IN ({placeholders(kinds)}) AND NOT EXISTS (SELECT 1 FROM manifest k"
            " WHERE k.repository_id = ? AND k.digest = c.digest)",
            *batch,
            *kinds,
            origin.id,
        )
        if missing is not None:
            raise UnknownReference(
                f"The source does not hold {missing['digest']}, which the index lists; copy the images that"
                " it holds one by one, by their digests.",
                field="from",
            )


_MANIFEST_COLUMNS = (
    "digest, media_type, artifact_type, artifact_kind, size_bytes, layers_size_bytes, is_index,"
    " config_digest, config_media_type, subject_digest, annotations, os, architecture, variant"
)
_PART_COLUMNS = {
    "manifest_body": "body",
    "manifest_blob": "position, role, digest, media_type, size_bytes, is_distributable, namespace_id",
    "manifest_child": (
        "position, digest, media_type, artifact_type, size_bytes, os, architecture, variant, namespace_id"
    ),
}
"""Tables of the parts of a manifest, and their columns; only the namespace is that of the target."""


async def _copy_manifests(
    context: Context, origin: RepositoryRecord, target: RepositoryRecord, copied: Sequence[int]
) -> None:
    """Copy manifests and rights to their blobs into another repository. Idempotent: what is there stays."""
    for batch in batches(copied):
        await execute(
            "INSERT INTO repository_blob (repository_id, blob_id, created_at_ms)"
            " SELECT CAST(? AS BIGINT), r.blob_id, CAST(? AS BIGINT)"
            " FROM repository_blob r JOIN blob b ON b.id = r.blob_id"
            # An index may also list plain blobs.
            " WHERE r.repository_id = ? AND b.digest IN (SELECT m.digest FROM manifest_blob m"
            f" WHERE m.manifest_id IN ({placeholders(batch)}) UNION SELECT c.digest FROM manifest_child c"
            f" WHERE c.manifest_id IN ({placeholders(batch)}))"
            " ON CONFLICT (repository_id, blob_id) DO UPDATE SET created_at_ms = excluded.created_at_ms"
            " WHERE repository_blob.created_at_ms < ?",
            target.id,
            now_ms(),
            origin.id,
            *batch,
            *batch,
            now_ms() - RENEWAL_MS,
        )
        await manifest.undelete(
            "repository_id = ? AND deleted_digest IN"
            f" (SELECT digest FROM manifest WHERE id IN ({placeholders(batch)}))",
            target.id,
            *batch,
        )
        rows = await fetch(
            f"SELECT m.id, m.digest FROM manifest m WHERE m.id IN ({placeholders(batch)}) AND NOT EXISTS"
            " (SELECT 1 FROM manifest k WHERE k.repository_id = ? AND k.digest = m.digest)",
            *batch,
            target.id,
        )
        if rows:
            await manifest.undelete_collected(target.id, [row["digest"] for row in rows])
            await _insert_manifests(context, target, [row["id"] for row in rows])


async def _insert_manifests(context: Context, target: RepositoryRecord, ids: Sequence[int]) -> None:
    """Insert copies of at most 500 manifests that the target does not hold, and order what a push orders."""
    await execute(
        f"INSERT INTO manifest (repository_id, {_MANIFEST_COLUMNS}, created_at_ms)"
        f" SELECT CAST(? AS BIGINT), {_MANIFEST_COLUMNS}, CAST(? AS BIGINT) FROM manifest"
        # Those that were collected have been undeleted, so their rows exist.
        f" WHERE id IN ({placeholders(ids)}) ON CONFLICT (repository_id, digest) DO NOTHING",
        target.id,
        now_ms(),
        *ids,
    )
    copies = (
        " JOIN manifest s ON s.id = x.manifest_id"
        " JOIN manifest k ON k.repository_id = ? AND k.digest = s.digest"
        " JOIN repository r ON r.id = k.repository_id"
        f" WHERE s.id IN ({placeholders(ids)})"
    )
    for table, columns in _PART_COLUMNS.items():
        chosen = ", ".join(
            f"{'r' if column == 'namespace_id' else 'x'}.{column}" for column in columns.split(", ")
        )
        await execute(
            f"INSERT INTO {table} (manifest_id, {columns}) SELECT k.id, {chosen} FROM {table} x{copies}",
            target.id,
            *ids,
        )
    labels = await fetch(
        f"SELECT k.id AS manifest_id, x.key, x.value, x.media_type, x.source FROM label x{copies}",
        target.id,
        *ids,
    )
    await insert_many(
        "label",
        ("uuid", "manifest_id", "key", "value", "media_type", "source", "created_at_ms"),
        [(str(uuid.uuid4()), *row.values(), now_ms()) for row in labels],
    )
    made = await fetch(
        "SELECT k.id, k.config_media_type, x.id AS document_id, y.id AS bill_id FROM manifest s"
        " JOIN manifest k ON k.repository_id = ? AND k.digest = s.digest"
        " LEFT JOIN vex_document x ON x.manifest_id = s.id"
        " LEFT JOIN sbom_document y ON y.manifest_id = s.id"
        f" WHERE s.id IN ({placeholders(ids)}) ORDER BY k.id",
        target.id,
        *ids,
    )
    images = [(row["id"], row["config_media_type"]) for row in made]
    await examination.order_scans(context.site, target.namespace_id, images)
    documents = [row["id"] for row in made if row["document_id"] is not None]
    await examination.order_vex(context, target.namespace_id, documents)
    bills = [row["id"] for row in made if row["bill_id"] is not None]
    await examination.order_bills(context, target.namespace_id, bills)


async def _point(context: Context, record: RepositoryRecord, name: str, digest: str) -> None:
    row = await fetch_one("SELECT id FROM manifest WHERE repository_id = ? AND digest = ?", record.id, digest)
    assert row is not None  # Held before, or inserted in this transaction.
    await tag.point(context, record, name, row["id"], digest)
