"""Runs auto-prune policies: deletes what they select, in batches, beside pushes and pulls.

Each batch is one short transaction under the repository's lock, in which every tag is looked at again, and so
are the policies: a tag that was moved or locked meanwhile stays, and a policy that was changed or deleted
deletes no more. A run may be killed at any point, and two may overlap: each tag ends once, with one entry.
What fails in one repository is noted, and stops none of the others.
"""

import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from resolvers.context import Context
from resolvers.job_kinds import checkpoint, progress
from resolvers.pruning import history
from resolvers.pruning.clock import judged_now
from resolvers.pruning.deletion import BATCH, Deletion, Outdated
from resolvers.pruning.history import RunLog
from resolvers.pruning.policy import POLICIES, PrunePolicyRecord
from resolvers.pruning.selection import Chosen, chosen
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import event as tag_event
from resolvers.tags import immutability
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import batches, fetch, fetch_one, placeholders

logger = logging.getLogger("quayside.pruning")

PLACES = 500
"""Repositories or namespaces that are read in one statement."""

SELECTIONS = 100
"""How often a run selects the tags of a repository where those that it keeps end meanwhile."""

Policies = Sequence[PrunePolicyRecord]


@dataclass(frozen=True, slots=True)
class Pruned:
    """Tags of one repository that were deleted, or would be; newest first."""

    repository: RepositoryRecord
    tags: Sequence[Chosen]


@dataclass(slots=True)
class Turn:
    """How long a run goes on before others have their turn: it ends after a batch or a repository.

    `rest` is the id of the repository after which another run goes on, None while this one does it all.
    """

    seconds: float = math.inf
    rest: int | None = None
    _began: float = field(default_factory=time.monotonic)

    def leaves_rest(self, after: int) -> bool:
        """Whether it is time for others; what comes after a repository is left to another run then."""
        if time.monotonic() - self._began >= self.seconds:
            self.rest = after
        return self.rest is not None


async def namespaces() -> AsyncIterator[int]:
    """The ids of the namespaces that have policies, their own or those of a repository."""
    last = 0
    while rows := await fetch(
        f"SELECT n.id FROM account n WHERE n.id > ? AND {exists('n')}"
        " AND EXISTS (SELECT 1 FROM prune_policy p WHERE p.namespace_id = n.id) ORDER BY n.id LIMIT ?",
        last,
        PLACES,
    ):
        for row in rows:
            yield row["id"]
        last = rows[-1]["id"]


async def prune(
    context: Context,
    namespace_id: int,
    *,
    repository_id: int | None = None,
    is_dry_run: bool = False,
    after: int = 0,
    turn: Turn | None = None,
) -> AsyncIterator[Pruned]:
    """Run the policies of a namespace, or those that hold in one repository. Yields what each batch deleted.

    With `is_dry_run` it yields the same and changes nothing. Repositories that are not open to writes are
    passed over, and so are those up to the id `after`. Raises at the end what failed first, unless another
    run does the rest of the `turn`.
    """
    turn = turn or Turn()
    run = _Run(context, await judged_now(), turn, is_dry_run=is_dry_run)
    if not is_dry_run:
        await history.close_interrupted(namespace_id)
    shared = await POLICIES.where("p.namespace_id = ? AND p.repository_id IS NULL", namespace_id)
    try:
        total = await number_of_places(namespace_id, repository_id, shared, after)
        place, last = 0, after
        async for record, own in places(namespace_id, repository_id, shared, after):
            await progress(place, max(place, total))
            if place and turn.leaves_rest(last):
                break
            async for done in run.repository(record, shared, own, last):
                yield done
            if turn.rest is not None:
                break
            place, last = place + 1, record.id
        # A run in some repositories does not tell that the policies of the namespace did nothing.
        is_all = repository_id is None and not after and turn.rest is None
        await run.finish(shared, error=run.told, also_idle=is_all or run.told is not None)
    except Exception as error:
        await run.finish(shared, error=_text(error))
        raise
    if run.failed is not None and turn.rest is None:
        raise run.failed


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class _Run:
    """One run. `judged_at_ms` is the time that ages are judged by, the same for all of it.

    `failed` is what failed first, and `told` says it with the repository.
    """

    def __init__(self, context: Context, judged_at_ms: int, turn: Turn, *, is_dry_run: bool) -> None:
        self._context = context
        self._judged_at_ms = judged_at_ms
        self._turn = turn
        self._log = None if is_dry_run else RunLog()
        self.failed: Exception | None = None
        self.told: str | None = None

    async def repository(
        self, record: RepositoryRecord, shared: Policies, own: Policies, last: int
    ) -> AsyncIterator[Pruned]:
        """Delete what policies select in one repository, and note what fails; `last` is the one before it."""
        try:
            async with aclosing(self._pruned(record, [*shared, *own])) as found:
                async for done in found:
                    yield done
                    if self._turn.leaves_rest(last):
                        break
        except Exception as error:
            logger.exception("auto-prune failed in a repository", extra={"repository": record.path})
            self.failed = self.failed or error
            self.told = self.told or f"{record.path}: {_text(error)}"
            await self.finish(own, error=_text(error))
        else:
            await self.finish(own, also_idle=self._turn.rest is None)

    async def _pruned(self, record: RepositoryRecord, policies: Policies) -> AsyncGenerator[Pruned, None]:
        deletion = Deletion(
            self._context, record, policies, self._judged_at_ms, tag_event.pruned, log=self._log
        )
        for _ in range(SELECTIONS):
            try:
                async for done in self._selected(deletion):
                    yield done
            except Outdated:
                continue
            return

    async def _selected(self, deletion: Deletion) -> AsyncIterator[Pruned]:
        """Select the tags of one repository and delete them. Raises `Outdated`."""
        record, policies = deletion.record, deletion.policies
        locks = await immutability.locks_of(self._context, record)
        async for page in chosen(
            record.id, policies, locks, judged_at_ms=self._judged_at_ms, now_ms=now_ms()
        ):
            checkpoint()
            for batch in batches(page, BATCH):
                checkpoint()
                done = batch if self._log is None else await deletion.delete(batch)
                if done is None:
                    return
                if done:
                    yield Pruned(record, done)

    async def finish(self, policies: Policies, *, error: str | None = None, also_idle: bool = True) -> None:
        """Note that the run is through with some policies, or why it is not."""
        if self._log is not None and policies:
            await self._log.finish([one.id for one in policies], error=error, also_idle=also_idle)


def _of_places(shared: Policies) -> str:
    """The SQL condition on the repositories `r` of a namespace where a policy holds."""
    some = (
        "" if shared else " AND r.id IN (SELECT p.repository_id FROM prune_policy p WHERE p.namespace_id = ?)"
    )
    return (
        f"r.namespace_id = ? AND r.state = '{RepositoryState.NORMAL.value}' AND {exists('r')}{some}"
        " AND (CAST(? AS BIGINT) IS NULL OR r.id = ?)"
    )


def _values(namespace_id: int, repository_id: int | None, shared: Policies) -> list[int | None]:
    return [namespace_id, *([] if shared else [namespace_id]), repository_id, repository_id]


async def number_of_places(
    namespace_id: int, repository_id: int | None, shared: Policies, after: int = 0
) -> int:
    """How many repositories `places` yields."""
    row = await fetch_one(
        f"SELECT COUNT(*) AS number FROM repository r WHERE {_of_places(shared)} AND r.id > ?",
        *_values(namespace_id, repository_id, shared),
        after,
    )
    return int(row["number"]) if row else 0


async def places(
    namespace_id: int, repository_id: int | None, shared: Policies, after: int = 0
) -> AsyncIterator[tuple[RepositoryRecord, Policies]]:
    """The repositories of a namespace where a policy holds, each with its own policies; three statements
    for 500 of them.

    `shared` are the policies of the namespace; with `repository_id` there is one repository at most. Those up
    to the id `after` are left out.
    """
    last = after
    while rows := await fetch(
        f"SELECT r.id FROM repository r WHERE {_of_places(shared)} AND r.id > ? ORDER BY r.id LIMIT ?",
        *_values(namespace_id, repository_id, shared),
        last,
        PLACES,
    ):
        ids = [row["id"] for row in rows]
        last = ids[-1]
        records = await repository.by_ids(ids)
        own: dict[int | None, list[PrunePolicyRecord]] = {}
        for policy in await POLICIES.where(f"p.repository_id IN ({placeholders(ids)})", *ids):
            own.setdefault(policy.repository_id, []).append(policy)
        for record in records.values():
            yield record, own.get(record.id, [])
