"""Notifications: rows that say which event of a repository or a namespace is told to whom, and how.

What is read and changed here is for administrators of the place. `feed` turns events into deliveries, and
`delivery` sends them.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from resolvers import events
from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, TooMany
from resolvers.nesting import check_json
from resolvers.notifications import kinds, methods
from resolvers.notifications.kinds import EVENTS, NotificationEvent
from resolvers.notifications.method_table import METHODS
from resolvers.notifications.methods import NotificationMethod
from resolvers.repositories.policies import Place, Policies
from storage.clock import now_ms
from storage.events import Cursor, position
from storage.jobs import enqueue
from storage.models.notification import Notification
from storage.statements import execute
from storage.transactions import transaction

MAXIMUM_NOTIFICATIONS = 100
"""Of one owner. Each event is compared with all of them."""
TITLE_LENGTH = 255
SECRET_LENGTH = 256
CONFIG_LENGTH = 65_536 + 4096
FAILURES_TO_SKIP = 3
"""How many deliveries in a row end unsent before events are skipped."""
ERASE_JOB = "notification.erase"
_CREATED = ("create_namespace_notification", "add_repo_notification")
_DELETED = ("delete_namespace_notification", "delete_repo_notification")
_RESET = ("reset_namespace_notification", "reset_repo_notification")
"""Kinds of events, for a notification of a namespace and of a repository."""

CURSOR = "notifications_read_up_to"
"""The site setting that says how far `feed` has read the event log; absent before the first notification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRecord:
    """A notification; without a repository it is of the namespace itself."""

    id: int
    uuid: str
    namespace_id: int
    repository_id: int | None
    event: NotificationEvent
    method: NotificationMethod
    title: str | None
    config: dict[str, Any]
    event_config: dict[str, Any]
    secret: str | None = field(repr=False)
    """Encrypted."""
    number_of_failures: int
    created_at_ms: int
    since_transaction_id: int
    since_event_id: int

    @property
    def since(self) -> Cursor:
        """The position in the event log behind which are the events that it is told of."""
        return self.since_transaction_id, self.since_event_id


NOTIFICATIONS = Policies(
    NotificationRecord, "notification", name="notification", need=ADMINISTER_OWN_NAMESPACE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a new notification says."""

    event: NotificationEvent
    method: NotificationMethod
    config: dict[str, Any]
    event_config: dict[str, Any] = field(default_factory=dict)
    title: str | None = None
    secret: str | None = field(default=None, repr=False)


async def create(context: Context, owner: Owner, draft: Draft) -> NotificationRecord:
    """Create a notification. Requires `repo:admin` or `org:admin`; `user:admin` in one's own namespace.

    Raises `Invalid`, naming the field; `TooMany`, `NotFound`.
    """
    place = await NOTIFICATIONS.place(context, owner)
    _check_event(context, place, draft)
    await _check_method(context, place, draft)
    secret = context.secrets.encrypt(draft.secret) if draft.secret else None
    async with transaction("notification.create"):
        await place.lock()
        if await NOTIFICATIONS.count(place) >= MAXIMUM_NOTIFICATIONS:
            raise TooMany(
                f"There are {MAXIMUM_NOTIFICATIONS} notifications, the most there can be; remove one.",
                field="owner",
            )
        # What begins from now on is told.
        since = await position()
        await execute(
            "INSERT INTO site_setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            CURSOR,
            cursor_text(since),
        )
        made = await Notification.create(
            uuid=str(uuid.uuid4()),
            namespace_id=place.namespace_id,
            repository_id=place.repository_id,
            event=draft.event.value,
            method=draft.method.value,
            title=draft.title,
            config=draft.config,
            event_config=draft.event_config,
            secret=secret,
            created_at_ms=now_ms(),
            since_transaction_id=since[0],
            since_event_id=since[1],
        )
        record = await require(place, made.uuid)
        await _record_event(context, _CREATED, place, record)
    return record


async def delete(context: Context, owner: Owner, identity: str) -> NotificationRecord:
    """Delete a notification; what waits for its receiver is not sent. Requires as `create`."""
    place = await NOTIFICATIONS.place(context, owner)
    async with transaction("notification.delete"):
        await place.lock()
        record = await require(place, identity)
        await NOTIFICATIONS.remove(record)
        await enqueue(ERASE_JOB, {"notification_id": record.id}, namespace_id=record.namespace_id)
        await _record_event(context, _DELETED, place, record)
    return record


async def reset(context: Context, owner: Owner, identity: str) -> NotificationRecord:
    """Set the number of failures to 0, so that events are sent again. Requires as `create`.

    What was skipped stays so, until it is sent again by `deliveries.resend`.
    """
    place = await NOTIFICATIONS.place(context, owner)
    async with transaction("notification.reset"):
        await place.lock()
        record = await require(place, identity)
        await execute("UPDATE notification SET number_of_failures = 0 WHERE id = ?", record.id)
        await _record_event(context, _RESET, place, record)
        return await require(place, identity)


async def require(place: Place, identity: str) -> NotificationRecord:
    """A notification of a place by its uuid. Raises `NotFound`, with the text that clients know."""
    record = await NOTIFICATIONS.find(place, identity)
    if record is None:
        names = ", ".join(filter(None, (place.namespace, place.repository, identity[:64])))
        what = "namespace" if place.repository is None else "repository"
        raise NotFound(f"No {what} notification found for: {names}", field="notification")
    return record


def cursor_text(cursor: Cursor) -> str:
    """A position in the event log as a site setting holds it."""
    return f"{cursor[0]}:{cursor[1]}"


def _check_event(context: Context, place: Place, draft: Draft) -> None:
    row = EVENTS[draft.event]
    if row.is_of_namespace != (place.repository is None):
        which = "repositories" if place.repository is not None else "namespaces"
        offered = ", ".join(
            one.event for one in EVENTS.values() if one.is_of_namespace != row.is_of_namespace
        )
        raise Invalid(f"event: {draft.event} is not an event of {which}; choose {offered}.", field="event")
    if row.feature is not None and not context.site.has(row.feature):
        raise Invalid(
            f"event: {draft.event} needs the feature {row.feature}, which is off here.", field="event"
        )
    check_json(draft.event_config, kinds.FIELD, most_bytes=CONFIG_LENGTH)
    row.check(draft.event_config)
    if draft.title is not None and len(draft.title) > TITLE_LENGTH:
        raise Invalid(f"title: must have at most {TITLE_LENGTH} characters.", field="title")


async def _check_method(context: Context, place: Place, draft: Draft) -> None:
    method = METHODS.get(draft.method)
    if method is None or (method.feature is not None and not context.site.has(method.feature)):
        raise Invalid(
            f"method: {draft.method} is not available here; choose {', '.join(METHODS)}.", field="method"
        )
    if draft.secret is not None:
        if not method.is_signed:
            signed = " and ".join(row.method for row in METHODS.values() if row.is_signed)
            raise Invalid(f"secret: only {signed} are signed; leave it out.", field="secret")
        if not 1 <= len(draft.secret) <= SECRET_LENGTH:
            raise Invalid(f"secret: must have 1 to {SECRET_LENGTH} characters.", field="secret")
    check_json(draft.config, methods.FIELD, most_bytes=CONFIG_LENGTH)
    await method.check(context, place, draft.config)


async def _record_event(
    context: Context, kind: tuple[str, str], place: Place, record: NotificationRecord
) -> None:
    await events.record(
        context,
        kind[place.repository is not None],
        place.metadata
        | {
            "notification_id": record.uuid,
            "event": record.event.value,
            "method": record.method.value,
        },
        namespace_id=place.namespace_id,
        repository_id=place.repository_id,
    )
