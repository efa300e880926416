"""What the audit log tells of logins: with a password at the pages, with any credential at the registry.

Entries are in the log of the user, those of a robot in the log of its owner. What was typed is never kept:
of an unknown name it may be a password in the wrong field. Unknown tokens and robots leave no entry, since
they would be in nobody's log, and nothing holds back whoever sends them.
"""

from enum import StrEnum

from resolvers import events
from resolvers.access.attempts import Attempts
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts.account import by_login, by_name
from resolvers.context import Context
from resolvers.errors import InvalidCredentials, SignInThrottled
from storage.statements import fetch_one
from storage.transactions import transaction


class Door(StrEnum):
    """Where somebody signs in, as entries call it."""

    PAGES = "quayauth"
    REGISTRY = "v2auth"


_TOKENS = {"access_token": "oauth", "app_token": "app_specific_token"}
_TOKEN_NAMES = frozenset({"$app", "$oauthtoken"})


async def record_success(context: Context, door: Door, viewer: Viewer) -> None:
    """Tell of a login that went well."""
    account = viewer.require_account()
    is_robot = account.kind is AccountKind.ROBOT
    kind = _TOKENS.get(viewer.credential.kind or "", "robot" if is_robot else "user")
    async with transaction("login.succeeded"):
        await events.record(
            context,
            "login_success",
            {"type": door.value, "kind": kind, "useragent": context.user_agent},
            namespace_id=await _owner_id(account.id) if is_robot else account.id,
        )


async def record_failure(context: Context, door: Door, login: str, error: InvalidCredentials) -> None:
    """Tell of wrong credentials. Attempts that were not judged at all leave no entry.

    Those of a robot leave the fewer entries the more there are: they are never held back, and nobody shall
    be able to fill the log of others.
    """
    if isinstance(error, SignInThrottled) or login in _TOKEN_NAMES:
        return
    is_robot = "+" in login
    account = await (by_name(login, AccountKind.ROBOT) if is_robot else by_login(login))
    if is_robot and (account is None or not await _counts_failure(account.id)):
        return
    owner_id = account.id if account else None
    metadata = {
        "type": door.value,
        "kind": "robot" if is_robot else "user",
        "useragent": context.user_agent,
        "message": error.message,
    }
    async with transaction("login.failed"):
        await events.record(
            context,
            "login_failure",
            metadata | ({"username": account.name} if account else {}),
            namespace_id=await _owner_id(owner_id) if is_robot and owner_id else owner_id,
        )


async def _owner_id(robot_id: int) -> int | None:
    row = await fetch_one("SELECT owner_id FROM robot WHERE account_id = ?", robot_id)
    return int(row["owner_id"]) if row else None


async def _counts_failure(robot_id: int) -> bool:
    try:
        await (await Attempts.begin(f"robot:{robot_id}", None)).failed()
    except SignInThrottled:
        return False
    return True
