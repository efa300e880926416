"""Permission prototypes: default permissions of accounts and teams on new repositories of an organization.

A prototype changes no existing right, so that changing one need not end registry tokens.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.permissions import require_namespace
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts import grantee
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.grantee import Grantee, GranteeKind, GranteeRow
from resolvers.accounts.namespace import require_organization
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import NotFound, UnknownReference
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.models.permission import PermissionPrototype, RepositoryPermission
from storage.statements import Row, execute, fetch, fetch_one
from storage.transactions import lock_row, transaction


@dataclass(frozen=True, slots=True)
class PrototypeRecord:
    """A prototype. The delegate, an account or a team, gets the role.

    With `activating_account_id` it applies only to repositories that this account creates.
    """

    id: int
    uuid: str
    organization_id: int
    role: RepositoryRole
    activating_account_id: int | None
    activating_name: str | None
    delegate_account_id: int | None
    delegate_team_id: int | None
    delegate_name: str
    created_at_ms: int

    @property
    def delegate(self) -> GranteeRow:
        """The account or team that gets the role."""
        return GranteeRow(self.delegate_account_id, self.delegate_team_id)


_COLUMNS = Columns(PrototypeRecord, "p", activating_name="c.name", delegate_name="COALESCE(a.name, t.name)")
_SOURCE = (
    "permission_prototype p LEFT JOIN account c ON c.id = p.activating_account_id"
    " LEFT JOIN account a ON a.id = p.delegate_account_id LEFT JOIN team t ON t.id = p.delegate_team_id"
)


async def prototypes(context: Context, organization: AccountRecord, page: Page) -> Slice[PrototypeRecord]:
    """The prototypes of an organization, oldest first. Requires `org:admin`."""
    await require_namespace(context.looking, organization.id, TeamRole.ADMIN)
    rows = await paginate(
        Query(_COLUMNS.sql, _SOURCE, (Term("p.id", "id"),), ("p.organization_id = ?",), (organization.id,)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)


async def by_id(context: Context, prototype_id: int) -> PrototypeRecord | None:
    """A prototype by its row id; None if there is none. Requires `org:admin`."""
    row = await fetch_one(f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE p.id = ?", prototype_id)
    if row is None:
        return None
    await require_namespace(context.looking, row["organization_id"], TeamRole.ADMIN)
    return _COLUMNS.record(row)


async def _require(organization: AccountRecord, prototype: str) -> PrototypeRecord:
    """A prototype of this organization by its uuid. Raises `NotFound`."""
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE p.organization_id = ? AND p.uuid = ?",
        organization.id,
        prototype,
    )
    if row is None:
        raise NotFound(f"There is no prototype '{prototype[:255]}'.", field="prototype")
    return _COLUMNS.record(row)


async def create(
    context: Context,
    organization: str,
    *,
    delegate: Grantee,
    role: RepositoryRole,
    activating_account: str | None = None,
) -> PrototypeRecord:
    """Create a prototype; a delegate may have several. Requires `org:admin`.

    Raises `UnknownReference` for an unknown account or team, `Invalid` for a robot of another namespace.
    """
    owner = await require_organization(context, organization)
    activating = None
    if activating_account is not None:
        activating = await grantee.require(
            Grantee(GranteeKind.USER, activating_account), owner.id, field="activatingAccount"
        )
    row = await grantee.require(delegate, owner.id, field="delegate")
    try:
        async with transaction("prototype.create"):
            made = await PermissionPrototype.create(
                uuid=str(uuid.uuid4()),
                organization_id=owner.id,
                activating_account_id=activating.account_id if activating else None,
                delegate_account_id=row.account_id,
                delegate_team_id=row.team_id,
                role=role.value,
                created_at_ms=now_ms(),
            )
            record = await _require(owner, made.uuid)
            await _record_event(context, "create_prototype_permission", record)
    except IntegrityError as error:
        # An account or team was deleted between the lookup and the insert.
        raise UnknownReference(f"'{delegate.name}' was deleted meanwhile.", field="delegate") from error
    return record


async def update(
    context: Context, organization: str, prototype: str, *, role: RepositoryRole
) -> PrototypeRecord:
    """Change the role that a prototype gives. Requires `org:admin`. Raises `NotFound`."""
    owner = await require_organization(context, organization)
    async with transaction("prototype.update"):
        before = await _require(owner, prototype)
        await lock_row("permission_prototype", before.id)
        before = await _require(owner, prototype)
        await execute("UPDATE permission_prototype SET role = ? WHERE id = ?", role.value, before.id)
        record = await _require(owner, prototype)
        await _record_event(context, "modify_prototype_permission", record, original_role=before.role.value)
    return record


async def delete(context: Context, organization: str, prototype: str) -> PrototypeRecord:
    """Delete a prototype; permissions that it gave stay. Requires `org:admin`. Raises `NotFound`."""
    owner = await require_organization(context, organization)
    async with transaction("prototype.delete"):
        record = await _require(owner, prototype)
        if not await execute("DELETE FROM permission_prototype WHERE id = ?", record.id):
            raise NotFound(f"There is no prototype '{prototype}'.", field="prototype")
        await _record_event(context, "delete_prototype_permission", record)
    return record


async def _record_event(context: Context, kind: str, record: PrototypeRecord, **more: str) -> None:
    account = context.viewer.account
    metadata: dict[str, Any] = {
        "prototypeid": record.uuid,
        "username": account.name if account else None,
        "activating_username": record.activating_name,
        "role": record.role.value,
        "delegate_team" if record.delegate.account_id is None else "delegate_user": record.delegate_name,
    }
    await events.record(context, kind, metadata | more, namespace_id=record.organization_id)


async def apply(organization_id: int, repository_id: int, creator_id: int) -> None:
    """Create the permissions of prototypes on a new repository, in the open transaction.

    Of several prototypes for one delegate, those that name the creator take precedence over general ones,
    then the highest role. The creator administers the repository already and gets no permission here.
    """
    rows = await fetch(
        "SELECT role, activating_account_id, delegate_account_id, delegate_team_id FROM permission_prototype"
        " WHERE organization_id = ? AND (activating_account_id IS NULL OR activating_account_id = ?)",
        organization_id,
        creator_id,
    )
    chosen = {delegate: role for delegate, role in _chosen(rows) if delegate.account_id != creator_id}
    if chosen:
        await RepositoryPermission.bulk_create(
            RepositoryPermission(
                repository_id=repository_id,
                account_id=delegate.account_id,
                team_id=delegate.team_id,
                role=role.value,
            )
            for delegate, role in chosen.items()
        )


def _chosen(rows: Iterable[Row]) -> Iterable[tuple[GranteeRow, RepositoryRole]]:
    """Delegates and roles by ascending precedence, so that in a dict the last one wins."""
    return (
        (GranteeRow(row["delegate_account_id"], row["delegate_team_id"]), RepositoryRole(row["role"]))
        for row in sorted(
            rows, key=lambda row: (row["activating_account_id"] is not None, RepositoryRole(row["role"]).rank)
        )
    )
