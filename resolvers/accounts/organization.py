"""Organizations: read, list, create, update, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers import events
from resolvers.access.credentials import email_key
from resolvers.access.needs import ADMINISTER_ACCOUNT
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import deletion
from resolvers.accounts.account import COLUMNS, AccountRecord, by_ids, by_name, has_in_name, insert
from resolvers.accounts.namespace import require_namespace
from resolvers.accounts.renaming import check_new_name, rename
from resolvers.accounts.team import OWNERS
from resolvers.changes import UNSET, Unset, given
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.names import check_email, check_namespace
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.conditions import exists
from storage.models.team import Team, TeamMember
from storage.search import normalised
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction


async def organization(context: Context, name: str) -> AccountRecord | None:
    """An organization by name. Its name and avatar are public; what else it shows depends on the viewer."""
    return await by_name(name, AccountKind.ORGANIZATION)


class OrganizationOrder(StrEnum):
    """The order of the list of all organizations."""

    NAME = "name"
    CREATED_AT = "created_at"
    NEWEST_FIRST = "newest_first"


_ORDERS: dict[OrganizationOrder, Term] = {
    OrganizationOrder.NAME: Term("name", "name", kind=str),
    OrganizationOrder.CREATED_AT: Term("id", "id"),
    OrganizationOrder.NEWEST_FIRST: Term("id", "id", descending=True),
}


async def organizations(
    context: Context,
    page: Page,
    *,
    name_contains: str | None = None,
    order: OrganizationOrder = OrganizationOrder.NAME,
) -> Slice[AccountRecord]:
    """All organizations, for who sees the site. Raises `Unauthenticated`, `Forbidden`.

    A text without three letters or digits in a row, which no index finds inside of names, finds beginnings.
    """
    context.viewer.require_site_view()
    conditions, values = ["kind = 'organization'", exists()], list[str]()
    if text := normalised(name_contains or ""):
        condition, found = has_in_name(text)
        conditions.append(condition)
        values += found
    rows = await paginate(
        Query(COLUMNS.sql, "account", (_ORDERS[order],), tuple(conditions), tuple(values)),
        page,
        maximum=context.max_first,
    )
    return rows.of(COLUMNS.record)


async def repository_counts(ids: Sequence[int]) -> dict[int, int]:
    """The number of repositories of each namespace, in one statement; those without any are left out."""
    rows = await fetch(
        "SELECT namespace_id AS id, COUNT(*) AS total FROM repository"
        f" WHERE namespace_id IN ({placeholders(ids)}) AND {exists()} GROUP BY namespace_id",
        *ids,
    )
    return {row["id"]: row["total"] for row in rows}


async def member_counts(ids: Sequence[int]) -> dict[int, int]:
    """The number of users in the teams of each organization, in one statement; empty ones are left out."""
    rows = await fetch(
        "SELECT t.organization_id AS id, COUNT(DISTINCT m.account_id) AS total FROM team t"
        " JOIN team_member m ON m.team_id = t.id JOIN account a ON a.id = m.account_id"
        f" WHERE t.organization_id IN ({placeholders(ids)}) AND a.kind = 'user' AND {exists('a')}"
        " GROUP BY t.organization_id",
        *ids,
    )
    return {row["id"]: row["total"] for row in rows}


async def organizations_of(
    context: Context, account: AccountRecord, page: Page
) -> Slice[tuple[AccountRecord, TeamRole]]:
    """The organizations of a user, ordered by name, each with the user's highest role there."""
    rows = await paginate(
        Query(
            "o.id AS id, o.name AS name",
            "account o",
            (Term("o.name", "name", kind=str),),
            (
                exists("o"),
                (
                    "o.id IN (SELECT t.organization_id FROM team t JOIN team_member m ON m.team_id = t.id"
                    " WHERE m.account_id = ?)"
                ),
            ),
            (account.id,),
        ),
        page,
        maximum=context.max_first,
    )
    ids = [row["id"] for row in rows.items]
    records = await by_ids(ids)
    roles = await fetch(
        "SELECT t.organization_id AS id, t.role AS role FROM team t JOIN team_member m ON m.team_id = t.id"
        " WHERE m.account_id = ?",
        account.id,
    )
    highest: dict[int, TeamRole] = {}
    for row in roles:
        highest[row["id"]] = max(highest.get(row["id"], TeamRole.MEMBER), TeamRole(row["role"]))
    items = [(records[identity], highest[identity]) for identity in ids]
    return Slice(items, rows.cursors, rows.has_next, rows.has_previous, rows.query)


async def create(context: Context, *, name: str, email: str | None = None) -> AccountRecord:
    """Create an organization with a team `owners`, whose first member is the viewer.

    Requires `user:admin`; only superusers may while SUPERUSERS_ORG_CREATION_ONLY or RESTRICTED_USERS is on.
    Raises `Invalid`, `AlreadyExists`, `Unauthenticated`, `Forbidden`.
    """
    account_id = require_account_role(context, AccountRole.ADMIN)
    viewer, site = context.viewer, context.site
    viewer.require_change()
    if site.has("SUPERUSERS_ORG_CREATION_ONLY") or site.has("RESTRICTED_USERS"):
        viewer.require_superuser()
    if viewer.account is None or viewer.account.kind is not AccountKind.USER:
        raise viewer.refusal(ADMINISTER_ACCOUNT)
    check_namespace(name)
    if email:
        check_email(email)
    async with transaction("organization.create"):
        await _require_email_free(context, email)
        row = await insert(context, AccountKind.ORGANIZATION, name, email=email or None, is_verified=True)
        team = await Team.create(
            organization_id=row.id, name=OWNERS, role=TeamRole.ADMIN.value, created_at_ms=now_ms()
        )
        await TeamMember.create(team_id=team.id, account_id=account_id)
        await events.record(
            context, "org_create", {"email": email or None, "namespace": name}, namespace_id=row.id
        )
    return (await by_ids([row.id]))[row.id]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationChanges:
    """Changes of an organization; what is `UNSET` stays as it is, None clears it."""

    name: str | Unset = UNSET
    email: str | Unset | None = UNSET
    invoice_email: bool | Unset = UNSET
    invoice_email_address: str | Unset | None = UNSET
    tag_expiration_s: int | Unset = UNSET


async def _required(context: Context, name: str, *, as_superuser: bool) -> AccountRecord:
    """An organization that the viewer administers, or as a superuser with a fresh login may change.

    Raises `Unauthenticated`, `Forbidden`, `NotFound`; as a superuser `FreshLoginRequired`.
    """
    if as_superuser:
        context.viewer.require_superuser()
        context.viewer.require_fresh()
        record = await by_name(name, AccountKind.ORGANIZATION)
        if record is None:
            raise NotFound(f"Organization does not exist: {name[:255]}", field="organization")
        return record
    record = await require_namespace(context, name, TeamRole.ADMIN)
    if record.kind is not AccountKind.ORGANIZATION:
        raise NotFound(field="organization")
    return record


async def update(
    context: Context, name: str, changes: OrganizationChanges, *, as_superuser: bool = False
) -> AccountRecord:
    """Change an organization's name and settings, all or none. Requires `org:admin`, or to be a superuser.

    Only superusers with a fresh login rename. Raises `Invalid` for a malformed name or address, or a time
    machine window that the installation does not offer; `AlreadyExists`; `NotFound` as well if the
    organization was renamed meanwhile.
    """
    record = await _required(context, name, as_superuser=as_superuser or changes.name is not UNSET)
    values = _checked(context, given(changes))
    for key in ("name", "email"):
        if values.get(key, getattr(record, key)) == getattr(record, key):
            values.pop(key, None)
    new_name = values.pop("name", None)
    async with transaction("organization.update"):
        await _require_email_free(context, values.get("email"), but_of=record.id)
        if new_name is not None:
            await rename(context, record, new_name)
            metadata = {"old_name": record.name, "new_name": new_name, "superuser": _performer(context)}
            await events.record(context, "org_change_name", metadata, namespace_id=record.id)
        if values:
            assignments = ", ".join(f"{column} = ?" for column in values)
            await execute(f"UPDATE account SET {assignments} WHERE id = ?", *values.values(), record.id)
        for column, (kind, key) in _CHANGE_EVENTS.items():
            if column in values:
                metadata = {"namespace": new_name or name, key: values[column]}
                if column == "email":
                    metadata["old_email"] = record.email
                await events.record(context, kind, metadata, namespace_id=record.id)
    return (await by_ids([record.id]))[record.id]


def _performer(context: Context) -> str | None:
    return context.viewer.account.name if context.viewer.account else None


_CHANGE_EVENTS = {
    "invoice_email": ("org_change_invoicing", "invoice_email"),
    "invoice_email_address": ("org_change_invoicing", "invoice_email_address"),
    "email": ("org_change_email", "email"),
    "tag_expiration_s": ("org_change_tag_expiration", "tag_expiration"),
}
"""For each column, the kind of event for its change, and the metadata key of the new value."""


def _checked(context: Context, changed: dict[str, Any]) -> dict[str, Any]:
    """Check the changes; an empty address becomes None. Raises `Invalid`."""
    values = dict(changed)
    if "name" in values:
        check_new_name(values["name"])
    for key, field in (("email", "email"), ("invoice_email_address", "invoiceEmailAddress")):
        if key in values:
            values[key] = check_email(values[key], field=field) if values[key] else None
    if "tag_expiration_s" in values:
        check_tag_expiration(context, values["tag_expiration_s"])
    return values


async def _require_email_free(context: Context, email: str | None, *, but_of: int | None = None) -> None:
    """Raise `AlreadyExists` if an account other than `but_of` has the address and ORG_SHARED_EMAIL is off."""
    if not email or context.site.has("ORG_SHARED_EMAIL"):
        return
    if await fetch_one(
        "SELECT id FROM account WHERE LOWER(email) = ? AND id <> ?", email_key(email), but_of or 0
    ):
        raise AlreadyExists("The email address has already been used", field="email")


def check_tag_expiration(context: Context, seconds: int) -> None:
    """Raise `Invalid` unless the time machine window may be changed, to one of the values on offer."""
    if not context.site.has("CHANGE_TAG_EXPIRATION") or seconds not in context.site.tag_expiration_options_s:
        raise Invalid("Invalid tag expiration option", field="tagExpirationS")


async def delete(context: Context, name: str, *, as_superuser: bool = False) -> AccountRecord:
    """Delete an organization: it disappears at once, a job purges its content and then frees the name.

    Requires `org:admin`, or to be a superuser, and of a session a fresh login.
    """
    record = await _required(context, name, as_superuser=as_superuser)
    context.viewer.require_fresh()
    async with transaction("organization.delete"):
        # Before its applications are gone, as a token of one may be the one that asks, which the entry names.
        await events.record(context, "org_delete", {"namespace": name}, namespace_id=record.id)
        await deletion.begin(record.id, AccountKind.ORGANIZATION)
    return record
