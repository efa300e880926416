"""Explanations of retention: what keeps a tag or a manifest, what ends it, and when its bytes go.

`resolvers.manifests.liveness` answers, by which the garbage collector decides, so that they cannot disagree.
Nothing else is supposed to change: no push, no deletion but by the policies that hold, and no setting.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.manifests import liveness, manifest, reclaimable
from resolvers.manifests.liveness import GRACE_MS, NO_CHANGE, NO_PUSH_MS, Change, Cutoffs, Keeper, Lineage
from resolvers.manifests.manifest import ManifestRecord
from resolvers.manifests.own_graph import MAX_MANIFESTS, Place
from resolvers.repositories.repository import RepositoryRecord, repository
from resolvers.retention.endings import TagEnding, endings_of
from resolvers.tags import tag
from resolvers.tags.tag import COLUMNS, TagRecord
from storage.clock import now_ms
from storage.conditions import NO_END_MS, end_of
from storage.statements import fetch

SHOWN = 20
"""How many tags, indexes and subjects are named at most, each."""
_END_OF_TIME = Cutoffs(NO_END_MS - 1, NO_PUSH_MS)
"""With these, only tags without an end keep a manifest by themselves."""


class RetentionRule(StrEnum):
    """A rule that keeps a manifest."""

    LOCKED_TAG = "locked_tag"
    ACTIVE_TAG = "active_tag"
    TIME_MACHINE = "time_machine"
    GRACE_PERIOD = "grace_period"
    INDEX = "index"
    SUBJECT = "subject"
    NEVER_TAGGED = "never_tagged"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that keeps a manifest, and until when, None for no end in sight.

    `tag` is the tag that does, `manifest_id` the index or subject.
    """

    rule: RetentionRule
    ends_at_ms: int | None = None
    tag: TagRecord | None = None
    manifest_id: int | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """What keeps a manifest, and the tag by which it was asked for, if it was.

    `outlook` says what comes of it.
    """

    repository: RepositoryRecord
    manifest: ManifestRecord
    tag: TagRecord | None
    reasons: tuple[Reason, ...]
    outlook: "Outlook"


async def explain(
    context: Context, path: str, *, tag_name: str | None, digest: str | None
) -> Retention | None:
    """Explain what keeps a tag or a manifest of a repository. Requires `repo:read`.

    None if there is none such. Raises `Invalid` unless one of both is given, and `TooMany`.
    """
    if (tag_name is None) is (digest is None):
        raise Invalid("tag: give either a tag or a digest.", field="tag")
    record = await repository(context, path)
    if record is None:
        return None
    span = await tag.last_span(record.id, tag_name) if tag_name is not None else None
    if digest is not None:
        found = await manifest.by_digest_or_tombstone(record, digest)
    else:
        found = (await manifest.by_ids([span.manifest_id])).get(span.manifest_id) if span else None
    return None if found is None else await _explain(context, record, found, span)


async def _explain(
    context: Context, record: RepositoryRecord, found: ManifestRecord, span: TagRecord | None
) -> Retention:
    now = now_ms()
    lineage = await liveness.read(
        [found.id], _END_OF_TIME, open_ids=frozenset({found.id}), limit=MAX_MANIFESTS
    )
    window_ms = record.tag_expiration_s * 1000
    tags = await _tags(found.id, now - window_ms)
    active = [one for one in tags if one.is_active(now)]
    return Retention(
        repository=record,
        manifest=found,
        tag=span,
        reasons=tuple(_reasons(lineage, found.id, tags[:SHOWN], now, window_ms)),
        outlook=Outlook(context, record, found, lineage, active, now),
    )


class Outlook:
    """What ends the active tags of a manifest, and what goes then. Each is worked out when it is asked for.

    It depends on the policies that the viewer may see alone, so that it tells nothing of others.
    """

    def __init__(
        self,
        context: Context,
        record: RepositoryRecord,
        found: ManifestRecord,
        lineage: Lineage,
        active: Sequence[TagRecord],
        now: int,
    ) -> None:
        self._context = context
        self._repository = record
        self._manifest = found
        self._lineage = lineage
        self._active = active
        self._now = now
        self._endings: asyncio.Task[list[TagEnding]] | None = None

    async def endings(self) -> list[TagEnding]:
        """What ends the tags; found once, however many fields ask. Raises `TooMany`."""
        if self._endings is None:
            self._endings = asyncio.create_task(
                endings_of(self._context, self._repository, self._active[:SHOWN], self._now)
            )
        return await self._endings

    async def collectable_at_ms(self) -> int | None:
        """From when on the manifest is garbage, None for never. Raises `TooMany`."""
        return self._since(await self._change())

    async def collectable_bytes(self) -> int:
        """The bytes that go then. Raises `TooMany`."""
        change = await self._change()
        since = self._since(change)
        if since is None:
            return 0
        record = self._repository
        place = Place(record.id, record.namespace_id, record.tag_expiration_s)
        return await reclaimable.going(place, self._manifest.id, since, change)

    async def _change(self) -> Change:
        return _supposed(self._manifest.id, self._active, await self.endings())

    def _since(self, change: Change) -> int | None:
        if self._manifest.is_collected:
            return None
        window_ms = self._repository.tag_expiration_s * 1000
        return self._lineage.garbage_since(
            self._manifest.id, now_ms=self._now, window_ms=window_ms, change=change
        )


def _supposed(manifest_id: int, active: Sequence[TagRecord], endings: Sequence[TagEnding]) -> Change:
    """The change by which the tags of a manifest end, if all that are active do."""
    ends: dict[int, int] = {}
    for one in endings:
        ends[one.tag.id] = min(one.ends_at_ms, ends.get(one.tag.id, one.ends_at_ms))
    if not active or any(one.id not in ends for one in active):
        return NO_CHANGE
    return Change(ended_ms={manifest_id: max(ends.values())})


def _reasons(
    lineage: Lineage, manifest_id: int, tags: Sequence[TagRecord], now: int, window_ms: int
) -> list[Reason]:
    """What keeps a manifest now, tags first; at most `SHOWN` of each rule."""
    reasons: list[Reason] = []
    parents: dict[RetentionRule, list[int]] = {RetentionRule.INDEX: [], RetentionRule.SUBJECT: []}
    for keeper, parent in lineage.keepers(manifest_id, Cutoffs(now - window_ms, now - GRACE_MS)):
        match keeper:
            case Keeper.TAG:
                reasons += [_of_tag(one, now, window_ms) for one in tags]
            case Keeper.GRACE_PERIOD:
                ends_at_ms = lineage.facts[manifest_id].pushed_ms + GRACE_MS
                reasons.append(Reason(RetentionRule.GRACE_PERIOD, ends_at_ms))
            case Keeper.NEVER_TAGGED:
                reasons.append(Reason(RetentionRule.NEVER_TAGGED))
            case _ if parent is not None:
                parents[RetentionRule(keeper.value)].append(parent)
    for rule, ids in parents.items():
        reasons += [
            Reason(
                rule,
                lineage.garbage_since(parent, now_ms=now, window_ms=window_ms),
                manifest_id=parent,
            )
            for parent in ids[:SHOWN]
        ]
    return reasons


_TAGS_OF = (
    f"SELECT {COLUMNS} FROM tag t WHERE t.manifest_id = ? AND {end_of('t')} > ?"
    f" ORDER BY {end_of('t')} DESC, t.name, t.id LIMIT {SHOWN + 1}"
)


async def _tags(manifest_id: int, window_ms: int) -> list[TagRecord]:
    """The tags that keep a manifest, those that end last first: one more than are shown."""
    return [COLUMNS.record(row) for row in await fetch(_TAGS_OF, manifest_id, window_ms)]


def _of_tag(span: TagRecord, now: int, window_ms: int) -> Reason:
    if span.is_active(now):
        rule = RetentionRule.LOCKED_TAG if span.is_immutable else RetentionRule.ACTIVE_TAG
        return Reason(rule, span.ended_at_ms, span)
    return Reason(RetentionRule.TIME_MACHINE, (span.ended_at_ms or now) + window_ms, span)
