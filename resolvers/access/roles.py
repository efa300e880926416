"""Roles, each kind in rising order."""

from enum import Enum
from typing import Self


class Role(Enum):
    """A role by its name in the database; members are declared from the least to the most."""

    @property
    def rank(self) -> int:
        """The place among the roles of its kind, 0 for the least."""
        return list(type(self)).index(self)

    def __lt__(self, other: Self) -> bool:
        return self.rank < other.rank

    def __le__(self, other: Self) -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: Self) -> bool:
        return self.rank > other.rank

    def __ge__(self, other: Self) -> bool:
        return self.rank >= other.rank


class RepositoryRole(Role):
    """What one may do with a repository: pull, also push, also administer."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class TeamRole(Role):
    """What a team lets its members do in the organization: be listed, create repositories, administer."""

    MEMBER = "member"
    CREATOR = "creator"
    ADMIN = "admin"


class AccountRole(Role):
    """What one may do with one's own account: see it, change it."""

    READ = "read"
    ADMIN = "admin"
