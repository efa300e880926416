"""What a repository no longer keeps: manifests whose tags ended before the window of the time machine.

One question, asked alike by whoever restores a tag and by the collector. What keeps a manifest:

- a tag that is active, or ended within the window of the namespace;
- an index that lists it, or the subject that it refers to, while that is kept itself;
- nothing at all, if it never had a tag and hangs on nothing that had one: a push by digest is kept;
- a push that is not yet two days old, since a client may be about to push what names it.

So what hangs on a lost manifest is lost with it, unless something else keeps it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from resolvers.expiration import NO_END_MS
from storage.statements import Row, batches, fetch, placeholders

GRACE_MS = 2 * 86_400_000
"""How long what was pushed is kept for whatever the client pushes next."""
RENEWAL_MS = GRACE_MS // 2
"""How old a right to a blob may be and be used without being renewed."""
NEVER_MS = 2**62
"""A moment that no push comes after."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The moments that decide: when the window began, and since when a push counts as recent."""

    window_ms: int
    recent_ms: int

    @classmethod
    def at(cls, now_ms: int, tag_expiration_s: int) -> "Horizon":
        """Those for a namespace that keeps history for some seconds."""
        return cls(now_ms - tag_expiration_s * 1000, now_ms - GRACE_MS)


@dataclass(slots=True)
class _Graph:
    """Manifests by row, and what each one hangs on: indexes that list it, and its subject."""

    kept: set[int] = field(default_factory=set)
    """Kept for their own sake."""
    lost: set[int] = field(default_factory=set)
    """Had tags, all of which ended before the window, or were collected already."""
    above: dict[int, set[int]] = field(default_factory=dict)


_FACTS = (
    "SELECT m.id AS id, m.collected_at_ms AS collected, COALESCE(m.pushed_at_ms, m.created_at_ms) AS pushed,"
    f" (SELECT MAX(COALESCE(t.ended_at_ms, {NO_END_MS})) FROM tag t WHERE t.manifest_id = m.id) AS ended"
    " FROM manifest m WHERE m.id IN ({})"
)
# What was collected holds nothing that was pushed afterwards.
_STILL = "(k.collected_at_ms IS NULL OR k.collected_at_ms >= COALESCE(m.pushed_at_ms, m.created_at_ms))"
_KEEPERS = (
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest_child c ON c.digest = m.digest"
        " JOIN manifest k ON k.id = c.manifest_id AND k.repository_id = m.repository_id"
        f" WHERE m.id IN ({{}}) AND {_STILL}"
    ),
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
        " ON k.repository_id = m.repository_id AND k.digest = m.subject_digest WHERE m.id IN ({})"
    ),
    (
        "SELECT m.id AS id, k.id AS keeper FROM manifest m JOIN manifest k"
        " ON k.repository_id = m.repository_id AND k.deleted_digest = m.subject_digest"
        f" WHERE m.id IN ({{}}) AND k.deleted_digest IS NOT NULL AND {_STILL}"
    ),
)


async def lost(ids: Sequence[int], horizon: Horizon) -> list[int]:
    """Those of some manifests, not yet collected, that nothing keeps, in their order.

    A few statements for 500 manifests and whatever they hang on. Inside a transaction that holds the row of
    the repository, the answer stays true.
    """
    graph = _Graph()
    level, seen = set(ids), set(ids)
    while level:
        facts = await _in_batches((_FACTS,), sorted(level))
        _judge(graph, facts, horizon)
        undecided = [row["id"] for row in facts if row["id"] not in graph.kept and row["collected"] is None]
        level = set()
        for row in await _in_batches(_KEEPERS, undecided):
            graph.above.setdefault(row["id"], set()).add(row["keeper"])
            level.add(row["keeper"])
        level -= seen
        seen |= level
    gone = _gone(graph)
    return [identity for identity in ids if identity in gone]


async def _in_batches(statements: Iterable[str], ids: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for batch in batches(ids):
        for statement in statements:
            rows += await fetch(statement.format(placeholders(batch)), *batch)
    return rows


def _judge(graph: _Graph, facts: Iterable[Row], horizon: Horizon) -> None:
    for row in facts:
        if row["collected"] is not None:
            graph.lost.add(row["id"])
        elif row["pushed"] > horizon.recent_ms or (row["ended"] or 0) > horizon.window_ms:
            graph.kept.add(row["id"])
        elif row["ended"] is not None:
            graph.lost.add(row["id"])


def _gone(graph: _Graph) -> set[int]:
    """What hangs on something lost, and on nothing that is kept or that no tag ever led to."""
    below: dict[int, set[int]] = {}
    for identity, keepers in graph.above.items():
        for keeper in keepers:
            below.setdefault(keeper, set()).add(identity)
    doomed = _reached(graph.lost, below) - graph.kept
    rescued = {
        identity for identity in doomed if any(one not in doomed for one in graph.above.get(identity, ()))
    }
    return doomed - _reached(rescued, below)


def _reached(start: Iterable[int], edges: Mapping[int, Collection[int]]) -> set[int]:
    found = set(start)
    level = found
    while level:
        level = {following for identity in level for following in edges.get(identity, ())} - found
        found |= level
    return found
