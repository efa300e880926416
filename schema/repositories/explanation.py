"""Explanations of access to a repository: the role and the grants it comes from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.access.permissions import Grant, GrantSource
from resolvers.repositories import explanation
from resolvers.repositories.explanation import AccessRecord
from schema.access.roles import RepositoryRole
from schema.accounts.account import Account
from schema.accounts.robot import account_node
from schema.accounts.team import Team, to_team
from schema.context import Info
from schema.inputs import PathArgument

if TYPE_CHECKING:
    from schema.repositories.repository import Repository

strawberry.enum(
    GrantSource,
    name="GrantSource",
    description="Where a role on a repository comes from.",
)


@strawberry.type(description="One reason for a role on a repository.")
class RepositoryGrant:
    record: strawberry.Private[Grant]

    @strawberry.field(description="Where it comes from.")
    def source(self) -> GrantSource:
        return self.record.source

    @strawberry.field(description="The role that it gives, before the scopes of a token hold anything back.")
    def role(self) -> RepositoryRole:
        return self.record.role

    @strawberry.field(description="The team that it comes through; null for other sources.")
    async def team(self, info: Info) -> Team | None:
        if self.record.team_id is None:
            return None
        record = await info.context.loaders.teams.load(self.record.team_id)
        return to_team(record) if record else None


@strawberry.type(description="What an account may do with a repository, and why.")
class RepositoryAccess:
    record: strawberry.Private[AccessRecord]

    @strawberry.field(description="Who; null for anonymous callers.")
    def account(self) -> Account | None:
        return account_node(self.record.account) if self.record.account else None

    @strawberry.field(description="On which repository.")
    def repository(self) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")]:
        from schema.repositories.repository import to_repository

        return to_repository(self.record.repository)

    @strawberry.field(description="The role that counts in the end; null for none.")
    def role(self) -> RepositoryRole | None:
        return self.record.role

    @strawberry.field(
        description="The highest role that the scopes of the viewer's credential allow; null if they allow"
        " none. `ADMIN` for other accounts, who are judged as if signed in directly. Public repositories and"
        " superusers are not held back by it."
    )
    def maximum_role(self) -> RepositoryRole | None:
        return self.record.cap

    @strawberry.field(
        description="Whether the account is disabled, or a robot of somebody who is: nothing is granted then."
    )
    def is_blocked(self) -> bool:
        return self.record.is_blocked

    @strawberry.field(
        description="Every reason for the role, strongest first: at most two for each team of the account,"
        " and one for each other source."
    )
    def grants(self) -> list[RepositoryGrant]:
        return to_grants(self.record.grants)


def to_grants(records: Sequence[Grant]) -> list[RepositoryGrant]:
    """Grants as GraphQL values."""
    return [RepositoryGrant(record=record) for record in records]


def to_access(record: AccessRecord) -> RepositoryAccess:
    """An explanation as a GraphQL value."""
    return RepositoryAccess(record=record)


@strawberry.type
class AccessQuery:
    @strawberry.field(
        description="What an account may do with a repository, and why; decided by the same function as the"
        " deed itself. Null if there is no such repository or account. Requires `repo:read` to ask about the"
        " viewer, `repo:admin` to ask about others."
    )
    async def explain_access(
        self,
        info: Info,
        repository: PathArgument,
        account: Annotated[
            str | None,
            strawberry.argument(
                description="A user or robot by name; the viewer, with the credential at hand, if not given."
            ),
        ] = None,
    ) -> RepositoryAccess | None:
        record = await explanation.explain(info.context.context, repository, account)
        return to_access(record) if record else None
