"""Direct grants on repositories: listing, giving, taking."""

from dataclasses import dataclass
from enum import StrEnum

from resolvers import events
from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import AccountKind
from resolvers.account import AccountRecord, by_name
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, UnknownReference
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repository import RepositoryRecord, require
from storage.statements import Row, execute, fetch_one
from storage.transactions import lock_row, transaction


class GranteeKind(StrEnum):
    """Whom a grant is for."""

    ACCOUNT = "account"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Grantee:
    """An account (user or robot) by name, or a team of the repository's organization by name."""

    kind: GranteeKind
    name: str


@dataclass(frozen=True, slots=True)
class PermissionRecord:
    """A direct grant; exactly one of `account_id` and `team_id` is set, `name` is the grantee's."""

    id: int
    repository_id: int
    role: RepositoryRole
    name: str
    account_id: int | None
    team_id: int | None


_COLUMNS = "p.id, p.repository_id, p.role, COALESCE(a.name, t.name) AS name, p.account_id, p.team_id"
_SOURCE = (
    "repository_permission p LEFT JOIN account a ON a.id = p.account_id LEFT JOIN team t ON t.id = p.team_id"
)


def _record(row: Row) -> PermissionRecord:
    return PermissionRecord(**(row | {"role": RepositoryRole(row["role"])}))


async def permissions(context: Context, record: RepositoryRecord, page: Page) -> Slice[PermissionRecord]:
    """The direct grants on a repository, oldest first. Requires `repo:admin`."""
    await require(context, record.path, RepositoryRole.ADMIN)
    rows = await paginate(
        Query(_COLUMNS, _SOURCE, (Term("p.id", "id"),), ("p.repository_id = ?",), (record.id,)),
        page,
        maximum=context.max_first,
    )
    return Slice(
        [_record(row) for row in rows.items], rows.cursors, rows.has_next, rows.has_previous, rows.query
    )


async def _grantee(record: RepositoryRecord, grantee: Grantee) -> tuple[str, int]:
    """The column and id that a grantee stands for. Raises `UnknownReference`, `Invalid`."""
    if grantee.kind is GranteeKind.TEAM:
        team = await fetch_one(
            "SELECT id FROM team WHERE organization_id = ? AND name = ?", record.namespace_id, grantee.name
        )
        if team is None:
            raise UnknownReference(f"There is no team '{grantee.name}'.", field="grantee")
        return "team_id", team["id"]
    account: AccountRecord | None = await by_name(grantee.name, AccountKind.USER, AccountKind.ROBOT)
    if account is None:
        raise UnknownReference(f"There is no user or robot '{grantee.name}'.", field="grantee")
    if account.id == record.namespace_id:
        raise Invalid("Namespace owner must always be admin", field="grantee")
    return "account_id", account.id


def _metadata(record: RepositoryRecord, grantee: Grantee) -> dict[str, str]:
    key = "team" if grantee.kind is GranteeKind.TEAM else "username"
    return {key: grantee.name, "repo": record.name, "namespace": record.namespace_name}


async def set_permission(
    context: Context, path: str, grantee: Grantee, role: RepositoryRole
) -> PermissionRecord:
    """Give a role in place of the one before. Requires `repo:admin`. Registry tokens issued before end."""
    record = await require(context, path, RepositoryRole.ADMIN)
    column, grantee_id = await _grantee(record, grantee)
    async with transaction("permission.set"):
        await lock_row("repository", record.id)
        await execute(
            f"INSERT INTO repository_permission (repository_id, {column}, role) VALUES (?, ?, ?)"
            f" ON CONFLICT (repository_id, {column}) DO UPDATE SET role = excluded.role",
            record.id,
            grantee_id,
            role.value,
        )
        await execute("UPDATE repository SET auth_epoch = auth_epoch + 1 WHERE id = ?", record.id)
        await events.record(
            context,
            "change_repo_permission",
            _metadata(record, grantee) | {"role": role.value},
            namespace_id=record.namespace_id,
            repository_id=record.id,
        )
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE p.repository_id = ? AND p.{column} = ?",
        record.id,
        grantee_id,
    )
    if row is None:
        raise NotFound
    return _record(row)


async def delete_permission(context: Context, path: str, grantee: Grantee) -> RepositoryRecord:
    """Take a direct grant away. Requires `repo:admin`. Raises `NotFound` if there is none."""
    record = await require(context, path, RepositoryRole.ADMIN)
    column, grantee_id = await _grantee(record, grantee)
    async with transaction("permission.delete"):
        await lock_row("repository", record.id)
        removed = await execute(
            f"DELETE FROM repository_permission WHERE repository_id = ? AND {column} = ?",
            record.id,
            grantee_id,
        )
        if not removed:
            raise NotFound(f"'{grantee.name}' has no permission on the repository.", field="grantee")
        await execute("UPDATE repository SET auth_epoch = auth_epoch + 1 WHERE id = ?", record.id)
        await events.record(
            context,
            "delete_repo_permission",
            _metadata(record, grantee),
            namespace_id=record.namespace_id,
            repository_id=record.id,
        )
    return record
