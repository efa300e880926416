"""Explanations of auto-prune: what each policy says of one tag, by the function by which runs decide."""

from collections.abc import Collection

from resolvers.access.permissions import require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.pruning.clock import judged_now
from resolvers.pruning.policy import POLICIES
from resolvers.pruning.selection import LATER_THAN_ALL, Judge, Ruling, tags_newest_first
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import immutability
from storage.clock import now_ms


async def rulings(context: Context, record: RepositoryRecord, span_id: int) -> list[Ruling]:
    """What each policy would say of a tag now, in their order, up to the one that deletes it.

    Requires `repo:admin`. Empty for a tag that has ended, a cosign tag, and where no policy runs.
    """
    await require_repository(context, record.ref, RepositoryRole.ADMIN)
    return (await rulings_of(context, record, [span_id])).get(span_id, [])


async def rulings_of(
    context: Context, record: RepositoryRecord, span_ids: Collection[int]
) -> dict[int, list[Ruling]]:
    """The same for several tags of an authorized repository, by id of their span.

    A policy by number counts the newest tags, so all that are newer than the oldest of these are read.
    """
    left = set(span_ids)
    if not left or not context.site.has("AUTO_PRUNE") or record.state is not RepositoryState.NORMAL:
        return {}
    policies = await POLICIES.holding_in(record)
    if not policies:
        return {}
    found: dict[int, list[Ruling]] = {}
    judge = Judge(policies, await judged_now(), await immutability.locks_of(context, record))
    async for page in tags_newest_first(record.id, judge, now_ms(), newest_ms=LATER_THAN_ALL):
        for tag in page:
            said = judge.rulings(tag)
            if tag.id in left:
                found[tag.id] = said
                left.discard(tag.id)
        if not left:
            break
    return found
