"""Teams of an organization, and their members."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry

import resolvers.accounts.team
from resolvers.access.needs import BE_MEMBER, Need
from resolvers.access.roles import TeamRole
from resolvers.accounts.team import MemberRecord, TeamRecord
from resolvers.avatar import AvatarKind
from resolvers.repositories import membership
from resolvers.repositories.membership import TeamPermissionRecord
from schema.access.roles import RepositoryRole
from schema.accounts.account import Account, Avatar, User, to_avatar, to_user
from schema.accounts.robot import Robot, account_node
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.guards import Guarded
from schema.node_id import Node, encode_id
from schema.scalars import optional_datetime

if TYPE_CHECKING:
    from schema.accounts.organization import Organization
    from schema.repositories.repository import Repository


@strawberry.type(description="An e-mail address to which an invitation went.")
class InvitedAddress:
    email: str = strawberry.field(description="The address.")

    @strawberry.field(description="Its hash and colour.")
    def avatar(self) -> Avatar:
        return to_avatar(self.email, AvatarKind.USER)


TeamMemberSubject = Annotated[
    User | Robot | InvitedAddress,
    strawberry.union(
        "TeamMemberSubject", description="Whom a team holds or awaits: a user, a robot, or an e-mail address."
    ),
]


@strawberry.type(description="Somebody in a team, or invited into it.")
class TeamMember:
    record: strawberry.Private[MemberRecord]

    @strawberry.field(description="The user, the robot, or the address that was invited.")
    async def subject(self, info: Info) -> TeamMemberSubject:
        if self.record.account_id is None:
            return InvitedAddress(email=self.record.email or "")
        record = await info.context.loaders.accounts.load(self.record.account_id)
        return account_node(record)  # type: ignore[return-value]

    @strawberry.field(description="Whether the invitation has not been accepted yet.")
    def is_invited(self) -> bool:
        return self.record.invited_at_ms is not None

    @strawberry.field(description="When the invitation was sent; null for members.")
    def invited_at(self) -> datetime | None:
        return optional_datetime(self.record.invited_at_ms)

    @strawberry.field(description="Who sent the invitation; null for members, and if that user is gone.")
    async def inviter(self, info: Info) -> User | None:
        if self.record.inviter_id is None:
            return None
        record = await info.context.loaders.accounts.load(self.record.inviter_id)
        return to_user(record) if record else None


@strawberry.type(description="A role that a team was given on a repository.")
class TeamPermission:
    record: strawberry.Private[TeamPermissionRecord]

    @strawberry.field(description="The repository.")
    def repository(self) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")]:
        from schema.repositories.repository import to_repository

        return to_repository(self.record.repository)

    @strawberry.field(description="What the members of the team may do there.")
    def role(self) -> RepositoryRole:
        return self.record.role


OPEN_FIELDS = frozenset(
    {"id", "name", "organization", "avatar", "viewer_can_view", "viewer_can_administer", "web_path"}
)
"""What outsiders of an organization learn of a team that they may name, as the administrator of a repository
does on which it has a role. Every other field is refused to them."""


@strawberry.type(
    description="A group of accounts with one role in its organization. For the organization's members."
)
class Team(Node, Guarded):
    record: strawberry.Private[TeamRecord]
    is_judged: strawberry.Private[bool] = False
    open_fields: ClassVar[frozenset[str]] = OPEN_FIELDS
    need: ClassVar[Need] = BE_MEMBER

    async def is_visible(self, info: Info) -> bool:
        """Whether the viewer has a role in the organization."""
        return await info.context.loaders.namespace_roles.load(self.record.organization_id) is not None

    @strawberry.field(description="Its name, unique in the organization.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="The organization that it belongs to.")
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.accounts.organization")] | None:
        from schema.accounts.organization import to_organization

        record = await info.context.loaders.accounts.load(self.record.organization_id)
        return to_organization(record) if record else None

    @strawberry.field(description="Where web interfaces of this API show it, below their address.")
    async def web_path(self, info: Info) -> str:
        record = await info.context.loaders.accounts.load(self.record.organization_id)
        return f"/organization/{record.name if record else ''}/teams/{self.record.name}"

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

    @strawberry.field(description="Whether the viewer may change it and who is in it.")
    async def viewer_can_administer(self, info: Info) -> bool:
        role = await info.context.loaders.namespace_roles.load(self.record.organization_id)
        return role is TeamRole.ADMIN

    @strawberry.field(
        description="Who is in it, oldest first. For members of the team and administrators of the"
        " organization; refused to others."
    )
    async def members(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        include_invited: Annotated[
            bool,
            strawberry.argument(
                description="Also who has not accepted the invitation yet, after the members; only"
                " administrators see them. False if not given."
            ),
        ] = False,
    ) -> Connection[TeamMember] | None:
        found = await membership.members(
            info.context.context, self.record, page(first, after), include_invited=include_invited
        )
        return connect(found, lambda record: TeamMember(record=record))

    @strawberry.field(
        description="The repositories on which it was given a role, oldest permission first. Refused to"
        " others than administrators of the organization."
    )
    async def permissions(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[TeamPermission] | None:
        found = await membership.team_permissions(info.context.context, self.record, page(first, after))
        return connect(found, lambda record: TeamPermission(record=record))


def to_team(record: TeamRecord, *, is_judged: bool = False) -> Team:
    """A team as a GraphQL value; `is_judged`: the viewer is known to have a role in the organization."""
    return Team(id=encode_id("Team", record.id), record=record, is_judged=is_judged)


def to_judged_team(record: TeamRecord) -> Team:
    """A team of an organization in which the viewer is known to have a role."""
    return to_team(record, is_judged=True)


OrganizationName = Annotated[str, strawberry.argument(description="The organization's name.")]
TeamName = Annotated[str, strawberry.argument(description="The team's name.")]
AccountName = Annotated[str, strawberry.argument(description="The name of a user or robot.")]

NAME_RULE = "2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between"
DESCRIPTION_RULE = "What it is for, Markdown: up to 10,000 characters"


@strawberry.input(description="A new team.")
class TeamCreateInput:
    name: str = strawberry.field(description=f"{NAME_RULE}; not taken in the organization yet.")
    role: TeamRole = strawberry.field(description="What its members may do in the organization.")
    description: str = strawberry.field(default="", description=f"{DESCRIPTION_RULE}.")


@strawberry.input(description="What to change; absent fields stay as they are.")
class TeamUpdateInput:
    role: TeamRole | None = strawberry.field(default=None, description="What its members may do.")
    description: str | None = strawberry.field(default=None, description=f"{DESCRIPTION_RULE}.")


@strawberry.input(description="What a team shall be.")
class TeamSetInput:
    role: TeamRole = strawberry.field(description="What its members may do in the organization.")
    description: str | None = strawberry.field(
        default=None, description=f"{DESCRIPTION_RULE}; stays as it is if absent."
    )


@strawberry.type(description="What came of creating a team.")
class TeamCreatePayload(Payload):
    team: Team | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing a team.")
class TeamUpdatePayload(Payload):
    team: Team | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of creating or changing a team.")
class TeamSetPayload(Payload):
    team: Team | None = strawberry.field(default=None, description="Null if refused.")
    is_new: bool | None = strawberry.field(
        default=None, description="Whether there was no such team before; null if refused."
    )


@strawberry.type(description="What came of deleting a team.")
class TeamDeletePayload(DeletionPayload):
    name: str | None = strawberry.field(default=None, description="The deleted team's name; null if refused.")


@strawberry.type(description="What came of adding somebody to a team.")
class TeamMemberAddPayload(Payload):
    account: Account | None = strawberry.field(default=None, description="The account; null if refused.")
    is_invited: bool | None = strawberry.field(
        default=None, description="Whether it is invited, and not in the team yet; null if refused."
    )


@strawberry.type(description="What came of taking somebody out of a team.")
class TeamMemberRemovePayload(Payload):
    name: str | None = strawberry.field(default=None, description="The account's name; null if refused.")


@strawberry.type
class TeamMutation:
    @mutation(TeamCreatePayload, description="Create a team without members. Requires `org:admin`.")
    async def team_create(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[TeamCreateInput, strawberry.argument(description="The new team.")],
    ) -> Any:
        record = await resolvers.accounts.team.create(
            info.context.context,
            organization,
            name=input.name,
            role=input.role,
            description=input.description,
        )
        return TeamCreatePayload(team=to_judged_team(record))

    @mutation(
        TeamUpdatePayload,
        description="Change a team. Somebody has to stay who administers the organization, and so has the"
        " viewer. Requires `org:admin`.",
    )
    async def team_update(
        self,
        info: Info,
        organization: OrganizationName,
        team: TeamName,
        input: Annotated[TeamUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await resolvers.accounts.team.update(
            info.context.context, organization, team, role=input.role, description=input.description
        )
        return TeamUpdatePayload(team=to_judged_team(record))

    @mutation(
        TeamSetPayload,
        description="Create a team, or change the one that there is, as `teamUpdate` does: one call for"
        " tools that know what shall be. Requires `org:admin`.",
    )
    async def team_set(
        self,
        info: Info,
        organization: OrganizationName,
        team: TeamName,
        input: Annotated[TeamSetInput, strawberry.argument(description="What it shall be.")],
    ) -> Any:
        record, is_new = await resolvers.accounts.team.put(
            info.context.context, organization, team, role=input.role, description=input.description
        )
        return TeamSetPayload(team=to_judged_team(record), is_new=is_new)

    @mutation(
        TeamDeletePayload,
        description="Delete a team with its permissions. Somebody has to stay who administers the"
        " organization, and so has the viewer. Requires `org:admin`.",
    )
    async def team_delete(self, info: Info, organization: OrganizationName, team: TeamName) -> Any:
        record = await resolvers.accounts.team.delete(info.context.context, organization, team)
        return TeamDeletePayload(name=record.name, deleted_id=encode_id("Team", record.id))

    @mutation(
        TeamMemberAddPayload,
        description="Add a user, or a robot of the organization, to a team. Where members must accept, a"
        " user from outside of the organization is invited. Requires `org:admin`.",
    )
    async def team_member_add(
        self, info: Info, organization: OrganizationName, team: TeamName, account: AccountName
    ) -> Any:
        record, is_invited = await membership.add(info.context.context, organization, team, account)
        return TeamMemberAddPayload(account=account_node(record), is_invited=is_invited)

    @mutation(
        TeamMemberRemovePayload,
        description="Take a user or robot out of a team, or withdraw the invitation; one of the account's"
        " address ends as well. Requires `org:admin`.",
    )
    async def team_member_remove(
        self, info: Info, organization: OrganizationName, team: TeamName, account: AccountName
    ) -> Any:
        name = await membership.remove(info.context.context, organization, team, account)
        return TeamMemberRemovePayload(name=name)
