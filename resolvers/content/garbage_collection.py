"""Garbage collection: mark and sweep of manifests and blobs, online, beside pushes and pulls.

In each repository, garbage manifests (`resolvers.manifests.liveness`) become tombstones without content,
under the repository's lock and after a second check. Then rights to blobs that no manifest names are revoked.
At last the bytes to which no repository has a right are deleted (`storage.blob_rows`).

Each step is a short transaction that leaves a consistent state, so a run may be killed at any point and the
next one continues. A dry run does the same without writing. Memory holds batches only.

Grace period, why no push loses content: what is younger than `GRACE_MS` stays. Pushing, mounting and looking
for a blob (HEAD) renew the right to it, as does a manifest that names it; a commit renews the row
of the bytes, and bytes without a row get a new one.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from resolvers import spans
from resolvers.job_kinds import DAY, HOUR, Lane, Run, job, progress
from resolvers.manifests import liveness
from resolvers.manifests.liveness import GRACE_MS, Cutoffs
from resolvers.manifests.manifest import TOMBSTONE
from storage import blob_rows, deletion_hold
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.conditions import exists
from storage.faults import fault
from storage.jobs import enqueue
from storage.scratch import Tally
from storage.statements import Row, execute, fetch, fetch_one, in_batches, placeholders
from storage.transactions import lock_row, transaction

logger = logging.getLogger("quayside.collection")

BATCH = 500
NAMED = 5_000
"""Digests named by manifests, read in one statement."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a run removed from a repository: numbers of manifests and rights to blobs, and their bytes.

    With `repository` None, the totals of the registry: manifests, blobs, and freed bytes.
    """

    repository: str | None
    manifests: int = 0
    blobs: int = 0
    size_bytes: int = 0


async def collect(blobs: BlobStore, *, is_dry_run: bool = False) -> AsyncIterator[Removed]:
    """Remove garbage. Yields a report for each repository that lost something, then the totals.

    With `is_dry_run` it yields the same reports and changes nothing.
    """
    with Tally() as named, Tally() as released:
        run = _Run(now_ms() - GRACE_MS, is_dry_run, named, released)
        manifests = documents = 0
        number, place = await _number_of_repositories(), 0
        async for row in _repositories():
            await progress(place, max(number, place))
            place += 1
            freed = await run.manifests(row)
            rights = await run.rights(row)
            if not is_dry_run:
                await _clear(row["id"], run.old_ms)
            found = replace(
                rights, manifests=freed.manifests, size_bytes=rights.size_bytes + freed.size_bytes
            )
            manifests, documents = manifests + freed.manifests, documents + freed.size_bytes
            if found.manifests or found.blobs:
                yield found
        total = await run.bytes_of(blobs)
        yield replace(total, manifests=manifests, size_bytes=total.size_bytes + documents)


JOB = "content.collect"


@job(
    JOB,
    "Removes manifests and blobs that nothing keeps any more.",
    # Windows are days long, and a run reads every manifest and walks all bytes.
    every_s=DAY,
    lane=Lane.HEAVY,
    timeout_s=DAY,
    goes_on_when_read_only=False,
)
async def collect_content(run: Run) -> str | None:
    """Run a garbage collection and log the totals. Its progress counts repositories.

    What a backup keeps it from deleting goes in another run, an hour later.
    """
    result = None
    async for removed in collect(run.tools.context.blobs):
        if removed.repository is None:
            logger.info(
                "content collected",
                extra={"manifests": removed.manifests, "blobs": removed.blobs, "bytes": removed.size_bytes},
            )
            result = (
                f"Removed {removed.manifests} manifests and {removed.blobs} blobs,"
                f" {removed.size_bytes} bytes together."
            )
    if await deletion_hold.is_held():
        await enqueue(JOB, {}, delay_ms=HOUR * 1000)
        result = f"{result} A backup holds blobs; the next run is in an hour."
    return result


async def _number_of_repositories() -> int:
    row = await fetch_one(f"SELECT COUNT(*) AS number FROM repository WHERE {exists()}")
    return int(row["number"]) if row else 0


async def _repositories() -> AsyncIterator[Row]:
    last = 0
    while rows := await fetch(
        "SELECT r.id AS id, n.name || '/' || r.name AS path, n.tag_expiration_s AS tag_expiration_s"
        " FROM repository r JOIN account n ON n.id = r.namespace_id"
        f" WHERE r.id > ? AND {exists('r')} ORDER BY r.id LIMIT ?",
        last,
        BATCH,
    ):
        for row in rows:
            yield row
        last = rows[-1]["id"]


@dataclass(frozen=True, slots=True)
class _Run:
    """One run. Only content older than `old_ms` may be removed (grace period). `named` counts the digests
    that manifests of the current repository name; `released` counts, in a dry run, the rights to revoke by
    blob."""

    old_ms: int
    is_dry_run: bool
    named: Tally
    released: Tally

    async def manifests(self, repository: Row) -> Removed:
        """Make garbage manifests of a repository tombstones, and note the digests that the others name."""
        await self.named.clear()
        count = size = last = 0
        cutoffs = Cutoffs.at(self.old_ms + GRACE_MS, repository["tag_expiration_s"])
        while rows := await fetch(
            "SELECT id, size_bytes FROM manifest WHERE repository_id = ? AND id > ?"
            " AND collected_at_ms IS NULL ORDER BY id LIMIT ?",
            repository["id"],
            last,
            BATCH,
        ):
            last = rows[-1]["id"]
            sizes = {row["id"]: row["size_bytes"] for row in rows}
            lost = await liveness.find_garbage(list(sizes), cutoffs)
            if lost and not self.is_dry_run:
                lost = await _tombstone(repository["id"], lost)
            count += len(lost)
            size += sum(sizes.pop(identity) for identity in lost)
            if sizes:
                await self._note_named(list(sizes))
        return Removed(repository["path"], manifests=count, size_bytes=size)

    async def _note_named(self, ids: Sequence[int]) -> None:
        # An index may list blobs, which look like missing manifests.
        for table in ("manifest_blob", "manifest_child"):
            place = (0, -1)
            while rows := await fetch(
                f"SELECT manifest_id, position, digest FROM {table}"
                f" WHERE manifest_id IN ({placeholders(ids)})"
                " AND (manifest_id, position) > (?, ?) ORDER BY manifest_id, position LIMIT ?",
                *ids,
                *place,
                NAMED,
            ):
                await self.named.add([row["digest"] for row in rows])
                if len(rows) < NAMED:
                    break
                place = (rows[-1]["manifest_id"], rows[-1]["position"])

    async def rights(self, repository: Row) -> Removed:
        """Revoke the rights of a repository to blobs that none of its manifests names."""
        count = size = last = 0
        while rows := await fetch(
            "SELECT r.blob_id AS id, b.digest AS digest, b.size_bytes AS size_bytes FROM repository_blob r"
            " JOIN blob b ON b.id = r.blob_id WHERE r.repository_id = ? AND r.blob_id > ?"
            " AND r.created_at_ms < ? ORDER BY r.blob_id LIMIT ?",
            repository["id"],
            last,
            self.old_ms,
            BATCH,
        ):
            last = rows[-1]["id"]
            named = await self.named.counts([row["digest"] for row in rows])
            sizes = {row["id"]: row["size_bytes"] for row in rows if row["digest"] not in named}
            gone: Sequence[int] = list(sizes)
            if gone and self.is_dry_run:
                await self.released.add(gone)
            elif gone:
                gone = await _revoke_rights(repository["id"], gone, self.old_ms)
            count += len(gone)
            size += sum(sizes[identity] for identity in gone)
        return Removed(repository["path"], blobs=count, size_bytes=size)

    async def bytes_of(self, blobs: BlobStore) -> Removed:
        """Remove the blobs to which no repository has a right."""
        if not self.is_dry_run:
            await _record_strays(blobs)
        statement = _OLD_BLOBS.format("" if self.is_dry_run else _UNUSED)
        count = size = last = 0
        while rows := await fetch(statement, last, self.old_ms, BATCH):
            last = rows[-1]["id"]
            released = await self.released.counts([row["id"] for row in rows])
            sizes = {
                row["id"]: row["size_bytes"] for row in rows if row["rights"] <= released.get(row["id"], 0)
            }
            if self.is_dry_run:
                digests = {row["id"]: row["digest"] for row in rows}
                gone = {identity for identity in sizes if await blobs.stat(digests[identity]) is not None}
            else:
                gone = await blob_rows.remove(blobs, list(sizes), committed_before_ms=self.old_ms)
            count += len(gone)
            size += sum(sizes[identity] for identity in gone)
        return Removed(None, blobs=count, size_bytes=size)


_OLD_BLOBS = (
    "SELECT b.id AS id, b.digest AS digest, b.size_bytes AS size_bytes,"
    " (SELECT COUNT(*) FROM repository_blob r WHERE r.blob_id = b.id) AS rights FROM blob b"
    f" WHERE b.id > ? AND (b.state = 'deleting' OR {blob_rows.COMMITTED_AT} < ?){{}} ORDER BY b.id LIMIT ?"
)
_UNUSED = " AND NOT EXISTS (SELECT 1 FROM repository_blob u WHERE u.blob_id = b.id)"


async def _record_strays(blobs: BlobStore) -> None:
    """Write rows and sizes of blobs that lack them: left by a push that died, or not linked yet by one.

    A size that is another one stays: whether the row or the bytes are wrong, `storage_check` finds out.
    """
    async for found in in_batches(blobs.digests(), BATCH):
        sizes = dict(found)
        rows = await fetch(
            f"SELECT digest, size_bytes FROM blob WHERE digest IN ({placeholders(list(sizes))})", *sizes
        )
        for row in rows:
            if row["size_bytes"] or not sizes[row["digest"]]:
                del sizes[row["digest"]]
        await blob_rows.record(sizes)


async def _tombstone(repository_id: int, ids: Sequence[int]) -> list[int]:
    """Make those of at most 500 manifests tombstones that are still garbage. Returns their ids."""
    async with transaction("collection.tombstone"):
        await lock_row("repository", repository_id)
        row = await fetch_one(
            "SELECT n.tag_expiration_s AS tag_expiration_s FROM repository r"
            f" JOIN account n ON n.id = r.namespace_id WHERE r.id = ? AND {exists('r')}",
            repository_id,
        )
        if row is None:
            return []
        now = now_ms()
        gone = await liveness.find_garbage(ids, Cutoffs.at(now, row["tag_expiration_s"]))
        if gone:
            await execute(
                f"UPDATE manifest SET {TOMBSTONE}, collected_at_ms = ? WHERE id IN ({placeholders(gone)})",
                now,
                *gone,
            )
            # What expired longer ago than the window has ended, whatever the clock says later.
            await spans.end(f"manifest_id IN ({placeholders(gone)})", *gone, moment_ms=now)
    fault("collection.after_give_up")
    return gone


async def _revoke_rights(repository_id: int, blob_ids: Sequence[int], old_ms: int) -> list[int]:
    """Revoke the rights of a repository to at most 500 blobs, except renewed ones. Returns the blob ids."""
    async with transaction("collection.take_back"):
        # Storing a manifest takes this lock too, and renews the rights to the blobs that it names.
        await lock_row("repository", repository_id)
        rows = await fetch(
            f"DELETE FROM repository_blob WHERE repository_id = ? AND blob_id IN ({placeholders(blob_ids)})"
            " AND created_at_ms < ? RETURNING blob_id AS id",
            repository_id,
            *blob_ids,
            old_ms,
        )
    fault("collection.after_take_back")
    return [row["id"] for row in rows]


_LEFT = (
    "SELECT m.id AS id FROM manifest m WHERE m.repository_id = ? AND m.id > ?"
    " AND m.collected_at_ms IS NOT NULL"
    " AND (EXISTS (SELECT 1 FROM manifest_body b WHERE b.manifest_id = m.id)"
    " OR EXISTS (SELECT 1 FROM manifest_child c WHERE c.manifest_id = m.id)"
    " OR EXISTS (SELECT 1 FROM vex_document v WHERE v.manifest_id = m.id)"
    " OR EXISTS (SELECT 1 FROM sbom_document s WHERE s.manifest_id = m.id)"
    " OR NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = m.id)) ORDER BY m.id LIMIT ?"
)
"""Collected manifests that still have parts, or that no tag's history names."""
_COLLECTED = "SELECT p.id FROM manifest p WHERE p.id IN ({ids}) AND p.collected_at_ms IS NOT NULL"
_SOME = (
    "DELETE FROM {table} WHERE id IN (SELECT x.id FROM {table} x WHERE x.manifest_id IN ({of}) LIMIT {limit})"
)
_SOME_OF_DOCUMENTS = (
    "DELETE FROM {table} WHERE id IN (SELECT x.id FROM {table} x JOIN {documents} d ON d.id = x.document_id"
    " WHERE d.manifest_id IN ({of}) LIMIT {limit})"
)
_ALL = "DELETE FROM {table} WHERE manifest_id IN ({of})"
_HANGS = (
    "(p.collected_at_ms >= ? AND EXISTS"
    " (SELECT 1 FROM manifest k WHERE k.repository_id = p.repository_id AND k.{by}))"
)
"""SQL condition: a child or referrer of a recently collected manifest is still there."""
_ENTRIES = (
    "DELETE FROM manifest_child WHERE id IN (SELECT c.id FROM manifest_child c"
    " JOIN manifest p ON p.id = c.manifest_id WHERE p.id IN ({ids}) AND p.collected_at_ms IS NOT NULL"
    f" AND NOT {_HANGS.format(by='digest = c.digest')} LIMIT {BATCH})"
)
_UNTAGGED = (
    f"DELETE FROM manifest WHERE id IN ({_COLLECTED}"
    " AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = p.id)"
    " AND NOT EXISTS (SELECT 1 FROM manifest_child c WHERE c.manifest_id = p.id)"
    f" AND NOT {_HANGS.format(by='subject_digest = p.deleted_digest')})"
)
_PARTS = (
    *(
        _SOME.format(table=table, of=_COLLECTED, limit=BATCH)
        for table in ("manifest_blob", "label", "hidden_file")
    ),
    *(
        _SOME_OF_DOCUMENTS.format(table=table, documents=documents, of=_COLLECTED, limit=BATCH)
        for table, documents in (("sbom_package", "sbom_document"), ("vex_statement", "vex_document"))
    ),
    *(
        _ALL.format(table=table, of=_COLLECTED)
        for table in ("manifest_pulls", "manifest_body", "manifest_scan", "sbom_document", "vex_document")
    ),
)
"""Statements that delete the parts of collected manifests; of some there is one row at most."""


async def _clear(repository_id: int, old_ms: int) -> None:
    """Delete the parts of collected manifests of a repository, and the rows that no tag's history names."""
    last = 0
    while rows := await fetch(_LEFT, repository_id, last, BATCH):
        ids = [row["id"] for row in rows]
        last = ids[-1]
        for statement in _PARTS:
            await _repeat(repository_id, statement, ids)
        for statement in (_ENTRIES, _UNTAGGED):
            await _repeat(repository_id, statement, ids, old_ms)


async def _repeat(repository_id: int, statement: str, ids: Sequence[int], *values: int) -> None:
    """Run a statement on some manifests until it deletes less than a batch, each time in a transaction."""
    removed = BATCH
    while removed >= BATCH:
        async with transaction("collection.clear"):
            # The lock keeps a push from undeleting one of them meanwhile.
            await lock_row("repository", repository_id)
            removed = await execute(statement.format(ids=placeholders(ids)), *ids, *values)
