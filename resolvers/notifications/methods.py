"""Methods: how a notification reaches its receiver. What a method is; the table is in `method_table`.

A method either sends to another server (`send`) or writes into the database (`write`). What is written
commits together with the note that it was delivered, so that it happens exactly once; what is sent may be
sent twice, when the process dies before it has noted that.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from resolvers.context import Context
from resolvers.notifications.kinds import EventRow, Facts
from resolvers.outbound.client import Client
from resolvers.repositories.policies import Place

FIELD = "config"
"""The name of the input that a method's configuration is in, for errors."""


class NotificationMethod(StrEnum):
    """The methods. Each has a row in `method_table`."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    FLOWDOCK = "flowdock"
    HIPCHAT = "hipchat"
    CLOUDEVENTS = "cloudevents"
    EMAIL = "email"
    QUAY_NOTIFICATION = "quay_notification"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event on its way to the receiver of one notification.

    `payload` is the same at each attempt. `event_id` too, and for all notifications of one event.
    """

    event: EventRow
    event_id: str
    payload: Facts
    config: Facts
    title: str | None
    namespace_id: int
    repository_id: int | None
    is_test: bool = False
    secret: str | None = None
    """The key of the signature, if one was given."""

    @property
    def summary(self) -> str:
        """The event in a sentence, for people."""
        text = {
            key: ", ".join(map(str, value)) if isinstance(value, list) else value
            for key, value in self.payload.items()
        }
        try:
            sentence = self.event.summary.format(**text)
        except (KeyError, IndexError, TypeError):
            # Whoever fired it left something out.
            sentence = f"{self.event.sentence} ({self.payload['homepage']})"
        return f"Test: {sentence}" if self.is_test else sentence


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer of a receiver that took an event. `response` is the beginning of its body."""

    http_status: int | None = None
    response: str | None = None


class Unsent(Exception):
    """The receiver did not take an event. The message says why, to administrators.

    With `is_final` it never will, and is not asked again.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        response: str | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.response = response
        self.is_final = is_final


Check = Callable[[Context, Place, Facts], Awaitable[None]]
Send = Callable[[Context, Client, Outgoing], Awaitable[Sent]]
Write = Callable[[Context, Outgoing], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    """One method.

    `check` judges a configuration, and the rights of the viewer over what it names; it raises `Invalid`.
    `send` and `write` raise `Unsent`; `write` runs in a transaction, and raises before it writes.
    """

    method: NotificationMethod
    sentence: str
    config: str
    check: Check
    send: Send | None = None
    write: Write | None = None
    is_signed: bool = False
    """Whether the receiver can verify a signature."""
    feature: str | None = None
    """The feature without which it cannot be chosen."""
