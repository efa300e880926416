"""Direct permissions on repositories."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.accounts.grantee import GranteeKind, GranteeRow
from resolvers.errors import NotFound
from resolvers.repositories import permission
from resolvers.repositories.permission import PermissionRecord
from schema.access.roles import RepositoryRole
from schema.accounts.grantee import Grantee, GranteeInput, load_grantee, to_name
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.guards import REFUSABLE
from schema.inputs import PathArgument
from schema.node_id import Node, encode_id

if TYPE_CHECKING:
    from schema.repositories.repository import Repository


@strawberry.type(description="A role that an account or a team was given on a repository.")
class RepositoryPermission(Node):
    record: strawberry.Private[PermissionRecord]

    @strawberry.field(description="What the grantee may do.")
    def role(self) -> RepositoryRole:
        return self.record.role

    @strawberry.field(description="Whether an account or a team was given it.")
    def grantee_kind(self) -> GranteeKind:
        return GranteeKind.TEAM if self.record.account_id is None else GranteeKind.USER

    @strawberry.field(description="The user, robot or team that was given it.")
    async def grantee(self, info: Info) -> Grantee:
        return await load_grantee(info, GranteeRow(self.record.account_id, self.record.team_id))

    @strawberry.field(description="The name of the user, robot or team.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(
        description="Whether the account is in the organization that owns the repository, in a team or as its"
        " robot; null for a team, and where a user owns the repository."
    )
    async def is_organization_member(self, info: Info) -> bool | None:
        if self.record.account_id is None or self.record.organization_id is None:
            return None
        pair = (self.record.account_id, self.record.organization_id)
        return await info.context.loaders.memberships.load(pair)

    @strawberry.field(
        description="The repository; null with an error if it was deleted meanwhile.", metadata=REFUSABLE
    )
    async def repository(
        self, info: Info
    ) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")]:
        from schema.repositories.repository import to_repository

        record = await info.context.loaders.repositories.load(self.record.repository_id)
        if record is None:
            # The repository was deleted after the permission was read.
            raise NotFound
        return to_repository(record)


def to_permission(record: PermissionRecord) -> RepositoryPermission:
    """A permission as a GraphQL value."""
    return RepositoryPermission(id=encode_id("RepositoryPermission", record.id), record=record)


@strawberry.type(description="What came of giving a permission.")
class RepositoryPermissionSetPayload(Payload):
    permission: RepositoryPermission | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of taking a permission away.")
class RepositoryPermissionDeletePayload(DeletionPayload):
    name: str | None = strawberry.field(default=None, description="The grantee's name; null if refused.")


_Grantee = Annotated[GranteeInput, strawberry.argument(description="The account or team.")]


@strawberry.type
class PermissionMutation:
    @mutation(
        RepositoryPermissionSetPayload,
        description="Give an account or a team a role, in place of the one it had. Requires `repo:admin`.",
    )
    async def repository_permission_set(
        self,
        info: Info,
        repository: PathArgument,
        grantee: _Grantee,
        role: Annotated[RepositoryRole, strawberry.argument(description="What it may do.")],
    ) -> Any:
        record = await permission.set_permission(info.context.context, repository, to_name(grantee), role)
        return RepositoryPermissionSetPayload(permission=to_permission(record))

    @mutation(
        RepositoryPermissionDeletePayload,
        description="Take a direct permission away. Requires `repo:admin`.",
    )
    async def repository_permission_delete(
        self, info: Info, repository: PathArgument, grantee: _Grantee
    ) -> Any:
        record = await permission.delete_permission(info.context.context, repository, to_name(grantee))
        gone = encode_id("RepositoryPermission", record.id)
        return RepositoryPermissionDeletePayload(name=grantee.name, deleted_id=gone)
