"""Account recovery, and the use of codes sent by e-mail: reset a password, verify an address."""

from resolvers.access import limits
from resolvers.access.acting import account_can_act
from resolvers.accounts import email_code, user
from resolvers.accounts.account import AccountRecord, by_ids, by_login, checked_hash
from resolvers.accounts.email_code import CodeRecord, Purpose
from resolvers.context import Context
from resolvers.errors import Forbidden, Invalid, TooMany
from resolvers.names import check_email
from storage.statements import execute
from storage.transactions import lock_row, transaction

MAIL_INTERVAL_MS = 60_000


async def request(context: Context, email: str) -> None:
    """Mail a recovery code to the address of an account, at most one a minute (rate limit).

    An unknown address has the same result, so that nobody can probe for accounts. Raises `Forbidden` while
    MAILING is off, `Invalid` for a malformed address, `TooMany`.
    """
    _require_mail(context)
    check_email(email)
    await limits.count_mail(context, email, limit=limits.RECOVERIES)
    account = await by_login(email)
    if account is None or not await account_can_act(account.id):
        return
    # Never to what was typed, which may only resemble it.
    await _send(context, account, account.email or email)


async def send_to(context: Context, account: AccountRecord) -> None:
    """Mail a recovery code to a user, for a superuser; the caller has checked permissions.

    Raises `Forbidden` while MAILING is off, `Invalid` for who has no address or is disabled, `TooMany`.
    """
    _require_mail(context)
    if not account.email:
        raise Invalid("username: the user has no e-mail address; give them one first.", field="username")
    if not await account_can_act(account.id):
        raise Invalid("username: the user is disabled; enable them first.", field="username")
    await limits.count_mail(context, account.email, field="username", limit=limits.RECOVERIES)
    if not await _send(context, account, account.email):
        seconds = MAIL_INTERVAL_MS // 1000
        raise TooMany(
            "A mail was sent to the user less than a minute ago.", field="username", retry_after_s=seconds
        )


def _require_mail(context: Context) -> None:
    if not context.site.has("MAILING"):
        raise Forbidden("Accounts cannot be recovered by mail here: the feature MAILING is off.")


async def _send(context: Context, account: AccountRecord, address: str) -> bool:
    """Mail a code; False if one was mailed less than a minute ago."""
    async with transaction("recovery.request"):
        await lock_row("account", account.id)
        if await email_code.was_created_within(account, Purpose.RECOVER, MAIL_INTERVAL_MS):
            return False
        await email_code.send(
            context,
            account,
            Purpose.RECOVER,
            address,
            subject="Recover your account",
            asks=f"Open this page within an hour to choose a new password for the account {account.name}:",
            otherwise="If you did not ask for this, do nothing; the old password stays as it is.",
        )
    return True


async def reset_password(context: Context, code: str, password: str) -> AccountRecord:
    """Set a new password for the account of a code, which is used up. Ends all sessions of the account.

    The code also verifies the address. Raises `Invalid` for the code or the password.
    """
    record = await email_code.find(context, code, Purpose.RECOVER)
    password_hash = await checked_hash(password)
    async with transaction("recovery.reset_password"):
        account = await _use(record)
        await execute("UPDATE account SET is_verified = ? WHERE id = ?", True, account.id)
        await user.set_password(context, account, password_hash)
    return (await by_ids([account.id]))[account.id]


async def confirm_email(context: Context, code: str) -> AccountRecord:
    """Verify an address by its code: that of a sign-up, or a new address, which then takes effect.

    Raises `Invalid` for the code, `AlreadyExists` if another user has taken the address since.
    """
    record = await email_code.find(context, code, Purpose.VERIFY, Purpose.CHANGE)
    async with transaction("recovery.confirm_email"):
        account = await _use(record)
        if record.purpose is Purpose.CHANGE:
            await user.set_email(context, account, record.email)
        else:
            await execute("UPDATE account SET is_verified = ? WHERE id = ?", True, account.id)
    return (await by_ids([account.id]))[account.id]


async def _use(record: CodeRecord) -> AccountRecord:
    """Use up a code; returns its account. Raises `Invalid`, also for a disabled account."""
    await lock_row("account", record.account_id)
    await email_code.use(record)
    account = (await by_ids([record.account_id])).get(record.account_id)
    if account is None or not await account_can_act(account.id):
        raise email_code.not_valid()
    return account
