"""Namespaces: the owner's view of what belongs to a user or an organization."""

from typing import Annotated

import strawberry

from resolvers.access.permissions import namespace_role
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.account import AccountRecord
from resolvers.namespace import namespace
from schema.context import Info
from schema.nodes import Node, encode_id
from schema.organization import Organization, to_organization


@strawberry.type(
    description="What belongs to a user or an organization. For the owner and the organization's members."
)
class Namespace(Node):
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="Its name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Whether a user or an organization owns it.")
    def kind(self) -> AccountKind:
        return self.record.kind

    @strawberry.field(description="The organization that owns it; null if a user does.")
    def organization(self) -> Organization | None:
        return to_organization(self.record) if self.record.kind is AccountKind.ORGANIZATION else None

    @strawberry.field(description="The viewer's role in it.")
    async def viewer_role(self, info: Info) -> TeamRole | None:
        return await namespace_role(info.context.context.viewer, self.record.id)


@strawberry.type
class NamespaceQuery:
    @strawberry.field(
        description="What belongs to a user or organization. Outsiders are refused, whether it exists or not."
    )
    async def namespace(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The name of a user or organization.")],
    ) -> Namespace | None:
        record = await namespace(info.context.context, name)
        return Namespace(id=encode_id("Namespace", record.id), record=record) if record else None
