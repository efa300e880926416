"""What policies would delete, one of them or all: the tags, and the bytes that go with them. Changes nothing.

A policy is judged among all that hold with it, as at its next run: tags that another policy deletes first
are not its own. So a draft shows what it adds. All that is asked of one owner is found in one pass over its
tags, and what one request asks is bounded as a whole.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from operator import itemgetter

from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.access.permissions import require_administrator, require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import TooMany
from resolvers.manifests import cosign, reclaimable
from resolvers.manifests.reclaimable import EndingSpan
from resolvers.pruning.clock import judged_now
from resolvers.pruning.explanation import visible_policies
from resolvers.pruning.policy import POLICIES, PrunePolicyRecord, PruneRule
from resolvers.pruning.run import Policies, number_of_places, places
from resolvers.pruning.selection import (
    FIRST,
    PAGE,
    Chosen,
    Judge,
    TagState,
    first_tags,
    tags_newest_first,
)
from resolvers.repositories.policies import Place
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import immutability
from resolvers.tags.outcome import MAX_TAGS
from storage.clock import now_ms
from storage.statements import Row

MAX_PLACES = 1_000
"""Repositories that are looked at for the previews of one request."""
MAX_READ = 200_000
"""Tags that are read for them."""
MAX_RULINGS = 1_000_000
"""Rulings, each of one policy on one tag, for them: some seconds, with pauses."""
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
class Budget:
    """What the previews of one request may still read and judge."""

    places: int = field(default_factory=lambda: MAX_PLACES)
    reads: int = field(default_factory=lambda: MAX_READ)
    rulings: int = field(default_factory=lambda: MAX_RULINGS)

    @property
    def is_spent(self) -> bool:
        """Whether no more tags can be read or judged."""
        return min(self.reads, self.rulings) <= 0


async def preview(context: Context, policy: PrunePolicyRecord, *, judged_at_ms: int | None = None) -> Preview:
    """What a policy, a stored one or a draft, deletes where it holds, now or judged at a time."""
    return (await previews(context, [policy], Budget(), judged_at_ms=judged_at_ms))[policy.id]


async def previews(
    context: Context,
    policies: Sequence[PrunePolicyRecord],
    budget: Budget,
    *,
    judged_at_ms: int | None = None,
) -> dict[int, Preview]:
    """What each of some policies of one owner deletes where they hold, by id: up to 10,000 tags together."""
    ids = {one.id for one in policies}
    namespace_id, repository_id = policies[0].namespace_id, policies[0].repository_id
    shared = [one for one in await _shared(namespace_id) if one.id not in ids]
    reading = _Reading(
        context,
        lambda own: [*shared, *(one for one in own if one.id not in ids), *policies],
        ids,
        budget,
        judged_at_ms,
    )
    await reading.read(namespace_id, repository_id, [*shared, *policies])
    return {identity: await reading.preview(namespace_id, {identity}) for identity in ids}


async def next_run(context: Context, owner: AccountRecord | RepositoryRecord, budget: Budget) -> Preview:
    """What all policies together delete in a namespace or a repository at the next run: up to 10,000 tags.

    Requires what seeing the policies does; in a repository those that the viewer may see count.
    """
    if isinstance(owner, RepositoryRecord):
        await require_repository(context.looking, owner.ref, RepositoryRole.ADMIN)
        visible = await visible_policies(context, owner)
        reading = _Reading(context, lambda own: visible, None, budget)
        if visible:
            await reading.read(owner.namespace_id, owner.id, visible)
        return await reading.preview(owner.namespace_id)
    await require_administrator(context.looking, owner.id, ADMINISTER_OWN_NAMESPACE)
    shared = await _shared(owner.id)
    reading = _Reading(context, lambda own: [*shared, *own], None, budget)
    await reading.read(owner.id, None, shared)
    return await reading.preview(owner.id)


async def _shared(namespace_id: int) -> list[PrunePolicyRecord]:
    """The policies of a namespace for all its repositories."""
    return await POLICIES.where("p.namespace_id = ? AND p.repository_id IS NULL", namespace_id)


async def _groups(
    every: AsyncIterator[tuple[RepositoryRecord, Policies]],
) -> AsyncIterator[list[tuple[RepositoryRecord, Policies]]]:
    """Repositories in lists of which the first tags are read in one statement."""
    group: list[tuple[RepositoryRecord, Policies]] = []
    async for one in every:
        group.append(one)
        if len(group) * FIRST >= PAGE:
            yield group
            group = []
    if group:
        yield group


class _Reading:
    """One pass over the tags of a place. `wanted` are the policies whose tags are looked for, None for all.

    `holding` says which policies hold in a repository, given its own.
    """

    def __init__(
        self,
        context: Context,
        holding: Callable[[Policies], Policies],
        wanted: Collection[int] | None,
        budget: Budget,
        judged_at_ms: int | None = None,
    ) -> None:
        self._context = context
        self._holding = holding
        self._wanted = wanted
        self._budget = budget
        self._judged_at_ms = judged_at_ms
        self._found: list[tuple[RepositoryRecord, list[Chosen]]] = []
        self._room = MAX_TAGS
        self._unread = 0

    async def read(self, namespace_id: int, repository_id: int | None, shared: Policies) -> None:
        """Find the tags that the policies delete, as far as the budget goes."""
        judged = await judged_now() if self._judged_at_ms is None else self._judged_at_ms
        done = 0
        async for group in _groups(places(namespace_id, repository_id, shared)):
            ids = [record.id for record, _ in group]
            locks = await immutability.locks_of_each(self._context, namespace_id, ids)
            judges = {record.id: Judge(self._holding(own), judged, locks[record.id]) for record, own in group}
            first = await first_tags(judges, now_ms())
            for record, _ in group:
                if not await self._read_in(record, judges[record.id], first[record.id]):
                    self._unread = await number_of_places(namespace_id, repository_id, shared) - done
                    return
                done += 1

    async def _read_in(self, record: RepositoryRecord, judge: Judge, first: list[TagState]) -> bool:
        """Find those of one repository. Answers whether it was looked at to its end."""
        if self._budget.places <= 0:
            return False
        self._budget.places -= 1
        found: list[Chosen] = []
        self._found.append((record, found))
        async for page in tags_newest_first(record.id, judge, now_ms(), first=first):
            if self._budget.is_spent:
                return False
            self._budget.reads -= len(page)
            self._budget.rulings -= len(page) * judge.size
            chosen = [one async for tag in judge.paced(page) if (one := judge.choice(tag)) is not None]
            lost = [one for one in chosen if self._wanted is None or one.policy.id in self._wanted]
            found += lost[: self._room]
            self._room -= len(lost)
            if self._room < 0:
                self._room = 0
                return False
        return True

    async def preview(self, namespace_id: int, of: Collection[int] | None = None) -> Preview:
        """What some of the policies delete, or all, with the cosign tags that end with that."""
        chosen = [
            (record, mine)
            for record, found in self._found
            if (mine := tuple(one for one in found if of is None or one.policy.id in of))
        ]
        return Preview(namespace_id, await _items(chosen), tuple(chosen), self._unread)


async def _items(chosen: Sequence[tuple[RepositoryRecord, Sequence[Chosen]]]) -> tuple[PreviewItem, ...]:
    """Tags by repository, and the cosign tags that end with them; two statements for 500 manifests."""
    now = now_ms()
    ended = Counter(one.tag.manifest_id for _, some in chosen for one in some)
    signatures: dict[int, list[Row]] = {}
    for row in await cosign.active_tags(sorted(ended), now):
        signatures.setdefault(row["subject_id"], []).append(row)
    left = Counter({one: -ended[one] for one in signatures})
    for (subject, _), number in (await cosign.count_ends(sorted(signatures), now)).items():
        left[subject] += number
    items: list[PreviewItem] = []
    for record, some in chosen:
        tags = [one.tag for one in some]
        items += [
            PreviewItem(record.path, one.name, one.id, one.manifest_id, one.started_at_ms, one.ended_at_ms)
            for one in tags
        ]
        ending = [
            one for one in sorted({tag.manifest_id for tag in tags} & signatures.keys()) if left[one] <= 0
        ]
        items += [
            PreviewItem(
                record.path,
                row["name"],
                row["id"],
                row["manifest_id"],
                row["started_at_ms"],
                row["ended_at_ms"],
                is_consequence=True,
            )
            for row in sorted(
                (row for one in ending for row in signatures[one]), key=itemgetter("name", "id")
            )
        ]
    return tuple(items)


async def freed_bytes(found: Preview) -> int | None:
    """The bytes that the namespace stores less once the tags of a preview have ended, the time machine's
    window is over, and what nothing keeps has been collected. None where too much depends on them.
    """
    spans = [EndingSpan(one.manifest_id, one.started_at_ms, one.ended_at_ms) for one in found.items]
    try:
        return await reclaimable.by_many_tags(spans)
    except TooMany:
        return None
