"""Plans of auto-prune policies: previews that can be carried out."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.pruning.plan
from resolvers.pruning.plan import PrunePlanRecord
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import changes
from schema.pruning.policy import RIGHTS, OwnerArgument, PrunePolicyCreateInput, to_place, to_rule
from schema.pruning.preview import PrunePreview
from schema.scalars import to_datetime


@strawberry.input(description="A policy that there is, or a draft of one.", one_of=True)
class PrunePlanPolicyInput:
    uuid: strawberry.Maybe[str] = strawberry.field(description="A policy of the owner, by its `uuid`.")
    draft: strawberry.Maybe[PrunePolicyCreateInput] = strawberry.field(
        description="A policy as it could be made; nothing is stored of it."
    )


@strawberry.type(
    description="What an auto-prune policy would delete, worked out beforehand. The viewer's own."
)
class AutoPrunePlan:
    record: strawberry.Private[PrunePlanRecord]

    @strawberry.field(description="What applying has to present.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.record.uuid)

    @strawberry.field(description="Until when it can be applied, 15 minutes after it was made.")
    def expires_at(self) -> datetime:
        return to_datetime(self.record.expires_at_ms)

    @strawberry.field(description="What it does.")
    def preview(self) -> PrunePreview:
        return PrunePreview(record=self.record.preview)

    @strawberry.field(
        description="How many tags of the preview were deleted; fewer if some were moved, locked or deleted"
        " meanwhile. Null before it is applied."
    )
    def deleted_count(self) -> int | None:
        return self.record.deleted_count


@strawberry.type(description="What an auto-prune policy would do.")
class AutoPrunePlanPayload(Payload):
    plan: AutoPrunePlan | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of carrying out what an auto-prune policy would do.")
class AutoPrunePayload(Payload):
    plan: AutoPrunePlan | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type
class AutoPruneMutation:
    @mutation(
        AutoPrunePlanPayload,
        description=f"Work out what an auto-prune policy would delete now. Changes nothing.{RIGHTS}",
    )
    async def auto_prune_plan(
        self,
        info: Info,
        policy: Annotated[PrunePlanPolicyInput, strawberry.argument(description="Which policy.")],
        owner: OwnerArgument = None,
    ) -> Any:
        chosen = changes(policy)
        record = await resolvers.pruning.plan.prepare(
            info.context.context,
            to_place(owner),
            identity=chosen.get("uuid"),
            rule=to_rule(chosen["draft"]) if "draft" in chosen else None,
        )
        return AutoPrunePlanPayload(plan=AutoPrunePlan(record=record))

    @mutation(
        AutoPrunePayload,
        description="Delete the tags of a plan, in batches. Refused if the plan is old, has been applied, or"
        f" is not true any more; a tag that changes after that stays.{RIGHTS}",
    )
    async def auto_prune(
        self,
        info: Info,
        plan: Annotated[strawberry.ID, strawberry.argument(description="The plan, by its id.")],
        owner: OwnerArgument = None,
    ) -> Any:
        record = await resolvers.pruning.plan.apply(info.context.context, to_place(owner), plan)
        return AutoPrunePayload(plan=AutoPrunePlan(record=record))
