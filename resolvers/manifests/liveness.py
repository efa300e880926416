"""Liveness of manifests: which ones are garbage, and what keeps the others.

Garbage collection, restoring a tag, what a deletion frees, and the explanation of all that use one answer.

A manifest is alive if one of these holds:

- it has a tag that is active, or that ended within the window for which the namespace keeps history;
- an index that lists it, or its subject, is alive;
- it never had a tag, and no index that lists it and no subject of it had one (a push by digest);
- it was pushed within the grace period of two days, since the client may be about to push what names it.

Any other manifest is garbage, together with the manifests that only garbage lists or has as referrers.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum

from resolvers.errors import TooMany
from storage.conditions import NO_END_MS, end_of
from storage.statements import Row, batches, fetch, placeholders

GRACE_MS = 2 * 86_400_000
"""Grace period: what was pushed is kept so long, for whatever the client pushes next."""
RENEWAL_MS = GRACE_MS // 2
"""Using a right to a blob that is older than this renews it: its grace period begins again."""
NO_PUSH_MS = 2**62
"""Sentinel for `recent_ms`, later than any push: turns the grace period off."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Times in milliseconds: the start of the window of history, and the start of the grace period."""

    window_ms: int
    recent_ms: int

    @classmethod
    def at(cls, now_ms: int, tag_expiration_s: int) -> "Cutoffs":
        """The cutoffs of a namespace that keeps history for `tag_expiration_s` seconds."""
        return cls(now_ms - tag_expiration_s * 1000, now_ms - GRACE_MS)


class Keeper(StrEnum):
    """What keeps a manifest."""

    TAG = "tag"
    """A tag that is active, or that ended within the window."""
    GRACE_PERIOD = "grace_period"
    NEVER_TAGGED = "never_tagged"
    INDEX = "index"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a manifest by itself.

    `ended_ms` is the last end of its tags, past or to come, `NO_END_MS` for a tag without one; None if it
    never had a tag.
    """

    pushed_ms: int
    ended_ms: int | None
    is_collected: bool = False

    def keepers(self, cutoffs: Cutoffs) -> list[Keeper]:
        """What keeps it whatever its parents are."""
        if self.is_collected:
            return []
        in_window = self.ended_ms is not None and self.ended_ms > cutoffs.window_ms
        is_recent = self.pushed_ms > cutoffs.recent_ms
        return [Keeper.TAG] * in_window + [Keeper.GRACE_PERIOD] * is_recent

    @property
    def was_tagged(self) -> bool:
        """Whether it had a tag, or was collected, so that its last one ended long ago."""
        return self.ended_ms is not None or self.is_collected


@dataclass(frozen=True, slots=True)
class Change:
    """What a deletion would change.

    `ended_ms` has the last end of the tags of manifests whose tags end. A `deleted` manifest loses its
    parents but is still one; one that is `gone` is none.
    """

    ended_ms: Mapping[int, int] = field(default_factory=dict)
    deleted: AbstractSet[int] = frozenset()
    gone: AbstractSet[int] = frozenset()


NO_CHANGE = Change()


@dataclass(slots=True)
class Lineage:
    """Manifests by row id, with their parents: the indexes that list them, and their subjects."""

    facts: dict[int, Facts] = field(default_factory=dict)
    parents: dict[int, dict[int, Keeper]] = field(default_factory=dict)

    def garbage(self, ids: Iterable[int], cutoffs: Cutoffs, change: Change = NO_CHANGE) -> set[int]:
        """The garbage among some manifests, at a time: mark and sweep.

        The dead ones and those below them, without what also has a parent that is not garbage.
        """
        facts, parents = self._family(ids, change)
        roots = {one for one, known in facts.items() if known.keepers(cutoffs)}
        dead = {one for one, known in facts.items() if known.was_tagged and one not in roots}
        below: dict[int, set[int]] = {}
        for identity, keepers in parents.items():
            for keeper in keepers:
                below.setdefault(keeper, set()).add(identity)
        doomed = reachable(dead, below) - roots
        rescued = {one for one in doomed if any(keeper not in doomed for keeper in parents.get(one, ()))}
        return (doomed - reachable(rescued, below)) | change.gone

    def keepers(self, identity: int, cutoffs: Cutoffs) -> list[tuple[Keeper, int | None]]:
        """What keeps a manifest at a time, with the parent that does; empty for garbage.

        Complete if the manifest was read as one of `open_ids`.
        """
        garbage = self.garbage([identity], cutoffs)
        if identity in garbage or identity not in self.facts:
            return []
        found: list[tuple[Keeper, int | None]]
        found = [(keeper, None) for keeper in self.facts[identity].keepers(cutoffs)]
        parents = self.parents.get(identity, {})
        garbage = self.garbage(parents, cutoffs)
        found += [(kind, one) for one, kind in sorted(parents.items()) if one not in garbage]
        return found or [(Keeper.NEVER_TAGGED, None)]

    def garbage_since(
        self, identity: int, *, now_ms: int, window_ms: int, change: Change = NO_CHANGE
    ) -> int | None:
        """From when on a manifest is garbage if nothing else changes; None if something keeps it for good.

        What is garbage stays garbage, so the moments at which something ceases to keep it are searched by
        halves.
        """

        def is_garbage(moment: int) -> bool:
            cutoffs = Cutoffs(moment - window_ms, moment - GRACE_MS)
            return identity in self.garbage([identity], cutoffs, change)

        facts, _ = self._family([identity], change)
        ends = {known.pushed_ms + GRACE_MS for known in facts.values()}
        ends |= {
            known.ended_ms + window_ms
            for known in facts.values()
            if known.ended_ms is not None and known.ended_ms < NO_END_MS
        }
        moments = [now_ms, *sorted(end for end in ends if end > now_ms)]
        place = bisect_left(moments, True, key=is_garbage)
        return moments[place] if place < len(moments) else None

    def _family(
        self, ids: Iterable[int], change: Change
    ) -> tuple[dict[int, Facts], dict[int, Collection[int]]]:
        """The facts and parents of some manifests and of all above them, after a change."""
        parents: dict[int, Collection[int]] = {}
        level = set(ids) - change.gone
        found = set(level)
        while level:
            for identity in level:
                known = () if identity in change.deleted else self.parents.get(identity, ())
                parents[identity] = [one for one in known if one not in change.gone]
            level = {one for identity in level for one in parents[identity]} - found
            found |= level
        facts = {
            one: replace(self.facts[one], ended_ms=change.ended_ms[one])
            if one in change.ended_ms
            else self.facts[one]
            for one in found
            # A row may vanish while others are read; it keeps what it kept.
            if one in self.facts
        }
        return facts, parents


_FIND_FACTS = (
    "SELECT m.id AS id, m.collected_at_ms IS NOT NULL AS is_collected,"
    " COALESCE(m.pushed_at_ms, m.created_at_ms) AS pushed_ms, t.ended_ms AS ended_ms FROM manifest m"
    # Grouped, since PostgreSQL may read all tags for each manifest where most tags are of one.
    f" LEFT JOIN (SELECT manifest_id, MAX({end_of('tag')}) AS ended_ms FROM tag"
    " WHERE manifest_id IN ({ids}) GROUP BY manifest_id) t ON t.manifest_id = m.id WHERE m.id IN ({ids})"
)
# A collected parent keeps nothing alive that was pushed after its collection.
_IS_PARENT = "(k.collected_at_ms IS NULL OR k.collected_at_ms >= COALESCE(m.pushed_at_ms, m.created_at_ms))"
_INDEXES = (
    "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN repository r ON r.id = m.repository_id"
    # Within the namespace, however many others list the same image.
    " JOIN manifest_child c ON c.namespace_id = r.namespace_id AND c.digest = m.digest"
    " JOIN manifest k ON k.id = c.manifest_id AND k.repository_id = m.repository_id"
    f" WHERE m.id IN ({{}}) AND {_IS_PARENT}"
)
_SUBJECTS = (
    "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
    " ON k.repository_id = m.repository_id AND k.digest = m.subject_digest WHERE m.id IN ({})"
)
_DELETED_SUBJECTS = (
    "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
    " ON k.repository_id = m.repository_id AND k.deleted_digest = m.subject_digest"
    f" WHERE m.id IN ({{}}) AND k.deleted_digest IS NOT NULL AND {_IS_PARENT}"
)
_FIND_PARENTS = (
    (Keeper.INDEX, _INDEXES),
    (Keeper.SUBJECT, _SUBJECTS),
    (Keeper.SUBJECT, _DELETED_SUBJECTS),
)


async def find_garbage(ids: Sequence[int], cutoffs: Cutoffs) -> list[int]:
    """The garbage among some manifests of which none is collected yet, in their order.

    Takes a few statements for each level of parents and 500 manifests. The answer stays true only inside a
    transaction that locks the row of the repository.
    """
    lineage = await read(ids, cutoffs)
    gone = lineage.garbage(ids, cutoffs)
    return [identity for identity in ids if identity in gone]


async def read(
    ids: Iterable[int],
    cutoffs: Cutoffs,
    *,
    open_ids: AbstractSet[int] = frozenset(),
    limit: int | None = None,
) -> Lineage:
    """Read manifests and those above them, as far as it takes to judge them at a time.

    The parents of those that are kept by themselves are not read, but of `open_ids`. Raises `TooMany` for
    more than `limit` manifests.
    """
    lineage = Lineage()
    level, seen = set(ids), set(ids)
    while level:
        if limit is not None and len(seen) > limit:
            raise TooMany(
                f"At most {limit:,} manifests are looked at to answer this: the ones asked about, and the"
                " indexes and subjects above them. Ask for fewer at once."
            )
        for row in await _facts(sorted(level)):
            lineage.facts[row["id"]] = Facts(row["pushed_ms"], row["ended_ms"], bool(row["is_collected"]))
        undecided = [
            one
            for one in sorted(level)
            if (facts := lineage.facts.get(one)) is not None
            and not facts.is_collected
            and (one in open_ids or not facts.keepers(cutoffs))
        ]
        level = set()
        for kind, statement in _FIND_PARENTS:
            for row in await _in_batches(statement, undecided):
                lineage.parents.setdefault(row["id"], {})[row["keeper"]] = kind
                level.add(row["keeper"])
        level -= seen
        seen |= level
    return lineage


async def _facts(ids: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for batch in batches(ids):
        rows += await fetch(_FIND_FACTS.format(ids=placeholders(batch)), *batch, *batch)
    return rows


async def _in_batches(statement: str, ids: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for batch in batches(ids):
        rows += await fetch(statement.format(placeholders(batch)), *batch)
    return rows


def reachable(start: Iterable[int], edges: Mapping[int, Collection[int]]) -> set[int]:
    """The nodes of a graph to which edges lead from some, and those themselves."""
    found = set(start)
    level = found
    while level:
        level = {following for identity in level for following in edges.get(identity, ())} - found
        found |= level
    return found
