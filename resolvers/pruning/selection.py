"""Selects the tags that auto-prune policies delete. Runs, previews and explanations use the same answer.

The policies of a namespace and of a repository apply together: those by age first, then those by number, of
each kind those of the namespace first, then by age of the policy. The first policy that deletes a tag has it,
and later ones do not count it. A policy by number keeps the newest of the tags that its pattern chooses. It
counts every such tag that earlier policies leave, locked, expiring and recently pulled ones too, so that
protecting one tag neither ends nor saves another. The newest are those written last, whatever the clock said
then, so by number tags come in the order of their ids; an age is judged by the clock.

Cosign tags are neither deleted nor counted; they end with the last ordinary tag of their subject. Nor are
tags `sha256-<hex>`, by which clients list what is about a manifest. Only names end here: whether a manifest
goes is said by `resolvers.manifests.liveness` alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from resolvers.manifests import cosign
from resolvers.pruning.policy import PruneMethod, PrunePolicyRecord
from resolvers.tags.immutability import Locks
from storage.clock import DAY_MS
from storage.conditions import is_active
from storage.statements import Row, among, fetch, fetch_one, first_of_each, placeholders

PAGE = 2_000
"""Tags that are read in one statement."""
FIRST = 50
"""Tags of one repository that are read in one statement with those of others."""
RULINGS_AT_ONCE = 500
"""Rulings, each of one policy on one tag, between two pauses: a few milliseconds."""
LATER_THAN_ALL = 2**62
"""Later than the start of any tag, and than its id."""

IsHeld = Callable[[str, int | None], bool]
"""Whether an immutability policy locks a tag of a name and an expiration."""


class Verdict(StrEnum):
    """What a policy says of a tag."""

    DELETES = "deletes"
    OTHER_NAME = "other_name"
    TOO_YOUNG = "too_young"
    AMONG_NEWEST = "among_newest"
    LOCKED = "locked"
    PULLED = "pulled"


@dataclass(frozen=True, slots=True)
class TagState:
    """An active tag as policies look at it: one span.

    `pulled_at_ms` is the last pull of it or its image, None if there was none, and where no policy asks.
    `ended_at_ms` is its expiration, if it has one.
    """

    id: int
    name: str
    manifest_id: int
    started_at_ms: int
    is_locked: bool
    pulled_at_ms: int | None
    ended_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one policy says of a tag. `rank` is the tag's place among those that a policy by number counts."""

    policy: PrunePolicyRecord
    verdict: Verdict
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A tag that a policy deletes. `kept` are the ids of the newer ones that one by number keeps."""

    tag: TagState
    policy: PrunePolicyRecord
    kept: Sequence[int] = ()


def in_order(policies: Sequence[PrunePolicyRecord]) -> list[PrunePolicyRecord]:
    """The policies of a repository and its namespace in the order in which they apply."""
    return sorted(
        policies,
        key=lambda one: (one.method is PruneMethod.NUMBER_OF_TAGS, one.repository_id is not None, one.id),
    )


class Judge:
    """Judges the tags of one repository, which it must be given newest first.

    `now_ms` is the time that ages are judged by; `locks` are those of the repository.
    """

    def __init__(self, policies: Sequence[PrunePolicyRecord], now_ms: int, locks: Locks) -> None:
        # Several policies ask about a tag, one after another.
        is_held = lru_cache(maxsize=1)(locks.hold)
        self._rules = [_Rule(policy, now_ms, is_held) for policy in in_order(policies)]
        self.size = len(self._rules) + len(locks.policies)
        """The number of policies, of both kinds, which are tried on each tag."""

    def rulings(self, tag: TagState) -> list[Ruling]:
        """What each policy says, in order, up to the one that deletes it; none of a tag about a manifest."""
        found: list[Ruling] = []
        if cosign.is_about_manifest(tag.name):
            return found
        for rule in self._rules:
            found.append(rule.ruling(tag))
            if found[-1].verdict is Verdict.DELETES:
                break
        return found

    def choice(self, tag: TagState) -> Chosen | None:
        """The tag with the policy that deletes it; None if it stays."""
        rulings = self.rulings(tag)
        if not rulings or rulings[-1].verdict is not Verdict.DELETES:
            return None
        return Chosen(tag, rulings[-1].policy, self._rules[len(rulings) - 1].kept)

    @property
    def counts(self) -> bool:
        """Whether a policy goes by number, so that all tags have to be looked at."""
        return any(rule.cutoff_ms is None for rule in self._rules)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that tags are read by, newest first."""
        # Where none are counted, the index over starts leaves out those that are too young.
        return ("id",) if self.counts else ("started_at_ms", "name")

    async def paced(self, tags: Sequence[TagState]) -> AsyncIterator[TagState]:
        """The tags, which the caller judges one by one, with pauses in which other requests go on."""
        step = max(1, RULINGS_AT_ONCE // max(1, self.size))
        for place, tag in enumerate(tags, 1):
            yield tag
            if place % step == 0:
                await asyncio.sleep(0)

    @property
    def newest_ms(self) -> int:
        """The start of the newest tag that has to be looked at."""
        cutoffs = [rule.cutoff_ms for rule in self._rules]
        return max((LATER_THAN_ALL if one is None else one for one in cutoffs), default=0)

    @property
    def asks_for_pulls(self) -> bool:
        """Whether a policy depends on pulls."""
        return any(rule.pulled_since_ms is not None for rule in self._rules)


class _Rule:
    """A policy with what it has counted so far."""

    def __init__(self, policy: PrunePolicyRecord, now_ms: int, is_held: IsHeld) -> None:
        self._policy = policy
        self._is_held = is_held
        self._applies_to = policy.name_test()
        self._counted = 0
        self.kept: list[int] = []
        """The ids of the newest tags, which a policy by number keeps."""
        self._keep_count = policy.keep_count
        # Never negative, since it is compared in the database as well.
        self.cutoff_ms = None if policy.max_age_ms is None else max(0, now_ms - policy.max_age_ms)
        """The start before which tags are too old; None for a policy by number."""
        self.pulled_since_ms = pulled_since(policy, now_ms)

    def ruling(self, tag: TagState) -> Ruling:
        """What the policy says of a tag."""
        if not self._applies_to(tag.name):
            return Ruling(self._policy, Verdict.OTHER_NAME)
        rank = None
        if self._keep_count is not None:
            self._counted += 1
            rank = self._counted
            if rank <= self._keep_count:
                self.kept.append(tag.id)
                return Ruling(self._policy, Verdict.AMONG_NEWEST, rank)
        elif self.cutoff_ms is not None and tag.started_at_ms >= self.cutoff_ms:
            return Ruling(self._policy, Verdict.TOO_YOUNG)
        verdict = protection(tag, self.pulled_since_ms, self._is_held) or Verdict.DELETES
        return Ruling(self._policy, verdict, rank)


def pulled_since(policy: PrunePolicyRecord, now_ms: int) -> int | None:
    """The time since when a pull protects a tag from a policy; None if none does."""
    days = policy.kept_if_pulled_within_days
    return None if days is None else now_ms - days * DAY_MS


def protection(tag: TagState, pulled_since_ms: int | None, is_held: IsHeld) -> Verdict | None:
    """What keeps a tag that a policy would delete, None for nothing."""
    if tag.is_locked or is_held(tag.name, tag.ended_at_ms):
        return Verdict.LOCKED
    if pulled_since_ms is None or tag.pulled_at_ms is None or tag.pulled_at_ms < pulled_since_ms:
        return None
    return Verdict.PULLED


_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT t.manifest_id UNION SELECT k.id FROM below b"
    " JOIN manifest_child c ON c.manifest_id = b.id"
    " JOIN manifest k ON k.repository_id = t.repository_id AND k.digest = c.digest)"
)
_TAG_PULLED = (
    "(SELECT MAX(u.last_pulled_at_ms) FROM tag_pulls u WHERE u.repository_id = t.repository_id"
    " AND u.name = t.name AND u.life = t.life)"
)
_IMAGE_PULLED = (
    f"({_BELOW} SELECT MAX(p.last_pulled_at_ms) FROM below b JOIN manifest_pulls p ON p.manifest_id = b.id)"
)
_PULLED = f"{_TAG_PULLED} AS tag_pulled_at_ms, {_IMAGE_PULLED} AS image_pulled_at_ms"
"""The last pull by the tag's name, and the last one of its manifest, or of one below it by whatever name."""
_NOT_PULLED = "NULL AS tag_pulled_at_ms, NULL AS image_pulled_at_ms"


def _select(*, with_pulls: bool) -> str:
    return (
        "SELECT t.id, t.repository_id, t.name, t.manifest_id, t.started_at_ms, t.ended_at_ms, t.is_immutable,"
        f" {_PULLED if with_pulls else _NOT_PULLED} FROM tag t"
    )


def _state(row: Row) -> TagState:
    pulled = [row[name] for name in ("tag_pulled_at_ms", "image_pulled_at_ms") if row[name] is not None]
    return TagState(
        id=row["id"],
        name=row["name"],
        manifest_id=row["manifest_id"],
        started_at_ms=row["started_at_ms"],
        is_locked=bool(row["is_immutable"]),
        pulled_at_ms=max(pulled, default=None),
        ended_at_ms=row["ended_at_ms"],
    )


async def tags_newest_first(
    repository_id: int,
    judge: Judge,
    now_ms: int,
    *,
    newest_ms: int | None = None,
    first: list[TagState] | None = None,
) -> AsyncIterator[list[TagState]]:
    """The active tags that a judge has to be given, in pages; one statement for each.

    Those that began before `newest_ms`; by default as many as are needed to know what is deleted. Tags that
    change meanwhile may be left out or seen as they were. `first` is what `first_tags` has of them.
    """
    order = judge.order
    statement = (
        f"{_select(with_pulls=judge.asks_for_pulls)} WHERE t.repository_id = ? AND {is_active('t')}"
        f" AND ({', '.join(f't.{one}' for one in order)}) < ({placeholders(order)})"
        f" ORDER BY {', '.join(f't.{one} DESC' for one in order)} LIMIT ?"
    )
    newest = judge.newest_ms if newest_ms is None else newest_ms
    place: tuple[int | str, ...] = (LATER_THAN_ALL,) if judge.counts else (newest, "")
    if first is not None:
        if first:
            yield first
        if len(first) < FIRST:
            return
        place = tuple(getattr(first[-1], one) for one in order)
    while rows := await fetch(statement, repository_id, now_ms, *place, PAGE):
        yield [_state(row) for row in rows]
        if len(rows) < PAGE:
            return
        place = tuple(rows[-1][one] for one in order)


async def first_tags(judges: Mapping[int, Judge], now_ms: int) -> dict[int, list[TagState]]:
    """The newest tags that some judges have to be given, by repository: `FIRST` of each, or all of them.

    One statement for each kind of judges, of which there are four.
    """
    kinds: dict[tuple[tuple[str, ...], bool], list[int]] = {}
    for identity, judge in judges.items():
        kinds.setdefault((judge.order, judge.asks_for_pulls), []).append(identity)
    found: dict[int, list[TagState]] = {identity: [] for identity in judges}
    for (order, with_pulls), ids in kinds.items():
        by = ", ".join(f"t.{one} DESC" for one in order)
        some = first_of_each(
            f"SELECT r.id AS id FROM repository r WHERE r.id IN ({placeholders(ids)})",
            "tag",
            f"SELECT t.id FROM tag t WHERE t.repository_id = each_row.id AND {is_active('t')}"
            f" AND t.started_at_ms < ? ORDER BY {by} LIMIT {FIRST}",
        )
        rows = await fetch(
            f"{_select(with_pulls=with_pulls)} WHERE t.id IN ({some}) ORDER BY {by}",
            *ids,
            now_ms,
            max(judges[one].newest_ms for one in ids),
        )
        for row in rows:
            found[row["repository_id"]].append(_state(row))
    return found


async def chosen(
    repository_id: int,
    policies: Sequence[PrunePolicyRecord],
    locks: Locks,
    *,
    judged_at_ms: int,
    now_ms: int,
) -> AsyncIterator[list[Chosen]]:
    """The tags of a repository that policies delete, newest first, in pages that may be empty.

    `judged_at_ms` is the time that ages are judged by; what is active is known at `now_ms`.
    """
    if not policies:
        return
    judge = Judge(policies, judged_at_ms, locks)
    async for page in tags_newest_first(repository_id, judge, now_ms):
        yield [one async for tag in judge.paced(page) if (one := judge.choice(tag)) is not None]


async def still_chosen(
    found: Sequence[Chosen], locks: Locks, *, judged_at_ms: int, now_ms: int
) -> list[Chosen]:
    """Those of at most 500 tags that are still to be deleted: active, not moved, not locked, not pulled.

    In the open transaction, with the repository's row locked. One statement.
    """
    with_pulls = any(one.policy.kept_if_pulled_within_days is not None for one in found)
    ids = [one.tag.id for one in found]
    rows = await fetch(
        f"{_select(with_pulls=with_pulls)} WHERE t.id IN ({placeholders(ids)}) AND {is_active('t')}",
        *ids,
        now_ms,
    )
    states = {row["id"]: _state(row) for row in rows}
    return [
        one
        for one in found
        if (state := states.get(one.tag.id)) is not None
        and protection(state, pulled_since(one.policy, judged_at_ms), locks.hold) is None
    ]


async def are_kept(ids: Collection[int], now_ms: int) -> bool:
    """Whether the names of all these spans go on, be it that they were moved. One statement.

    In the open transaction, with the repository's row locked.
    """
    if not ids:
        return True
    # There may be as many as a policy keeps.
    some, listed = among(ids)
    row = await fetch_one(
        f"SELECT COUNT(*) AS number FROM tag t WHERE t.id {some} AND ({is_active('t')} OR EXISTS (SELECT 1"
        f" FROM tag n WHERE n.repository_id = t.repository_id AND n.name = t.name AND {is_active('n')}))",
        listed,
        now_ms,
        now_ms,
    )
    return row is not None and row["number"] == len(ids)
