"""The outbox of mail."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import mail
from resolvers.mail import MailRecord
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.scalars import optional_datetime, to_datetime


@strawberry.type(description="A mail to one address, sent or waiting.")
class Mail:
    record: strawberry.Private[MailRecord]

    @strawberry.field(description="The address that it goes to.")
    def recipient(self) -> str:
        return self.record.recipient

    @strawberry.field(description="What it is about.")
    def subject(self) -> str:
        return self.record.subject

    @strawberry.field(
        description="Its text without the codes, which are for the recipient alone; null once it was sent."
        " `quayside mail list` shows it whole."
    )
    def body(self) -> str | None:
        return self.record.body

    @strawberry.field(description="When it was written.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When a mail server took it; null if none has.")
    def sent_at(self) -> datetime | None:
        return optional_datetime(self.record.sent_at_ms)

    @strawberry.field(description="Why the last attempt to send it failed; null if none has.")
    def error(self) -> str | None:
        return self.record.error


@strawberry.type
class MailQuery:
    @strawberry.field(
        description="The mails of the last 30 days, newest first. Refused to others than superusers."
    )
    async def mails(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        is_sent: Annotated[
            bool | None, strawberry.argument(description="Only those that were sent, or that were not.")
        ] = None,
    ) -> Connection[Mail] | None:
        found = await mail.mails(info.context.context, page(first, after), is_sent=is_sent)
        return connect(found, lambda record: Mail(record=record))
