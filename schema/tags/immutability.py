"""Immutability policies of namespaces and repositories."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.tags.immutability
from resolvers.tags.immutability import PolicyRecord
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import OwnerInput, changes, to_owner
from schema.node_id import Node, encode_id
from schema.scalars import to_datetime


@strawberry.type(
    description="Tags whose names fit it are locked when they are made or moved, and those that there were"
    " when it was made. Removing it unlocks nothing."
)
class ImmutabilityPolicy(Node):
    record: strawberry.Private[PolicyRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="A regular expression in RE2 syntax that fits whole names of tags.")
    def tag_pattern(self) -> str:
        return self.record.tag_pattern

    @strawberry.field(description="True locks the names in which the expression is found, false all others.")
    def has_tag_pattern_match(self) -> bool:
        return self.record.tag_pattern_matches

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def to_policy(record: PolicyRecord) -> ImmutabilityPolicy:
    """A policy as a GraphQL value."""
    return ImmutabilityPolicy(id=encode_id("ImmutabilityPolicy", record.id), record=record)


@strawberry.input(description="A new policy.")
class ImmutabilityPolicyCreateInput:
    tag_pattern: str = strawberry.field(
        description="A regular expression of up to 256 characters, in RE2 syntax. It fits whole names:"
        " `v[0-9]` is for `v1` but neither `v1-rc` nor `dev1`, which `.*v[0-9].*` is for."
    )
    has_tag_pattern_match: bool = strawberry.field(
        default=True, description="Whether the names that fit are locked, or all others."
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class ImmutabilityPolicyUpdateInput:
    tag_pattern: strawberry.Maybe[str] = strawberry.field(
        description="A regular expression of up to 256 characters, in RE2 syntax, that fits whole names."
    )
    has_tag_pattern_match: strawberry.Maybe[bool] = strawberry.field(
        description="Whether the names that fit are locked, or all others."
    )


@strawberry.type(description="What came of making a policy.")
class ImmutabilityPolicyCreatePayload(Payload):
    policy: ImmutabilityPolicy | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing a policy.")
class ImmutabilityPolicyUpdatePayload(Payload):
    policy: ImmutabilityPolicy | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of removing a policy.")
class ImmutabilityPolicyDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was removed; null if refused.")


_Owner = Annotated[OwnerInput, strawberry.argument(description="Where the policy holds.")]
_Policy = Annotated[str, strawberry.argument(description="The policy, by its `uuid`.")]


@strawberry.type
class ImmutabilityMutation:
    @mutation(
        ImmutabilityPolicyCreatePayload,
        description="Make a policy and lock the tags that fit it. Requires `repo:admin` on the repository or"
        " `org:admin` in the namespace.",
    )
    async def immutability_policy_create(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[ImmutabilityPolicyCreateInput, strawberry.argument(description="The new policy.")],
    ) -> Any:
        record = await resolvers.tags.immutability.create(
            info.context.context,
            to_owner(owner),
            tag_pattern=input.tag_pattern,
            tag_pattern_matches=input.has_tag_pattern_match,
        )
        return ImmutabilityPolicyCreatePayload(policy=to_policy(record))

    @mutation(
        ImmutabilityPolicyUpdatePayload,
        description="Change a policy and lock the tags that fit it now. Requires `repo:admin` on the"
        " repository or `org:admin` in the namespace.",
    )
    async def immutability_policy_update(
        self,
        info: Info,
        owner: _Owner,
        policy: _Policy,
        input: Annotated[ImmutabilityPolicyUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        values = changes(input)
        record = await resolvers.tags.immutability.update(
            info.context.context,
            to_owner(owner),
            policy,
            tag_pattern=values.get("tag_pattern"),
            tag_pattern_matches=values.get("has_tag_pattern_match"),
        )
        return ImmutabilityPolicyUpdatePayload(policy=to_policy(record))

    @mutation(
        ImmutabilityPolicyDeletePayload,
        description="Remove a policy; what it locked stays locked. Requires `repo:admin` on the repository or"
        " `org:admin` in the namespace.",
    )
    async def immutability_policy_delete(self, info: Info, owner: _Owner, policy: _Policy) -> Any:
        record = await resolvers.tags.immutability.delete(info.context.context, to_owner(owner), policy)
        return ImmutabilityPolicyDeletePayload(
            uuid=record.uuid, deleted_id=encode_id("ImmutabilityPolicy", record.id)
        )
