"""Permission prototypes: default permissions of an organization."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.repositories.prototype
from resolvers.repositories.prototype import PrototypeRecord
from schema.access.roles import RepositoryRole
from schema.accounts.account import Account
from schema.accounts.grantee import AccountInput, Grantee, GranteeInput, load_grantee, to_name
from schema.accounts.robot import load_account
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.node_id import Node, encode_id
from schema.scalars import to_datetime


@strawberry.type(
    description="A default permission: a role that an account or team gets by itself on repositories created"
    " in an organization. One that names the creator beats one for everybody's repositories."
)
class PermissionPrototype(Node):
    record: strawberry.Private[PrototypeRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What the delegate may do with the new repositories.")
    def role(self) -> RepositoryRole:
        return self.record.role

    @strawberry.field(description="The user, robot or team that gets the role.")
    async def delegate(self, info: Info) -> Grantee:
        return await load_grantee(info, self.record.delegate)

    @strawberry.field(
        description="The user or robot to whose new repositories it applies; null for everybody's."
    )
    async def activating_account(self, info: Info) -> Account | None:
        return await load_account(info, self.record.activating_account_id)

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def to_prototype(record: PrototypeRecord) -> PermissionPrototype:
    """A prototype as a GraphQL value."""
    return PermissionPrototype(id=encode_id("PermissionPrototype", record.id), record=record)


@strawberry.input(description="A new default permission.")
class PermissionPrototypeCreateInput:
    role: RepositoryRole = strawberry.field(description="What the delegate may do with new repositories.")
    delegate: GranteeInput = strawberry.field(
        description="Who gets the role: a user, a robot of the organization, or one of its teams."
    )
    activating_account: AccountInput | None = strawberry.field(
        default=None,
        description="The user or robot to whose new repositories it applies; everybody's if not given.",
    )


@strawberry.input(description="What to change.")
class PermissionPrototypeUpdateInput:
    role: RepositoryRole = strawberry.field(description="What the delegate may do with new repositories.")


@strawberry.type(description="What came of making a default permission.")
class PermissionPrototypeCreatePayload(Payload):
    prototype: PermissionPrototype | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing a default permission.")
class PermissionPrototypeUpdatePayload(Payload):
    prototype: PermissionPrototype | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of removing a default permission.")
class PermissionPrototypeDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was removed; null if refused.")


_Organization = Annotated[str, strawberry.argument(description="The organization's name.")]
_Prototype = Annotated[str, strawberry.argument(description="The default permission, by its `uuid`.")]


@strawberry.type
class PrototypeMutation:
    @mutation(
        PermissionPrototypeCreatePayload,
        description="Make a default permission of an organization, for repositories created from now on."
        " Requires `org:admin`.",
    )
    async def permission_prototype_create(
        self,
        info: Info,
        organization: _Organization,
        input: Annotated[
            PermissionPrototypeCreateInput, strawberry.argument(description="The new default permission.")
        ],
    ) -> Any:
        record = await resolvers.repositories.prototype.create(
            info.context.context,
            organization,
            delegate=to_name(input.delegate),
            role=input.role,
            activating_account=input.activating_account.name if input.activating_account else None,
        )
        return PermissionPrototypeCreatePayload(prototype=to_prototype(record))

    @mutation(
        PermissionPrototypeUpdatePayload,
        description="Change a default permission; what it gave so far stays. Requires `org:admin`.",
    )
    async def permission_prototype_update(
        self,
        info: Info,
        organization: _Organization,
        prototype: _Prototype,
        input: Annotated[PermissionPrototypeUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await resolvers.repositories.prototype.update(
            info.context.context, organization, prototype, role=input.role
        )
        return PermissionPrototypeUpdatePayload(prototype=to_prototype(record))

    @mutation(
        PermissionPrototypeDeletePayload,
        description="Remove a default permission; what it gave so far stays. Requires `org:admin`.",
    )
    async def permission_prototype_delete(
        self, info: Info, organization: _Organization, prototype: _Prototype
    ) -> Any:
        record = await resolvers.repositories.prototype.delete(info.context.context, organization, prototype)
        return PermissionPrototypeDeletePayload(
            uuid=record.uuid, deleted_id=encode_id("PermissionPrototype", record.id)
        )
