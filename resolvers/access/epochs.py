"""Auth epochs: counters of accounts and repositories, which tell that a token was issued before a change.

Registry tokens carry the epochs of the time of issue: that of their account, and those of each repository and
its namespace. Another epoch of the account ends the token, since its credential changed; robot passwords end
in the same way. Another epoch of the repository or the namespace means that the rights are judged again:
what was taken away is refused at once, what is still allowed goes on.

Each change that ends a credential or may take a right away bumps an epoch in its own transaction, only by
this module; `CAUSES` lists the changes. What gives rights bumps none, and neither does what changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from storage.conditions import exists
from storage.statements import execute


class Cause(StrEnum):
    """A change that bumps an epoch."""

    ACCOUNT_DELETED = "account deleted"
    ACCOUNT_RENAMED = "account renamed"
    BECAME_ORGANIZATION = "user became an organization"
    ENABLED_CHANGED = "user disabled or enabled"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 (no secret)
    SUPERUSER_REVOKED = "superuser right taken back"
    ROBOT_TOKEN_REPLACED = "robot token or federation replaced"  # noqa: S105 (no secret)
    TEAM_LOWERED = "team role lowered or team deleted"
    MEMBER_REMOVED = "member removed"
    PERMISSION_LOWERED = "permission lowered or deleted"
    MADE_PRIVATE = "repository made private"
    REPOSITORY_DELETED = "repository deleted"


class Effect(StrEnum):
    """What a bumped epoch means for the tokens that carry an older one."""

    END = "end"
    JUDGED = "are judged again"


class Bumped(NamedTuple):
    """Whose epoch a change bumps, and what becomes of the tokens that are about it."""

    whose: str
    effect: Effect


CAUSES: Final[Mapping[Cause, Bumped]] = {
    Cause.ACCOUNT_DELETED: Bumped("the account", Effect.END),
    Cause.ACCOUNT_RENAMED: Bumped("the account and its robots", Effect.END),
    Cause.BECAME_ORGANIZATION: Bumped("the account", Effect.END),
    Cause.ENABLED_CHANGED: Bumped("the account", Effect.END),
    Cause.PASSWORD_CHANGED: Bumped("the account", Effect.END),
    Cause.SUPERUSER_REVOKED: Bumped("the account", Effect.END),
    Cause.ROBOT_TOKEN_REPLACED: Bumped("the robot", Effect.END),
    Cause.TEAM_LOWERED: Bumped("the organization", Effect.JUDGED),
    Cause.MEMBER_REMOVED: Bumped("the organization", Effect.JUDGED),
    Cause.PERMISSION_LOWERED: Bumped("the repository", Effect.JUDGED),
    Cause.MADE_PRIVATE: Bumped("the repository", Effect.JUDGED),
    Cause.REPOSITORY_DELETED: Bumped("the repository", Effect.END),
}
"""Whose epoch each change bumps. The tokens that end are the account's own, or those for the repository."""

_BUMP = "auth_epoch = auth_epoch + 1"


def bump(cause: Cause) -> str:
    """SQL assignment that bumps the epoch, for an UPDATE that changes the row anyway."""
    return _BUMP


async def bump_account(account_id: int, cause: Cause) -> bool:
    """Bump the epoch of an account in the open transaction; False if it does not exist."""
    return bool(await execute(f"UPDATE account SET {bump(cause)} WHERE id = ?", account_id))


async def bump_repository(repository_id: int, cause: Cause) -> bool:
    """Bump the epoch of a repository in the open transaction; False if it has been deleted."""
    return bool(
        await execute(f"UPDATE repository SET {bump(cause)} WHERE id = ? AND {exists()}", repository_id)
    )
