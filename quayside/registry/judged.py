"""Roles that were judged again, since rights may have been taken away after a token was issued.

A push makes many requests with one token. So the role is kept for the epochs at which it was judged, and a
change costs each token one judgement, not one for each later request.
"""

from collections import OrderedDict
from typing import NamedTuple

from resolvers.access.registry_tokens import RegistryGrant
from resolvers.access.roles import RepositoryRole
from storage.hot import HotRepository

SIZE = 4096


class Judgement(NamedTuple):
    """What was judged, and the epochs that tell whether it may be different now."""

    token_id: str
    repository_id: int
    repository_epoch: int
    namespace_epoch: int


def judgement(grant: RegistryGrant, repository: HotRepository) -> Judgement:
    """The judgement that a token needs on a repository as it is now."""
    return Judgement(grant.token_id, repository.id, repository.auth_epoch, repository.namespace_epoch)


class JudgedRoles:
    """The roles of the judgements used last, at most `SIZE`."""

    def __init__(self) -> None:
        self._roles: OrderedDict[Judgement, RepositoryRole] = OrderedDict()

    def get(self, key: Judgement) -> RepositoryRole | None:
        """The role, None if it is not known."""
        role = self._roles.get(key)
        if role is not None:
            self._roles.move_to_end(key)
        return role

    def keep(self, key: Judgement, role: RepositoryRole) -> None:
        """Keep a role. The epochs must have been read before what it was judged by."""
        self._roles[key] = role
        if len(self._roles) > SIZE:
            self._roles.popitem(last=False)
