"""Sizes of manifests and tags: what is stored of them, and what only they use."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.access.needs import BE_MEMBER_OR_OWNER
from resolvers.manifests.reclaimable import Moment
from schema.context import Info
from schema.guards import REFUSABLE
from schema.limits import WEIGHT
from schema.sizes.storage import require_member

if TYPE_CHECKING:
    from resolvers.repositories.repository import RepositoryRecord

strawberry.enum(
    Moment,
    name="ReclaimMoment",
    description="When the bytes are free that a deletion frees.",
)

At = Annotated[
    Moment, strawberry.argument(description="When: by a collection right now, or after the time machine.")
]

SIZE = REFUSABLE | {WEIGHT: 2}
"""The `metadata` of a size that is computed when asked for."""
RECLAIMABLE = REFUSABLE | {WEIGHT: 10}
FOR_MEMBERS = (
    " For the owner and the members of the namespace; refused to others, and where more than 10,000 manifests"
    " would have to be looked at."
)


async def require_member_for(info: Info, repository_id: int) -> None:
    """Refuse viewers who are not of the namespace of a repository: what it shares is of others there."""
    repository: RepositoryRecord | None = await info.context.loaders.repositories.load(repository_id)
    if repository is None:
        raise info.context.context.viewer.refusal(BE_MEMBER_OR_OWNER)
    await require_member(info, repository.namespace_id)
