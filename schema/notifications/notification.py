"""Notifications of repositories and namespaces."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.notifications.notification
from resolvers.accounts.namespace import Owner
from resolvers.notifications import deliveries
from resolvers.notifications.deliveries import DeliveryStatus
from resolvers.notifications.kinds import NotificationEvent
from resolvers.notifications.methods import NotificationMethod
from resolvers.notifications.notification import Draft, NotificationRecord
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import OwnerInput, to_owner
from schema.node_id import Node, decode_id, encode_id
from schema.notifications.delivery import NotificationDelivery, to_delivery
from schema.scalars import JSONObject, to_datetime
from storage.secrets import revealed

strawberry.enum(
    NotificationEvent,
    name="NotificationEvent",
    description="What notifications tell of. The two about quotas are of namespaces, all others of"
    " repositories.",
)
strawberry.enum(
    NotificationMethod, name="NotificationMethod", description="How a notification reaches its receiver."
)

_CONFIG = (
    "Where to, as the method asks for it, such as `{url: …}` of a webhook; see the page on notifications."
)
_EVENT_CONFIG = (
    "Which of the events: `level` of vulnerabilities, `ref-regex` of builds, `days` before an expiration."
)


@strawberry.type(
    description="It tells one receiver of one event of a repository or a namespace. For its administrators."
)
class Notification(Node):
    record: strawberry.Private[NotificationRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What it tells of.")
    def event(self) -> NotificationEvent:
        return self.record.event

    @strawberry.field(description="How it reaches its receiver.")
    def method(self) -> NotificationMethod:
        return self.record.method

    @strawberry.field(description="What people call it; null if it has no title.")
    def title(self) -> str | None:
        return self.record.title

    @strawberry.field(description=f"{_CONFIG} Null for read-only superusers, since it holds credentials.")
    def config(self, info: Info) -> JSONObject | None:
        sees = info.context.context.viewer.sees_credentials
        return JSONObject(revealed(self.record.config)) if sees else None

    @strawberry.field(description=_EVENT_CONFIG)
    def event_config(self) -> JSONObject:
        return JSONObject(self.record.event_config)

    @strawberry.field(description="Whether what it sends is signed. The secret is shown to nobody.")
    def has_secret(self) -> bool:
        return self.record.secret is not None

    @strawberry.field(
        description="How many deliveries in a row ended unsent. From 3 on events are skipped until it is"
        " reset."
    )
    def number_of_failures(self) -> int:
        return self.record.number_of_failures

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="What was sent, waits or was skipped in the last seven days, newest first.")
    async def deliveries(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        statuses: Annotated[
            list[DeliveryStatus] | None,
            strawberry.argument(description="Only deliveries of which one of these became."),
        ] = None,
    ) -> Connection[NotificationDelivery]:
        chosen = None if statuses is None else frozenset(statuses)
        key = (self.record.id, page(first, after), chosen)
        found = await info.context.loaders.deliveries.load(key)
        return connect(found, to_delivery)


def to_notification(record: NotificationRecord) -> Notification:
    """A notification as a GraphQL value."""
    return Notification(id=encode_id("Notification", record.id), record=record)


@strawberry.input(description="A new notification.")
class NotificationCreateInput:
    event: NotificationEvent = strawberry.field(description="What it tells of.")
    method: NotificationMethod = strawberry.field(description="How it reaches its receiver.")
    config: JSONObject = strawberry.field(description=_CONFIG)
    event_config: JSONObject | None = strawberry.field(default=None, description=_EVENT_CONFIG)
    title: str | None = strawberry.field(
        default=None, description="What people call it, up to 255 characters."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The key that signs what is sent (HMAC-SHA256), up to 256 characters; only for `WEBHOOK`"
        " and `CLOUDEVENTS`. It is never shown again.",
    )


def _draft(value: NotificationCreateInput) -> Draft:
    return Draft(
        event=value.event,
        method=value.method,
        config=value.config,
        event_config=value.event_config or {},
        title=value.title or None,
        secret=value.secret,
    )


@strawberry.type(description="What came of making a notification.")
class NotificationCreatePayload(Payload):
    notification: Notification | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of setting the failures of a notification to 0.")
class NotificationResetPayload(Payload):
    notification: Notification | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of testing a notification.")
class NotificationTestPayload(Payload):
    delivery: NotificationDelivery | None = strawberry.field(
        default=None, description="The test, which is sent within seconds; null if refused."
    )


@strawberry.type(description="What came of having something sent again.")
class NotificationResendPayload(Payload):
    notification: Notification | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of removing a notification.")
class NotificationDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was removed; null if refused.")


_Owner = Annotated[
    OwnerInput | None,
    strawberry.argument(description="Whose it is; the viewer's namespace's if not given."),
]
_Notification = Annotated[str, strawberry.argument(description="The notification, by its `uuid`.")]
_RIGHTS = (
    " Requires `repo:admin` on the repository or `org:admin` in the namespace; `user:admin` in the viewer's"
    " own."
)


def _place(value: OwnerInput | None) -> Owner:
    return to_owner(value) if value else Owner()


@strawberry.type
class NotificationMutation:
    @mutation(
        NotificationCreatePayload,
        description="Let a receiver be told of an event of a repository, or of a namespace. Events from now"
        f" on are told.{_RIGHTS}",
    )
    async def notification_create(
        self,
        info: Info,
        input: Annotated[NotificationCreateInput, strawberry.argument(description="The new notification.")],
        owner: _Owner = None,
    ) -> Any:
        record = await resolvers.notifications.notification.create(
            info.context.context, _place(owner), _draft(input)
        )
        return NotificationCreatePayload(notification=to_notification(record))

    @mutation(
        NotificationDeletePayload,
        description=f"Remove a notification, with its deliveries; what waits is not sent.{_RIGHTS}",
    )
    async def notification_delete(self, info: Info, notification: _Notification, owner: _Owner = None) -> Any:
        record = await resolvers.notifications.notification.delete(
            info.context.context, _place(owner), notification
        )
        return NotificationDeletePayload(uuid=record.uuid, deleted_id=encode_id("Notification", record.id))

    @mutation(
        NotificationResetPayload,
        description="Set the failures of a notification to 0, so that events are sent again. What was skipped"
        f" stays so until `notificationResend`.{_RIGHTS}",
    )
    async def notification_reset(self, info: Info, notification: _Notification, owner: _Owner = None) -> Any:
        record = await resolvers.notifications.notification.reset(
            info.context.context, _place(owner), notification
        )
        return NotificationResetPayload(notification=to_notification(record))

    @mutation(
        NotificationTestPayload,
        description="Send a sample of the event, once, before what waits; also while events are skipped. If"
        f" it is taken, the failures are 0 again.{_RIGHTS}",
    )
    async def notification_test(self, info: Info, notification: _Notification, owner: _Owner = None) -> Any:
        _, record = await deliveries.test(info.context.context, _place(owner), notification)
        return NotificationTestPayload(delivery=to_delivery(record))

    @mutation(
        NotificationResendPayload,
        description="Send deliveries again, in the order of their events and before what waits: one that has"
        f" ended, or all that were skipped. Refused while events are skipped.{_RIGHTS}",
    )
    async def notification_resend(
        self,
        info: Info,
        notification: _Notification,
        delivery: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="One delivery, by its id; all that were skipped if not given."),
        ] = None,
        owner: _Owner = None,
    ) -> Any:
        # An id that is none is one of no row; only without an id all are meant.
        chosen = None if delivery is None else decode_id(delivery, "NotificationDelivery") or 0
        record = await deliveries.resend(info.context.context, _place(owner), notification, chosen)
        return NotificationResendPayload(notification=to_notification(record))
