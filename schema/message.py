"""Global messages: from the operators to all users."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers import message
from resolvers.message import MessageRecord, Severity
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.scalars import to_datetime

strawberry.enum(Severity, name="GlobalMessageSeverity", description="How much a message matters.")


@strawberry.type(description="A message of the operators to everybody.")
class GlobalMessage:
    record: strawberry.Private[MessageRecord]

    @strawberry.field(description="What it is deleted by.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What it says, in the format of its media type.")
    def content(self) -> str:
        return self.record.content

    @strawberry.field(description="`text/plain` or `text/markdown`.")
    def media_type(self) -> str:
        return self.record.media_type.value

    @strawberry.field(description="How much it matters.")
    def severity(self) -> Severity:
        return self.record.severity

    @strawberry.field(description="When it was written.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def to_message(record: MessageRecord) -> GlobalMessage:
    """A message as a GraphQL value."""
    return GlobalMessage(record=record)


@strawberry.input(description="A new message to everybody.")
class GlobalMessageCreateInput:
    content: str = strawberry.field(description="What it says: 1 to 10,000 characters.")
    media_type: str = strawberry.field(description="`text/plain` or `text/markdown`.")
    severity: Severity = strawberry.field(description="How much it matters.")


@strawberry.type(description="What came of writing a message to everybody.")
class GlobalMessageCreatePayload(Payload):
    message: GlobalMessage | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of taking a message back.")
class GlobalMessageDeletePayload(Payload):
    uuid: str | None = strawberry.field(
        default=None, description="What was deleted; null if there was none, or if refused."
    )


@strawberry.type
class MessageQuery:
    @strawberry.field(
        description="The messages of the operators to everybody, oldest first. Anybody may look."
    )
    async def global_messages(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[GlobalMessage]:
        found = await message.messages(info.context.context, page(first, after))
        return connect(found, to_message)


@strawberry.type
class MessageMutation:
    @mutation(
        GlobalMessageCreatePayload,
        description="Show a message to everybody. For superusers; needs a fresh login of a session.",
    )
    async def global_message_create(
        self,
        info: Info,
        input: Annotated[GlobalMessageCreateInput, strawberry.argument(description="The new message.")],
    ) -> Any:
        made = await message.create(
            info.context.context,
            content=input.content,
            media_type=input.media_type,
            severity=input.severity,
        )
        return GlobalMessageCreatePayload(message=to_message(made))

    @mutation(
        GlobalMessageDeletePayload,
        description="Take a message back. For superusers; needs a fresh login of a session.",
    )
    async def global_message_delete(
        self,
        info: Info,
        uuid: Annotated[str, strawberry.argument(description="The message's `uuid`.")],
    ) -> Any:
        found = await message.delete(info.context.context, uuid)
        return GlobalMessageDeletePayload(uuid=uuid if found else None)
