"""Audit entries of logins: with a password at the pages, with any credential at the registry.

An entry is in the audit log of the user, or of the owner of the robot. The login that was typed is never
recorded: it may be a password in the wrong field. Unknown tokens and robots get no entry: it would be in
nobody's log, and no rate limit bounds how many there are.
"""

from enum import StrEnum

from resolvers import events
from resolvers.access import attempts, limits
from resolvers.access.attempts import RepeatedMistake
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts import email_code, session
from resolvers.accounts.account import by_login, by_name
from resolvers.context import Context
from resolvers.errors import InvalidCredentials, SignInThrottled
from resolvers.job_kinds import HOUR, Run, job
from storage.statements import fetch_one
from storage.transactions import transaction


class Door(StrEnum):
    """Where somebody signs in; the value is `type` in the metadata of the entry."""

    PAGES = "quayauth"
    REGISTRY = "v2auth"


_TOKENS = {"access_token": "oauth", "app_token": "app_specific_token"}
_TOKEN_NAMES = frozenset({"$app", "$oauthtoken"})


async def record_success(context: Context, door: Door, viewer: Viewer) -> None:
    """Record a successful login."""
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
    """Record a failed login. One that was throttled, or repeats the last mistake, gets no entry.

    Entries for a robot have a back-off of their own: its name is not held back as a whole, and strangers with
    many addresses must not be able to flood the audit log of its owner.
    """
    if isinstance(error, SignInThrottled | RepeatedMistake) or login in _TOKEN_NAMES:
        return
    is_robot = "+" in login
    account = await (by_name(login, AccountKind.ROBOT) if is_robot else by_login(login))
    if is_robot and (account is None or not await attempts.may_record(account.id)):
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


@job(
    "sign_in.forget",
    "Removes sessions, codes sent by mail and failures that are over.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def forget_sign_ins(run: Run) -> None:
    """Forget what no longer matters for signing in, in batches."""
    for forget in (session.forget_expired, email_code.forget_expired, attempts.forget, limits.forget):
        while await forget():
            run.check()
