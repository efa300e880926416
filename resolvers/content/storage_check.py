"""Check of the storage: whether database and blob store have the same blobs, and these their digests.

Both are read in the order of digests and merged, so that memory holds a batch of each, however many there
are. What seems to be wrong is looked at again by itself before it counts: its row, then the bytes, then the
row once more. Why pushes, collections and fills of caches that run meanwhile are never taken for damage:

- A right is given in a transaction after the bytes are there, and the collector takes bytes only when there
  is none. So if the row is the same before and after (same id, same `committed_at_ms`, not being deleted) and
  some repository has a right both times, then the bytes had to be there in between, or they are lost.
- A commit writes or renews the row before it writes bytes, and the collector deletes the row after the bytes.
  So bytes without a row before and after were brought by no push of ours. They are left for a grace period
  nevertheless: somebody may be copying files into the store.
- Bytes become visible whole and with the right digest, and never change. A blob without a right whose row
  says 0 bytes is a push under way, or what is left of one, which is the collector's.

Repairs are in `storage.blob_repair`; what they read must not have changed since. Manifests are in
`manifest_check`.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from resolvers.content import affected, manifest_check
from resolvers.content.findings import BREAKING, NONE, Finding, Kind, Tally
from resolvers.errors import BadRequest, NotFound
from resolvers.manifests.liveness import GRACE_MS
from resolvers.repositories import repository
from resolvers.sizes.recount import recount
from storage import blob_repair
from storage.blob_bytes import has_its_digest
from storage.blob_repair import BlobRow, Outcome
from storage.blob_rows import look_up_some
from storage.blobs import BlobStore, BlobUnknown, StorageFailed, parse_digest
from storage.clock import now_ms
from storage.statements import fetch, fetch_one, in_batches, is_postgres

PAGE = 1000
BATCH = 200
AT_ONCE = 4
"""How many blobs are read at once; one piece of each is in memory."""
REMEMBERED = 10_000
"""So many blobs that are found or doubtful are neither told nor read twice."""


class OtherStore(BadRequest):
    """The blob store is probably not that of the database, so that a repair would destroy both."""


class Pair(NamedTuple):
    """What the two sides say of a digest."""

    digest: str
    row: BlobRow | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to check, and whether to repair it. Without `digest` and `repository` everything is checked.

    `rehashes`: all bytes are read. Bytes without a row count if they are older than `stray_age_ms`.
    """

    repairs: bool = False
    rehashes: bool = False
    digest: str | None = None
    repository: str | None = None
    stray_age_ms: int = GRACE_MS


async def check(blobs: BlobStore, plan: Plan, tally: Tally) -> AsyncIterator[Finding]:
    """Yield what is wrong, repaired if the plan says so, and count in `tally`.

    Raises NotFound, OtherStore, and StorageFailed if the store does not work.
    """
    repository_id = await _repository(plan.repository)
    if plan.digest is not None:
        parse_digest(plan.digest)
    knows_blobs = await _require_own_store(blobs) if plan.repairs else True
    run = _Run(blobs, plan, tally, knows_blobs)
    scope = manifest_check.Scope(repository_id, plan.digest)
    async for finding in run.blob_findings(repository_id):
        tally.found[finding.kind] += 1
        yield finding
    async for finding in manifest_check.check(
        blobs,
        scope,
        tally,
        run.reread,
        repairs=plan.repairs,
        rehashes=plan.rehashes,
    ):
        tally.found[finding.kind] += 1
        yield finding
    if plan.digest is None and plan.repository is None:
        tally.stage, tally.done, tally.total = "figures", 0, 0
        async for difference in recount(is_dry_run=not plan.repairs):
            tally.found[Kind.FIGURE] += 1
            yield Finding(
                Kind.FIGURE,
                size_bytes=difference.kept_bytes,
                repository="/".join(filter(None, (difference.namespace, difference.repository))),
                repair=Outcome.DONE if plan.repairs else None,
            )


async def _repository(path: str | None) -> int | None:
    if path is None:
        return None
    record = await repository.find(path)
    if record is None:
        raise NotFound(f"There is no repository {path}.", field="repository")
    return record.id


async def _require_own_store(blobs: BlobStore) -> bool:
    """Raise OtherStore if all blobs that are looked up are lost. Returns whether the database has any."""
    looked_up, lost = await look_up_some(blobs)
    if looked_up and len(lost) == looked_up:
        raise OtherStore(
            f"The blob store has none of {looked_up} blobs that were looked up, so that it is probably not"
            " that of this database, and nothing was repaired. Correct BLOB_URL, or bring its content back"
            " from a backup. If that is lost for good, push any new image first, and repair then."
        )
    return await fetch_one("SELECT 1 FROM blob LIMIT 1") is not None


class _Run:
    def __init__(self, blobs: BlobStore, plan: Plan, tally: Tally, knows_blobs: bool) -> None:
        self._blobs = blobs
        self._plan = plan
        self._tally = tally
        self._knows_blobs = knows_blobs
        self._free = asyncio.Semaphore(AT_ONCE)
        self._looked_at = set[str]()

    async def blob_findings(self, repository_id: int | None) -> AsyncIterator[Finding]:
        """Yield what is wrong with blobs."""
        row = await fetch_one("SELECT COUNT(*) AS number FROM blob")
        self._tally.total = int(row["number"]) if row else 0
        if self._plan.digest is not None:
            pairs = self._one(self._plan.digest)
        elif repository_id is not None:
            pairs = self._of_repository(repository_id)
        else:
            pairs = merge(_rows(), self._blobs.digests())
        async for batch in in_batches(pairs, BATCH):
            judged = await asyncio.gather(*(self._first_look(pair) for pair in batch))
            for pair, kind in zip(batch, judged, strict=True):
                found = await self.confirmed(pair.digest) if kind is not None else None
                if found is not None:
                    self._remember(pair.digest)
                    yield found
            self._tally.done += len(batch)
            self._tally.blobs += len(batch)

    async def reread(self, digest: str) -> Finding | None:
        """Read a blob that a manifest makes doubtful, unless that was done; what is wrong with it."""
        if digest in self._looked_at:
            return None
        self._remember(digest)
        return await self.confirmed(digest, rehashes=True)

    def _remember(self, digest: str) -> None:
        if len(self._looked_at) >= REMEMBERED:
            self._looked_at.clear()
        self._looked_at.add(digest)

    async def confirmed(self, digest: str, *, rehashes: bool | None = None) -> Finding | None:
        """Look at a blob by itself; what is wrong with it if its row stays the same meanwhile, repaired."""
        row = await blob_repair.look(digest)
        pair = Pair(digest, row, await self._blobs.stat(digest))
        kind = await self._judge(pair, self._plan.rehashes if rehashes is None else rehashes)
        if kind is None or await blob_repair.look(digest) != row:
            return None
        if kind is Kind.STRAY and not await self._is_old(digest):
            return None
        images = await affected.of_blob(digest) if kind in BREAKING else NONE
        size = pair.size_bytes if pair.size_bytes is not None else row and row.size_bytes
        found = Finding(kind, digest, size, images=images)
        return replace(found, repair=await self._repair(kind, pair)) if self._plan.repairs else found

    async def _first_look(self, pair: Pair) -> Kind | None:
        async with self._free:
            return await self._judge(pair, self._plan.rehashes)

    async def _judge(self, pair: Pair, rehashes: bool) -> Kind | None:
        """What seems to be wrong."""
        row, size = pair.row, pair.size_bytes
        if row is None:
            return Kind.STRAY if size is not None else None
        is_stored = row.state == "stored"
        if row.is_being_deleted or not (is_stored or row.is_held):
            return None
        if size is None:
            if not row.is_held:
                return None
            return Kind.ABSENT if row.state == "absent" else Kind.MISSING
        is_unfinished = row.size_bytes == 0 and not row.is_held
        differs = size != row.size_bytes and not is_unfinished
        if not (rehashes or differs or not is_stored):
            return None
        if not await self._has_its_digest(pair.digest):
            return Kind.DAMAGED
        if not is_stored:
            return Kind.RETURNED
        return Kind.SIZE if differs else None

    async def _has_its_digest(self, digest: str) -> bool:
        """Read a blob; one that is gone by now is not damaged."""
        try:
            return await has_its_digest(self._blobs, digest, self._tally.note_read)
        except BlobUnknown:
            return True

    async def _is_old(self, digest: str) -> bool:
        stored_at_ms = await self._blobs.stored_at_ms(digest)
        is_old = stored_at_ms is not None and stored_at_ms <= now_ms() - self._plan.stray_age_ms
        self._tally.young += stored_at_ms is not None and not is_old
        return is_old

    async def _repair(self, kind: Kind, pair: Pair) -> Outcome | None:
        """Repair a blob; None where only a push can."""
        row, size = pair.row, pair.size_bytes
        match kind:
            case Kind.STRAY if self._knows_blobs:
                return await blob_repair.remove_stray(self._blobs, pair.digest)
            case Kind.MISSING if row is not None:
                return await blob_repair.mark_absent(row)
            case Kind.DAMAGED if row is not None:
                return await blob_repair.quarantine(self._blobs, row)
            case Kind.RETURNED | Kind.SIZE if row is not None and size is not None:
                return await blob_repair.mark_stored(row, size)
        return None

    async def _one(self, digest: str) -> AsyncIterator[Pair]:
        self._tally.total = 1
        yield Pair(digest, await blob_repair.look(digest), await self._blobs.stat(digest))

    async def _of_repository(self, repository_id: int) -> AsyncIterator[Pair]:
        last = self._tally.total = 0
        while rows := await fetch(
            f"SELECT {blob_repair.COLUMNS} FROM repository_blob r JOIN blob b ON b.id = r.blob_id"
            " WHERE r.repository_id = ? AND b.id > ? ORDER BY b.id LIMIT ?",
            repository_id,
            last,
            BATCH,
        ):
            last = rows[-1]["id"]
            found = [BlobRow.of(row) for row in rows]
            sizes = await asyncio.gather(*(self._stat(row.digest) for row in found))
            for row, size in zip(found, sizes, strict=True):
                yield Pair(row.digest, row, size)

    async def _stat(self, digest: str) -> int | None:
        async with self._free:
            return await self._blobs.stat(digest)


async def merge(rows: AsyncIterator[BlobRow], listing: AsyncIterator[tuple[str, int]]) -> AsyncIterator[Pair]:
    """Merge two sides, each in the order of digests. Raises StorageFailed if the listing is not."""
    row, item = await anext(rows, None), await anext(listing, None)
    while row is not None or item is not None:
        if item is None or (row is not None and row.digest < item[0]):
            assert row is not None
            yield Pair(row.digest, row, None)
            row = await anext(rows, None)
            continue
        digest, size = item
        if row is not None and row.digest == digest:
            yield Pair(digest, row, size)
            row = await anext(rows, None)
        else:
            yield Pair(digest, None, size)
        item = await anext(listing, None)
        if item is not None and item[0] <= digest:
            raise StorageFailed(
                "the blob store cannot be checked, since it does not list blobs in the order of their names;"
                " directory buckets of S3 do not",
                errno=None,
            )


async def _rows() -> AsyncIterator[BlobRow]:
    order = "b.digest" if await _sorts_digests() else 'b.digest COLLATE "C"'
    last = ""
    while rows := await fetch(
        f"SELECT {blob_repair.COLUMNS} FROM blob b WHERE {order} > ? ORDER BY {order} LIMIT ?", last, PAGE
    ):
        for row in rows:
            yield BlobRow.of(row)
        last = rows[-1]["digest"]


async def _sorts_digests() -> bool:
    """Whether the database compares digests by bytes, as the index of their column does.

    Some languages sort "aa" or "dd" as letters of their own.
    """
    if not is_postgres():
        return True
    row = await fetch_one(
        'SELECT array_agg(p ORDER BY p) = array_agg(p ORDER BY p COLLATE "C") AS is_same FROM (SELECT'
        " 'sha256:' || substr(h, x, 1) || substr(h, y, 1) || substr(h, z, 1) AS p"
        " FROM (SELECT CAST('0123456789abcdef' AS VARCHAR(140)) AS h) d, generate_series(1, 16) x,"
        " generate_series(1, 16) y, generate_series(1, 16) z) every"
    )
    return bool(row and row["is_same"])
