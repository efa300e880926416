"""Teams of an organization: find, create, update, delete.

Every change of teams and members locks the organization's row. So two administrators who remove each other
concurrently are serialised, and the second is refused because no administrator would be left.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from resolvers import events
from resolvers.access.epochs import Cause, bump_account
from resolvers.access.permissions import namespace_roles, require_namespace
from resolvers.access.roles import TeamRole
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_organization
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.names import check_namespace
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from storage.clock import now_ms
from storage.conditions import can_act
from storage.models.team import Team
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import lock_row, transaction

OWNERS = "owners"
DESCRIPTION_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team with the numbers of its members and repositories."""

    id: int
    organization_id: int
    name: str
    role: TeamRole
    description: str
    member_count: int
    repository_count: int


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member of a team, or an open invitation into it.

    An invitation of an address has `email` instead of `account_id`. `invited_at_ms` and `inviter_id` are None
    for members.
    """

    account_id: int | None
    email: str | None = None
    invited_at_ms: int | None = None
    inviter_id: int | None = None


_COLUMNS = Columns(
    TeamRecord,
    "t",
    member_count="(SELECT COUNT(*) FROM team_member m WHERE m.team_id = t.id)",
    repository_count="(SELECT COUNT(*) FROM repository_permission p WHERE p.team_id = t.id)",
)


async def teams(context: Context, organization: AccountRecord, page: Page) -> Slice[TeamRecord]:
    """The teams of an organization, oldest first, for its members. Raises `Unauthenticated`, `Forbidden`."""
    await require_namespace(context, organization.id, TeamRole.MEMBER)
    rows = await paginate(
        Query(_COLUMNS.sql, "team t", (Term("t.id", "id"),), ("t.organization_id = ?",), (organization.id,)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)


async def by_ids(ids: Sequence[int]) -> dict[int, TeamRecord]:
    """Teams by id, in one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {_COLUMNS} FROM team t WHERE t.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: _COLUMNS.record(row) for row in rows}


async def viewer_can_view(context: Context, teams: Sequence[TeamRecord]) -> dict[TeamRecord, bool]:
    """Whether the viewer may see the members of each team: its members and the organization's admins may."""
    if not teams:
        return {}
    roles = await namespace_roles(context.viewer.looking, sorted({team.organization_id for team in teams}))
    ids = [team.id for team in teams]
    rows = await fetch(
        f"SELECT team_id FROM team_member WHERE account_id = ? AND team_id IN ({placeholders(ids)})",
        context.account_id or 0,
        *ids,
    )
    mine = {row["team_id"] for row in rows}
    return {
        team: roles[team.organization_id] is TeamRole.ADMIN
        or (team.id in mine and roles[team.organization_id] is not None)
        for team in teams
    }


async def find(organization_id: int, name: str) -> TeamRecord | None:
    """The team of this name, or None; the caller has checked permissions."""
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM team t WHERE t.organization_id = ? AND t.name = ?", organization_id, name
    )
    return _COLUMNS.record(row) if row else None


async def team(context: Context, organization: AccountRecord, name: str) -> TeamRecord | None:
    """A team by name, for members of the organization. Others are refused, whether it exists or not."""
    await require_namespace(context, organization.id, TeamRole.MEMBER)
    return await find(organization.id, name)


async def teams_of(
    context: Context, account_ids: Sequence[int], organization_id: int, page: Page
) -> dict[int, Slice[TeamRecord]]:
    """The teams of each account in one organization, ordered by name; the caller has checked permissions."""
    slices = await paginate_each(
        Query(
            _COLUMNS.sql,
            "team t JOIN team_member x ON x.team_id = t.id",
            (Term("t.name", "name", kind=str),),
            ("t.organization_id = ?",),
            (organization_id,),
        ),
        "x.account_id",
        account_ids,
        page,
        maximum=context.max_first,
    )
    return {identity: found.of(_COLUMNS.record) for identity, found in slices.items()}


def require_found(record: TeamRecord | None, organization: AccountRecord, name: str) -> TeamRecord:
    """The team itself. Raises `NotFound` for None."""
    if record is None:
        raise NotFound(f"There is no team '{name[:255]}' in '{organization.name}'.", field="team")
    return record


@asynccontextmanager
async def locked(name: str, organization: AccountRecord) -> AsyncIterator[None]:
    """A transaction that locks the organization's row against other changes of its teams."""
    async with transaction(name):
        await lock_row("account", organization.id)
        yield


async def require_administrators(
    context: Context, organization: AccountRecord, *, field: str, also_by_viewer: bool = True
) -> None:
    """Raise `Invalid` if the organization has no administrator left, or the viewer is not among them.

    Call it after a change, in its transaction, which the error rolls back. The second check is skipped for a
    viewer with full access, and unless `also_by_viewer`.
    """
    rows = await fetch(
        "SELECT DISTINCT m.account_id AS id FROM team t JOIN team_member m ON m.team_id = t.id"
        " JOIN account a ON a.id = m.account_id"
        f" WHERE t.organization_id = ? AND t.role = 'admin' AND a.kind = 'user' AND {can_act('a')}",
        organization.id,
    )
    left = {row["id"] for row in rows}
    if not left:
        raise Invalid(f"Nobody would be left to administer '{organization.name}'.", field=field)
    if also_by_viewer and not context.viewer.has_full_access and context.account_id not in left:
        raise Invalid(f"You would no longer administer '{organization.name}'.", field=field)


def check_description(description: str | None) -> None:
    """Raise `Invalid` for a description of more than 10,000 characters."""
    if description is not None and len(description) > DESCRIPTION_LENGTH:
        raise Invalid(f"description: must have at most {DESCRIPTION_LENGTH} characters.", field="description")


async def create(
    context: Context, organization: str, *, name: str, role: TeamRole, description: str = ""
) -> TeamRecord:
    """Create a team without members. Requires `org:admin`. Raises `Invalid`, `AlreadyExists`."""
    owner = await require_organization(context, organization)
    async with locked("team.create", owner):
        if await find(owner.id, name) is not None:
            raise AlreadyExists(f"name: a team '{name}' exists already; choose another name.", field="name")
        return await _insert(context, owner, name, role, description, field="name")


async def update(
    context: Context,
    organization: str,
    name: str,
    *,
    role: TeamRole | None = None,
    description: str | None = None,
) -> TeamRecord:
    """Change a team; None leaves a value as it is. Requires `org:admin`.

    Raises `NotFound`, and `Invalid` also if the organization would lose its last administrator, or the viewer
    the role.
    """
    owner = await require_organization(context, organization)
    async with locked("team.update", owner):
        record = require_found(await find(owner.id, name), owner, name)
        return await _change(context, owner, record, role, description)


async def put(
    context: Context, organization: str, name: str, *, role: TeamRole, description: str | None = None
) -> tuple[TeamRecord, bool]:
    """Create or change a team (upsert); returns the team, and whether it is new.

    Requires `org:admin`. Raises as `create` and `update`, except `AlreadyExists`.
    """
    owner = await require_organization(context, organization)
    async with locked("team.put", owner):
        record = await find(owner.id, name)
        if record is None:
            return await _insert(context, owner, name, role, description or "", field="team"), True
        return await _change(context, owner, record, role, description), False


async def _insert(
    context: Context, owner: AccountRecord, name: str, role: TeamRole, description: str, *, field: str
) -> TeamRecord:
    check_namespace(name, field=field)
    check_description(description)
    row = await Team.create(
        organization_id=owner.id,
        name=name,
        role=role.value,
        description=description,
        created_at_ms=now_ms(),
    )
    await events.record(context, "org_create_team", {"team": name}, namespace_id=owner.id)
    return TeamRecord(row.id, owner.id, name, role, description, 0, 0)


async def _change(
    context: Context,
    owner: AccountRecord,
    record: TeamRecord,
    role: TeamRole | None,
    description: str | None,
) -> TeamRecord:
    check_description(description)
    if description is not None and description != record.description:
        await execute("UPDATE team SET description = ? WHERE id = ?", description, record.id)
        await events.record(
            context,
            "org_set_team_description",
            {"team": record.name, "description": description},
            namespace_id=owner.id,
        )
    if role is not None and role is not record.role:
        await execute("UPDATE team SET role = ? WHERE id = ?", role.value, record.id)
        if role < record.role:
            await bump_account(owner.id, Cause.TEAM_LOWERED)
            await require_administrators(context, owner, field="role")
        await events.record(
            context, "org_set_team_role", {"team": record.name, "role": role.value}, namespace_id=owner.id
        )
    found = await find(owner.id, record.name)
    assert found is not None
    return found


async def delete(context: Context, organization: str, name: str) -> TeamRecord:
    """Delete a team with its permissions, members and invitations. Requires `org:admin`.

    Raises `NotFound`, and `Invalid` as `update`.
    """
    owner = await require_organization(context, organization)
    async with locked("team.delete", owner):
        record = require_found(await find(owner.id, name), owner, name)
        # ON DELETE CASCADE removes the rows that refer to the team.
        await execute("DELETE FROM team WHERE id = ?", record.id)
        await bump_account(owner.id, Cause.TEAM_LOWERED)
        if record.role is TeamRole.ADMIN:
            await require_administrators(context, owner, field="team")
        await events.record(context, "org_delete_team", {"team": name}, namespace_id=owner.id)
    return record


async def insert_member(team_id: int, account_id: int) -> None:
    """Add an account to a team in the open transaction, and delete its invitation. Idempotent."""
    await execute("DELETE FROM team_invite WHERE team_id = ? AND account_id = ?", team_id, account_id)
    await execute(
        "INSERT INTO team_member (team_id, account_id) VALUES (?, ?)"
        " ON CONFLICT (team_id, account_id) DO NOTHING",
        team_id,
        account_id,
    )
