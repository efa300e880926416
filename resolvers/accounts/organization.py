"""Organizations: read, create, update, delete."""

from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.credentials import email_key
from resolvers.access.needs import ADMINISTER_ACCOUNT
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import deletion
from resolvers.accounts.account import AccountRecord, by_ids, by_name, insert
from resolvers.accounts.namespace import require_namespace
from resolvers.accounts.team import OWNERS
from resolvers.changes import UNSET, Unset, given
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.names import check_email, check_namespace
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.conditions import exists
from storage.models.team import Team, TeamMember
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction


async def organization(context: Context, name: str) -> AccountRecord | None:
    """An organization by name. Its name and avatar are public; what else it shows depends on the viewer."""
    return await by_name(name, AccountKind.ORGANIZATION)


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

    email: str | Unset | None = UNSET
    invoice_email: bool | Unset = UNSET
    invoice_email_address: str | Unset | None = UNSET
    tag_expiration_s: int | Unset = UNSET


async def update(context: Context, name: str, changes: OrganizationChanges) -> AccountRecord:
    """Change an organization's settings, all or none. Requires `org:admin`.

    Raises `Invalid` for a malformed address or a time machine window that the installation does not offer.
    """
    record = await require_namespace(context, name, TeamRole.ADMIN)
    if record.kind is not AccountKind.ORGANIZATION:
        raise NotFound(field="organization")
    values = _checked(context, given(changes))
    if values.get("email", record.email) == record.email:
        values.pop("email", None)
    async with transaction("organization.update"):
        await _require_email_free(context, values.get("email"), but_of=record.id)
        if values:
            assignments = ", ".join(f"{column} = ?" for column in values)
            await execute(f"UPDATE account SET {assignments} WHERE id = ?", *values.values(), record.id)
        for column, (kind, key) in _CHANGE_EVENTS.items():
            if column in values:
                metadata = {"namespace": name, key: values[column]}
                if column == "email":
                    metadata["old_email"] = record.email
                await events.record(context, kind, metadata, namespace_id=record.id)
    return (await by_ids([record.id]))[record.id]


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


async def delete(context: Context, name: str) -> AccountRecord:
    """Delete an organization: it disappears at once, a job purges its content and then frees the name.

    Requires `org:admin`, and of a session a fresh login.
    """
    record = await require_namespace(context, name, TeamRole.ADMIN)
    if record.kind is not AccountKind.ORGANIZATION:
        raise NotFound(field="organization")
    context.viewer.require_fresh()
    async with transaction("organization.delete"):
        # Before its applications are gone, as a token of one may be the one that asks, which the entry names.
        await events.record(context, "org_delete", {"namespace": name}, namespace_id=record.id)
        await deletion.begin(record.id)
    return record
