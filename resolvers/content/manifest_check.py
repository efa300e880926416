"""Check of manifests: their bodies in the database, and the rights that their storing demanded.

A body is written in one transaction with its manifest, and removed after the manifest is marked as
collected, so that one statement sees both or neither. A damaged manifest becomes a collected one, which keeps
its id, its tags and its history; clients do not find it any more, and the next push stores its content again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from resolvers.content import affected
from resolvers.content.findings import Finding, Kind, Tally
from resolvers.manifests.manifest import TOMBSTONE
from storage.blob_repair import Outcome
from storage.blobs import BlobStore, Hasher, parse_digest
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import Row, execute, fetch, fetch_one, placeholders
from storage.transactions import lock_row, transaction

BATCH = 500
READ_BYTES = 8 * 1024 * 1024
"""Bodies that are read in one statement have about so many bytes together."""


Look = Callable[[str], Awaitable[Finding | None]]

_DIGEST = "COALESCE(m.deleted_digest, m.digest)"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is checked: one repository, one digest, or with None everything."""

    repository_id: int | None
    digest: str | None

    def condition(self) -> tuple[str, list[int | str]]:
        """SQL condition on manifests `m`, and its values."""
        conditions, values = ["TRUE"], list[int | str]()
        for expression, value in (("m.repository_id", self.repository_id), (_DIGEST, self.digest)):
            if value is not None:
                conditions.append(f"{expression} = ?")
                values.append(value)
        return " AND ".join(conditions), values


_MANIFESTS = (
    f"SELECT m.id, m.repository_id, r.path, {_DIGEST} AS digest, m.size_bytes, LENGTH(b.body) AS bytes"
    f"{{}} FROM manifest m JOIN repository r ON r.id = m.repository_id AND {exists('r')}"
    " LEFT JOIN manifest_body b ON b.manifest_id = m.id WHERE m.collected_at_ms IS NULL AND {}"
)


async def check(
    blobs: BlobStore, scope: Scope, tally: Tally, look: Look, *, repairs: bool, rehashes: bool
) -> AsyncIterator[Finding]:
    """Yield what is wrong with manifests, repaired if `repairs`, and with blobs that they make doubtful.

    `look` reads such a blob, once.
    """
    condition, values = scope.condition()
    last = tally.done = 0
    row = await fetch_one("SELECT COUNT(*) AS number FROM manifest WHERE collected_at_ms IS NULL")
    tally.stage, tally.total = "manifests", int(row["number"]) if row else 0
    while rows := await fetch(
        f"{_MANIFESTS.format('', condition)} AND m.id > ? ORDER BY m.id LIMIT ?", *values, last, BATCH
    ):
        last = rows[-1]["id"]
        doubtful = [row for row in rows if rehashes or row["bytes"] != row["size_bytes"]]
        for some in _by_size(doubtful):
            for found in await _read(some):
                tally.read_bytes += found["bytes"] or 0
                if _is_damaged(found):
                    yield await _finding(blobs, found, repairs=repairs)
        if scope.digest is None:
            ids = [row["id"] for row in rows]
            async for finding in _unlinked(ids):
                yield finding
            for digest in await _differing(ids):
                found_blob = await look(digest)
                if found_blob is not None:
                    yield found_blob
        tally.done += len(rows)
        tally.manifests += len(rows)


def _by_size(rows: Sequence[Row]) -> list[list[Row]]:
    groups: list[list[Row]] = []
    size = READ_BYTES
    for row in rows:
        if size >= READ_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(row)
        size += row["bytes"] or 0
    return groups


async def _read(rows: Sequence[Row]) -> list[Row]:
    ids = [row["id"] for row in rows]
    return await fetch(_MANIFESTS.format(", b.body", f"m.id IN ({placeholders(ids)})"), *ids)


def _is_damaged(row: Row) -> bool:
    if row["body"] is None or row["bytes"] != row["size_bytes"]:
        return True
    algorithm, _ = parse_digest(row["digest"])
    hasher = Hasher(algorithm)
    hasher.update(row["body"])
    return hasher.digest != str(row["digest"])


async def _finding(blobs: BlobStore, row: Row, *, repairs: bool) -> Finding:
    # Afterwards no index leads to it any more.
    images = await affected.of_manifest(row["id"])
    repair = await _give_up(blobs, row) if repairs else None
    return Finding(Kind.MANIFEST, row["digest"], row["size_bytes"], row["path"], images, repair)


async def _give_up(blobs: BlobStore, row: Row) -> Outcome:
    """Set the body of a damaged manifest aside and make the manifest a collected one."""
    if row["body"] is not None:
        await blobs.set_aside(row["digest"], bytes(row["body"]))
    async with transaction("manifest.quarantine"):
        await lock_row("repository", row["repository_id"])
        again = await _read([row])
        if not again or not _is_damaged(again[0]) or again[0]["body"] != row["body"]:
            return Outcome.CHANGED
        await execute(
            f"UPDATE manifest SET {TOMBSTONE}, collected_at_ms = ? WHERE id = ?", now_ms(), row["id"]
        )
        await execute("DELETE FROM manifest_body WHERE manifest_id = ?", row["id"])
    return Outcome.DONE


_NAMED = (
    "SELECT m.id, m.repository_id, p.path, n.digest FROM manifest m"
    f" JOIN repository p ON p.id = m.repository_id AND {exists('p')}"
    " JOIN manifest_blob n ON n.manifest_id = m.id LEFT JOIN blob b ON b.digest = n.digest"
    " LEFT JOIN repository_blob h ON h.blob_id = b.id AND h.repository_id = m.repository_id"
    " WHERE m.deleted_digest IS NULL AND n.is_distributable"
    # A cache names what it has not fetched yet.
    " AND NOT EXISTS (SELECT 1 FROM proxy_cache x WHERE x.organization_id = p.namespace_id)"
)


async def _unlinked(ids: Sequence[int]) -> AsyncIterator[Finding]:
    """Yield blobs that some manifests name and their repository has no right to, each once for these.

    Storing a manifest demands the right, and the collector keeps what a manifest names. Only deleting the
    blob by itself takes it, or who writes rows by hand.
    """
    seen = set()
    for row in await fetch(
        f"{_NAMED} AND m.id IN ({placeholders(ids)}) AND h.id IS NULL ORDER BY m.id, n.position", *ids
    ):
        place = row["repository_id"], row["digest"]
        if place not in seen:
            seen.add(place)
            images = await affected.naming(*place)
            yield Finding(Kind.UNLINKED, row["digest"], repository=row["path"], images=images)


async def _differing(ids: Sequence[int]) -> list[str]:
    """The blobs whose size is not the one that some manifests say, which storing them compared."""
    rows = await fetch(
        f"{_NAMED} AND m.id IN ({placeholders(ids)}) AND h.id IS NOT NULL AND b.state = 'stored'"
        " AND b.size_bytes <> n.size_bytes",
        *ids,
    )
    return sorted({row["digest"] for row in rows})
