"""Runs auto-prune policies: deletes what they select, in batches, beside pushes and pulls.

Each batch is one short transaction under the repository's lock, in which every tag is looked at again, and so
are the policies: a tag that was moved or locked meanwhile stays, and a policy that was changed or deleted
deletes no more. A run may be killed at any point, and two may overlap: each tag ends once, with one entry.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

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
    context: Context, namespace_id: int, *, repository_id: int | None = None, is_dry_run: bool = False
) -> AsyncIterator[Pruned]:
    """Run the policies of a namespace, or those that hold in one repository. Yields what each batch deleted.

    With `is_dry_run` it yields the same and changes nothing. Repositories that are not open to writes are
    passed over.
    """
    run = _Run(context, await judged_now(), is_dry_run=is_dry_run)
    if not is_dry_run:
        await history.close_interrupted(namespace_id)
    shared = await POLICIES.where("p.namespace_id = ? AND p.repository_id IS NULL", namespace_id)
    running: Policies = shared
    try:
        total = await number_of_places(namespace_id, repository_id, shared)
        place = 0
        async for record, own in places(namespace_id, repository_id, shared):
            await progress(place, max(place, total))
            place += 1
            running = [*shared, *own]
            async for done in run.repository(record, running):
                yield done
            await run.finish(own)
        running = shared
        # A run in one repository does not tell that the policies of the namespace did nothing.
        await run.finish(shared, also_idle=repository_id is None)
    except Exception as error:
        await run.finish(running, error=f"{type(error).__name__}: {error}")
        raise


class _Run:
    """One run. `judged_at_ms` is the time that ages are judged by, the same for all of it."""

    def __init__(self, context: Context, judged_at_ms: int, *, is_dry_run: bool) -> None:
        self._context = context
        self._judged_at_ms = judged_at_ms
        self._log = None if is_dry_run else RunLog()

    async def repository(self, record: RepositoryRecord, policies: Policies) -> AsyncIterator[Pruned]:
        """Delete what the policies of one repository select."""
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


async def number_of_places(namespace_id: int, repository_id: int | None, shared: Policies) -> int:
    """How many repositories `places` yields."""
    row = await fetch_one(
        f"SELECT COUNT(*) AS number FROM repository r WHERE {_of_places(shared)}",
        *_values(namespace_id, repository_id, shared),
    )
    return int(row["number"]) if row else 0


async def places(
    namespace_id: int, repository_id: int | None, shared: Policies
) -> AsyncIterator[tuple[RepositoryRecord, Policies]]:
    """The repositories of a namespace where a policy holds, each with its own policies; three statements
    for 500 of them.

    `shared` are the policies of the namespace; with `repository_id` there is one repository at most.
    """
    last = 0
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
