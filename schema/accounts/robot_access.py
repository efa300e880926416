"""Access of a robot: its teams and its permissions on repositories."""

import strawberry

from resolvers.accounts.robot import RobotRecord
from schema.accounts.team import Team, to_judged_team
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.repositories.permission import RepositoryPermission, to_permission


@strawberry.type(description="What a robot may do. For those who administer it.")
class RobotAccess:
    record: strawberry.Private[RobotRecord]

    @strawberry.field(description="The teams that it is in, by name.")
    async def teams(self, info: Info, first: First = 50, after: After = None) -> Connection[Team]:
        key = (self.record.id, self.record.owner_id, page(first, after))
        found = await info.context.loaders.member_teams.load(key)
        return connect(found, to_judged_team)

    @strawberry.field(description="Its direct permissions on repositories, oldest first.")
    async def permissions(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[RepositoryPermission]:
        key = (self.record.id, page(first, after))
        found = await info.context.loaders.account_permissions.load(key)
        return connect(found, to_permission)
