"""What a deletion frees in its namespace: the bytes that the collector leaves without it and not with it.

Both worlds are judged at one moment by `liveness`, as the collector does: with the manifest or tag, and with
what its deletion changes. So what goes anyway is not counted, nor what something else keeps.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from resolvers.manifests import cosign, liveness
from resolvers.manifests.liveness import GRACE_MS, Change, Cutoffs, Lineage, reachable
from resolvers.manifests.own_graph import (
    CHILDREN,
    MAX_MANIFESTS,
    REFERRERS,
    Content,
    Contents,
    Place,
    below,
    contents_of,
    places,
    too_many,
)
from resolvers.spans import ENDED
from storage.clock import now_ms
from storage.conditions import NO_END_MS, end_of, exists, is_active
from storage.statements import Row, batches, fetch, first_of_each, placeholders

FIRST_USERS = 20
"""How many manifests beside the deleted ones are judged first to find one that keeps a blob."""
MAX_TOGETHER = 200
"""Manifests of several repositories whose tags end together that are read at once."""
SPANS = 5
"""One more than the spans of one manifest that end with a tag: its own, and three cosign tags."""


class Moment(StrEnum):
    """When the collector runs that a deletion is judged by."""

    NOW = "now"
    AFTER_TIME_MACHINE = "after_time_machine"

    def at_ms(self, now: int, place: Place) -> int:
        """The time: now, or when both the window of history and the grace period of today are over."""
        if self is Moment.NOW:
            return now
        return now + max(place.tag_expiration_s * 1000, GRACE_MS) + 1


@dataclass(slots=True)
class Deletion:
    """What a deletion changes, and the manifests whose tags or rows it touches."""

    change: Change
    touched: set[int] = field(default_factory=set)


async def by_manifests(keys: Sequence[tuple[int, Moment]]) -> dict[tuple[int, Moment], int]:
    """The bytes that deleting manifests frees, each by itself; 0 for deleted ones.

    A few statements for all manifests of a repository. Raises `TooMany`.
    """
    found: dict[tuple[int, Moment], int] = {}
    now = now_ms()
    for place, ids in (await places([identity for identity, _ in keys])).items():
        deletions = await _of_manifests(place, ids, now)
        for moment in Moment:
            asked = {one: deletions[one] for one in ids if one in deletions and (one, moment) in keys}
            freed = await _freed(place, asked, moment.at_ms(now, place))
            found |= {(one, moment): size for one, size in freed.items()}
    return found


async def by_tags(keys: Sequence[tuple[int, Moment]]) -> dict[tuple[int, Moment], int]:
    """The bytes that deleting tags frees, by id of their active span, each by itself; 0 for ended ones.

    A few statements for all tags of a repository. Raises `TooMany`.
    """
    now = now_ms()
    spans: list[Row] = []
    for batch in batches(sorted({identity for identity, _ in keys})):
        spans += await fetch(
            "SELECT t.id, t.name, t.manifest_id, t.started_at_ms, t.ended_at_ms FROM tag t"
            f" WHERE t.id IN ({placeholders(batch)}) AND {is_active('t')}",
            *batch,
            now,
        )
    found: dict[tuple[int, Moment], int] = {}
    for place, ids in (await places([span["manifest_id"] for span in spans])).items():
        mine = [span for span in spans if span["manifest_id"] in set(ids)]
        deletions = await _of_spans(mine, now)
        for moment in Moment:
            asked = {one: deletion for one, deletion in deletions.items() if (one, moment) in keys}
            freed = await _freed(place, asked, moment.at_ms(now, place))
            found |= {(one, moment): size for one, size in freed.items()}
    return found


@dataclass(frozen=True, slots=True)
class EndingSpan:
    """An active span of a tag that a deletion ends."""

    manifest_id: int
    started_at_ms: int
    ended_at_ms: int | None


async def by_many_tags(spans: Sequence[EndingSpan]) -> int:
    """The bytes that ending many tags of one namespace together frees once the time machine's window is over.

    Cosign tags that end with others must be among them. A few statements for 200 manifests, of however many
    repositories, and for each repository whose bodies another one has as well. Raises `TooMany`.
    """
    now, at_ms = now_ms(), 0
    by_manifest: dict[int, list[EndingSpan]] = {}
    for span in spans:
        by_manifest.setdefault(span.manifest_id, []).append(span)
    lost: list[dict[Place, set[int]]] = []
    for group in _groups(await places(sorted(by_manifest))):
        # They are of one namespace, whose window is the same for all.
        any_place = next(iter(group))
        at_ms = Moment.AFTER_TIME_MACHINE.at_ms(now, any_place)
        mine = {one for ids in group.values() for one in ids}
        ended = await _ends_without([span for one in mine for span in by_manifest[one]], now)
        deletion = Deletion(Change(ended_ms=ended), mine)
        gone = (await _lost(any_place, {0: deletion}, at_ms))[0]
        # What goes with them is of the same repositories.
        lost.append({place: set(ids) for place, ids in (await places(sorted(gone))).items()})
    return await _size_together(lost, at_ms)


def _groups(by_place: Mapping[Place, list[int]]) -> list[dict[Place, list[int]]]:
    """Manifests by repository, in groups that are read together."""
    groups: list[dict[Place, list[int]]] = []
    size = MAX_TOGETHER
    for place, ids in by_place.items():
        if size + len(ids) > MAX_TOGETHER:
            groups.append({})
            size = 0
        groups[-1][place] = ids
        size += len(ids)
    return groups


async def going(place: Place, manifest_id: int, at_ms: int, change: Change = liveness.NO_CHANGE) -> int:
    """The bytes of the own graph of a manifest that a collection at a time takes, if nothing else changes."""
    edges = await below([manifest_id], (CHILDREN,))
    cutoffs = Cutoffs.at(at_ms, place.tag_expiration_s)
    lineage = await liveness.read(edges, cutoffs, open_ids=change.ended_ms.keys(), limit=2 * MAX_MANIFESTS)
    lost = lineage.garbage(edges, cutoffs, change) & edges.keys()
    return (await _sizes(place, {manifest_id: lost}, at_ms))[manifest_id]


# What a deletion changes


async def _of_manifests(place: Place, ids: Sequence[int], now: int) -> dict[int, Deletion]:
    """What deleting each of some manifests changes; those that are deleted already are left out."""
    found: dict[int, Deletion] = {}
    ended: dict[int, int] = {}
    for batch in batches(ids):
        for row in await fetch(
            f"SELECT m.id AS id, (SELECT MAX({ENDED}) FROM tag WHERE manifest_id = m.id) AS ended_ms"
            f" FROM manifest m WHERE m.id IN ({placeholders(batch)}) AND m.deleted_digest IS NULL",
            *[now] * 3,
            *batch,
        ):
            identity = row["id"]
            if row["ended_ms"] is None:
                found[identity] = Deletion(Change(gone=frozenset({identity})), {identity})
                continue
            ended[identity] = row["ended_ms"]
    signatures = await _cosign_tags(sorted(ended), now)
    until = await cosign.last_ends(sorted(signatures), now)
    ends = {
        one: {tag["id"]: _end(tag, until[one]) for tag in signatures.get(one, ()) if one in until}
        for one in ended
    }
    last = await _last_ends([tag for tags in signatures.values() for tag in tags], ends)
    for identity, end in ended.items():
        found[identity] = Deletion(
            Change(ended_ms={**last[identity], identity: end}, deleted=frozenset({identity})),
            {identity, *last[identity]},
        )
    return found


async def _of_spans(spans: Sequence[Row], now: int) -> dict[int, Deletion]:
    """What ending each of some active spans of tags changes."""
    ordinary = sorted({span["manifest_id"] for span in spans if cosign.subject_of(span["name"]) is None})
    signatures = await _cosign_tags(ordinary, now)
    counts = await cosign.count_ends(sorted(signatures), now)
    ends: dict[int, dict[int, int]] = {}
    for span in spans:
        moment = max(now, span["started_at_ms"])
        ends[span["id"]] = {span["id"]: moment}
        tags = signatures.get(span["manifest_id"], ())
        if not tags or cosign.subject_of(span["name"]) is not None:
            continue
        its = (span["manifest_id"], span["ended_at_ms"] or NO_END_MS)
        left = [
            end
            for (subject, end), number in counts.items()
            if subject == span["manifest_id"] and number > ((subject, end) == its)
        ]
        until = max(left, default=moment)
        ends[span["id"]] |= {tag["id"]: _end(tag, until, is_set=bool(left)) for tag in tags}
    known = [*spans, *(tag for tags in signatures.values() for tag in tags)]
    last = await _last_ends(known, ends)
    return {one: Deletion(Change(ended_ms=ended), set(ended)) for one, ended in last.items()}


def _end(tag: Row, moment: int, *, is_set: bool = False) -> int:
    """The end of the span of a tag that is ended at a time, or whose expiration is set to that time."""
    end = tag["ended_at_ms"] if tag["ended_at_ms"] is not None else NO_END_MS
    if not is_set and end <= moment:
        return int(end)
    return max(moment, int(tag["started_at_ms"]))


async def _cosign_tags(subjects: Sequence[int], now: int) -> dict[int, list[Row]]:
    """The cosign tags of some manifests that end with their subjects, by subject."""
    found: dict[int, list[Row]] = {}
    for row in await cosign.active_tags(subjects, now):
        found.setdefault(row["subject_id"], []).append(row)
    return found


async def _last_ends(
    known: Sequence[Row], ends: Mapping[int, Mapping[int, int]]
) -> dict[int, dict[int, int]]:
    """The last end of the tags of each manifest whose tags end, by deletion.

    `ends` has the ends of spans by deletion, and `known` these spans.
    """
    manifest_of = {span["id"]: span["manifest_id"] for span in known}
    others = await _latest_spans(sorted(set(manifest_of.values())))
    found: dict[int, dict[int, int]] = {}
    for key, changed in ends.items():
        touched = {manifest_of[span] for span in changed}
        found[key] = {
            one: max(
                [end for span, end in changed.items() if manifest_of[span] == one]
                + [end for span, end in others[one] if span not in changed]
            )
            for one in touched
        }
    return found


async def _latest_spans(ids: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """The spans of each of some manifests that end last, with their ends: as many as one deletion ends, and
    one more."""
    found: dict[int, list[tuple[int, int]]] = {identity: [] for identity in ids}
    # Where enough tags have no end, the history, however long, is not sorted.
    unending = "t.ended_at_ms IS NULL"
    for condition, order in ((unending, "t.id"), (f"NOT ({unending})", "t.ended_at_ms DESC")):
        left = [identity for identity in ids if len(found[identity]) < SPANS]
        for batch in batches(left):
            chosen = first_of_each(
                f"SELECT m.id AS id FROM manifest m WHERE m.id IN ({placeholders(batch)})",
                "tag",
                f"SELECT t.id FROM tag t WHERE t.manifest_id = each_row.id AND {condition}"
                f" ORDER BY {order} LIMIT {SPANS}",
            )
            for row in await fetch(
                f"SELECT x.id, x.manifest_id, {end_of('x')} AS ended FROM tag x WHERE x.id IN ({chosen})",
                *batch,
            ):
                found[row["manifest_id"]].append((row["id"], row["ended"]))
    return found


async def _ends_without(spans: Sequence[EndingSpan], now: int) -> dict[int, int]:
    """The last end of the tags of each manifest of some active spans when these end now."""
    left: Counter[tuple[int, int]] = Counter()
    ids = sorted({span.manifest_id for span in spans})
    for batch in batches(ids):
        for row in await fetch(
            f"SELECT t.manifest_id, {end_of('t')} AS moment, COUNT(*) AS spans FROM tag t"
            f" WHERE t.manifest_id IN ({placeholders(batch)}) AND {is_active('t')} GROUP BY 1, 2",
            *batch,
            now,
        ):
            left[row["manifest_id"], row["moment"]] = row["spans"]
    found = dict.fromkeys(ids, now)
    for span in spans:
        left[span.manifest_id, span.ended_at_ms or NO_END_MS] -= 1
        found[span.manifest_id] = max(found[span.manifest_id], span.started_at_ms)
    for identity, moment in +left:
        found[identity] = max(found[identity], moment)
    return found


# What that frees


async def _freed(place: Place, deletions: Mapping[int, Deletion], at_ms: int) -> dict[int, int]:
    """The bytes that each of some deletions in one repository frees by a time."""
    if not deletions:
        return {}
    return await _sizes(place, await _lost(place, deletions, at_ms), at_ms)


async def _lost(place: Place, deletions: Mapping[int, Deletion], at_ms: int) -> dict[int, set[int]]:
    """The manifests that are garbage at a time with each of some deletions, and not without it."""
    cutoffs = Cutoffs.at(at_ms, place.tag_expiration_s)
    touched = {one for deletion in deletions.values() for one in deletion.touched}
    edges = await below(touched, (CHILDREN, REFERRERS))
    lineage = await liveness.read(edges, cutoffs, open_ids=touched, limit=2 * MAX_MANIFESTS)
    anyway = lineage.garbage(edges, cutoffs)
    collected = {one for one in edges if one not in lineage.facts or lineage.facts[one].is_collected}
    lost: dict[int, set[int]] = {}
    for key, deletion in deletions.items():
        affected = reachable(deletion.touched, edges) - anyway - collected
        lost[key] = lineage.garbage(affected, cutoffs, deletion.change) & affected
    return lost


async def _size_together(groups: Sequence[Mapping[Place, AbstractSet[int]]], at_ms: int) -> int:
    """The bytes that go with sets of lost manifests of some repositories of one namespace, by a time."""
    every = frozenset(one for lost in groups for some in lost.values() for one in some)
    if not every:
        return 0
    any_place = next(place for lost in groups for place in lost)
    users: dict[Content, set[int]] = {}
    sizes: dict[Content, int] = {}
    kept: set[Content] = set()
    for lost in groups:
        contents = await contents_of(any_place.namespace_id, {one for some in lost.values() for one in some})
        sizes |= contents.sizes
        for content, known in contents.users().items():
            users.setdefault(content, set()).update(known)
        shared = {one for one, number in contents.holders.items() if one.is_manifest and number > 1}
        for place, some in lost.items():
            mine = sorted(one.digest for one in contents.of_all(some) & shared)
            kept |= await _kept_bodies(place, mine, at_ms, without=every)
    blobs = {content: known for content, known in users.items() if not content.is_manifest}
    if blobs:
        # Users are looked for in the whole namespace.
        kept |= await _kept_by_users(any_place, blobs, at_ms)
    return sum(size for content, size in sizes.items() if content not in kept)


async def _sizes(place: Place, lost: Mapping[int, AbstractSet[int]], at_ms: int) -> dict[int, int]:
    """The bytes that go with each of some sets of lost manifests of one repository, by a time."""
    every = {one for some in lost.values() for one in some}
    contents = await contents_of(place.namespace_id, every)
    users = contents.users()
    kept = await _kept(place, contents, users, at_ms) if every else set()
    return {
        key: contents.size(
            content for content in contents.of_all(some) if content not in kept and users[content] <= some
        )
        for key, some in lost.items()
    }


async def _kept(
    place: Place, contents: Contents, users: Mapping[Content, AbstractSet[int]], at_ms: int
) -> set[Content]:
    """The content that is kept in the namespace at a time without the manifests of `users`."""
    old_ms = at_ms - GRACE_MS
    kept = {content for content, since_ms in contents.since_ms.items() if since_ms >= old_ms}
    blobs = [content for content in users if not content.is_manifest and content not in kept]
    kept |= await _kept_by_users(place, {content: users[content] for content in blobs}, at_ms)
    shared = [one for one in users if one not in kept and contents.holders[one] > 1]
    kept |= await _kept_bodies(place, [one.digest for one in shared if one.is_manifest], at_ms)
    if old_ms <= now_ms():
        kept |= await _kept_rights(place, [one.digest for one in shared if not one.is_manifest], old_ms)
    return kept


_HELD_USERS = (
    "SELECT u.id FROM {table} u JOIN manifest m ON m.id = u.manifest_id JOIN repository r"
    " ON r.id = m.repository_id WHERE u.namespace_id = ? AND u.digest = each_row.digest"
    f" AND m.collected_at_ms IS NULL AND {exists('r')} AND EXISTS (SELECT 1 FROM blob b"
    " JOIN repository_blob h ON h.blob_id = b.id AND h.repository_id = r.id WHERE b.digest = u.digest)"
    " ORDER BY u.manifest_id DESC LIMIT {limit}"
)
"""The newest manifests of a namespace that name a digest, of repositories that hold it."""


async def _kept_by_users(place: Place, known: Mapping[Content, AbstractSet[int]], at_ms: int) -> set[Content]:
    """The blobs that a live manifest of the namespace names, other than the known ones.

    Most are named by a new one; only where that is garbage, more and more of the older ones are judged.
    """
    kept: set[Content] = set()
    limit, left = FIRST_USERS, set(known)
    while left:
        if limit > 2 * MAX_MANIFESTS:
            raise too_many()
        found: dict[Content, set[int]] = {content: set() for content in left}
        whole = set(left)
        for batch in batches(sorted(left, key=lambda content: len(known[content]))):
            most = limit + len(known[batch[-1]])
            for table in ("manifest_blob", "manifest_child"):
                numbers: dict[str, int] = {}
                for row in await _users(place, table, [content.digest for content in batch], most):
                    numbers[row["digest"]] = numbers.get(row["digest"], 0) + 1
                    found[Content(row["digest"], False)].add(row["manifest_id"])
                whole -= {content for content in batch if numbers.get(content.digest, 0) >= most}
        others = {one for content, some in found.items() for one in some - known[content]}
        alive = await _alive(place, others, at_ms)
        decided = {content for content, some in found.items() if (some - known[content]) & alive}
        kept |= decided
        left -= decided | whole
        limit *= 10
    return kept


async def _users(place: Place, table: str, digests: Sequence[str], limit: int) -> list[Row]:
    chosen = first_of_each(
        f"SELECT column1 AS digest FROM (VALUES {', '.join(['(?)'] * len(digests))}) v",
        table,
        _HELD_USERS.format(table=table, limit=limit),
    )
    return await fetch(
        f"SELECT x.digest, x.manifest_id FROM {table} x WHERE x.id IN ({chosen})",
        *digests,
        place.namespace_id,
    )


async def _alive(place: Place, ids: Collection[int], at_ms: int) -> set[int]:
    """Those of some manifests of the namespace that are not garbage at a time."""
    if len(ids) > 2 * MAX_MANIFESTS:
        raise too_many()
    cutoffs = Cutoffs.at(at_ms, place.tag_expiration_s)
    lineage: Lineage = await liveness.read(ids, cutoffs, limit=4 * MAX_MANIFESTS)
    return set(ids) - lineage.garbage(ids, cutoffs)


async def _kept_bodies(
    place: Place, digests: Iterable[str], at_ms: int, *, without: AbstractSet[int] = frozenset()
) -> set[Content]:
    """The bodies of manifests that other repositories of the namespace keep, without some manifests."""
    found: dict[int, str] = {}
    for batch in batches(sorted(digests)):
        for column in ("digest", "deleted_digest"):
            for row in await fetch(
                f"SELECT m.id AS id, m.{column} AS digest FROM repository r JOIN manifest m"
                f" ON m.repository_id = r.id AND m.{column} IN ({placeholders(batch)})"
                f" WHERE r.namespace_id = ? AND r.id <> ? AND {exists('r')} AND m.collected_at_ms IS NULL"
                f" LIMIT {2 * MAX_MANIFESTS + 1}",
                *batch,
                place.namespace_id,
                place.repository_id,
            ):
                if row["id"] not in without:
                    found[row["id"]] = row["digest"]
    alive = await _alive(place, found.keys(), at_ms)
    return {Content(found[one], True) for one in alive}


async def _kept_rights(place: Place, digests: Iterable[str], old_ms: int) -> set[Content]:
    """The blobs to which other repositories of the namespace have a right in its grace period."""
    kept: set[Content] = set()
    for batch in batches(sorted(digests)):
        rows = await fetch(
            "SELECT DISTINCT b.digest AS digest FROM repository r CROSS JOIN blob b"
            " JOIN repository_blob h ON h.repository_id = r.id AND h.blob_id = b.id"
            f" WHERE r.namespace_id = ? AND r.id <> ? AND {exists('r')}"
            f" AND b.digest IN ({placeholders(batch)}) AND h.created_at_ms >= ?",
            place.namespace_id,
            place.repository_id,
            *batch,
            old_ms,
        )
        kept |= {Content(row["digest"], False) for row in rows}
    return kept
