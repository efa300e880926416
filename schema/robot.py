"""Robots."""

from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from resolvers import robot
from resolvers.access.viewer import AccountKind
from resolvers.account import AccountRecord
from resolvers.errors import Invalid
from schema.account import Account, to_user
from schema.context import Info
from schema.errors import UserError, mutation, payload_errors
from schema.nodes import encode_id


@strawberry.type(description="An account for machines, owned by a user or an organization.")
class Robot(Account):
    @strawberry.field(description="The part of the name after the `+`.")
    def short_name(self) -> str:
        return self.record.name.partition("+")[2]


def account_node(record: AccountRecord) -> Account:
    """A user or a robot as a GraphQL value."""
    if record.kind is AccountKind.ROBOT:
        return Robot(id=encode_id("Robot", record.id), record=record)
    return to_user(record)


@strawberry.input(description="A new robot.")
class RobotCreateInput:
    owner: str = strawberry.field(description="The user or organization that shall own it.")
    short_name: str = strawberry.field(
        description="2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between."
    )
    description: str = strawberry.field(default="", description="What it is for: up to 255 characters.")
    unstructured_metadata: JSON | None = strawberry.field(
        default=None, description="Any JSON object, kept as it is."
    )


def _object(value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise Invalid("The metadata must be a JSON object.", field="unstructuredMetadata")
    return value or {}


@strawberry.type(description="What came of creating a robot.")
class RobotCreatePayload:
    name: str | None = strawberry.field(default=None, description="Its full name, the user name for docker.")
    token: str | None = strawberry.field(default=None, description="Its token, the password for docker.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class RobotMutation:
    @mutation(
        RobotCreatePayload,
        description="Create a robot. Requires `user:admin` for one's own, `org:admin` for an organization's.",
    )
    async def robot_create(
        self,
        info: Info,
        input: Annotated[RobotCreateInput, strawberry.argument(description="The new robot.")],
    ) -> Any:
        made = await robot.create(
            info.context.context,
            owner=input.owner,
            short_name=input.short_name,
            description=input.description,
            unstructured_metadata=_object(input.unstructured_metadata),
        )
        return RobotCreatePayload(name=made.name, token=made.token)
