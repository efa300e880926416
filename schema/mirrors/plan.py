"""Plans of mirrors: what a run would do, without doing it."""

from typing import Any

import strawberry

import resolvers.mirrors.plan
from resolvers.mirrors.comparison import TagChange
from resolvers.mirrors.plan import PlannedTag
from resolvers.pages import paginate_list
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import mutation, payload
from schema.inputs import PathArgument
from schema.scalars import Digest

strawberry.enum(TagChange, name="MirrorTagChange", description="What a run of a mirror does with a tag.")


@strawberry.type(description="What a run of a mirror would do with one tag.")
class MirrorPlanItem:
    record: strawberry.Private[PlannedTag]

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What happens to it.")
    def change(self) -> TagChange:
        return self.record.change

    @strawberry.field(description="The digest that it has here; null if it is not here.")
    def before(self) -> Digest | None:
        return None if self.record.before is None else Digest(self.record.before)

    @strawberry.field(description="The digest that it has at the source; null if it is not there.")
    def after(self) -> Digest | None:
        return None if self.record.after is None else Digest(self.record.after)


@strawberry.type(description="What a run of a mirror would do now. Signatures and the like are not listed.")
class MirrorPlan:
    tags: strawberry.Private[list[PlannedTag]]

    @strawberry.field(description="The tags that fit the rule, by name.")
    async def items(self, info: Info, first: First = 50, after: After = None) -> Connection[MirrorPlanItem]:
        found = paginate_list(self.tags, page(first, after), maximum=info.context.context.max_first)
        return connect(found, lambda one: MirrorPlanItem(record=one))

    @strawberry.field(description="How many tags would be made, moved or ended.")
    def change_count(self) -> int:
        still = (TagChange.KEEPS, TagChange.LOCKED)
        return sum(one.change not in still for one in self.tags)


MirrorPlanPayload = payload(
    "MirrorPlanPayload",
    "What came of asking what a mirror would do.",
    plan=(MirrorPlan, "The plan; null if refused, or if the source does not answer."),
)


@strawberry.type
class MirrorPlanMutation:
    @mutation(
        MirrorPlanPayload,
        description="Ask the source of a mirror what a run would change now, of up to 1,000 tags; nothing is"
        " written. Requires `repo:admin`.",
    )
    async def mirror_plan(self, info: Info, repository: PathArgument) -> Any:
        _, tags = await resolvers.mirrors.plan.plan(info.context.context, repository)
        return MirrorPlanPayload(plan=MirrorPlan(tags=tags))
