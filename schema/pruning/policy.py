"""Auto-prune policies of namespaces and repositories."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.pruning.policy
from resolvers.accounts.namespace import Owner
from resolvers.pruning.policy import PruneMethod, PrunePolicyRecord, PruneRule, rule_of
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.guards import REFUSABLE
from schema.inputs import OwnerInput, changes, to_owner
from schema.node_id import Node, encode_id
from schema.pruning.preview import READS_MANY, PrunePreview, PruneRun
from schema.scalars import PruneValue, to_datetime

strawberry.enum(PruneMethod, name="PruneMethod", description="What an auto-prune policy goes by.")

_VALUE = (
    "With `NUMBER_OF_TAGS` how many of the newest tags stay, such as `10`. With `CREATION_DATE` the age at"
    ' which tags end: a whole number and one of s, m (minutes), h, d, w, y, such as `"30d"`.'
)
_PATTERN = (
    "A regular expression of up to 256 characters, in RE2 syntax, for the tags that count. It is looked for"
    " anywhere in a name: `rc` is for `v1-rc2`, `^v` for all that begin with `v`. Null for all tags."
)
_MATCHES = "Whether the tags count in whose names the expression is found, or all others."
_DAYS = "Tags that were pulled within so many days stay, whatever else the policy says. Null for none."


@strawberry.type(
    description="By it tags end, by their number or their age. All policies of a repository and of its"
    " namespace hold at once, those by age first. Locked tags stay. Removing it brings nothing back."
)
class PrunePolicy(Node):
    record: strawberry.Private[PrunePolicyRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What it goes by.")
    def method(self) -> PruneMethod:
        return self.record.method

    @strawberry.field(description=_VALUE)
    def value(self) -> PruneValue:
        return self.record.parameter

    @strawberry.field(description=_PATTERN)
    def tag_pattern(self) -> str | None:
        return self.record.tag_pattern

    @strawberry.field(description=_MATCHES)
    def has_tag_pattern_match(self) -> bool:
        return self.record.tag_pattern_matches

    @strawberry.field(description=_DAYS)
    def kept_if_pulled_within_days(self) -> int | None:
        return self.record.kept_if_pulled_within_days

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(
        description="What it will delete at its next run, as things are; runs begin every hour.",
        metadata=READS_MANY | REFUSABLE,
    )
    async def next_run(self, info: Info) -> PrunePreview:
        return PrunePreview(record=await info.context.loaders.prune_previews.load(self.record))

    @strawberry.field(
        description="Its last runs, newest first: at most ten, of which one at most deleted nothing."
    )
    async def last_runs(self, info: Info) -> list[PruneRun]:
        found = await info.context.loaders.prune_runs.load(self.record.id)
        return [PruneRun(record=one) for one in found]


def to_prune_policy(record: PrunePolicyRecord) -> PrunePolicy:
    """A policy as a GraphQL value."""
    return PrunePolicy(id=encode_id("PrunePolicy", record.id), record=record)


@strawberry.input(description="A new auto-prune policy.")
class PrunePolicyCreateInput:
    method: PruneMethod = strawberry.field(description="What it goes by.")
    value: PruneValue = strawberry.field(description=_VALUE)
    tag_pattern: str | None = strawberry.field(default=None, description=_PATTERN)
    has_tag_pattern_match: bool = strawberry.field(default=True, description=_MATCHES)
    kept_if_pulled_within_days: int | None = strawberry.field(default=None, description=_DAYS)


@strawberry.input(description="What to change; absent fields stay as they are.")
class PrunePolicyUpdateInput:
    method: strawberry.Maybe[PruneMethod] = strawberry.field(
        description="What it goes by; `value` must fit it."
    )
    value: strawberry.Maybe[PruneValue] = strawberry.field(description=_VALUE)
    tag_pattern: strawberry.Maybe[str | None] = strawberry.field(description=_PATTERN)
    has_tag_pattern_match: strawberry.Maybe[bool] = strawberry.field(description=_MATCHES)
    kept_if_pulled_within_days: strawberry.Maybe[int | None] = strawberry.field(description=_DAYS)


def to_rule(value: PrunePolicyCreateInput) -> PruneRule:
    """The rule of an input. Raises `Invalid`."""
    return rule_of(**_arguments(vars(value)))


def _arguments(values: dict[str, Any]) -> dict[str, Any]:
    """Fields of an input by the names that resolvers have for them."""
    names = {"value": "parameter", "has_tag_pattern_match": "tag_pattern_matches"}
    return {names.get(name, name): value for name, value in values.items()}


@strawberry.type(description="What came of making an auto-prune policy.")
class PrunePolicyCreatePayload(Payload):
    policy: PrunePolicy | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing an auto-prune policy.")
class PrunePolicyUpdatePayload(Payload):
    policy: PrunePolicy | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of removing an auto-prune policy.")
class PrunePolicyDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was removed; null if refused.")


OwnerArgument = Annotated[
    OwnerInput | None,
    strawberry.argument(description="Where the policy holds; in the viewer's namespace if not given."),
]
_Policy = Annotated[str, strawberry.argument(description="The policy, by its `uuid`.")]
RIGHTS = (
    " Requires `repo:admin` on the repository or `org:admin` in the namespace; `user:admin` in the viewer's"
    " own."
)


def to_place(value: OwnerInput | None) -> Owner:
    """An owner as resolvers take it; none stands for the viewer's own namespace."""
    return to_owner(value) if value else Owner()


@strawberry.type
class PrunePolicyMutation:
    @mutation(
        PrunePolicyCreatePayload,
        description=f"Make an auto-prune policy, unless the owner has an equal one.{RIGHTS}",
    )
    async def prune_policy_create(
        self,
        info: Info,
        input: Annotated[PrunePolicyCreateInput, strawberry.argument(description="The new policy.")],
        owner: OwnerArgument = None,
    ) -> Any:
        record = await resolvers.pruning.policy.create(info.context.context, to_place(owner), to_rule(input))
        return PrunePolicyCreatePayload(policy=to_prune_policy(record))

    @mutation(PrunePolicyUpdatePayload, description=f"Change an auto-prune policy.{RIGHTS}")
    async def prune_policy_update(
        self,
        info: Info,
        policy: _Policy,
        input: Annotated[PrunePolicyUpdateInput, strawberry.argument(description="What to change.")],
        owner: OwnerArgument = None,
    ) -> Any:
        record = await resolvers.pruning.policy.update(
            info.context.context, to_place(owner), policy, _arguments(changes(input))
        )
        return PrunePolicyUpdatePayload(policy=to_prune_policy(record))

    @mutation(
        PrunePolicyDeletePayload,
        description=f"Remove an auto-prune policy; what it ended stays ended.{RIGHTS}",
    )
    async def prune_policy_delete(self, info: Info, policy: _Policy, owner: OwnerArgument = None) -> Any:
        record = await resolvers.pruning.policy.delete(info.context.context, to_place(owner), policy)
        return PrunePolicyDeletePayload(uuid=record.uuid, deleted_id=encode_id("PrunePolicy", record.id))
