"""Roles, each kind in rising order."""

from enum import Enum
from functools import total_ordering
from typing import Self


@total_ordering
class Role(Enum):
    """A role by its name in the database; members are declared from the least to the most."""

    def __lt__(self, other: Self) -> bool:
        members = list(type(self))
        return members.index(self) < members.index(other)


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
