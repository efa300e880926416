"""The browser session of the viewer."""

from datetime import datetime

import strawberry

from resolvers.accounts.session import SessionRecord
from schema.scalars import to_datetime


@strawberry.type(description="A browser that is signed in.")
class Session:
    record: strawberry.Private[SessionRecord]

    @strawberry.field(description="When the user signed in.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When the password was last given.")
    def authenticated_at(self) -> datetime:
        return to_datetime(self.record.authenticated_at_ms)

    @strawberry.field(description="When the session ends, if it is not ended before.")
    def expires_at(self) -> datetime:
        return to_datetime(self.record.expires_at_ms)
