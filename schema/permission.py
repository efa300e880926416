"""Direct permissions on repositories."""

from typing import Annotated, Any

import strawberry

from resolvers import permission
from resolvers.access.roles import RepositoryRole
from resolvers.permission import Grantee, GranteeKind, PermissionRecord
from schema.account import Account
from schema.context import Info
from schema.errors import UserError, mutation, payload_errors
from schema.nodes import Node, encode_id
from schema.robot import account_node
from schema.scalars import RepositoryPath

strawberry.enum(
    RepositoryRole,
    name="RepositoryRole",
    description="What one may do with a repository: pull, also push, also administer.",
)
strawberry.enum(
    GranteeKind, name="GranteeKind", description="Whom a permission is for: a user or robot, or a team."
)


@strawberry.type(description="A role that an account or a team was given on a repository.")
class RepositoryPermission(Node):
    record: strawberry.Private[PermissionRecord]

    @strawberry.field(description="What the grantee may do.")
    def role(self) -> RepositoryRole:
        return self.record.role

    @strawberry.field(description="Whether an account or a team was given it.")
    def grantee_kind(self) -> GranteeKind:
        return GranteeKind.TEAM if self.record.account_id is None else GranteeKind.ACCOUNT

    @strawberry.field(description="The name of the user, robot or team.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="The user or robot; null for a team.")
    async def account(self, info: Info) -> Account | None:
        if self.record.account_id is None:
            return None
        record = await info.context.loaders.accounts.load(self.record.account_id)
        return account_node(record) if record else None


def to_permission(record: PermissionRecord) -> RepositoryPermission:
    """A permission as a GraphQL value."""
    return RepositoryPermission(id=encode_id("RepositoryPermission", record.id), record=record)


@strawberry.input(description="Whom a permission is for.")
class GranteeInput:
    kind: GranteeKind = strawberry.field(description="An account (user or robot) or a team.")
    name: str = strawberry.field(
        description="The account's name, or the team's in the repository's organization."
    )


@strawberry.type(description="What came of giving a permission.")
class RepositoryPermissionSetPayload:
    permission: RepositoryPermission | None = strawberry.field(default=None, description="Null if refused.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="What came of taking a permission away.")
class RepositoryPermissionDeletePayload:
    name: str | None = strawberry.field(default=None, description="The grantee's name; null if refused.")
    errors: list[UserError] = payload_errors()


_Path = Annotated[RepositoryPath, strawberry.argument(description="Namespace and name, such as `acme/app`.")]
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
        repository: _Path,
        grantee: _Grantee,
        role: Annotated[RepositoryRole, strawberry.argument(description="What it may do.")],
    ) -> Any:
        record = await permission.set_permission(
            info.context.context, repository, Grantee(grantee.kind, grantee.name), role
        )
        return RepositoryPermissionSetPayload(permission=to_permission(record))

    @mutation(
        RepositoryPermissionDeletePayload,
        description="Take a direct permission away. Requires `repo:admin`.",
    )
    async def repository_permission_delete(self, info: Info, repository: _Path, grantee: _Grantee) -> Any:
        await permission.delete_permission(
            info.context.context, repository, Grantee(grantee.kind, grantee.name)
        )
        return RepositoryPermissionDeletePayload(name=grantee.name)
