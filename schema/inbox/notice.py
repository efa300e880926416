"""Notices of the bell, and putting them away."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from resolvers.inbox.notice import NoticeKind, NoticeRecord, dismiss_all, set_dismissed
from schema.context import Info
from schema.errors import Payload, mutation
from schema.node_id import Node, decode_id, encode_id
from schema.scalars import to_datetime

if TYPE_CHECKING:
    from schema.accounts.organization import Organization

strawberry.enum(NoticeKind, name="InboxNoticeKind", description="What a notice tells of.")


@strawberry.type(
    description="What the bell tells a user, the members of a team, or the administrators of an organization."
)
class InboxNotice(Node):
    record: strawberry.Private[NoticeRecord]

    @strawberry.field(description="What it tells of.")
    def kind(self) -> NoticeKind:
        return self.record.kind

    @strawberry.field(description="The particulars, by the keys that belong to the kind.")
    def metadata(self) -> JSON:
        return JSON(self.record.metadata)

    @strawberry.field(description="When it was told.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="Whether the viewer has put it away; other readers do so for themselves.")
    def is_dismissed(self) -> bool:
        return self.record.is_dismissed

    @strawberry.field(
        description="The organization whose administrators or team are told; null where a user is."
    )
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.accounts.organization")] | None:
        from schema.accounts.organization import to_organization

        if self.record.organization_id is None:
            return None
        record = await info.context.loaders.accounts.load(self.record.organization_id)
        return to_organization(record) if record else None


def to_notice(record: NoticeRecord) -> InboxNotice:
    """A notice as a GraphQL value."""
    return InboxNotice(id=encode_id("InboxNotice", record.id), record=record)


@strawberry.input(description="What to change; absent fields stay as they are.")
class InboxNoticeUpdateInput:
    is_dismissed: strawberry.Maybe[bool] = strawberry.field(
        description="Whether the viewer has put the notice away."
    )


@strawberry.type(description="What came of changing a notice.")
class InboxNoticeUpdatePayload(Payload):
    notice: InboxNotice | None = strawberry.field(default=None, description="The notice; null if refused.")


@strawberry.type(description="What came of putting all notices away.")
class InboxClearPayload(Payload):
    dismissed_count: int | None = strawberry.field(
        default=None, description="How many were put away that were not before; null if refused."
    )


@strawberry.type
class InboxMutation:
    @mutation(
        InboxNoticeUpdatePayload,
        description="Put a notice away, or take it out again. Requires `user:admin`.",
    )
    async def inbox_notice_update(
        self,
        info: Info,
        notice: Annotated[strawberry.ID, strawberry.argument(description="The id of the notice.")],
        input: Annotated[InboxNoticeUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await set_dismissed(
            info.context.context,
            decode_id(notice, "InboxNotice") or 0,
            is_dismissed=input.is_dismissed.value if input.is_dismissed else None,
        )
        return InboxNoticeUpdatePayload(notice=to_notice(record))

    @mutation(
        InboxClearPayload,
        description="Put all notices of the viewer away. Requires `user:admin`.",
    )
    async def inbox_clear(self, info: Info) -> Any:
        return InboxClearPayload(dismissed_count=await dismiss_all(info.context.context))
