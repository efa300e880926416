"""Teams of an organization."""

import strawberry

from resolvers.access.roles import TeamRole
from resolvers.avatar import AvatarKind
from resolvers.team import TeamRecord
from schema.account import Avatar, to_avatar
from schema.context import Info
from schema.nodes import Node, encode_id


@strawberry.type(description="A group of accounts with one role in its organization.")
class Team(Node):
    record: strawberry.Private[TeamRecord]

    @strawberry.field(description="Its name, unique in the organization.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What its members may do in the organization.")
    def role(self) -> TeamRole:
        return self.record.role

    @strawberry.field(description="What it is for, Markdown; may be empty.")
    def description(self) -> str:
        return self.record.description

    @strawberry.field(description="Its hash and colour.")
    def avatar(self) -> Avatar:
        return to_avatar(self.record.name, AvatarKind.TEAM)

    @strawberry.field(description="How many users and robots are in it.")
    def member_count(self) -> int:
        return self.record.member_count

    @strawberry.field(description="On how many repositories it has a permission.")
    def repository_count(self) -> int:
        return self.record.repository_count

    @strawberry.field(description="Whether the viewer may see who is in it.")
    async def viewer_can_view(self, info: Info) -> bool:
        return await info.context.loaders.team_visibility.load(self.record)


def to_team(record: TeamRecord) -> Team:
    """A team as a GraphQL value."""
    return Team(id=encode_id("Team", record.id), record=record)
