"""Deletes tags that auto-prune policies select, a batch in each transaction, looking at each tag again.

A policy by number deletes a tag because there are newer ones to keep, so these are looked at again as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from resolvers import events
from resolvers.context import Context
from resolvers.pruning.history import PrunedTag, RunEntry, RunLog
from resolvers.pruning.policy import POLICIES, PrunePolicyRecord
from resolvers.pruning.selection import Chosen, are_kept, still_chosen
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import immutability
from resolvers.tags.event import Entry
from resolvers.tags.tag import end_tags
from storage.clock import now_ms
from storage.faults import fault
from storage.statements import fetch, is_postgres, placeholders
from storage.transactions import lock_row, transaction

BATCH = 100
"""Tags that one transaction deletes."""


class Outdated(Exception):
    """A tag that a policy by number was to keep has ended since the selection."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete tags of one repository.

    `policies` are the stored ones that held when the tags were selected; when they have changed, nothing more
    is deleted. `judged_at_ms` is the time that ages are judged by; `entry` makes the event of a tag; `log`
    notes what stored policies delete.
    """

    context: Context
    record: RepositoryRecord
    policies: Sequence[PrunePolicyRecord]
    judged_at_ms: int
    entry: Callable[[RepositoryRecord, str], Entry]
    log: RunLog | None = None
    _ended: set[int] = field(default_factory=set)

    async def delete(self, found: Sequence[Chosen]) -> list[Chosen] | None:
        """Delete those of at most `BATCH` tags that are still to be deleted, and return them.

        None if the repository is gone or closed to writes, or its policies have changed. Raises `Outdated`
        where fewer tags would be left than a policy keeps, so that the tags must be selected again.
        """
        listed = await self._listed(found)
        noted: list[RunEntry] = []
        async with transaction("prune.delete"):
            await lock_row("repository", self.record.id)
            if not await self._may_go_on():
                return None
            now = now_ms()
            # One policy may delete what another keeps.
            if not await are_kept({span for one in found for span in one.kept} - self._ended, now):
                raise Outdated
            locks = await immutability.locks_of(self.context, self.record)
            done = await still_chosen(found, locks, judged_at_ms=self.judged_at_ms, now_ms=now)
            if done:
                await end_tags([(one.tag.id, one.tag.name, one.tag.manifest_id) for one in done], now)
                await self._record(done)
                noted = await self._note(done, listed)
            fault("prune.before_commit")
        if self.log is not None:
            self.log.keep(noted)
        fault("prune.after_commit")
        self._ended.update(one.tag.id for one in done)
        return done

    async def _may_go_on(self) -> bool:
        current = (await repository.by_ids([self.record.id])).get(self.record.id)
        if current is None or current.state is not RepositoryState.NORMAL:
            return False
        if self.policies and is_postgres():
            # What is noted of a policy refers to it, so that it must not go before the commit.
            ids = [one.id for one in self.policies]
            await fetch(f"SELECT id FROM prune_policy WHERE id IN ({placeholders(ids)}) FOR SHARE", *ids)
        return await POLICIES.holding_in(
            namespace_id=self.record.namespace_id, repository_id=self.record.id
        ) == sorted(self.policies, key=lambda one: one.id)

    async def _record(self, done: Sequence[Chosen]) -> None:
        await events.write(
            await events.prepare(
                self.context,
                [self.entry(self.record, one.tag.name) for one in done],
                namespace_id=self.record.namespace_id,
                repository_id=self.record.id,
            )
        )

    async def _listed(self, found: Sequence[Chosen]) -> dict[int, str]:
        """The digests of the tags that the log has room for, by the id of their span."""
        if self.log is None:
            return {}
        ids = [
            one.tag.id for _, group in _by_policy(found) for one in group[: self.log.room(group[0].policy.id)]
        ]
        if not ids:
            return {}
        rows = await fetch(
            "SELECT t.id, COALESCE(m.deleted_digest, m.digest) AS digest FROM tag t"
            f" JOIN manifest m ON m.id = t.manifest_id WHERE t.id IN ({placeholders(ids)})",
            *ids,
        )
        return {row["id"]: row["digest"] for row in rows}

    async def _note(self, done: Sequence[Chosen], digests: dict[int, str]) -> list[RunEntry]:
        noted: list[RunEntry] = []
        if self.log is None:
            return noted
        for policy, group in _by_policy(done):
            tags = [
                PrunedTag(self.record.name, one.tag.name, digests[one.tag.id])
                for one in group
                if one.tag.id in digests
            ]
            noted.append(await self.log.add(policy.id, tags, len(group)))
        return noted


def _by_policy(found: Sequence[Chosen]) -> list[tuple[PrunePolicyRecord, list[Chosen]]]:
    ordered = sorted(found, key=lambda one: one.policy.id)
    return [
        (group[0].policy, group)
        for group in (list(rows) for _, rows in groupby(ordered, key=lambda one: one.policy.id))
    ]
