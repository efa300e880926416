"""What one policy would delete: the tags, and the bytes that go with them. Changes nothing.

The policy is judged among all that hold with it, as at its next run: tags that another policy deletes first
are not its own. So a draft shows what it adds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from resolvers.context import Context
from resolvers.errors import TooMany
from resolvers.manifests import cosign, reclaimable
from resolvers.manifests.reclaimable import EndingSpan
from resolvers.pruning.clock import judged_now
from resolvers.pruning.policy import POLICIES, PrunePolicyRecord, PruneRule
from resolvers.pruning.run import places
from resolvers.pruning.selection import Chosen, Judge, tags_newest_first
from resolvers.repositories.policies import Place
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import immutability
from resolvers.tags.outcome import MAX_TAGS
from storage.clock import now_ms

MAX_READ = 200_000
"""Tags that are read for one preview, over all repositories."""
MAX_RULINGS = 2_000_000
"""Rulings, each of one policy on one tag, for one preview: some seconds, with pauses."""
DRAFT_ID = 2**62
"""The id of a policy that is not stored: it is younger than any other."""


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """A tag that would be deleted. `is_consequence` marks a cosign tag that ends with its subject's last."""

    path: str
    name: str
    span_id: int
    manifest_id: int
    started_at_ms: int
    ended_at_ms: int | None
    is_consequence: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would delete, by repository, newest first; and the same as the selection has it.

    `unread` is the number of repositories that were not looked at, or not to their end, since there is more
    than one preview shows or reads.
    """

    namespace_id: int
    items: tuple[PreviewItem, ...]
    chosen: tuple[tuple[RepositoryRecord, tuple[Chosen, ...]], ...]
    unread: int

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing beyond it."""
        return self.unread == 0

    @property
    def tag_count(self) -> int:
        """How many tags the policy deletes, without those that follow from that."""
        return sum(not item.is_consequence for item in self.items)


def drafted(place: Place, rule: PruneRule) -> PrunePolicyRecord:
    """A policy as if it were stored: the youngest one of its place."""
    return PrunePolicyRecord(
        id=DRAFT_ID,
        uuid="",
        namespace_id=place.namespace_id,
        repository_id=place.repository_id,
        created_at_ms=0,
        **asdict(rule),
    )


@dataclass(slots=True)
class _Budget:
    """What is left to read and to show."""

    tags: int = field(default_factory=lambda: MAX_TAGS)
    reads: int = field(default_factory=lambda: MAX_READ)
    rulings: int = field(default_factory=lambda: MAX_RULINGS)
    is_spent: bool = False


async def preview(context: Context, policy: PrunePolicyRecord, *, judged_at_ms: int | None = None) -> Preview:
    """What a policy deletes where it holds, now or judged at a time: up to 10,000 tags.

    Up to 200,000 tags are read.
    """
    judged = await judged_now() if judged_at_ms is None else judged_at_ms
    shared = [
        one
        for one in await POLICIES.where("p.namespace_id = ? AND p.repository_id IS NULL", policy.namespace_id)
        if one.id != policy.id
    ]
    budget, found, unread = _Budget(), [], 0
    async for record, own in places(policy.namespace_id, policy.repository_id, [*shared, policy]):
        if not budget.is_spent:
            others = [one for one in own if one.id != policy.id]
            locks = await immutability.locks_of(context, record)
            judge = Judge([*shared, *others, policy], judged, locks)
            mine = await _selected(record, judge, policy, budget)
            found += [(record, tuple(mine))] if mine else []
        unread += budget.is_spent
    items = [item for record, chosen in found for item in await _items(record, chosen)]
    return Preview(policy.namespace_id, tuple(items), tuple(found), unread)


async def _selected(
    record: RepositoryRecord, judge: Judge, policy: PrunePolicyRecord, budget: _Budget
) -> list[Chosen]:
    """The tags of one repository that a policy deletes, as far as the budget goes."""
    found: list[Chosen] = []
    async for page in tags_newest_first(record.id, judge, now_ms()):
        if min(budget.reads, budget.rulings) <= 0:
            budget.is_spent = True
            break
        budget.reads -= len(page)
        budget.rulings -= len(page) * judge.size
        against = [judge.choice(tag) async for tag in judge.paced(page)]
        lost = [one for one in against if one is not None and one.policy.id == policy.id]
        found += lost[: budget.tags]
        budget.is_spent = len(lost) > budget.tags
        budget.tags -= min(len(lost), budget.tags)
        if budget.is_spent:
            break
    return found


async def _items(record: RepositoryRecord, chosen: Sequence[Chosen]) -> list[PreviewItem]:
    """The tags of one repository, and the cosign tags that end with them."""
    tags = [one.tag for one in chosen]
    items = [
        PreviewItem(record.path, one.name, one.id, one.manifest_id, one.started_at_ms, one.ended_at_ms)
        for one in tags
    ]
    now = now_ms()
    ended = Counter(one.manifest_id for one in tags)
    signatures = await cosign.active_tags(sorted(ended), now)
    subjects = sorted({row["subject_id"] for row in signatures})
    left = Counter({one: -ended[one] for one in subjects})
    for (subject, _), number in (await cosign.count_ends(subjects, now)).items():
        left[subject] += number
    return items + [
        PreviewItem(
            record.path,
            row["name"],
            row["id"],
            row["manifest_id"],
            row["started_at_ms"],
            row["ended_at_ms"],
            is_consequence=True,
        )
        for row in signatures
        if left[row["subject_id"]] <= 0
    ]


async def freed_bytes(found: Preview) -> int | None:
    """The bytes that the namespace stores less once the tags of a preview have ended, the time machine's
    window is over, and what nothing keeps has been collected. None where too much depends on them.
    """
    spans = [EndingSpan(one.manifest_id, one.started_at_ms, one.ended_at_ms) for one in found.items]
    try:
        return await reclaimable.by_many_tags(spans)
    except TooMany:
        return None
