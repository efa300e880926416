"""Teams of an organization."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access.permissions import namespace_role, namespace_roles
from resolvers.access.roles import TeamRole
from resolvers.account import AccountRecord
from resolvers.context import Context
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.statements import Row, fetch, placeholders

OWNERS = "owners"


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team and how much there is of it."""

    id: int
    organization_id: int
    name: str
    role: TeamRole
    description: str
    member_count: int
    repository_count: int


_COLUMNS = (
    "t.id, t.organization_id, t.name, t.role, t.description,"
    " (SELECT COUNT(*) FROM team_member m WHERE m.team_id = t.id) AS member_count,"
    " (SELECT COUNT(*) FROM repository_permission p WHERE p.team_id = t.id) AS repository_count"
)


def _record(row: Row) -> TeamRecord:
    return TeamRecord(**(row | {"role": TeamRole(row["role"])}))


async def teams(context: Context, organization: AccountRecord, page: Page) -> Slice[TeamRecord]:
    """The teams in the order of their creation. For members; others are refused."""
    if await namespace_role(context.viewer, organization.id) is None:
        raise context.viewer.refusal()
    rows = await paginate(
        Query(_COLUMNS, "team t", (Term("t.id", "id"),), ("t.organization_id = ?",), (organization.id,)),
        page,
        maximum=context.max_first,
    )
    return Slice(
        [_record(row) for row in rows.items], rows.cursors, rows.has_next, rows.has_previous, rows.query
    )


async def by_ids(ids: Sequence[int]) -> dict[int, TeamRecord]:
    """Teams by id, in one statement."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {_COLUMNS} FROM team t WHERE t.id IN ({placeholders(ids)})", *ids)
    return {row["id"]: _record(row) for row in rows}


async def viewer_can_view(context: Context, teams: Sequence[TeamRecord]) -> dict[TeamRecord, bool]:
    """May the viewer see who is in each team? Its members and the organization's administrators may."""
    if not teams:
        return {}
    roles = await namespace_roles(context.viewer, sorted({team.organization_id for team in teams}))
    ids = [team.id for team in teams]
    rows = await fetch(
        f"SELECT team_id FROM team_member WHERE account_id = ? AND team_id IN ({placeholders(ids)})",
        context.account_id or 0,
        *ids,
    )
    mine = {row["team_id"] for row in rows}
    return {team: team.id in mine or roles[team.organization_id] is TeamRole.ADMIN for team in teams}
