"""Explanations of auto-prune: what each policy says of one tag, by the function by which runs decide.

Policies that the viewer may not see are left out, as if there were none.
"""

from collections.abc import Collection

from resolvers.access.permissions import account_role, namespace_role, repository_role, require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.errors import TooMany
from resolvers.pruning.clock import judged_now
from resolvers.pruning.policy import POLICIES, PrunePolicyRecord
from resolvers.pruning.selection import LATER_THAN_ALL, Judge, Ruling, tags_newest_first
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import immutability
from storage.clock import now_ms

MAX_RULINGS = 200_000
"""Rulings, each of one policy on one tag, for one explanation: a second or two, with pauses."""


async def visible_policies(context: Context, record: RepositoryRecord) -> list[PrunePolicyRecord]:
    """The policies that run in a repository, as far as the viewer may see them.

    All of them are for `repo:admin`; those of its namespace only for administrators who are its owner or
    members of it, or superusers. So an outside administrator of one repository learns nothing of them.
    """
    viewer = context.viewer
    if not context.site.has("AUTO_PRUNE") or record.state is not RepositoryState.NORMAL:
        return []
    if await repository_role(viewer.looking, record.ref) is not RepositoryRole.ADMIN:
        return []
    policies = await POLICIES.holding_in(namespace_id=record.namespace_id, repository_id=record.id)
    namespace = record.namespace_id
    if (
        viewer.sees_site
        or account_role(viewer, namespace) is not None
        or await namespace_role(viewer, namespace) is not None
    ):
        return policies
    return [one for one in policies if one.repository_id is not None]


async def rulings(context: Context, record: RepositoryRecord, span_id: int) -> list[Ruling]:
    """What each policy would say of a tag now, in their order, up to the one that deletes it.

    Requires `repo:admin`. Empty for a tag that has ended, a cosign tag, and where no policy runs. Raises
    `TooMany`.
    """
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    return (await rulings_of(context, record, [span_id])).get(span_id, [])


async def rulings_of(
    context: Context, record: RepositoryRecord, span_ids: Collection[int]
) -> dict[int, list[Ruling]]:
    """The same for several tags of a repository that the viewer may read, by id of their span.

    A policy by number counts the newest tags, so all that are newer than the oldest of these are read.
    """
    left = set(span_ids)
    policies = await visible_policies(context, record) if left else []
    if not policies:
        return {}
    found: dict[int, list[Ruling]] = {}
    judge = Judge(policies, await judged_now(), await immutability.locks_of(context, record))
    room = MAX_RULINGS
    async for page in tags_newest_first(record.id, judge, now_ms(), newest_ms=LATER_THAN_ALL):
        async for tag in judge.paced(page):
            room -= judge.size
            if room < 0:
                raise TooMany(
                    f"tag: too many newer tags to try {judge.size} policies on: at most {MAX_RULINGS} rulings"
                    " are made for one explanation. Ask about a newer tag, or have fewer policies.",
                    field="tag",
                )
            said = judge.rulings(tag)
            if tag.id in left:
                found[tag.id] = said
                left.discard(tag.id)
                if not left:
                    return found
    return found
