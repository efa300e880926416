"""Members of an organization's teams, and collaborators from outside."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.accounts.account import AccountRecord
from schema.accounts.account import Account
from schema.accounts.robot import account_node
from schema.accounts.team import Team, to_judged_team
from schema.connections import After, Connection, First, connect, page
from schema.context import Info

if TYPE_CHECKING:
    from schema.repositories.repository import Repository


@strawberry.interface(description="An account that has a role somewhere in an organization.")
class OrganizationParticipant:
    record: strawberry.Private[AccountRecord]
    organization_id: strawberry.Private[int]

    @strawberry.field(description="The user or robot.")
    def account(self) -> Account:
        return account_node(self.record)

    @strawberry.field(
        description="The organization's repositories on which the account itself was given a role, by name."
    )
    async def repositories(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["Repository", strawberry.lazy("schema.repositories.repository")]]:
        from schema.repositories.repository import to_repository

        key = (self.record.id, self.organization_id, page(first, after))
        found = await info.context.loaders.member_repositories.load(key)
        return connect(found, to_repository)


@strawberry.type(description="A user in teams of an organization, or one of its robots.")
class OrganizationMember(OrganizationParticipant):
    @strawberry.field(description="The teams that the account is in, by name.")
    async def teams(self, info: Info, first: First = 50, after: After = None) -> Connection[Team]:
        key = (self.record.id, self.organization_id, page(first, after))
        found = await info.context.loaders.member_teams.load(key)
        return connect(found, to_judged_team)


@strawberry.type(description="A user in no team of an organization who has a role on some repository of it.")
class OrganizationCollaborator(OrganizationParticipant):
    pass
