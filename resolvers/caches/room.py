"""Room in a cache: below a Reject limit of its organization, what was pulled longest ago goes first.

What goes is a manifest that the cache brought and no index lists, with its tags, with those of its images
that only it lists, and with the rights to blobs that nothing else in the repository names. It leaves at once,
without the time for which deleted tags can be restored; the upstream has it still. The history of its tags
stays. What is being pulled, is locked, or was pushed before the organization became this cache does not go;
and nothing goes as long as all that may go would not make enough room.

`held_manifest.used_at_ms` is a lower bound of the last pull, corrected when the manifest comes up, so that
pulls need not write it and nothing is sorted.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from resolvers import events, spans
from resolvers.access.viewer import ANONYMOUS
from resolvers.context import Context
from resolvers.manifests.manifest import TOMBSTONE
from resolvers.quotas.usage import Usage, is_enforced, usage_of
from resolvers.repositories import repository as repositories
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import event as tag_event
from storage.clock import SKEW_MS, now_ms
from storage.conditions import exists, is_active
from storage.statements import Row, batches, execute, fetch, fetch_one, placeholders, shared_now
from storage.transactions import lock_row, transaction

PROTECTED_MS = 5 * 60 * 1000
"""What was brought or pulled so recently stays, since its pull may go on."""
BATCH = 500
"""Manifests that are read at once in the order of their last pulls."""
WEIGHED = 20
"""Candidates that are weighed at once."""
MAX_DEPTH = 8
MAX_MANIFESTS = 500
"""Most manifests that go with one index."""
MAX_VICTIMS = 2000
"""Most manifests that go for one blob: all are weighed before the first goes."""
ROUNDS = 3
"""How often victims are chosen, should others store meanwhile."""

_IS_LISTED = (
    "EXISTS (SELECT 1 FROM manifest_child c JOIN manifest k ON k.id = c.manifest_id"
    " WHERE c.namespace_id = {namespace} AND c.digest = m.digest AND k.repository_id = m.repository_id"
    " AND k.deleted_digest IS NULL{but})"
)
_MAY_GO = (
    f"r.namespace_id = ? AND {exists('r')} AND r.state = '{RepositoryState.NORMAL.value}'"
    f" AND m.collected_at_ms IS NULL AND NOT {_IS_LISTED.format(namespace='r.namespace_id', but='')}"
    " AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = m.id AND t.is_immutable"
    f" AND {is_active('t')})"
)
"""SQL condition on a manifest `m` of a repository `r`; takes the namespace and the time."""
_OLDEST = (
    # No join: with old statistics SQLite would read all pulls for each manifest.
    "SELECT h.manifest_id, h.used_at_ms, COALESCE((SELECT p.last_pulled_at_ms FROM manifest_pulls p"
    " WHERE p.manifest_id = h.manifest_id), 0) AS pulled_at_ms FROM held_manifest h"
    " WHERE h.cache_id = ? AND (h.used_at_ms, h.manifest_id) > (?, ?)"
    " ORDER BY h.used_at_ms, h.manifest_id LIMIT ?"
)
_CORRECT = (
    "UPDATE held_manifest SET used_at_ms = (SELECT p.last_pulled_at_ms FROM manifest_pulls p"
    " WHERE p.manifest_id = held_manifest.manifest_id) WHERE manifest_id IN ({ids})"
)
_NAMED = (
    "SELECT DISTINCT b.manifest_id, b.digest, c.size_bytes,"
    " EXISTS (SELECT 1 FROM manifest_blob o JOIN manifest k ON k.id = o.manifest_id"
    " WHERE o.namespace_id = b.namespace_id AND o.digest = b.digest AND k.collected_at_ms IS NULL"
    " AND o.manifest_id NOT IN ({gone})) AS is_named_elsewhere"
    " FROM manifest_blob b LEFT JOIN namespace_content c ON c.namespace_id = b.namespace_id"
    " AND c.digest = b.digest AND NOT c.is_manifest WHERE b.manifest_id IN ({ids})"
)
_REVOKE = (
    "DELETE FROM repository_blob WHERE repository_id = ? AND blob_id IN (SELECT b.id FROM manifest_blob n"
    " JOIN blob b ON b.digest = n.digest WHERE n.manifest_id IN ({ids}) AND NOT EXISTS"
    " (SELECT 1 FROM manifest_blob o JOIN manifest k ON k.id = o.manifest_id WHERE o.namespace_id = ?"
    " AND o.digest = n.digest AND k.repository_id = ? AND k.collected_at_ms IS NULL))"
)


async def hold(cache_id: int, repository: RepositoryRecord, digest: str) -> None:
    """Note that a cache has brought a manifest from its upstream, so that it may go again."""
    await execute(
        "INSERT INTO held_manifest (manifest_id, cache_id, used_at_ms)"
        " SELECT m.id, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM manifest m"
        " WHERE m.repository_id = ? AND m.digest = ? ON CONFLICT (manifest_id)"
        " DO UPDATE SET cache_id = excluded.cache_id, used_at_ms = excluded.used_at_ms",
        cache_id,
        now_ms(),
        repository.id,
        digest,
    )


@dataclass(frozen=True, slots=True)
class CacheRoom:
    """The room of a cache for one of its repositories."""

    context: Context
    cache_id: int
    repository: RepositoryRecord

    async def make(self, size: int, digest: str, *, is_manifest: bool = False) -> bool:
        """Make room for `size` bytes of some content; False if there is none.

        Nothing goes that names the content itself. What an upload of it has reserved is not counted.
        """
        site, namespace_id = self.context.site, self.repository.namespace_id
        if not is_enforced(site):
            return True
        upload = await fetch_one(
            "SELECT uuid FROM upload WHERE repository_id = ? AND digest = ?", self.repository.id, digest
        )
        beside = "" if upload is None else upload["uuid"]
        async with site.background.lock(("cache.room", namespace_id)):
            for _ in range(ROUNDS):
                usage = await usage_of(
                    site, namespace_id, digest=digest, is_manifest=is_manifest, beside=beside
                )
                lacking = 0 if usage.holders else _lacking(usage, size)
                if lacking <= 0:
                    return True
                if lacking > usage.stored_bytes:
                    return False
                victims = await self._victims(lacking, digest)
                for victim in victims:
                    await _remove(self.context, victim["repository_id"], victim["id"])
                if not victims:
                    return False
            return _lacking(await usage_of(site, namespace_id, beside=beside), size) <= 0

    async def _victims(self, lacking: int, digest: str) -> Sequence[Row]:
        """Manifests whose removal makes so much room, those pulled longest ago; none if all is not enough."""
        flying = {digest, *await self._flying()}
        victims: list[Row] = []
        gone: list[int] = []
        freed = 0
        async for oldest in self._candidates():
            groups = {
                row["id"]: await _with_images(self.repository.namespace_id, row)
                if row["is_index"]
                else [row["id"]]
                for row in oldest
            }
            names = await _names(groups)
            candidates = [row for row in oldest if flying.isdisjoint({row["digest"], *names[row["id"]]})]
            ids = [each for row in candidates for each in groups[row["id"]]]
            weights = await _weigh(candidates, groups, [*gone, *ids])
            for row, weight in zip(candidates, weights, strict=True):
                freed += weight
                victims.append(row)
                if freed >= lacking:
                    return victims
            gone += ids
            if len(gone) > MAX_VICTIMS:
                break
        return []

    async def _flying(self) -> list[str]:
        """Digests of the blobs that are being fetched into the namespace."""
        rows = await fetch(
            "SELECT u.digest FROM upload u JOIN repository r ON r.id = u.repository_id"
            f" WHERE r.namespace_id = ? AND u.digest IS NOT NULL AND u.held_until_ms >= {shared_now()}",
            self.repository.namespace_id,
        )
        return [row["digest"] for row in rows]

    async def _candidates(self) -> AsyncIterator[list[Row]]:
        """Yield manifests that may go, some at a time, those pulled longest ago first."""
        place = (-1, 0)
        while rows := await fetch(_OLDEST, self.cache_id, *place, BATCH):
            moved = [row["manifest_id"] for row in rows if row["pulled_at_ms"] > row["used_at_ms"]]
            if moved:
                await execute(_CORRECT.format(ids=placeholders(moved)), *moved)
                continue
            now = now_ms()
            # Later than now is from before the clock went back.
            old = [
                row["manifest_id"]
                for row in rows
                if not now - PROTECTED_MS < row["used_at_ms"] <= now + SKEW_MS
            ]
            for ids in batches(old, WEIGHED):
                found = await fetch(
                    "SELECT m.id, m.repository_id, m.digest, m.size_bytes, m.is_index"
                    " FROM manifest m JOIN repository r ON r.id = m.repository_id"
                    " JOIN manifest_body y ON y.manifest_id = m.id"
                    f" WHERE m.id IN ({placeholders(ids)}) AND {_MAY_GO}",
                    *ids,
                    self.repository.namespace_id,
                    now,
                )
                by_id = {row["id"]: row for row in found}
                if by_id:
                    yield [by_id[each] for each in ids if each in by_id]
            place = (rows[-1]["used_at_ms"], rows[-1]["manifest_id"])


def _lacking(usage: Usage, size: int) -> int:
    """How many bytes must go before so many fit."""
    reject = usage.reject
    return 0 if reject is None else usage.stored_bytes + usage.reserved_bytes + size - reject.most_bytes


async def _names(groups: dict[int, list[int]]) -> dict[int, set[str]]:
    """The digests that manifests and their images name."""
    owner = {each: top for top, group in groups.items() for each in group}
    found: dict[int, set[str]] = {top: set() for top in groups}
    for ids in batches(list(owner)):
        marks = placeholders(ids)
        rows = await fetch(
            f"SELECT manifest_id, digest FROM manifest_blob WHERE manifest_id IN ({marks})"
            f" UNION ALL SELECT manifest_id, digest FROM manifest_child WHERE manifest_id IN ({marks})",
            *ids,
            *ids,
        )
        for row in rows:
            found[owner[row["manifest_id"]]].add(row["digest"])
    return found


async def _weigh(candidates: Sequence[Row], groups: dict[int, list[int]], gone: Sequence[int]) -> list[int]:
    """How many bytes each manifest frees when they go in order; all manifests that go by then are `gone`."""
    owner = {each: row["id"] for row in candidates for each in groups[row["id"]]}
    sizes: dict[str, int] = {}
    named: dict[int, set[str]] = {row["id"]: set() for row in candidates}
    bodies: Counter[int] = Counter()
    for ids in batches(list(owner)):
        marks = placeholders(ids)
        rows = await fetch(_NAMED.format(ids=marks, gone=placeholders(gone)), *gone, *ids)
        for row in rows:
            if not row["is_named_elsewhere"]:
                sizes[row["digest"]] = row["size_bytes"] or 0
                named[owner[row["manifest_id"]]].add(row["digest"])
        # Those that another repository of the namespace has too are left out.
        rows = await fetch(
            "SELECT m.id, m.size_bytes FROM manifest m JOIN repository r ON r.id = m.repository_id"
            " JOIN namespace_content c ON c.namespace_id = r.namespace_id AND c.is_manifest"
            " AND c.digest = COALESCE(m.deleted_digest, m.digest)"
            f" WHERE m.id IN ({marks}) AND c.holders = 1",
            *ids,
        )
        for row in rows:
            bodies[owner[row["id"]]] += row["size_bytes"]
    left = Counter(digest for digests in named.values() for digest in digests)
    weights: list[int] = []
    for row in candidates:
        left.subtract(named[row["id"]])
        freed = sum(sizes[digest] for digest in named[row["id"]] if not left[digest])
        weights.append(freed + bodies[row["id"]])
    return weights


async def _remove(context: Context, repository_id: int, manifest_id: int) -> None:
    """Remove a manifest with all that only it keeps, unless it may not go any more."""
    async with transaction("cache.remove"):
        await lock_row("repository", repository_id)
        record = (await repositories.by_ids([repository_id])).get(repository_id)
        if record is None:
            return
        now = now_ms()
        row = await fetch_one(
            "SELECT m.id, m.repository_id, m.is_index FROM manifest m"
            f" JOIN repository r ON r.id = m.repository_id WHERE m.id = ? AND {_MAY_GO}",
            manifest_id,
            record.namespace_id,
            now,
        )
        if row is None:
            return
        ids = await _with_images(record.namespace_id, row)
        marks = placeholders(ids)
        ended = await fetch(
            f"SELECT t.name FROM tag t WHERE t.manifest_id IN ({marks}) AND {is_active('t')} ORDER BY t.id",
            *ids,
            now,
        )
        await spans.end(f"manifest_id IN ({marks})", *ids, moment_ms=now)
        await execute(
            f"UPDATE manifest SET {TOMBSTONE}, collected_at_ms = ? WHERE id IN ({marks})", now, *ids
        )
        await execute(f"DELETE FROM manifest_body WHERE manifest_id IN ({marks})", *ids)
        await execute(f"DELETE FROM held_manifest WHERE manifest_id IN ({marks})", *ids)
        await execute(_REVOKE.format(ids=marks), record.id, *ids, record.namespace_id, record.id)
        # Nobody asked for it, so that the entries name nobody.
        nobody = replace(context, viewer=ANONYMOUS)
        entries = [tag_event.deleted(nobody, record, row["name"]) for row in ended]
        await events.write(
            await events.prepare(
                nobody,
                entries,
                namespace_id=record.namespace_id,
                repository_id=record.id,
            )
        )


async def _with_images(namespace_id: int, manifest: Row) -> list[int]:
    """A manifest, and those that the cache brought below it, that no other index lists and no tag names."""
    found: list[int] = [manifest["id"]]
    level: Sequence[int] = found
    for _ in range(MAX_DEPTH if manifest["is_index"] else 0):
        listed = _IS_LISTED.format(namespace="?", but=f" AND k.id NOT IN ({placeholders(found)})")
        rows = await fetch(
            "SELECT DISTINCT m.id FROM manifest_child d JOIN manifest m ON m.digest = d.digest"
            " AND m.repository_id = ? JOIN held_manifest h ON h.manifest_id = m.id"
            f" WHERE d.manifest_id IN ({placeholders(level)}) AND NOT {listed}"
            f" AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = m.id AND {is_active('t')})"
            f" AND m.id NOT IN ({placeholders(found)}) LIMIT {MAX_MANIFESTS}",
            manifest["repository_id"],
            *level,
            namespace_id,
            *found,
            now_ms(),
            *found,
        )
        level = [row["id"] for row in rows]
        if not level or len(found) + len(level) > MAX_MANIFESTS:
            break
        found += level
    return found
