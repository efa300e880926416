"""Users: sign up, change or delete one's own account. What superusers may do is in `administration`."""

from dataclasses import dataclass
from typing import Any

from resolvers import events, mail
from resolvers.access import limits
from resolvers.access.credentials import email_key, encrypted_password, password_account
from resolvers.access.epochs import Cause, bump
from resolvers.access.needs import ADMINISTER_ACCOUNT, BE_THERE
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import deletion, email_code, session, team
from resolvers.accounts.account import (
    AccountRecord,
    by_ids,
    checked_hash,
    insert_user,
    require_email_free,
    require_name_free,
)
from resolvers.accounts.email_code import Purpose
from resolvers.accounts.login import Door, record_failure
from resolvers.accounts.organization import check_tag_expiration
from resolvers.accounts.renaming import rename
from resolvers.changes import UNSET, Unset, given
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Forbidden, Invalid, InvalidCredentials, SignInThrottled
from resolvers.names import check_email, check_namespace
from storage.conditions import exists
from storage.database import IntegrityError
from storage.statements import execute, fetch
from storage.transactions import lock_row, transaction

TEXT_LENGTH = 255
METADATA = ("given_name", "family_name", "company", "location")
SIGN_IN_KEYS = frozenset({"name", "email", "password"})
"""Keys that sign-in depends on. A token may not change them, or it could take over the account."""
OF_OTHERS = {"is_enabled": "isEnabled", "is_superuser": "isSuperuser"}
"""Keys that superusers change, of other users alone, with the names of their inputs."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """A new user, who may have to verify their address before signing in."""

    account: AccountRecord
    awaits_verification: bool


@dataclass(frozen=True, slots=True)
class Updated:
    """A user after a change. `pending_email` is a new address that is not yet verified.

    `encrypted_password` stands for the new password, if there is one.
    """

    account: AccountRecord
    pending_email: str | None
    encrypted_password: str | None


async def sign_up(context: Context, *, username: str, email: str, password: str) -> SignUp:
    """Create a user, for anybody, if USER_CREATION is on.

    While MAILING is on, a code is mailed to the user, who cannot sign in before the address is verified.
    Raises `Forbidden`, `Invalid`, `AlreadyExists`, `TooMany`.
    """
    if not context.site.has("USER_CREATION"):
        raise Forbidden("Users cannot sign up here; ask an administrator for an account.")
    check_namespace(username, field="username")
    check_email(email)
    await require_name_free(context, username, field="username")
    awaits_verification = context.site.has("MAILING")
    await limits.count_sign_up(context)
    if awaits_verification:
        await limits.count_mail(context, email)
    password_hash = await checked_hash(password)
    async with transaction("user.sign_up"):
        account = await insert_user(
            context,
            name=username,
            email=email,
            password_hash=password_hash,
            is_superuser=False,
            is_verified=not awaits_verification,
        )
        if awaits_verification:
            await email_code.send(
                context,
                account,
                Purpose.VERIFY,
                email,
                subject="Please confirm your e-mail address",
                asks=f"Welcome, {username}.\n\nOpen this page within three days to confirm your address:",
                otherwise="If you did not sign up, do nothing; the account cannot be used without this.",
            )
    return SignUp(account, awaits_verification)


async def require_self(context: Context, *, in_person: bool = False) -> AccountRecord:
    """The viewer's own user account. Requires `user:admin`.

    With `in_person`, a password or a session with a fresh login is required; tokens are refused. Raises
    `Unauthenticated`, `Forbidden`, `FreshLoginRequired`.
    """
    identity = require_account_role(context, AccountRole.ADMIN)
    viewer = context.viewer
    account = (await by_ids([identity]))[identity]
    if account.kind is not AccountKind.USER or (in_person and not viewer.is_direct):
        raise viewer.refusal(BE_THERE if in_person else ADMINISTER_ACCOUNT)
    if in_person:
        viewer.require_fresh()
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanges:
    """Changes of a user; what is `UNSET` stays as it is, None clears it. `OF_OTHERS` are for superusers."""

    name: str | Unset = UNSET
    email: str | Unset = UNSET
    password: str | Unset = UNSET
    invoice_email: bool | Unset = UNSET
    invoice_email_address: str | Unset | None = UNSET
    tag_expiration_s: int | Unset = UNSET
    given_name: str | Unset | None = UNSET
    family_name: str | Unset | None = UNSET
    company: str | Unset | None = UNSET
    location: str | Unset | None = UNSET
    is_enabled: bool | Unset = UNSET
    is_superuser: bool | Unset = UNSET


async def update(context: Context, changes: UserChanges) -> Updated:
    """Change the viewer's own account, all or nothing.

    Requires `user:admin`; name, e-mail address and password need the user in person (`require_self`). While
    MAILING is on, a new address takes effect once verified. A new password ends all other sessions and all
    registry tokens. Raises `Invalid`, `AlreadyExists`, `TooMany`.
    """
    asked = given(changes)
    account = await require_self(context, in_person=not SIGN_IN_KEYS.isdisjoint(asked))
    for key, field in OF_OTHERS.items():
        if key in asked:
            raise Invalid(
                f"{field}: superusers change this, of another user, whose name they give.", field=field
            )
    values = changed(account, asked)
    check_changes(context, values)
    password, email = values.pop("password", None), values.pop("email", None)
    password_hash = await checked_hash(password) if password is not None else None
    pending = email if email is not None and context.site.has("MAILING") else None
    async with transaction("user.update"):
        if "name" in values:
            await rename_user(context, account, values.pop("name"))
        await lock_row("account", account.id)
        await write_profile(context, account, values)
        if email is not None:
            if pending is None:
                await set_email(context, account, email)
            else:
                await _send_change_code(context, account, email)
        if password_hash is not None:
            await set_password(context, account, password_hash)
    return await updated(context, account, pending, password)


async def updated(
    context: Context, account: AccountRecord, pending_email: str | None, password: str | None
) -> Updated:
    """The account as it is now."""
    encrypted = None if password is None else encrypted_password(password, context.secrets)
    return Updated((await by_ids([account.id]))[account.id], pending_email, encrypted)


def changed(account: AccountRecord, asked: dict[str, Any]) -> dict[str, Any]:
    """What of the changes differs from the account; a password always does."""
    return {key: value for key, value in asked.items() if key == "password" or getattr(account, key) != value}


def check_changes(context: Context, values: dict[str, Any]) -> None:
    """Check the changes of a user, all but the password. Raises `Invalid`."""
    if "email" in values:
        check_email(values["email"] or "")
    if values.get("invoice_email_address"):
        check_email(values["invoice_email_address"], field="invoiceEmailAddress")
    if "tag_expiration_s" in values:
        check_tag_expiration(context, values["tag_expiration_s"])
    if "name" in values:
        if not context.site.has("USER_RENAME"):
            raise Invalid("name: user names cannot be changed here.", field="name")
        check_namespace(values["name"])
    for key in METADATA:
        if len(values.get(key) or "") > TEXT_LENGTH:
            words = key.replace("_", " ")
            raise Invalid(f"{words}: must have at most {TEXT_LENGTH} characters.", field=key)


async def write_profile(context: Context, account: AccountRecord, values: dict[str, Any]) -> None:
    """Update the plain columns in the open transaction, with one event for each group of them."""
    if not values:
        return
    assignments = ", ".join(f"{column} = ?" for column in values)
    await execute(f"UPDATE account SET {assignments} WHERE id = ?", *values.values(), account.id)
    for kind, columns in (
        ("user_change_invoicing", ("invoice_email",)),
        ("user_change_invoicing", ("invoice_email_address",)),
        ("user_change_metadata", METADATA),
    ):
        if written := {column: values[column] for column in columns if column in values}:
            await events.record(context, kind, written, namespace_id=account.id)
    if "tag_expiration_s" in values:
        metadata = {"tag_expiration": values["tag_expiration_s"]}
        await events.record(context, "user_change_tag_expiration", metadata, namespace_id=account.id)


def done_by(superuser: str | None) -> dict[str, str]:
    """The metadata of an event that names the superuser who did it to another user; empty for none."""
    return {"superuser": superuser} if superuser else {}


async def rename_user(
    context: Context, account: AccountRecord, name: str, *, superuser: str | None = None
) -> None:
    """Give a user another name, in the open transaction, before it locks the account. Raises as `rename`."""
    await rename(context, account, name)
    metadata = {"old_username": account.name, **done_by(superuser)}
    await events.record(context, "user_change_name", metadata, namespace_id=account.id)


async def _send_change_code(context: Context, account: AccountRecord, email: str) -> None:
    await require_email_free(email, but_of=account.id)
    await limits.count_mail(context, email)
    await email_code.revoke(account.id, Purpose.CHANGE)
    await email_code.send(
        context,
        account,
        Purpose.CHANGE,
        email,
        subject="Please confirm your new e-mail address",
        asks=f"Open this page within a day to make this the address of the account {account.name}:",
        otherwise="If you know nothing of this, do nothing.",
    )


async def set_email(
    context: Context, account: AccountRecord, email: str, *, superuser: str | None = None
) -> None:
    """Set the verified address of a user, in the open transaction.

    Notifies the old address and revokes all codes, since those sent to it could recover the account. Raises
    `AlreadyExists`.
    """
    await require_email_free(email, but_of=account.id)
    try:
        await execute(
            "UPDATE account SET email = ?, email_key = ?, is_verified = ? WHERE id = ?",
            email,
            email_key(email),
            True,
            account.id,
        )
    except IntegrityError as error:
        raise AlreadyExists("The email address has already been used", field="email") from error
    await email_code.revoke(account.id, *Purpose)
    if account.email and context.site.has("MAILING"):
        await mail.send(
            account.email,
            "Your e-mail address was changed",
            f"The address of the account {account.name} at {context.site.public_url} is now another one.\n",
        )
    await events.record(
        context,
        "user_change_email",
        {"old_email": account.email, "email": email, **done_by(superuser)},
        namespace_id=account.id,
    )


async def set_password(
    context: Context, account: AccountRecord, password_hash: str, *, superuser: str | None = None
) -> None:
    """Set the password of a user, in the open transaction.

    Ends the user's registry tokens and all sessions except the viewer's, and revokes recovery codes.
    """
    await execute(
        f"UPDATE account SET password_hash = ?, {bump(Cause.PASSWORD_CHANGED)} WHERE id = ?",
        password_hash,
        account.id,
    )
    own = context.viewer.credential.id if context.viewer.is_session else 0
    await session.end_all(account.id, but=own)
    await email_code.revoke(account.id, Purpose.RECOVER)
    metadata = {"username": account.name, **done_by(superuser)}
    await events.record(context, "user_change_password", metadata, namespace_id=account.id)


async def encrypt_password(context: Context, password: str) -> str:
    """Encrypt the viewer's password, for use in `docker login`. Requires `user:admin`.

    Raises `Invalid` for a wrong password, `TooMany` after several (rate limit).
    """
    account = await require_self(context)
    try:
        await password_account(account.name, password, ip=context.ip, secrets=context.secrets)
    except SignInThrottled as error:
        raise error.as_too_many("password") from error
    except InvalidCredentials as error:
        await record_failure(context, Door.PAGES, account.name, error)
        raise Invalid("Invalid Username or Password", field="password") from error
    async with transaction("user.encrypt_password"):
        await events.record(context, "user_generate_client_key", {}, namespace_id=account.id)
    return encrypted_password(password, context.secrets)


async def delete(context: Context) -> AccountRecord:
    """Delete the viewer's own account with all it owns. Requires the user in person, with a fresh login.

    It disappears at once; a job purges its content and then frees the name. Raises `Invalid` if the user is
    the only administrator of an organization.
    """
    account = await require_self(context, in_person=True)
    async with transaction("user.delete"):
        await remove(context, account)
    return account


async def remove(context: Context, account: AccountRecord, *, superuser: str | None = None) -> None:
    """Delete a user, in the open transaction. Raises `Invalid` for an organization's last administrator.

    A `superuser`, of whom this is the name, deletes also those: they can give the organization to others.
    """
    administered = [] if superuser else await lock_administered(account.id)
    await deletion.begin(account.id, AccountKind.USER)
    await execute("DELETE FROM team_member WHERE account_id = ?", account.id)
    await execute("DELETE FROM repository_permission WHERE account_id = ?", account.id)
    # The operation has no argument, so the error names no field.
    await require_administrators(context, administered, field=None)
    metadata = {"username": account.name, **done_by(superuser)}
    await events.record(context, "user_delete", metadata, namespace_id=account.id)


async def lock_administered(account_id: int) -> list[int]:
    """Lock the organizations that a user administers, in the open transaction; their ids.

    Serialises the last two administrators if both leave: the second sees that the first is gone.
    """
    rows = await fetch(
        "SELECT DISTINCT t.organization_id AS id FROM team t JOIN team_member m ON m.team_id = t.id"
        # One that is being purged needs nobody any more.
        " JOIN account o ON o.id = t.organization_id"
        f" WHERE m.account_id = ? AND t.role = 'admin' AND {exists('o')} ORDER BY t.organization_id",
        account_id,
    )
    for row in rows:
        await lock_row("account", row["id"])
    return [row["id"] for row in rows]


async def require_administrators(context: Context, organizations: list[int], *, field: str | None) -> None:
    """Raise `Invalid` unless each organization still has an administrator, after a user has left it."""
    for organization in (await by_ids(organizations)).values():
        try:
            await team.require_administrators(context, organization, field="username", also_by_viewer=False)
        except Invalid as error:
            raise Invalid(error.message, field=field) from error
