"""Roles on repositories, in teams and on accounts; each kind is ordered."""

from enum import Enum
from typing import Self


class Role(Enum):
    """An ordered role; the value is its name in the database. Members are declared lowest first."""

    @property
    def rank(self) -> int:
        """The position among the roles of its kind, 0 for the lowest."""
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
    """A role on a repository: pull; also push; also administer."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class TeamRole(Role):
    """The role of a team's members in the organization: member; also create repositories; administer."""

    MEMBER = "member"
    CREATOR = "creator"
    ADMIN = "admin"


class AccountRole(Role):
    """A role on one's own account: read; also change."""

    READ = "read"
    ADMIN = "admin"
