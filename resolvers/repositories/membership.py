"""Members of teams and organizations, and outside collaborators."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers import events
from resolvers.access.epochs import Cause, bump_account
from resolvers.access.needs import BE_MEMBER
from resolvers.access.permissions import namespace_role, require_namespace
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, invite, team
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_organization
from resolvers.accounts.team import MemberRecord, TeamRecord
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound, UnknownReference
from resolvers.names import is_robot_elsewhere
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from storage.conditions import exists
from storage.statements import Row, execute, fetch, fetch_one

_MEMBERS = f"""(
SELECT 0 AS pending, m.id AS id, m.account_id AS account_id, NULL AS email,
  CAST(NULL AS BIGINT) AS invited_at_ms, CAST(NULL AS BIGINT) AS inviter_id
FROM team_member m JOIN account a ON a.id = m.account_id
WHERE m.team_id = ? AND {exists("a")}
{{invites}}) member"""
_INVITES = f"""UNION ALL
SELECT 1, i.id, i.account_id, i.email, i.created_at_ms, i.inviter_id
FROM team_invite i LEFT JOIN account a ON a.id = i.account_id
WHERE i.team_id = ? AND {exists("a")}
"""


def _member(row: Row) -> MemberRecord:
    return MemberRecord(row["account_id"], row["email"], row["invited_at_ms"], row["inviter_id"])


async def members(
    context: Context, record: TeamRecord, page: Page, *, include_invited: bool = False
) -> Slice[MemberRecord]:
    """The members of a team, oldest first; then invitations, which only administrators see.

    Requires to be a member of the team or an administrator of the organization.
    """
    if not (await team.viewer_can_view(context, [record]))[record]:
        raise context.viewer.refusal(BE_MEMBER)
    with_invites = (
        include_invited
        and await namespace_role(context.viewer.looking, record.organization_id) is TeamRole.ADMIN
    )
    query = Query(
        "member.*",
        _MEMBERS.format(invites=_INVITES if with_invites else ""),
        (Term("member.pending", "pending"), Term("member.id", "id")),
        values=(record.id, record.id) if with_invites else (record.id,),
    )
    return (await paginate(query, page, maximum=context.max_first)).of(_member)


async def add(context: Context, organization: str, team_name: str, name: str) -> tuple[AccountRecord, bool]:
    """Add a user or a robot of the organization to a team, or invite the user. Requires `org:admin`.

    Returns the account, and whether it was invited. Users outside the organization are invited if
    REQUIRE_TEAM_INVITE and MAILING are on. Raises `NotFound`, `UnknownReference` also for a robot of another
    namespace, `AlreadyExists` for a member.
    """
    owner = await require_organization(context, organization)
    async with team.locked("team_member.add", owner):
        record = team.require_found(await team.find(owner.id, team_name), owner, team_name)
        added = await account.by_name(name, AccountKind.USER, AccountKind.ROBOT)
        if added is None or is_robot_elsewhere(name, owner.name):
            raise UnknownReference("Unknown user", field="account")
        if await _is_in_team(record, added):
            raise AlreadyExists(f"User {name} is already a member of team {team_name}", field="account")
        if added.kind is AccountKind.USER and await _must_be_invited(context, owner, added):
            await invite.invite(context, owner, record, account=added)
            return added, True
        await team.insert_member(record.id, added.id)
        await events.record(
            context, "org_add_team_member", {"member": name, "team": team_name}, namespace_id=owner.id
        )
    return added, False


async def _is_in_team(record: TeamRecord, member: AccountRecord) -> bool:
    found = await fetch_one(
        "SELECT id FROM team_member WHERE team_id = ? AND account_id = ?", record.id, member.id
    )
    return found is not None


async def _must_be_invited(context: Context, owner: AccountRecord, user: AccountRecord) -> bool:
    if not (context.site.has("REQUIRE_TEAM_INVITE") and context.site.has("MAILING")):
        return False
    return not await account.is_member_of(user.id, owner.name)


_OF_ADDRESS = "LOWER(email) = (SELECT LOWER(a.email) FROM account a WHERE a.id = ?)"
"""SQL condition: the invitation is for the e-mail address of an account."""


async def remove(context: Context, organization: str, team_name: str, name: str) -> str:
    """Remove an account from a team, or withdraw its invitation. Returns the name. Requires `org:admin`.

    Invitations of the account's e-mail address to this team are deleted too, so that an old mail does not
    lead back. The rights of registry tokens in the organization are judged again. Raises `NotFound` for an
    unknown team or account, `Invalid` for an account that is not in the team or is the last administrator of
    the organization.
    """
    owner = await require_organization(context, organization)
    async with team.locked("team_member.remove", owner):
        record = team.require_found(await team.find(owner.id, team_name), owner, team_name)
        member = await account.by_name(name, AccountKind.USER, AccountKind.ROBOT)
        if member is None and not is_robot_elsewhere(name, owner.name):
            raise _no_account(name)
        values = (record.id, member.id if member else 0)
        if await execute("DELETE FROM team_member WHERE team_id = ? AND account_id = ?", *values):
            await bump_account(owner.id, Cause.MEMBER_REMOVED)
            if record.role is TeamRole.ADMIN:
                await team.require_administrators(context, owner, field="account")
            kind, metadata = "org_remove_team_member", {"member": name, "team": team_name}
        elif await execute("DELETE FROM team_invite WHERE team_id = ? AND account_id = ?", *values):
            kind = "org_delete_team_member_invite"
            metadata = {"user": name, "team": team_name, "member": name}
        else:
            raise Invalid(f"User {name[:255]} does not belong to team {team_name}", field="account")
        await execute(f"DELETE FROM team_invite WHERE team_id = ? AND {_OF_ADDRESS}", *values)
        await events.record(context, kind, metadata, namespace_id=owner.id)
    return name


@dataclass(frozen=True, slots=True)
class TeamPermissionRecord:
    """A role of a team on a repository."""

    repository: RepositoryRecord
    role: RepositoryRole


async def team_permissions(context: Context, record: TeamRecord, page: Page) -> Slice[TeamPermissionRecord]:
    """The roles of a team on repositories, oldest first. Requires `org:admin`."""
    await require_namespace(context.looking, record.organization_id, TeamRole.ADMIN)
    rows = await paginate(
        Query(
            "p.id, p.repository_id, p.role",
            "repository_permission p JOIN repository r ON r.id = p.repository_id",
            (Term("p.id", "id"),),
            ("p.team_id = ?", exists("r")),
            (record.id,),
        ),
        page,
        maximum=context.max_first,
    )
    found = await repository.by_ids([row["repository_id"] for row in rows.items])
    return rows.of(lambda row: TeamPermissionRecord(found[row["repository_id"]], RepositoryRole(row["role"])))


_IN_TEAMS = (
    "a.id IN (SELECT m.account_id FROM team_member m JOIN team t ON t.id = m.team_id"
    " WHERE t.organization_id = ?)"
)
_WITH_PERMISSIONS = (
    "a.id IN (SELECT p.account_id FROM repository_permission p JOIN repository r ON r.id = p.repository_id"
    f" WHERE r.namespace_id = ? AND {exists('r')})"
)


async def _users(
    context: Context, page: Page, conditions: Sequence[str], values: Sequence[int]
) -> Slice[AccountRecord]:
    rows = await paginate(
        Query(
            "a.id, a.name",
            "account a",
            (Term("a.name", "name", kind=str),),
            ("a.kind = 'user'", exists("a"), *conditions),
            tuple(values),
        ),
        page,
        maximum=context.max_first,
    )
    records = await account.by_ids([row["id"] for row in rows.items])
    return rows.of(lambda row: records[row["id"]])


async def organization_members(
    context: Context, organization: AccountRecord, page: Page
) -> Slice[AccountRecord]:
    """The users in any team of an organization, by name. Requires `org:admin`."""
    await require_namespace(context.looking, organization.id, TeamRole.ADMIN)
    return await _users(context, page, [_IN_TEAMS], [organization.id])


async def organization_member(
    context: Context, organization: AccountRecord, name: str
) -> AccountRecord | None:
    """A user in any team of an organization, or one of its robots; None if there is none of that name.

    Requires `org:admin`.
    """
    await require_namespace(context.looking, organization.id, TeamRole.ADMIN)
    found = await account.by_name(name, AccountKind.USER, AccountKind.ROBOT)
    if found is None:
        return None
    if found.kind is AccountKind.ROBOT:
        return found if name.partition("+")[0] == organization.name else None
    return found if await account.is_member_of(found.id, organization.name) else None


async def collaborators(context: Context, organization: AccountRecord, page: Page) -> Slice[AccountRecord]:
    """Users with direct permissions but in no team of an organization, by name. Requires `org:admin`."""
    await require_namespace(context.looking, organization.id, TeamRole.ADMIN)
    return await _users(
        context, page, [_WITH_PERMISSIONS, f"NOT {_IN_TEAMS}"], [organization.id, organization.id]
    )


async def repositories_of(
    context: Context, account_ids: Sequence[int], organization_id: int, page: Page
) -> dict[int, Slice[RepositoryRecord]]:
    """The repositories of an organization on which accounts have direct permissions, by name.

    The caller has authorized the request.
    """
    slices = await paginate_each(
        Query(
            "r.id, r.name",
            "repository_permission p JOIN repository r ON r.id = p.repository_id",
            (Term("r.name", "name", kind=str),),
            ("r.namespace_id = ?", exists("r")),
            (organization_id,),
        ),
        "p.account_id",
        account_ids,
        page,
        maximum=context.max_first,
    )
    ids = {row["id"] for found in slices.values() for row in found.items}
    records = await repository.by_ids(sorted(ids))
    return {identity: found.of(lambda row: records[row["id"]]) for identity, found in slices.items()}


async def remove_from_organization(context: Context, organization: str, name: str) -> str:
    """Remove all access of an account to an organization. Returns the name. Requires `org:admin`. Idempotent.

    Deletes its memberships of teams, direct permissions, invitations (of the account or its e-mail address)
    and default permissions (prototypes). The rights of registry tokens in the organization are judged again.
    Raises `NotFound`, `Invalid` for the last administrator.
    """
    owner = await require_organization(context, organization)
    member = await account.by_name(name, AccountKind.USER, AccountKind.ROBOT)
    if member is None:
        raise _no_account(name)
    async with team.locked("organization_member.remove", owner):
        teams = await fetch(
            "SELECT t.id, t.name, t.role FROM team t JOIN team_member m ON m.team_id = t.id"
            " WHERE t.organization_id = ? AND m.account_id = ? ORDER BY t.id",
            owner.id,
            member.id,
        )
        repositories = await fetch(
            "SELECT r.id, r.name FROM repository r JOIN repository_permission p ON p.repository_id = r.id"
            " WHERE r.namespace_id = ? AND p.account_id = ? ORDER BY r.id",
            owner.id,
            member.id,
        )
        if is_robot_elsewhere(name, owner.name) and not (teams or repositories):
            raise _no_account(name)
        for statement in _REMOVALS:
            await execute(statement, member.id, owner.id)
        if any(row["role"] == TeamRole.ADMIN.value for row in teams):
            await team.require_administrators(context, owner, field="account", also_by_viewer=False)
        if teams or repositories:
            await bump_account(owner.id, Cause.MEMBER_REMOVED)
        await _record_removal(context, owner, name, teams, repositories)
    return name


def _no_account(name: str) -> NotFound:
    return NotFound(f"There is no user or robot '{name[:255]}'.", field="account")


_REMOVALS = (
    (
        "DELETE FROM team_member WHERE account_id = ?"
        " AND team_id IN (SELECT id FROM team WHERE organization_id = ?)"
    ),
    (
        "DELETE FROM team_invite WHERE account_id = ?"
        " AND team_id IN (SELECT id FROM team WHERE organization_id = ?)"
    ),
    (
        f"DELETE FROM team_invite WHERE {_OF_ADDRESS}"
        " AND team_id IN (SELECT id FROM team WHERE organization_id = ?)"
    ),
    (
        "DELETE FROM repository_permission WHERE account_id = ?"
        " AND repository_id IN (SELECT id FROM repository WHERE namespace_id = ?)"
    ),
    "DELETE FROM permission_prototype WHERE delegate_account_id = ? AND organization_id = ?",
)


async def _record_removal(
    context: Context, owner: AccountRecord, name: str, teams: Sequence[Row], repositories: Sequence[Row]
) -> None:
    for row in teams:
        await events.record(
            context,
            "org_remove_team_member",
            {"member": name, "team": row["name"]},
            namespace_id=owner.id,
        )
    for row in repositories:
        await events.record(
            context,
            "delete_repo_permission",
            {"username": name, "repo": row["name"], "namespace": owner.name},
            namespace_id=owner.id,
            repository_id=row["id"],
        )
