"""Invitations into teams."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.accounts import invite
from resolvers.accounts.invite import InviteRecord, InviteReference, accept, decline
from schema.accounts.account import User, to_user
from schema.accounts.team import InvitedAddress, OrganizationName, Team, TeamName, to_judged_team
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.node_id import Node, decode_id, encode_id
from schema.scalars import to_datetime

if TYPE_CHECKING:
    from schema.accounts.organization import Organization


@strawberry.type(description="An invitation of the viewer into a team.")
class TeamInvite(Node):
    record: strawberry.Private[InviteRecord]

    @strawberry.field(description="The organization of the team.")
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.accounts.organization")] | None:
        from schema.accounts.organization import to_organization

        record = await info.context.loaders.accounts.load(self.record.organization_id)
        return to_organization(record) if record else None

    @strawberry.field(description="The name of the team.")
    def team_name(self) -> str:
        return self.record.team_name

    @strawberry.field(description="When the invitation was made.")
    def invited_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="Who made the invitation; null if that user is gone.")
    async def inviter(self, info: Info) -> User | None:
        if self.record.inviter_id is None:
            return None
        record = await info.context.loaders.accounts.load(self.record.inviter_id)
        return to_user(record) if record else None


def to_invite(record: InviteRecord) -> TeamInvite:
    """An invitation as a GraphQL value."""
    return TeamInvite(id=encode_id("TeamInvite", record.id), record=record)


@strawberry.input(
    description="Which invitation is meant: one of `viewer { teamInvites }`, or that of a mail.", one_of=True
)
class TeamInviteInput:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="The id of an invitation for the viewer."
    )
    code: strawberry.Maybe[str] = strawberry.field(description="The code of a mail.")


def _reference(given: TeamInviteInput) -> InviteReference:
    if given.code:
        return InviteReference(code=given.code.value)
    return InviteReference(id=decode_id(given.id.value, "TeamInvite") if given.id else None)


@strawberry.type(description="What came of inviting an address.")
class TeamInviteCreatePayload(Payload):
    address: InvitedAddress | None = strawberry.field(
        default=None, description="The address that was invited; null if refused."
    )


@strawberry.type(description="What came of withdrawing an invitation.")
class TeamInviteDeletePayload(DeletionPayload):
    email: str | None = strawberry.field(default=None, description="The address; null if refused.")


@strawberry.type(description="What came of accepting an invitation.")
class TeamInviteAcceptPayload(Payload):
    team: Team | None = strawberry.field(
        default=None, description="The team that the viewer is in now; null if refused."
    )


@strawberry.type(description="What came of declining an invitation.")
class TeamInviteDeclinePayload(Payload):
    team_name: str | None = strawberry.field(
        default=None, description="The name of the team that the viewer does not join; null if refused."
    )


_Email = Annotated[str, strawberry.argument(description="The e-mail address.")]
_Invite = Annotated[TeamInviteInput, strawberry.argument(description="Which invitation.")]


@strawberry.type
class InviteMutation:
    @mutation(
        TeamInviteCreatePayload,
        description="Invite whoever reads mail at an address into a team. Requires `org:admin`.",
    )
    async def team_invite_create(
        self, info: Info, organization: OrganizationName, team: TeamName, email: _Email
    ) -> Any:
        record = await invite.create(info.context.context, organization, team, email)
        return TeamInviteCreatePayload(address=InvitedAddress(email=record.email or ""))

    @mutation(
        TeamInviteDeletePayload,
        description="Withdraw the invitation of an address. `teamMemberRemove` withdraws that of a user."
        " Requires `org:admin`.",
    )
    async def team_invite_delete(
        self, info: Info, organization: OrganizationName, team: TeamName, email: _Email
    ) -> Any:
        record = await invite.delete(info.context.context, organization, team, email)
        gone = encode_id("TeamInvite", record.id)
        return TeamInviteDeletePayload(email=record.email, deleted_id=gone)

    @mutation(
        TeamInviteAcceptPayload,
        description="Join the team that the viewer was invited to. An invitation works once. Requires"
        " `user:admin`.",
    )
    async def team_invite_accept(self, info: Info, invite: _Invite) -> Any:
        record = await accept(info.context.context, _reference(invite))
        return TeamInviteAcceptPayload(team=to_judged_team(record))

    @mutation(
        TeamInviteDeclinePayload, description="Let an invitation lapse for good. Requires `user:admin`."
    )
    async def team_invite_decline(self, info: Info, invite: _Invite) -> Any:
        record = await decline(info.context.context, _reference(invite))
        return TeamInviteDeclinePayload(team_name=record.team_name)
