"""Auth epochs: counters of accounts and repositories that invalidate tokens issued before a change of rights.

Registry tokens and robot passwords carry the epochs of the time of issue; a request with an older epoch is
refused, and its client fetches a new token. Each change that may take rights away bumps the epoch in its own
transaction, only by this module; `CAUSES` lists the changes.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from storage.conditions import exists
from storage.statements import execute


class Cause(StrEnum):
    """A change that bumps an epoch."""

    ACCOUNT_DELETED = "account deleted"
    ACCOUNT_RENAMED = "account renamed"
    ENABLED_CHANGED = "user disabled or enabled"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 (no secret)
    ROBOT_TOKEN_REPLACED = "robot token or federation replaced"  # noqa: S105 (no secret)
    TEAM_ROLE_CHANGED = "team role changed or team deleted"
    MEMBER_REMOVED = "member removed"
    PERMISSION_CHANGED = "permission changed"
    VISIBILITY_CHANGED = "visibility changed"
    REPOSITORY_DELETED = "repository deleted"


CAUSES: Final[Mapping[Cause, str]] = {
    Cause.ACCOUNT_DELETED: "the account",
    Cause.ACCOUNT_RENAMED: "the account and its robots",
    Cause.ENABLED_CHANGED: "the account",
    Cause.PASSWORD_CHANGED: "the account",
    Cause.ROBOT_TOKEN_REPLACED: "the robot",
    Cause.TEAM_ROLE_CHANGED: "the organization",
    Cause.MEMBER_REMOVED: "the member",
    Cause.PERMISSION_CHANGED: "the repository",
    Cause.VISIBILITY_CHANGED: "the repository",
    Cause.REPOSITORY_DELETED: "the repository",
}
"""Whose epoch each change bumps."""

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
