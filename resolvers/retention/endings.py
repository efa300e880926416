"""What ends active tags: their expiration, or an auto-prune policy at its next run.

The rulings of policies are those by which their runs delete, so that the two cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from resolvers.context import Context
from resolvers.pruning.explanation import rulings_of
from resolvers.pruning.policy import PrunePolicyRecord
from resolvers.pruning.queue import next_run_ms
from resolvers.pruning.selection import Verdict
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags.tag import TagRecord


class Ending(StrEnum):
    """What ends a tag."""

    EXPIRATION = "expiration"
    PRUNE_POLICY = "prune_policy"


@dataclass(frozen=True, slots=True)
class TagEnding:
    """What ends an active tag, and when; `policy` is the one that does, if one does."""

    ending: Ending
    ends_at_ms: int
    tag: TagRecord
    policy: PrunePolicyRecord | None = None


async def endings_of(
    context: Context, record: RepositoryRecord, tags: Sequence[TagRecord], now: int
) -> list[TagEnding]:
    """What ends some active tags of a repository, in their order; an expiration before a policy.

    Of policies those that the viewer may see. Raises `TooMany`.
    """
    rulings = await rulings_of(context, record, [one.id for one in tags])
    policies = {
        identity: said[-1].policy
        for identity, said in rulings.items()
        if said and said[-1].verdict is Verdict.DELETES
    }
    run_ms = await next_run_ms(record.namespace_id) if policies else now
    found: list[TagEnding] = []
    for one in tags:
        if one.ended_at_ms is not None:
            found.append(TagEnding(Ending.EXPIRATION, one.ended_at_ms, one))
        if one.id in policies:
            found.append(TagEnding(Ending.PRUNE_POLICY, run_ms, one, policies[one.id]))
    return found
