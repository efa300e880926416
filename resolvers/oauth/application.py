"""OAuth applications of an organization, which are the clients of the authorization server; their tokens."""

from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.credentials import random_text
from resolvers.access.permissions import require_namespace as require_role
from resolvers.access.roles import TeamRole
from resolvers.access.scopes import Scope, covers, parse_scopes
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_namespace
from resolvers.changes import UNSET, Unset, given
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.names import check_email, check_link
from resolvers.oauth import token
from resolvers.oauth.token import ACCESS_TOKEN_LIFETIME_S, AccessTokenRecord, IssuedToken, check_title
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.conditions import is_usable
from storage.models.application import Application
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

CLIENT_ID_LENGTH = 20
CLIENT_SECRET_LENGTH = 40
NAME_LENGTH = 255
DESCRIPTION_LENGTH = 10_000
URI_LENGTH = 2000
RESERVED_NAME = "__quay_bootstrap_app"
"""Installers of the reference look for an application of this name, so nobody may create one."""


@dataclass(frozen=True, slots=True)
class ApplicationRecord:
    """An application. `client_secret` decrypts its secret."""

    id: int
    organization_id: int
    client_id: str
    client_secret_encrypted: str
    name: str
    description: str
    application_uri: str
    redirect_uri: str
    avatar_email: str | None
    created_at_ms: int


def _shown(uri: str) -> str:
    """A stored address; empty for one from before addresses were checked that a browser would run."""
    try:
        return check_link(uri, field="")
    except Invalid:
        return ""


_COLUMNS = Columns(ApplicationRecord, "p", convert={"application_uri": _shown, "redirect_uri": _shown})


async def by_ids(ids: list[int]) -> dict[int, ApplicationRecord]:
    """Applications by id, in one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {_COLUMNS} FROM application p WHERE p.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: _COLUMNS.record(row) for row in rows}


async def information(context: Context, client_id: str) -> ApplicationRecord | None:
    """An application by its client id, for the public facts that a consent page shows to anybody."""
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM application p JOIN account o ON o.id = p.organization_id"
        f" WHERE p.client_id = ? AND {is_usable('o')}",
        client_id,
    )
    return _COLUMNS.record(row) if row else None


async def applications(context: Context, organization: AccountRecord, page: Page) -> Slice[ApplicationRecord]:
    """The applications of an organization, oldest first. Requires `org:admin`."""
    await require_role(context.looking, organization.id, TeamRole.ADMIN)
    rows = await paginate(
        Query(
            _COLUMNS.sql,
            "application p",
            (Term("p.id", "id"),),
            ("p.organization_id = ?",),
            (organization.id,),
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)


async def application(
    context: Context, organization: AccountRecord, client_id: str
) -> ApplicationRecord | None:
    """An application of an organization by its client id. Requires `org:admin`."""
    await require_role(context.looking, organization.id, TeamRole.ADMIN)
    return await _find(organization.id, client_id)


def client_secret(context: Context, record: ApplicationRecord) -> str:
    """The client secret of an application; the caller has checked permissions."""
    return context.secrets.decrypt(record.client_secret_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationChanges:
    """Values of an application; what is `UNSET` stays as it is, and has its default in a new one."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    application_uri: str | Unset = UNSET
    redirect_uri: str | Unset = UNSET
    avatar_email: str | Unset | None = UNSET


async def create(context: Context, organization: str, changes: ApplicationChanges) -> ApplicationRecord:
    """Register an application with a new client id and secret. Requires `org:admin`. Raises `Invalid`."""
    owner = await require_organization(context, organization)
    values = _checked(given(changes))
    async with transaction("application.create"):
        row = await Application.create(
            organization_id=owner.id,
            client_id=random_text(CLIENT_ID_LENGTH),
            client_secret_encrypted=context.secrets.encrypt(random_text(CLIENT_SECRET_LENGTH)),
            created_at_ms=now_ms(),
            **values,
        )
        await _record(context, "create_application", owner.id, row.name, row.client_id, values)
    return (await by_ids([row.id]))[row.id]


async def update(
    context: Context, organization: str, client_id: str, changes: ApplicationChanges
) -> ApplicationRecord:
    """Change an application, all values or none. Requires `org:admin`.

    Raises `Invalid`, `NotFound`.
    """
    record = await require_application(context, organization, client_id)
    values = _checked(given(changes))
    if not values:
        return record
    async with transaction("application.update"):
        assignments = ", ".join(f"{column} = ?" for column in values)
        if not await execute(
            f"UPDATE application SET {assignments} WHERE id = ?", *values.values(), record.id
        ):
            raise NotFound(field="clientId")
        name = values.get("name", record.name)
        await _record(context, "update_application", record.organization_id, name, client_id, values)
    return (await by_ids([record.id]))[record.id]


async def reset_secret(context: Context, organization: str, client_id: str) -> ApplicationRecord:
    """Replace the client secret of an application; the old one becomes invalid. Requires `org:admin`.

    Raises `NotFound`.
    """
    record = await require_application(context, organization, client_id)
    encrypted = context.secrets.encrypt(random_text(CLIENT_SECRET_LENGTH))
    async with transaction("application.reset_secret"):
        if not await execute(
            "UPDATE application SET client_secret_encrypted = ? WHERE id = ?", encrypted, record.id
        ):
            raise NotFound(field="clientId")
        kind = "reset_application_client_secret"
        await _record(context, kind, record.organization_id, record.name, client_id)
    return (await by_ids([record.id]))[record.id]


async def delete(context: Context, organization: str, client_id: str) -> ApplicationRecord:
    """Delete an application with all its tokens. Requires `org:admin`.

    Raises `NotFound`.
    """
    record = await require_application(context, organization, client_id)
    async with transaction("application.delete"):
        # Recorded before its tokens are deleted: one may be the token of this request, which the entry names.
        await _record(context, "delete_application", record.organization_id, record.name, client_id)
        # ON DELETE CASCADE removes codes, assignments and tokens, which also ends their registry tokens.
        if not await execute("DELETE FROM application WHERE id = ?", record.id):
            raise NotFound(field="clientId")
    return record


async def create_token(
    context: Context,
    organization: str,
    client_id: str,
    *,
    title: str,
    scope: str,
    lifetime_s: int | None = None,
) -> IssuedToken:
    """Create an access token of an application that acts for the viewer. Requires `org:admin`.

    Raises `Invalid` for a title or lifetime out of bounds, for an unknown scope or one that the viewer's own
    credential lacks; `NotFound`.
    """
    record = await require_application(context, organization, client_id)
    check_title(title)
    scopes = requested_scopes(context, scope)
    if not covers(context.viewer.scopes, scopes):
        raise Invalid("scope: must not exceed the scopes of the token that you use.", field="scope")
    lifetime_s = ACCESS_TOKEN_LIFETIME_S if lifetime_s is None else lifetime_s
    if not 1 <= lifetime_s <= ACCESS_TOKEN_LIFETIME_S:
        raise Invalid(f"lifetime: must be 1 to {ACCESS_TOKEN_LIFETIME_S} seconds.", field="lifetimeS")
    viewer = context.viewer.require_account()
    user = (await account.by_ids([viewer.id]))[viewer.id]
    async with transaction("application.create_token"):
        return await token.issue(
            context,
            user,
            scopes,
            title=title,
            lifetime_s=lifetime_s,
            application_id=record.id,
            details={"application": record.name, "client_id": client_id},
            namespace_id=record.organization_id,
        )


async def revoke_token(
    context: Context, organization: str, client_id: str, identity: str
) -> AccessTokenRecord:
    """Revoke a token of an application, of whichever user. Requires `org:admin`. Raises `NotFound`."""
    record = await require_application(context, organization, client_id)
    async with transaction("application.revoke_token"):
        return await token.revoke(
            context,
            "revoke_oauth_api_token",
            identity,
            "application_id",
            record.id,
            namespace_id=record.organization_id,
        )


async def require_organization(context: Context, name: str) -> AccountRecord:
    """An organization that the viewer administers. Raises `Unauthenticated`, `Forbidden`, `NotFound`."""
    owner = await require_namespace(context, name, TeamRole.ADMIN)
    if owner.kind is not AccountKind.ORGANIZATION:
        raise NotFound(field="organization")
    return owner


async def require_application(context: Context, organization: str, client_id: str) -> ApplicationRecord:
    """An application of an organization that the viewer administers. Raises as `require_organization`."""
    owner = await require_organization(context, organization)
    record = await _find(owner.id, client_id)
    if record is None:
        raise NotFound(field="clientId")
    return record


def requested_scopes(context: Context, text: str) -> frozenset[Scope]:
    """Parse the requested scopes. Raises `Invalid` for one that is unknown or disabled here."""
    scopes = parse_scopes(text, field="scope")
    if Scope.SUPER_USER in scopes and not context.site.has("SUPER_USERS"):
        raise Invalid(
            f"scope: '{Scope.SUPER_USER}' needs the feature SUPER_USERS, which is off here.", field="scope"
        )
    return scopes


async def _find(organization_id: int, client_id: str) -> ApplicationRecord | None:
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM application p WHERE p.client_id = ? AND p.organization_id = ?",
        client_id,
        organization_id,
    )
    return _COLUMNS.record(row) if row else None


def _checked(changed: dict[str, Any]) -> dict[str, Any]:
    """Check the values, and return them as they are stored. Raises `Invalid`."""
    values = dict(changed)
    if "name" in values:
        if not 1 <= len(values["name"]) <= NAME_LENGTH or not values["name"].strip():
            raise Invalid(f"name: must have 1 to {NAME_LENGTH} characters, not only spaces.", field="name")
        if values["name"] == RESERVED_NAME:
            raise Invalid(f"name: '{RESERVED_NAME}' is reserved; choose another name.", field="name")
    for key, field, length in (
        ("description", "description", DESCRIPTION_LENGTH),
        ("application_uri", "applicationUri", URI_LENGTH),
        ("redirect_uri", "redirectUri", URI_LENGTH),
    ):
        if key in values and len(values[key]) > length:
            raise Invalid(f"At most {length} characters are kept here.", field=field)
        if key in values and key != "description":
            check_link(values[key], field=field)
    if "avatar_email" in values:
        email = values["avatar_email"]
        values["avatar_email"] = check_email(email, field="avatarEmail") if email else None
    return values


async def _record(
    context: Context,
    kind: str,
    organization_id: int,
    name: str,
    client_id: str,
    values: dict[str, Any] | None = None,
) -> None:
    metadata = {**(values or {}), "application_name": name, "client_id": client_id}
    await events.record(context, kind, metadata, namespace_id=organization_id)
