"""Direct permissions on repositories: listing, setting, deleting."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers import events
from resolvers.access.epochs import Cause, bump_repository
from resolvers.access.permissions import require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import grantee
from resolvers.accounts.grantee import Grantee, GranteeKind, GranteeRow
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, UnknownReference
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from resolvers.repositories.repository import RepositoryRecord, lock, require, require_by_id
from storage.conditions import exists
from storage.database import IntegrityError
from storage.statements import execute, fetch_one
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class PermissionRecord:
    """A direct permission; exactly one of `account_id` and `team_id` is set, `name` is the grantee's.

    `organization_id` is that of the repository's namespace, None where a user owns it.
    """

    id: int
    repository_id: int
    organization_id: int | None
    role: RepositoryRole
    name: str
    account_id: int | None
    team_id: int | None


_COLUMNS = Columns(
    PermissionRecord,
    "p",
    organization_id="CASE WHEN n.kind = 'organization' THEN n.id END",
    name="COALESCE(a.name, t.name)",
)
_SOURCE = (
    "repository_permission p"
    " JOIN repository r ON r.id = p.repository_id JOIN account n ON n.id = r.namespace_id"
    " LEFT JOIN account a ON a.id = p.account_id LEFT JOIN team t ON t.id = p.team_id"
)
_OF_KIND = {GranteeKind.USER: "p.account_id IS NOT NULL", GranteeKind.TEAM: "p.team_id IS NOT NULL"}


async def permissions(
    context: Context, record: RepositoryRecord, page: Page, *, kind: GranteeKind | None = None
) -> Slice[PermissionRecord]:
    """The direct permissions on a repository, optionally of one kind of grantee, oldest first.

    Requires `repo:admin`.
    """
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    conditions = ("p.repository_id = ?", *([_OF_KIND[kind]] if kind else []))
    rows = await paginate(
        Query(_COLUMNS.sql, _SOURCE, (Term("p.id", "id"),), conditions, (record.id,)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)


async def permissions_of(
    context: Context, account_ids: Sequence[int], page: Page
) -> dict[int, Slice[PermissionRecord]]:
    """The direct permissions of each account, oldest first. The caller has authorized the request."""
    slices = await paginate_each(
        Query(_COLUMNS.sql, _SOURCE, (Term("p.id", "id"),), (exists("r"),)),
        "p.account_id",
        account_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: found.of(_COLUMNS.record) for identity, found in slices.items()}


async def permission(context: Context, record: RepositoryRecord, whose: Grantee) -> PermissionRecord | None:
    """The direct permission of one grantee, None if there is none. Requires `repo:admin`."""
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    row = await grantee.find(whose, record.namespace_id)
    return await _find(record, row) if row else None


async def by_id(context: Context, permission_id: int) -> PermissionRecord | None:
    """A direct permission by its row id; None if there is none. Requires `repo:admin`."""
    row = await fetch_one(f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE p.id = ?", permission_id)
    if row is None:
        return None
    await require_by_id(context.looking, row["repository_id"], RepositoryRole.ADMIN)
    return _COLUMNS.record(row)


async def _find(record: RepositoryRecord, row: GranteeRow) -> PermissionRecord | None:
    found = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE p.repository_id = ? AND p.{row.column} = ?",
        record.id,
        row.id,
    )
    return _COLUMNS.record(found) if found else None


def _require_not_owner(record: RepositoryRecord, row: GranteeRow) -> None:
    if row.account_id == record.namespace_id:
        raise Invalid("Namespace owner must always be admin.", field="grantee")


async def _record_event(
    context: Context, kind: str, record: RepositoryRecord, whose: Grantee, **more: str
) -> None:
    key = "team" if whose.kind is GranteeKind.TEAM else "username"
    await events.record(
        context,
        kind,
        {key: whose.name, "repo": record.name, "namespace": record.namespace_name, **more},
        namespace_id=record.namespace_id,
        repository_id=record.id,
    )


async def set_permission(
    context: Context, path: str, whose: Grantee, role: RepositoryRole
) -> PermissionRecord:
    """Set the role of a grantee, replacing any other. Requires `repo:admin`.

    The role that the grantee has already is no change, and leaves no event. After a lower one the rights of
    issued registry tokens are judged again. Raises `UnknownReference` for an unknown account or team,
    `Invalid` for the owner of the namespace and for a robot of another namespace.
    """
    record = await require(context, path, RepositoryRole.ADMIN)
    row = await grantee.require(whose, record.namespace_id)
    _require_not_owner(record, row)
    return await _set(context, record, whose, row, role)


async def _set(
    context: Context, record: RepositoryRecord, whose: Grantee, row: GranteeRow, role: RepositoryRole
) -> PermissionRecord:
    try:
        async with transaction("permission.set"):
            # Permissions on a repository change one at a time.
            await lock(record)
            before = await _find(record, row)
            if before is not None and before.role is role:
                return before
            if before is not None and role < before.role:
                await bump_repository(record.id, Cause.PERMISSION_LOWERED)
            await execute(
                f"INSERT INTO repository_permission (repository_id, {row.column}, role) VALUES (?, ?, ?)"
                f" ON CONFLICT (repository_id, {row.column}) DO UPDATE SET role = excluded.role",
                record.id,
                row.id,
                role.value,
            )
            await _record_event(context, "change_repo_permission", record, whose, role=role.value)
            found = await _find(record, row)
    except IntegrityError as error:
        # The account or team was deleted between the lookup and the insert.
        raise UnknownReference(f"'{whose.name}' was deleted meanwhile.", field="grantee") from error
    assert found is not None
    return found


async def let_write(context: Context, record: RepositoryRecord, robot: str) -> None:
    """Give a robot the role write, unless its own permission allows that. The caller has authorized it."""
    whose = Grantee(GranteeKind.USER, robot)
    row = await grantee.require(whose, record.namespace_id)
    before = await _find(record, row)
    if before is None or before.role < RepositoryRole.WRITE:
        await _set(context, record, whose, row, RepositoryRole.WRITE)


async def delete_permission(context: Context, path: str, whose: Grantee) -> PermissionRecord:
    """Delete a direct permission; returns it. Requires `repo:admin`.

    The rights of issued registry tokens are judged again. Raises `NotFound` if there is none, `Invalid` for
    the owner of the namespace.
    """
    record = await require(context, path, RepositoryRole.ADMIN)
    row = await grantee.find(whose, record.namespace_id)
    if row is None:
        raise _no_permission(whose)
    _require_not_owner(record, row)
    async with transaction("permission.delete"):
        await lock(record)
        found = await _find(record, row)
        if found is None or not await execute("DELETE FROM repository_permission WHERE id = ?", found.id):
            raise _no_permission(whose)
        await bump_repository(record.id, Cause.PERMISSION_LOWERED)
        await _record_event(context, "delete_repo_permission", record, whose)
    return found


def _no_permission(whose: Grantee) -> NotFound:
    return NotFound(f"'{whose.name[:255]}' has no permission on the repository.", field="grantee")
