"""Liveness of manifests: which ones are garbage. Garbage collection and restoring a tag use the same answer.

A manifest is alive if one of these holds:

- it has a tag that is active, or that ended within the window for which the namespace keeps history;
- an index that lists it, or its subject, is alive;
- it never had a tag, and no index that lists it and no subject of it had one (a push by digest);
- it was pushed within the grace period of two days, since the client may be about to push what names it.

Any other manifest is garbage, together with the manifests that only garbage lists or has as referrers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.conditions import end_of
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


@dataclass(slots=True)
class _Graph:
    """Manifests by row id. The parents of one are the indexes that list it, and its subject."""

    roots: set[int] = field(default_factory=set)
    """Alive by themselves: pushed recently, or with a tag in the window."""
    dead: set[int] = field(default_factory=set)
    """All tags ended before the window, or collected already."""
    parents: dict[int, set[int]] = field(default_factory=dict)


_FIND_STATES = (
    "SELECT m.id AS id, m.collected_at_ms AS collected, COALESCE(m.pushed_at_ms, m.created_at_ms) AS pushed,"
    f" (SELECT MAX({end_of('t')}) FROM tag t WHERE t.manifest_id = m.id) AS ended"
    " FROM manifest m WHERE m.id IN ({})"
)
# A collected parent keeps nothing alive that was pushed after its collection.
_IS_PARENT = "(k.collected_at_ms IS NULL OR k.collected_at_ms >= COALESCE(m.pushed_at_ms, m.created_at_ms))"
_FIND_PARENTS = (
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest_child c ON c.digest = m.digest"
        " JOIN manifest k ON k.id = c.manifest_id AND k.repository_id = m.repository_id"
        f" WHERE m.id IN ({{}}) AND {_IS_PARENT}"
    ),
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
        " ON k.repository_id = m.repository_id AND k.digest = m.subject_digest WHERE m.id IN ({})"
    ),
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
        " ON k.repository_id = m.repository_id AND k.deleted_digest = m.subject_digest"
        f" WHERE m.id IN ({{}}) AND k.deleted_digest IS NOT NULL AND {_IS_PARENT}"
    ),
)


async def find_garbage(ids: Sequence[int], cutoffs: Cutoffs) -> list[int]:
    """The garbage among some manifests of which none is collected yet, in their order: mark and sweep.

    Takes a few statements for each level of parents and 500 manifests. The answer stays true only inside a
    transaction that locks the row of the repository.
    """
    graph = _Graph()
    level, seen = set(ids), set(ids)
    while level:
        states = await _in_batches((_FIND_STATES,), sorted(level))
        _mark_roots(graph, states, cutoffs)
        undecided = [row["id"] for row in states if row["id"] not in graph.roots and row["collected"] is None]
        level = set()
        for row in await _in_batches(_FIND_PARENTS, undecided):
            graph.parents.setdefault(row["id"], set()).add(row["keeper"])
            level.add(row["keeper"])
        level -= seen
        seen |= level
    gone = _sweep(graph)
    return [identity for identity in ids if identity in gone]


async def _in_batches(statements: Iterable[str], ids: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for batch in batches(ids):
        for statement in statements:
            rows += await fetch(statement.format(placeholders(batch)), *batch)
    return rows


def _mark_roots(graph: _Graph, states: Iterable[Row], cutoffs: Cutoffs) -> None:
    for row in states:
        if row["collected"] is not None:
            graph.dead.add(row["id"])
        elif row["pushed"] > cutoffs.recent_ms or (row["ended"] or 0) > cutoffs.window_ms:
            graph.roots.add(row["id"])
        elif row["ended"] is not None:
            graph.dead.add(row["id"])


def _sweep(graph: _Graph) -> set[int]:
    """The dead manifests and those below them, without what also has a parent that is not garbage."""
    below: dict[int, set[int]] = {}
    for identity, keepers in graph.parents.items():
        for keeper in keepers:
            below.setdefault(keeper, set()).add(identity)
    doomed = _reachable(graph.dead, below) - graph.roots
    rescued = {
        identity for identity in doomed if any(one not in doomed for one in graph.parents.get(identity, ()))
    }
    return doomed - _reachable(rescued, below)


def _reachable(start: Iterable[int], edges: Mapping[int, Collection[int]]) -> set[int]:
    found = set(start)
    level = found
    while level:
        level = {following for identity in level for following in edges.get(identity, ())} - found
        found |= level
    return found
