"""When auto-prune policies run: every hour, namespace by namespace, and soon after a change."""

from resolvers.context import Site
from resolvers.job_kinds import MINUTE, Lane, Run, job, progress
from resolvers.pruning import clock
from resolvers.pruning.queue import AFTER, EVERY_S, RUN, SCHEDULE, goes_on, namespace_is_due
from resolvers.pruning.run import Turn, namespaces, prune

TURN_S = 5 * MINUTE
"""How long a run goes on before it leaves the rest to another, behind those of other namespaces."""


def _is_on(site: Site) -> bool:
    return site.has("AUTO_PRUNE")


@job(
    SCHEDULE,
    "Enqueues a run of the auto-prune policies of each namespace that has some.",
    every_s=EVERY_S,
    needs=_is_on,
    goes_on_when_read_only=False,
)
async def enqueue_runs(run: Run) -> str:
    """Note the time, and enqueue a run for each namespace with policies, unless one waits."""
    await clock.note()
    number = 0
    async for namespace_id in namespaces():
        await progress(number)
        await namespace_is_due(namespace_id)
        number += 1
    return f"{number} namespaces have policies."


@job(
    RUN,
    "Deletes the tags that auto-prune policies of a namespace select.",
    lane=Lane.LONG,
    # One slot is left to the other long jobs, of which some free what tags held.
    at_once=1,
    per_namespace=1,
    needs=_is_on,
    goes_on_when_read_only=False,
)
async def run_policies(run: Run) -> str | None:
    """Run the policies of the namespace that the job is for, or of one repository of it."""
    payload = run.payload
    namespace_id, repository_id = payload["namespace_id"], payload["repository_id"]
    number, places, turn = 0, set(), Turn(TURN_S)
    async for done in prune(
        run.tools.context,
        namespace_id,
        repository_id=repository_id,
        after=payload.get(AFTER, 0),
        turn=turn,
    ):
        number += len(done.tags)
        places.add(done.repository.id)
    said = f"Deleted {number} tags in {len(places)} repositories."
    if turn.rest is None:
        return said
    await goes_on(namespace_id, repository_id, turn.rest)
    return f"{said} Another run does the rest."
