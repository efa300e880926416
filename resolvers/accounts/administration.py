"""What superusers do to users, and operators to everybody: list, create, change, delete, mail a way back.

A superuser is changed and deleted by the operator alone, so that none of them can shut out the others.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers import events
from resolvers.access.credentials import email_key, encrypted_password, random_text
from resolvers.access.epochs import Cause, bump
from resolvers.accounts import email_code, recovery, session, user
from resolvers.accounts.account import (
    AccountRecord,
    by_ids,
    checked_hash,
    has_in_name,
    insert_user,
    is_read_only_superuser,
    is_superuser,
    require_user,
    search_users,
)
from resolvers.accounts.email_code import Purpose
from resolvers.accounts.user import Updated, UserChanges
from resolvers.changes import given
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.mail import TEMPORARY_PASSWORD
from resolvers.pages import Page, Slice, Term
from storage.conditions import exists, is_disabled, is_usable
from storage.search import begins, contains, normalised
from storage.statements import execute, fetch, is_postgres, placeholders
from storage.transactions import lock_row, transaction

TEMPORARY_LENGTH = 32


class UserOrder(StrEnum):
    """The order of a list of users."""

    NAME = "name"
    CREATED_AT = "created_at"
    NEWEST_FIRST = "newest_first"
    LAST_ACCESSED_AT = "last_accessed_at"
    UNUSED_FIRST = "unused_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Which users; None lets all pass.

    `contains` is a part of the name (`has_in_name`), or with an `@` of the e-mail address, in any case.
    """

    name_prefix: str | None = None
    contains: str | None = None
    is_enabled: bool | None = None
    include_disabled: bool = True
    is_superuser: bool | None = None
    order: UserOrder = UserOrder.NAME


@dataclass(frozen=True, slots=True)
class Created:
    """A new user. The temporary password is None where it was mailed instead of being shown."""

    account: AccountRecord
    password: str | None
    encrypted_password: str | None


_USED = "COALESCE(last_accessed_at_ms, 0)"

_ORDERS: dict[UserOrder, tuple[Term, ...]] = {
    UserOrder.NAME: (Term("name", "name", kind=str),),
    UserOrder.CREATED_AT: (Term("id", "id"),),
    UserOrder.NEWEST_FIRST: (Term("id", "id", descending=True),),
    # Users who were never there come last.
    UserOrder.LAST_ACCESSED_AT: (
        Term(_USED, "used_at_ms", descending=True),
        Term("id", "id", descending=True),
    ),
    UserOrder.UNUSED_FIRST: (Term(_USED, "used_at_ms"), Term("id", "id")),
}


async def users(context: Context, chosen: UserFilter, page: Page) -> Slice[AccountRecord]:
    """The users of the installation. For who sees the site. Raises `Unauthenticated`, `Forbidden`."""
    context.viewer.require_site_view()
    conditions: list[str] = []
    values: list[Any] = []
    if prefix := normalised(chosen.name_prefix or ""):
        condition, bounds = begins("name", prefix)
        conditions.append(condition)
        values += bounds
    if part := normalised(chosen.contains or ""):
        condition, found = _has_in_email(part) if "@" in part else has_in_name(part)
        conditions.append(condition)
        values += found
    if chosen.is_enabled is True or not chosen.include_disabled:
        conditions.append(is_usable("account"))
    if chosen.is_enabled is False:
        # They are few: an index has them.
        conditions.append(f"id IN (SELECT d.id FROM account d WHERE {is_disabled('d')})")
    if chosen.is_superuser is not None:
        condition, names = _superusers(context)
        conditions.append(condition if chosen.is_superuser else f"NOT ({condition})")
        values += names
    return await search_users(_ORDERS[chosen.order], conditions, values, page, maximum=context.max_first)


def _has_in_email(part: str) -> tuple[str, list[str]]:
    condition, value = contains("COALESCE(email_key, LOWER(email))", email_key(part), ignores_case=False)
    return condition, [value]


def _superusers(context: Context) -> tuple[str, list[str]]:
    """The condition, with its values, that a user is a superuser: as `is_superuser` decides."""
    site = context.site
    if not site.has("SUPER_USERS"):
        return "1 = 0", []
    names, read_only = sorted(site.superusers), sorted(site.read_only_superusers)
    named = f" UNION SELECT id FROM account WHERE name IN ({placeholders(names)})" if names else ""
    but = f" AND name NOT IN ({placeholders(read_only)})" if read_only else ""
    return f"id IN (SELECT id FROM account WHERE is_superuser{named}){but}", [*names, *read_only]


async def create(
    context: Context, *, username: str, email: str | None, include_password: bool = False
) -> Created:
    """Create a user with a temporary password, as a superuser with a fresh login.

    Where mail is sent, the user gets it by mail, with a link that confirms the address and without which they
    cannot sign in; the caller sees it where no mail goes out, or by `include_password`. Raises `Invalid`,
    `AlreadyExists`, `Unauthenticated`, `Forbidden`.
    """
    superuser = _require_superuser(context)
    site = context.site
    if not email and site.has("MAILING"):
        raise Invalid("email: must be given while the feature MAILING is on.", field="email")
    is_mailed = bool(email) and site.has("MAILING") and site.has_mail_server
    password = random_text(TEMPORARY_LENGTH)
    password_hash = await checked_hash(password)
    async with transaction("user.create"):
        account = await insert_user(
            context,
            name=username,
            email=email or None,
            password_hash=password_hash,
            is_superuser=False,
            is_verified=not is_mailed,
            superuser=superuser,
        )
        if is_mailed:
            await _welcome(context, account, password)
    if is_mailed and not include_password:
        return Created(account, None, None)
    return Created(account, password, encrypted_password(password, context.secrets))


async def _welcome(context: Context, account: AccountRecord, password: str) -> None:
    await email_code.send(
        context,
        account,
        Purpose.VERIFY,
        account.email or "",
        subject=f"Your account at {context.site.registry_host}",
        asks=(
            f"An administrator made an account for you.\n\nUser name: {account.name}\n"
            f"{TEMPORARY_PASSWORD}{password}\n\n"
            "Open this page within three days to confirm your address; then sign in and choose a password:"
        ),
        otherwise="If you do not expect this, do nothing; the account cannot be used without this.",
    )


async def update(context: Context, username: str, changes: UserChanges) -> Updated:
    """Change another user, all or nothing, as a superuser with a fresh login.

    A new address counts as confirmed. A new password ends all sessions and registry tokens, disabling ends
    all access. Raises `NotFound`, `Invalid`, `AlreadyExists`, `Unauthenticated`, `Forbidden`.
    """
    superuser = _require_superuser(context)
    asked = given(changes)
    account = await require_user(username)
    if asked.get("is_superuser") is False:
        raise Invalid(
            f"superuser: the right is taken back by quayside admin revoke-superuser {account.name} alone.",
            field="isSuperuser",
        )
    _require_ordinary(context, account, "update")
    values = user.changed(account, asked)
    if "email" in asked and not account.is_verified:
        values["email"] = asked["email"]
    user.check_changes(context, values)
    password = values.pop("password", None)
    password_hash = await checked_hash(password) if password is not None else None
    async with transaction("user.administer"):
        if "name" in values:
            await user.rename_user(context, account, values.pop("name"), superuser=superuser)
        account = await _locked(context, account, "update")
        if (email := values.pop("email", None)) is not None:
            await user.set_email(context, account, email, superuser=superuser)
        if password_hash is not None:
            await user.set_password(context, account, password_hash, superuser=superuser)
        if (is_enabled := values.pop("is_enabled", None)) is not None:
            await _write_enabled(context, account, is_enabled=is_enabled, superuser=superuser)
        is_promoted = values.pop("is_superuser", False)
        await user.write_profile(context, account, values)
        if is_promoted:
            await _grant(context, account, superuser=superuser)
    return await user.updated(context, account, None, password)


async def delete(context: Context, username: str) -> AccountRecord:
    """Delete a user with all they own, as a superuser with a fresh login.

    It is as if they did it, but that an organization may lose its last administrator. Raises `NotFound`,
    `Invalid`, `Unauthenticated`, `Forbidden`.
    """
    superuser = _require_superuser(context)
    account = await require_user(username)
    _require_ordinary(context, account, "delete")
    async with transaction("user.delete"):
        account = await _locked(context, account, "delete")
        await user.remove(context, account, superuser=superuser)
    return account


async def send_recovery(context: Context, username: str) -> AccountRecord:
    """Mail a user a code to choose a new password, as a superuser with a fresh login.

    Raises `NotFound`, `Invalid`, `TooMany`, `Unauthenticated`, `Forbidden`.
    """
    _require_superuser(context)
    account = await require_user(username)
    _require_ordinary(context, account, "send a recovery email for")
    await recovery.send_to(context, account)
    return account


async def set_enabled(context: Context, username: str, *, is_enabled: bool) -> AccountRecord:
    """Enable a user, or disable one, which ends all access at once. For superusers with a fresh login.

    Raises `Unauthenticated`, `Forbidden`, `NotFound`, and `Invalid` for a superuser.
    """
    return (await update(context, username, UserChanges(is_enabled=is_enabled))).account


async def set_enabled_by_operator(context: Context, username: str, *, is_enabled: bool) -> AccountRecord:
    """Enable or disable any user, superusers too; the caller is the operator. Raises `NotFound`."""
    account = await require_user(username)
    async with transaction("user.set_enabled"):
        await lock_row("account", account.id)
        await _write_enabled(context, account, is_enabled=is_enabled, superuser=None)
    return (await by_ids([account.id]))[account.id]


async def set_password_by_operator(context: Context, username: str, password: str) -> AccountRecord:
    """Set the password of any user, which ends all sessions and registry tokens; the caller is the operator.

    Access tokens and application tokens stay, as when the user does it. Raises `NotFound`, `Invalid`.
    """
    account = await require_user(username)
    password_hash = await checked_hash(password)
    async with transaction("user.set_password"):
        await lock_row("account", account.id)
        await user.set_password(context, account, password_hash)
    return account


async def grant_superuser_by_operator(context: Context, username: str) -> AccountRecord:
    """Make a user a superuser; the caller is the operator. Raises `NotFound`, `Invalid`."""
    account = await require_user(username)
    _require_unnamed(context, account)
    async with transaction("user.grant_superuser"):
        await lock_row("account", account.id)
        await _grant(context, account, superuser=None)
    return (await by_ids([account.id]))[account.id]


async def revoke_superuser_by_operator(context: Context, username: str) -> AccountRecord:
    """Take the right of a superuser back, also from what is signed in already; the caller is the operator.

    Raises `NotFound`, and `Invalid` for who is none, for names in a setting, and if no other is left who can
    sign in.
    """
    account = await require_user(username)
    _require_unnamed(context, account)
    async with transaction("user.revoke_superuser"):
        others = await _lock_superusers_who_can_sign_in(context) - {account.id}
        revoked = await execute(
            f"UPDATE account SET is_superuser = ?, {bump(Cause.SUPERUSER_REVOKED)}"
            " WHERE id = ? AND is_superuser",
            False,
            account.id,
        )
        if not revoked:
            raise Invalid(f"The user '{username}' is no superuser.", field="username")
        if not others:
            raise Invalid(
                f"'{username}' is the last superuser who can sign in;"
                " quayside admin grant-superuser makes another.",
                field="username",
            )
        await events.record(
            context, "user_revoke_superuser", {"username": account.name}, namespace_id=account.id
        )
    return (await by_ids([account.id]))[account.id]


async def _lock_superusers_who_can_sign_in(context: Context) -> set[int]:
    """The ids of the superusers who can sign in. All are locked, so that only one can go at once."""
    condition, names = _superusers(context)
    rows = await fetch(
        f"SELECT id, is_verified FROM account WHERE kind = 'user' AND {is_usable('account')} AND {condition}"
        f" ORDER BY id{' FOR UPDATE' if is_postgres() else ''}",
        *names,
    )
    return {row["id"] for row in rows if row["is_verified"] or not context.site.has("MAILING")}


def _require_superuser(context: Context) -> str:
    """The name of the superuser who asks, with a fresh login."""
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    return context.viewer.require_account().name


def _require_ordinary(context: Context, account: AccountRecord, verb: str) -> None:
    if is_superuser(context, account) or is_read_only_superuser(context, account):
        raise Invalid(f"Cannot {verb} a superuser", field="username")


def _require_unnamed(context: Context, account: AccountRecord) -> None:
    """Refuse names of the settings: what those give, no command takes back."""
    site = context.site
    for is_named, setting in (
        (site.names_read_only_superuser(account.name), "GLOBAL_READONLY_SUPER_USERS"),
        (site.names_superuser(account.name), "SUPERUSERS"),
    ):
        if is_named:
            raise Invalid(
                f"'{account.name}' is in the setting {setting}, which decides alone; change that instead.",
                field="username",
            )


async def _locked(context: Context, account: AccountRecord, verb: str) -> AccountRecord:
    """The user as they are, locked in the open transaction.

    Raises `NotFound` for who is gone, or whose namespace was taken over, and `Invalid` for who has become a
    superuser.
    """
    await lock_row("account", account.id)
    rows = await fetch(f"SELECT id FROM account WHERE id = ? AND kind = 'user' AND {exists()}", account.id)
    if not rows:
        raise NotFound(f"There is no user '{account.name}'.", field="username")
    current = (await by_ids([account.id]))[account.id]
    _require_ordinary(context, current, verb)
    return current


async def _write_enabled(
    context: Context, account: AccountRecord, *, is_enabled: bool, superuser: str | None
) -> None:
    changed = await execute(
        f"UPDATE account SET is_enabled = ?, {bump(Cause.ENABLED_CHANGED)} WHERE id = ? AND is_enabled <> ?",
        is_enabled,
        account.id,
        is_enabled,
    )
    if changed:
        await session.end_all(account.id)
        await events.record(
            context,
            "user_enable" if is_enabled else "user_disable",
            {"username": account.name, "superuser": superuser},
            namespace_id=account.id,
        )


async def _grant(context: Context, account: AccountRecord, *, superuser: str | None) -> None:
    granted = await execute(
        "UPDATE account SET is_superuser = ? WHERE id = ? AND kind = 'user' AND NOT is_superuser",
        True,
        account.id,
    )
    if granted:
        metadata = {"username": account.name, "superuser": superuser}
        await events.record(context, "user_grant_superuser", metadata, namespace_id=account.id)
