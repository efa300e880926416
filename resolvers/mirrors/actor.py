"""The robot of a mirror, in whose name it writes, and whose rights decide."""

from dataclasses import replace

from resolvers.access.credentials import account_viewer
from resolvers.access.permissions import repository_role
from resolvers.access.roles import RepositoryRole
from resolvers.context import Context
from resolvers.errors import Conflict
from resolvers.ingest.permits import as_mirror
from resolvers.repositories.repository import RepositoryRecord, RepositoryState

STATES = frozenset({RepositoryState.MIRROR, RepositoryState.ORG_MIRROR})
"""The states in which a mirror writes."""


async def acting(context: Context, place: RepositoryRecord, robot_id: int | None) -> Context:
    """The context in which the robot of a mirror writes into its repository.

    Raises `Conflict`, with the reason, if it may not, or the repository is open to others.
    """
    if place.state not in STATES:
        raise Conflict(f"The repository is in the state {place.state.value}; a mirror needs MIRROR.")
    viewer = None if robot_id is None else await account_viewer(robot_id, site=context.site)
    if viewer is None or viewer.account is None:
        raise Conflict("The robot of the mirror is gone or disabled; name another one.")
    role = await repository_role(viewer, place.ref)
    if role is None or role < RepositoryRole.WRITE:
        raise Conflict(
            f"The robot {viewer.account.name} may not write to {place.path}; give it the role write."
        )
    return as_mirror(replace(context, viewer=viewer), place)
