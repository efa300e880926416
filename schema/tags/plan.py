"""Plans: changes of many tags that are reviewed, then applied together."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.tags.plan
from resolvers.errors import ErrorCode
from resolvers.pages import paginate_list
from resolvers.tags.outcome import PlanArguments, PlanItem, PlanKind, TagAction, TagSelection
from resolvers.tags.plan import PlanRecord
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import UserError, mutation, payload
from schema.inputs import PathArgument
from schema.manifests.manifest import Manifest, load_manifest
from schema.scalars import Digest, optional_datetime, to_datetime, to_milliseconds

strawberry.enum(
    PlanKind, name="TagPlanKind", description="What a plan does: delete, expire or move tags, or roll back."
)
strawberry.enum(TagAction, name="TagAction", description="What happens to one tag.")


@strawberry.type(description="What a plan does to one tag.")
class TagPlanItem:
    record: strawberry.Private[PlanItem]

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What happens to it.")
    def action(self) -> TagAction:
        return self.record.action

    @strawberry.field(description="What it points to before; null for nothing.")
    async def before(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.before_id)

    @strawberry.field(description="What it points to afterwards; null for nothing.")
    async def after(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.after_id)

    @strawberry.field(description="When it expires afterwards; null for never, or if it is not there then.")
    def expires_at(self) -> datetime | None:
        return optional_datetime(self.record.expires_at_ms)

    @strawberry.field(description="When it expires before; null for never, or if it is not there then.")
    def previous_expires_at(self) -> datetime | None:
        return optional_datetime(self.record.old_expires_at_ms)

    @strawberry.field(
        description="Whether it was not chosen, but is one of cosign's, such as `sha256-<hex>.sig`, for a"
        " manifest whose tags change: it ends with the last of those."
    )
    def is_consequence(self) -> bool:
        return self.record.is_consequence

    @strawberry.field(description="Why this tag is left alone, although it fits; null if it is not.")
    def error(self) -> UserError | None:
        if not self.record.is_locked:
            return None
        return UserError(
            code=ErrorCode.IMMUTABLE, message=f"The tag '{self.record.name}' is locked.", field="tag"
        )


@strawberry.type(description="A change of up to 10,000 tags, worked out beforehand. Bound to the viewer.")
class TagPlan:
    record: strawberry.Private[PlanRecord]

    @strawberry.field(description="What applying has to present.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.record.uuid)

    @strawberry.field(description="What it does.")
    def kind(self) -> PlanKind:
        return self.record.kind

    @strawberry.field(description="Until when it can be applied, 15 minutes after it was made.")
    def expires_at(self) -> datetime:
        return to_datetime(self.record.expires_at_ms)

    @strawberry.field(description="Whether it has been carried out.")
    def is_applied(self) -> bool:
        return self.record.is_applied

    @strawberry.field(
        description="Whether the tags have changed since, so that it would be refused; `items` then shows"
        " what a new one would do, and nothing if that would be refused as well."
    )
    def is_stale(self) -> bool:
        return self.record.is_stale

    @strawberry.field(description="How many tags it changes.")
    def change_count(self) -> int:
        return sum(not item.is_locked for item in self.record.items)

    @strawberry.field(description="How many tags fit but are locked, and are left alone.")
    def locked_count(self) -> int:
        return sum(item.is_locked for item in self.record.items)

    @strawberry.field(description="What it does to each tag, by name.")
    async def items(self, info: Info, first: First = 50, after: After = None) -> Connection[TagPlanItem]:
        found = paginate_list(self.record.items, page(first, after), maximum=info.context.context.max_first)
        return connect(found, lambda item: TagPlanItem(record=item))


def to_plan(record: PlanRecord) -> TagPlan:
    """A plan as a GraphQL value."""
    return TagPlan(record=record)


@strawberry.input(description="Which of the active tags; all conditions that are given must hold.")
class TagFilter:
    names: list[str] | None = strawberry.field(
        default=None,
        description="Only tags of these names, at most 100; those that there are not are left out.",
    )
    name_contains: str | None = strawberry.field(
        default=None, description="A part of the name, in upper or lower case."
    )
    name_pattern: str | None = strawberry.field(
        default=None,
        description="A regular expression, looked for anywhere in the name, in RE2 syntax: unlike those of"
        " immutability policies it may fit a part; `^v[0-9]$` fits whole names.",
    )
    older_than: datetime | None = strawberry.field(
        default=None, description="Only tags that have pointed where they do since before this time."
    )
    unpulled_since: datetime | None = strawberry.field(
        default=None,
        description="Only tags that have pointed where they do since before this time, and were not pulled"
        " by their name since.",
    )

    def selection(self) -> TagSelection:
        """The filter as resolvers take it."""
        return TagSelection(
            names=self.names,
            name_contains=self.name_contains,
            name_pattern=self.name_pattern,
            older_than_ms=to_milliseconds(self.older_than) if self.older_than else None,
            unpulled_since_ms=to_milliseconds(self.unpulled_since) if self.unpulled_since else None,
        )


_FIELD = (TagPlan, "Null if refused.")


TagsDeletePlanPayload = payload("TagsDeletePlanPayload", "What deleting tags would do.", plan=_FIELD)
TagsExpirePlanPayload = payload("TagsExpirePlanPayload", "What letting tags expire would do.", plan=_FIELD)
TagsMovePlanPayload = payload("TagsMovePlanPayload", "What moving tags would do.", plan=_FIELD)
RepositoryRollbackPlanPayload = payload(
    "RepositoryRollbackPlanPayload", "What a rollback would do.", plan=_FIELD
)
TagsDeletePayload = payload("TagsDeletePayload", "What came of deleting tags.", plan=_FIELD)
TagsExpirePayload = payload("TagsExpirePayload", "What came of letting tags expire.", plan=_FIELD)
TagsMovePayload = payload("TagsMovePayload", "What came of moving tags.", plan=_FIELD)
RepositoryRollbackPayload = payload("RepositoryRollbackPayload", "What came of a rollback.", plan=_FIELD)

_Filter = Annotated[TagFilter, strawberry.argument(description="Which tags.")]
_Plan = Annotated[strawberry.ID, strawberry.argument(description="The plan to carry out, by its id.")]

_APPLIED = (
    " Refused if the plan is old, has been applied, or its outcome has changed since. Requires `repo:write`."
)
_PLANNED = " Changes nothing. Requires `repo:write`."


async def _prepare(info: Info, path: str, kind: PlanKind, arguments: PlanArguments) -> TagPlan:
    return to_plan(await resolvers.tags.plan.prepare(info.context.context, path, kind, arguments))


async def _apply(info: Info, path: str, kind: PlanKind, plan: str) -> TagPlan:
    return to_plan(await resolvers.tags.plan.apply(info.context.context, path, kind, plan))


@strawberry.type
class TagPlanMutation:
    @mutation(TagsDeletePlanPayload, description="Work out what deleting tags would do." + _PLANNED)
    async def tags_delete_plan(self, info: Info, repository: PathArgument, filter: _Filter) -> Any:
        arguments = PlanArguments(selection=filter.selection())
        return TagsDeletePlanPayload(plan=await _prepare(info, repository, PlanKind.DELETE, arguments))

    @mutation(
        TagsExpirePlanPayload,
        description="Work out what setting or removing the expiration of tags would do." + _PLANNED,
    )
    async def tags_expire_plan(
        self,
        info: Info,
        repository: PathArgument,
        filter: _Filter,
        expires_at: Annotated[
            datetime | None,
            strawberry.argument(
                description="When they shall end, at least an hour and at most 104 weeks after their start;"
                " null for never."
            ),
        ] = None,
    ) -> Any:
        arguments = PlanArguments(
            selection=filter.selection(), expires_at_ms=to_milliseconds(expires_at) if expires_at else None
        )
        return TagsExpirePlanPayload(plan=await _prepare(info, repository, PlanKind.EXPIRE, arguments))

    @mutation(
        TagsMovePlanPayload, description="Work out what pointing tags to one manifest would do." + _PLANNED
    )
    async def tags_move_plan(
        self,
        info: Info,
        repository: PathArgument,
        filter: _Filter,
        manifest_digest: Annotated[Digest, strawberry.argument(description="The manifest to point to.")],
    ) -> Any:
        arguments = PlanArguments(selection=filter.selection(), manifest_digest=manifest_digest)
        return TagsMovePlanPayload(plan=await _prepare(info, repository, PlanKind.MOVE, arguments))

    @mutation(
        RepositoryRollbackPlanPayload,
        description="Work out what bringing all tags back to an earlier moment would do." + _PLANNED,
    )
    async def repository_rollback_plan(
        self,
        info: Info,
        repository: PathArgument,
        to: Annotated[
            datetime,
            strawberry.argument(description="The moment, within the window of the namespace's time machine."),
        ],
    ) -> Any:
        arguments = PlanArguments(to_ms=to_milliseconds(to))
        return RepositoryRollbackPlanPayload(
            plan=await _prepare(info, repository, PlanKind.ROLLBACK, arguments)
        )

    @mutation(TagsDeletePayload, description="Delete tags as planned, in one transaction." + _APPLIED)
    async def tags_delete(self, info: Info, repository: PathArgument, plan: _Plan) -> Any:
        return TagsDeletePayload(plan=await _apply(info, repository, PlanKind.DELETE, plan))

    @mutation(
        TagsExpirePayload,
        description="Set or remove the expiration of tags as planned, in one transaction." + _APPLIED,
    )
    async def tags_expire(self, info: Info, repository: PathArgument, plan: _Plan) -> Any:
        return TagsExpirePayload(plan=await _apply(info, repository, PlanKind.EXPIRE, plan))

    @mutation(TagsMovePayload, description="Move tags as planned, in one transaction." + _APPLIED)
    async def tags_move(self, info: Info, repository: PathArgument, plan: _Plan) -> Any:
        return TagsMovePayload(plan=await _apply(info, repository, PlanKind.MOVE, plan))

    @mutation(
        RepositoryRollbackPayload,
        description="Bring tags back to an earlier moment as planned, in one transaction; what is set back is"
        " marked as a reversion." + _APPLIED,
    )
    async def repository_rollback(self, info: Info, repository: PathArgument, plan: _Plan) -> Any:
        return RepositoryRollbackPayload(plan=await _apply(info, repository, PlanKind.ROLLBACK, plan))
