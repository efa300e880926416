"""Pushes: writing rights to blobs, manifests, tags, and their events.

The caller (`/v2`) has authorized the repository. Bytes are in the blob store before rows are written; they
become visible with the commit of one transaction.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from resolvers import events
from resolvers.access.permissions import visible_repositories
from resolvers.access.permit import Origin
from resolvers.access.viewer import AccountKind
from resolvers.content.storing import configuration_of, labels_of, platform_of, store
from resolvers.context import Context
from resolvers.errors import Immutable, NotFound, UnknownReference
from resolvers.manifests import control, cosign, label
from resolvers.manifests.document import Descriptor, ManifestDocument, ManifestInvalid, parse_manifest
from resolvers.manifests.liveness import RENEWAL_MS
from resolvers.manifests.manifest import find_or_undelete, tombstone_or_delete
from resolvers.names import check_tag, split_path
from resolvers.quotas import enforcement
from resolvers.quotas.enforcement import Meter
from resolvers.quotas.notices import refusals
from resolvers.repositories import activity
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import lock_writable, origin_of, require_no_cache, require_writable
from resolvers.tags import tag
from storage import blob_rows
from storage.blobs import BlobUnknown
from storage.clock import now_ms
from storage.conditions import exists, is_active, is_usable
from storage.faults import fault
from storage.statements import Row, batches, execute, fetch, fetch_one, placeholders
from storage.transactions import key_share, transaction

PARSE_IN_THREAD_BYTES = 64 * 1024


class BlobsUnknown(UnknownReference):
    """A manifest names blobs or manifests that the repository does not hold: `digests`."""

    def __init__(self, digests: list[str]) -> None:
        super().__init__(f"not in the repository: {', '.join(digests[:10])}")
        self.digests = digests


class DigestDiffers(UnknownReference):
    """The content does not have the digest that the client stated."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"the content has the digest {actual}, not {expected}")


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """The digests of a stored manifest and of its subject."""

    digest: str
    subject_digest: str | None


async def link_blob(
    repository_id: int,
    digest: str,
    size_bytes: int,
    *,
    upload: str | None = None,
    meter: Meter | None = None,
) -> None:
    """Give a repository the right to a blob that `blob_rows.commit` stored, and end its upload. Repeatable.

    What was reserved for the upload becomes stored bytes. Without a meter no quota counts. Raises
    `BlobUnknown` if the commit was so long ago that the collector took the bytes since, and `QuotaExceeded`
    if there is no room for more than was reserved: a quota was made, or what the namespace held was removed,
    since the upload was checked. The bytes are left to the collector then: others may have sent them too.
    """
    async with transaction("blob.link"):
        await blob_rows.record({digest: size_bytes})
        granted = await _grant(repository_id, "digest", digest)
        if granted is None:
            raise BlobUnknown(digest)
        reserved = 0
        if upload is not None:
            row = await fetch_one("DELETE FROM upload WHERE uuid = ? RETURNING reserved_bytes", upload)
            reserved = row["reserved_bytes"] if row else 0
        if meter is not None and granted is Granted.ANEW:
            await enforcement.require_content(meter, digest, size_bytes, reserved_bytes=reserved)
        fault("push.before_commit")
    fault("push.after_commit")


class Granted(Enum):
    """How a repository came to its right to a blob."""

    ANEW = auto()
    RENEWED = auto()


async def _grant(repository_id: int, column: str, value: str | int) -> Granted | None:
    """Give a repository the right to a blob that a column tells, or renew it; None if there is none to keep.

    In the open transaction, to whose end the collector leaves the blob alone. On PostgreSQL it waits first
    for who has locked the row of the repository, such as a copy, which gives it rights as well.
    """
    now = now_ms()
    if await execute(
        "INSERT INTO repository_blob (repository_id, blob_id, created_at_ms)"
        " SELECT r.id, b.id, CAST(? AS BIGINT) FROM repository r CROSS JOIN blob b"
        f" WHERE r.id = ? AND b.{column} = ? AND b.state = 'stored'{key_share()}"
        " ON CONFLICT (repository_id, blob_id) DO NOTHING",
        now,
        repository_id,
        value,
    ):
        return Granted.ANEW
    renewed = await execute(
        "UPDATE repository_blob SET created_at_ms = ? WHERE repository_id = ?"
        f" AND blob_id IN (SELECT b.id FROM blob b WHERE b.{column} = ? AND b.state = 'stored')",
        now,
        repository_id,
        value,
    )
    return Granted.RENEWED if renewed else None


async def renew_blob(repository_id: int, digest: str) -> bool:
    """Renew the grace period of a right to a blob that a pusher found by HEAD; False if it is gone."""
    return bool(
        await execute(
            "UPDATE repository_blob SET created_at_ms = ? WHERE repository_id = ?"
            " AND blob_id = (SELECT id FROM blob WHERE digest = ?)",
            now_ms(),
            repository_id,
            digest,
        )
    )


async def held_blobs(repository_id: int, digests: Sequence[str]) -> set[str]:
    """Those of some blobs that a repository has a right to; their grace period is renewed if it is old."""
    held: set[str] = set()
    for batch in batches(digests):
        rows = await fetch(_BLOBS.format(placeholders(batch)), repository_id, *batch)
        await _renew(rows)
        held |= {row["digest"] for row in rows}
    return held


async def renew_manifest(manifest_id: int) -> bool:
    """Renew the grace period of a manifest that a pusher found by HEAD; False if it is gone."""
    return bool(
        await execute(
            "UPDATE manifest SET pushed_at_ms = ? WHERE id = ? AND deleted_digest IS NULL",
            now_ms(),
            manifest_id,
        )
    )


async def mount_blob(
    context: Context, repository_id: int, namespace_id: int, digest: str, *, source: str | None
) -> bool:
    """Give a repository the right to a blob of the repository at the path `source`, None for any.

    Only repositories that the viewer may pull from count. False if there is no such blob or source, or the
    viewer may not see it: the same answer, so that nothing is disclosed. Raises `QuotaExceeded` if the
    namespace did not hold the blob, and has no room for it.
    """
    visible, values = visible_repositories(context.viewer, include_public=True)
    conditions = [
        visible,
        "b.digest = ?",
        exists("r"),
        is_usable("n"),
    ]
    values = [*values, digest]
    if source is not None:
        conditions += ["n.name = ?", "r.name = ?"]
        values += split_path(source)
    row = await fetch_one(
        "SELECT b.id, b.size_bytes FROM blob b JOIN repository_blob s ON s.blob_id = b.id JOIN repository r"
        " ON r.id = s.repository_id JOIN account n ON n.id = r.namespace_id"
        f" WHERE {' AND '.join(conditions)} LIMIT 1",
        *values,
    )
    # The row may briefly outlive the bytes, and a successful mount promises the bytes.
    if row is None or await context.blobs.stat(digest) is None:
        return False
    async with refusals(context), transaction("blob.mount"):
        granted = await _grant(repository_id, "id", row["id"])
        if granted is Granted.ANEW:
            meter = Meter.of(context, namespace_id)
            await enforcement.require_content(meter, digest, row["size_bytes"])
        # None if the blob was collected meanwhile.
        return granted is not None


async def delete_blob(context: Context, repository: RepositoryRecord, digest: str) -> None:
    """Revoke the repository's right to a blob, at once. Raises `NotFound`, `Immutable`, `NotWritable`."""
    require_writable(context, repository)
    async with transaction("blob.delete"):
        await lock_writable(context, repository)
        await _require_unlocked(
            context,
            "SELECT m.id FROM manifest m WHERE m.repository_id = ? AND m.id IN"
            # An index may also list plain blobs.
            " (SELECT manifest_id FROM manifest_blob WHERE namespace_id = ? AND digest = ?"
            " UNION SELECT manifest_id FROM manifest_child WHERE namespace_id = ? AND digest = ?)",
            repository.id,
            *(repository.namespace_id, digest) * 2,
        )
        removed = await execute(
            "DELETE FROM repository_blob WHERE repository_id = ?"
            " AND blob_id = (SELECT id FROM blob WHERE digest = ?)",
            repository.id,
            digest,
        )
        if not removed:
            raise NotFound
        await _record(context, repository, "delete_blob", {"digest": digest})


async def put_manifest(
    context: Context,
    repository: RepositoryRecord,
    body: bytes,
    *,
    content_type: str | None,
    tags: Sequence[str] = (),
    expected_digest: str | None = None,
) -> PushedManifest:
    """Store a manifest and set tags to it, atomically. A manifest that is held already is not stored again.

    A cache (`permit`) stores it also without what it names, and pushes nothing. Raises
    `ManifestInvalid`, `DigestDiffers`, `BlobsUnknown` for missing blobs or children, `QuotaExceeded`,
    `Immutable`, `NotWritable`, and `NotFound` if the repository was deleted meanwhile.
    """
    require_writable(context, repository)
    require_no_cache(context, repository)
    for name in tags:
        check_tag(name)
    algorithm = expected_digest.partition(":")[0] if expected_digest else "sha256"
    if len(body) > PARSE_IN_THREAD_BYTES:
        document = await asyncio.to_thread(parse_manifest, body, content_type, algorithm=algorithm)
    else:
        document = parse_manifest(body, content_type, algorithm=algorithm)
    if expected_digest is not None and document.digest != expected_digest:
        raise DigestDiffers(expected_digest, document.digest)
    is_cache = origin_of(context, repository.id) is Origin.CACHE
    configuration = {}
    if not is_cache or await _holds_configuration(repository, document):
        configuration = await configuration_of(context, document)
    labels = labels_of(configuration)
    async with refusals(context), transaction("manifest.put"):
        await lock_writable(context, repository)
        # Also for a manifest that is held already: its blobs may have been deleted since.
        missing = await _missing_content(context, repository, document)
        if missing and not is_cache:
            raise BlobsUnknown(missing)
        manifest_id = await find_or_undelete(repository.id, document.digest)
        if manifest_id is None:
            manifest_id = await store(context, repository, document, body, platform_of(configuration))
            await label.import_labels(manifest_id, labels)
        elif not tags:
            # Renews the grace period: the client may be about to push an index that lists it.
            await execute("UPDATE manifest SET pushed_at_ms = ? WHERE id = ?", now_ms(), manifest_id)
        asked = await control.of_manifest(manifest_id) if tags else control.NO_CONTROL
        for name in tags:
            await tag.point(
                context, repository, name, manifest_id, document.digest, asked=asked, is_push=True
            )
        if not is_cache:
            await _record_push(context, repository, document, tags)
            await activity.count_push(
                context, repository_id=repository.id, namespace_id=repository.namespace_id
            )
        fault("push.before_commit")
    fault("push.after_commit")
    return PushedManifest(document.digest, document.subject.digest if document.subject else None)


async def delete_manifest(context: Context, repository: RepositoryRecord, digest: str) -> None:
    """Delete a manifest and its tags, at once. Within the window of history a tag can be restored to it.

    Raises `NotFound`, `Immutable`, `NotWritable`.
    """
    require_writable(context, repository)
    async with transaction("manifest.delete"):
        await lock_writable(context, repository)
        manifest = await fetch_one(
            "SELECT id FROM manifest WHERE repository_id = ? AND digest = ?", repository.id, digest
        )
        if manifest is None:
            raise NotFound
        await _require_unlocked(context, "SELECT m.id FROM manifest m WHERE m.id = ?", manifest["id"])
        now = now_ms()
        await tombstone_or_delete(manifest["id"], now)
        await cosign.end_with_subjects([("", manifest["id"])], now)
        await _record(context, repository, "delete_manifest", {"manifest_digest": digest})


async def _require_unlocked(context: Context, manifests: str, *values: Any) -> None:
    """Raise `Immutable` if a locked tag points to one of the selected manifests or to an index above one.

    Indexes count at any depth, since an image without its layers is as good as deleted.
    """
    if not context.site.has("IMMUTABLE_TAGS"):
        return
    locked = await fetch_one(
        f"{tag.WITH_PARENTS.format(manifests)} SELECT t.name FROM tag t JOIN above a ON t.manifest_id = a.id"
        f" WHERE t.is_immutable = ? AND {is_active('t')} LIMIT 1",
        *values,
        True,
        now_ms(),
    )
    if locked is not None:
        raise Immutable(f"Cannot delete immutable tag '{locked['name']}'", field="tag")


async def _record(
    context: Context, repository: RepositoryRecord, kind: str, metadata: dict[str, Any]
) -> None:
    await events.record(
        context,
        kind,
        {"repo": repository.name, "namespace": repository.namespace_name} | metadata,
        namespace_id=repository.namespace_id,
        repository_id=repository.id,
    )


async def _record_push(
    context: Context, repository: RepositoryRecord, document: ManifestDocument, tags: Sequence[str]
) -> None:
    account = context.viewer.account
    who = "robot" if account is not None and account.kind is AccountKind.ROBOT else "username"
    metadata = {
        "user-agent": context.user_agent,
        "mediaType": document.media_type,
        "manifest_digest": document.digest,
        who: account.name if account else None,
    }
    for more in [{"tag": name} for name in tags] or [{}]:
        await _record(context, repository, "push_repo", metadata | more)


async def _holds_configuration(repository: RepositoryRecord, document: ManifestDocument) -> bool:
    """Whether a repository has the right to the configuration of an image."""
    return document.config is not None and bool(await held_blobs(repository.id, [document.config.digest]))


async def _missing_content(
    context: Context, repository: RepositoryRecord, document: ManifestDocument
) -> list[str]:
    """The content that a manifest must have and the repository lacks. Raises `ManifestInvalid`: a wrong size.

    With SPARSE_INDEX an index need not have its children.
    """
    strays = document.required_contents
    no_manifests = set(await _missing(_MANIFESTS, repository.id, strays))
    blobs = (*document.required_blobs, *(item for item in strays if item.digest in no_manifests))
    missing = await _missing(_BLOBS, repository.id, blobs)
    # Those that are there must have the sizes that are listed, in any case.
    absent = await _missing(_MANIFESTS, repository.id, document.required_manifests)
    return missing if context.site.has("SPARSE_INDEX") else missing + absent


_BLOBS = (
    "SELECT b.digest, b.size_bytes, r.id, r.created_at_ms FROM blob b"
    " JOIN repository_blob r ON r.blob_id = b.id"
    " WHERE r.repository_id = ? AND b.digest IN ({}) AND b.state = 'stored'"
)
_MANIFESTS = "SELECT m.digest, m.size_bytes FROM manifest m WHERE m.repository_id = ? AND m.digest IN ({})"


async def _missing(sql: str, repository_id: int, descriptors: tuple[Descriptor, ...]) -> list[str]:
    missing: list[str] = []
    for batch in batches(descriptors):
        digests = [descriptor.digest for descriptor in batch]
        rows = await fetch(sql.format(placeholders(digests)), repository_id, *digests)
        sizes = {row["digest"]: row["size_bytes"] for row in rows}
        await _renew([row for row in rows if "created_at_ms" in row])
        for item in batch:
            size = sizes.get(item.digest, item.size_bytes)
            if size != item.size_bytes:
                raise ManifestInvalid(f"{item.digest} has {size} bytes, not {item.size_bytes}")
        missing += [digest for digest in digests if digest not in sizes]
    return missing


async def _renew(rights: Sequence[Row]) -> None:
    """Renew the grace period of old rights to blobs that a manifest names."""
    now = now_ms()
    old = [row["id"] for row in rights if row["created_at_ms"] < now - RENEWAL_MS]
    if old:
        await execute(
            f"UPDATE repository_blob SET created_at_ms = ? WHERE id IN ({placeholders(old)})", now, *old
        )
