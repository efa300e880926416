"""Accounts: finding them, creating users, membership in organizations."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.credentials import LIKE_TYPED, email_key, has_email
from resolvers.access.passwords import check_password, hash_password
from resolvers.access.permissions import account_role
from resolvers.access.roles import AccountRole
from resolvers.access.viewer import AccountKind
from resolvers.columns import Columns
from resolvers.context import Context, Site
from resolvers.errors import AlreadyExists, NotFound
from resolvers.names import check_email, check_namespace
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.conditions import exists
from storage.database import IntegrityError
from storage.models.account import Account
from storage.search import account_names, begins, has_trigrams
from storage.statements import fetch, fetch_one, placeholders
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """A user, an organization or a robot. Times are milliseconds since the epoch."""

    id: int
    uuid: str
    kind: AccountKind
    name: str
    email: str | None
    is_enabled: bool
    is_verified: bool
    is_superuser: bool
    has_password: bool
    tag_expiration_s: int
    invoice_email: bool
    invoice_email_address: str | None
    given_name: str | None
    family_name: str | None
    company: str | None
    location: str | None
    created_at_ms: int
    last_accessed_at_ms: int | None


COLUMNS = Columns(AccountRecord, has_password="password_hash IS NOT NULL")  # noqa: S106 (SQL)
"""The columns of an account, for lists of them."""


async def by_name(name: str, *kinds: AccountKind) -> AccountRecord | None:
    """The account of this name, and of one of `kinds` if given; None also for a deleted account."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM account WHERE name = ? AND {exists()}", name)
    record = COLUMNS.record(row) if row else None
    return record if record and (not kinds or record.kind in kinds) else None


async def by_login(login: str) -> AccountRecord | None:
    """The user of this name or e-mail address; None also for a deleted user."""
    if "@" not in login:
        return await by_name(login, AccountKind.USER)
    return await by_email(login)


async def by_email(email: str) -> AccountRecord | None:
    """The user of an address, whatever its case; of two that share one from earlier, that of this case."""
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM account WHERE {has_email()} AND {exists()} {LIKE_TYPED} LIMIT 1",
        email,
        email_key(email),
        email,
    )
    return COLUMNS.record(row) if row else None


async def by_ids(ids: list[int]) -> dict[int, AccountRecord]:
    """Accounts by id, in one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {COLUMNS} FROM account WHERE id IN ({placeholders(ids)})", *ids)
    return {row["id"]: COLUMNS.record(row) for row in rows}


async def user(context: Context, username: str) -> AccountRecord | None:
    """A user by name; anybody may look. Robots and organizations are not users."""
    return await by_name(username, AccountKind.USER)


def viewer_account_role(context: Context, account: AccountRecord) -> AccountRole | None:
    """The role in which the viewer sees an account; superusers, also read-only ones, see all of it."""
    if context.viewer.sees_site:
        return AccountRole.ADMIN
    return account_role(context.viewer, account.id)


def is_superuser(context: Context, account: AccountRecord) -> bool:
    """Whether a user is a superuser, by the row or by the setting SUPERUSERS."""
    return (
        context.site.has("SUPER_USERS")
        and account.kind is AccountKind.USER
        and (account.is_superuser or context.site.names_superuser(account.name))
        and not context.site.names_read_only_superuser(account.name)
    )


def is_read_only_superuser(context: Context, account: AccountRecord) -> bool:
    """Whether a user is a read-only superuser, by the setting GLOBAL_READONLY_SUPER_USERS."""
    return (
        context.site.has("SUPER_USERS")
        and account.kind is AccountKind.USER
        and context.site.names_read_only_superuser(account.name)
    )


async def superusers_without_user(site: Site) -> list[str]:
    """The names in SUPERUSERS and GLOBAL_READONLY_SUPER_USERS that no user has, sorted."""
    names = sorted(site.superusers | site.read_only_superusers)
    found = await by_names(names)
    return [name for name in names if name not in found or found[name].kind is not AccountKind.USER]


async def require_name_free(
    context: Context, name: str, *, field: str = "name", by_operator: bool = False
) -> None:
    """Raise `AlreadyExists` if an account has the name, a deleted account still holds it, or it is reserved.

    A name in SUPERUSERS or GLOBAL_READONLY_SUPER_USERS is reserved, also while SUPER_USERS is off: only the
    operator and superusers may take it, the latter with a fresh login (else `FreshLoginRequired`). The error
    equals that for a held name, so that nobody can probe for such names.
    """
    row = await fetch_one("SELECT deleted_at_ms FROM account WHERE name = ?", name)
    if row is None:
        if by_operator or not context.site.reserves(name):
            return
        if context.viewer.is_superuser:
            context.viewer.require_fresh()
            return
    elif row["deleted_at_ms"] is None:
        raise AlreadyExists("A user or organization with this name already exists", field=field)
    raise AlreadyExists("Username is not available", field=field)


async def insert(
    context: Context,
    kind: AccountKind,
    name: str,
    *,
    field: str = "name",
    by_operator: bool = False,
    **columns: Any,
) -> Account:
    """Insert an account row in the open transaction. Raises as `require_name_free`, naming `field`."""
    await require_name_free(context, name, field=field, by_operator=by_operator)
    try:
        return await Account.create(
            uuid=str(uuid.uuid4()),
            kind=kind.value,
            name=name,
            tag_expiration_s=context.site.time_machine_default_s,
            created_at_ms=now_ms(),
            **columns,
        )
    except IntegrityError as error:
        # A concurrent request took the name or the address after the check.
        raise AlreadyExists("A user or organization with this name already exists", field=field) from error


async def create_user(
    context: Context, *, name: str, email: str, password: str | None, is_superuser: bool = False
) -> AccountRecord:
    """Create a verified user. The caller has checked permissions: the command line, the first start.

    Raises `Invalid` for a malformed name, address or password, `AlreadyExists` for a taken name or address.
    """
    password_hash = await checked_hash(password) if password is not None else None
    async with transaction("user.create"):
        return await insert_user(
            context,
            name=name,
            email=email,
            password_hash=password_hash,
            is_superuser=is_superuser,
            by_operator=True,
        )


async def checked_hash(password: str) -> str:
    """Check a password and hash it. Raises `Invalid`. Slow: call it before any transaction."""
    check_password(password)
    return await hash_password(password)


async def insert_user(
    context: Context,
    *,
    name: str,
    email: str | None,
    password_hash: str | None,
    is_superuser: bool,
    is_verified: bool = True,
    by_operator: bool = False,
    superuser: str | None = None,
) -> AccountRecord:
    """Insert a user in the open transaction. Raises `Invalid`, and as `require_name_free`.

    `by_operator` says that the caller has made sure that the operator asks; `superuser` is the name of the
    superuser who does.
    """
    check_namespace(name, field="username")
    if email is not None:
        check_email(email)
        await require_email_free(email)
    account = await insert(
        context,
        AccountKind.USER,
        name,
        field="username",
        by_operator=by_operator,
        email=email,
        email_key=None if email is None else email_key(email),
        password_hash=password_hash,
        is_superuser=is_superuser,
        is_verified=is_verified,
    )
    await events.record(
        context,
        "user_create",
        {"email": email, "username": name, "superuser": superuser or (name if is_superuser else None)},
        namespace_id=account.id,
    )
    return (await by_ids([account.id]))[account.id]


async def require_email_free(email: str, *, but_of: int | None = None) -> None:
    """Raise `AlreadyExists` if a user other than `but_of` has the address, in any case of letters."""
    if await fetch_one(
        "SELECT id FROM account WHERE email_key = ? AND id <> ?", email_key(email), but_of or 0
    ):
        raise AlreadyExists("The email address has already been used", field="email")


async def require_user(name: str) -> AccountRecord:
    """A user by name. Raises `NotFound`."""
    record = await by_name(name, AccountKind.USER)
    if record is None:
        raise NotFound(f"There is no user '{name}'.", field="username")
    return record


async def sharing_mailboxes() -> list[tuple[str, str]]:
    """Users whose address differs from another user's in case alone, as (name, address), by name."""
    rows = await fetch(
        "SELECT name, email FROM account WHERE kind = 'user' AND email IS NOT NULL AND email_key IS NULL"
        f" AND {exists()} ORDER BY name"
    )
    return [(row["name"], row["email"]) for row in rows]


async def users(page: Page, *, maximum: int) -> Slice[AccountRecord]:
    """All users by name, without deleted ones; the caller is the operator."""
    return await search_users((Term("name", "name", kind=str),), (), (), page, maximum=maximum)


async def search_users(
    order: tuple[Term, ...], conditions: Sequence[str], values: Sequence[Any], page: Page, *, maximum: int
) -> Slice[AccountRecord]:
    """The users that meet conditions on `account`, without deleted ones.

    The caller has checked permissions.
    """
    query = Query(
        f"{COLUMNS}, COALESCE(last_accessed_at_ms, 0) AS used_at_ms",
        "account",
        order,
        ("kind = 'user'", exists(), *conditions),
        tuple(values),
    )
    return (await paginate(query, page, maximum=maximum)).of(COLUMNS.record)


def has_in_name(text: str) -> tuple[str, list[str]]:
    """The condition, with its values, that a name has a text in it; the name of a user or organization.

    A text without three letters or digits in a row, which no index finds inside of names, finds beginnings.
    """
    text = text.lower()
    if has_trigrams(text):
        match = account_names(text)
        return f"id IN (SELECT a.id FROM {match.source} WHERE {match.condition})", [*match.values]
    condition, bounds = begins("name", text)
    return condition, [*bounds]


async def by_names(names: Sequence[str]) -> dict[str, AccountRecord]:
    """Accounts by name, in one statement, without deleted ones."""
    if not names:
        return {}
    rows = await fetch(
        f"SELECT {COLUMNS} FROM account WHERE name IN ({placeholders(names)}) AND {exists()}",
        *names,
    )
    return {row["name"]: COLUMNS.record(row) for row in rows}


async def is_member_of(account_id: int, organization: str) -> bool | None:
    """Whether an account is a robot or a team member of an organization; None for an unknown organization."""
    owner = await by_name(organization, AccountKind.ORGANIZATION)
    pair = (account_id, owner.id if owner else 0)
    return (await members_among([pair]))[pair] if owner else None


async def members_among(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bool]:
    """For pairs (account, organization): whether the account is in a team or a robot of the organization."""
    if not pairs:
        return {}
    accounts = sorted({account_id for account_id, _ in pairs})
    organizations = sorted({organization_id for _, organization_id in pairs})
    rows = await fetch(
        "SELECT m.account_id AS account_id, t.organization_id AS organization_id FROM team_member m"
        f" JOIN team t ON t.id = m.team_id WHERE m.account_id IN ({placeholders(accounts)})"
        f" AND t.organization_id IN ({placeholders(organizations)})"
        f" UNION SELECT account_id, owner_id FROM robot WHERE account_id IN ({placeholders(accounts)})"
        f" AND owner_id IN ({placeholders(organizations)})",
        *(*accounts, *organizations, *accounts, *organizations),
    )
    members = {(row["account_id"], row["organization_id"]) for row in rows}
    return {pair: pair in members for pair in pairs}
