"""The delivery log of notifications."""

from datetime import datetime

import strawberry

from resolvers.notifications.deliveries import DeliveryRecord, DeliveryStatus
from schema.context import Info
from schema.node_id import Node, encode_id
from schema.scalars import JSONObject, optional_datetime, to_datetime
from storage.secrets import revealed

strawberry.enum(
    DeliveryStatus,
    name="NotificationDeliveryStatus",
    description="What became of a delivery: it waits, was taken, was tried in vain, or was not tried since"
    " three in a row had failed before.",
)


@strawberry.type(
    description="One event on its way to the receiver of one notification, or what came of it. Kept for seven"
    " days."
)
class NotificationDelivery(Node):
    record: strawberry.Private[DeliveryRecord]

    @strawberry.field(description="The identity of the event, the same for all attempts and receivers.")
    def event_id(self) -> str:
        return self.record.event_id

    @strawberry.field(description="Whether an administrator asked for it, with a sample of the event.")
    def is_test(self) -> bool:
        return self.record.is_test

    @strawberry.field(description="What became of it.")
    def status(self) -> DeliveryStatus:
        return self.record.status

    @strawberry.field(description="What is told, before a template is applied.")
    def payload(self) -> JSONObject:
        return JSONObject(self.record.payload)

    @strawberry.field(description="How often it was tried.")
    def attempts(self) -> int:
        return self.record.attempts

    @strawberry.field(description="The status of the last answer; null without one, and for mail.")
    def http_status(self) -> int | None:
        return self.record.http_status

    @strawberry.field(
        description="The first 4 KiB of the last answer; null without one, and for read-only superusers,"
        " since it may repeat credentials."
    )
    def response(self, info: Info) -> str | None:
        return revealed(self.record.response) if info.context.context.viewer.sees_credentials else None

    @strawberry.field(description="Why the last attempt failed, in a sentence; null if it did not.")
    def error(self) -> str | None:
        return self.record.error

    @strawberry.field(description="When it was noted, within seconds after the event.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it is tried again; null if it was not tried yet, or has ended.")
    def next_attempt_at(self) -> datetime | None:
        return optional_datetime(self.record.next_attempt_at_ms)

    @strawberry.field(description="When it was last tried.")
    def last_attempt_at(self) -> datetime | None:
        return optional_datetime(self.record.last_attempt_at_ms)

    @strawberry.field(description="When it was taken, given up or skipped; null while it waits.")
    def ended_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms)


def to_delivery(record: DeliveryRecord) -> NotificationDelivery:
    """A delivery as a GraphQL value."""
    return NotificationDelivery(id=encode_id("NotificationDelivery", record.id), record=record)
