"""Notifications of repositories and namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.owed.rows import Entry, Request, Row, at_acme, at_app, at_own, row

_OF_REPOSITORY = {
    "create": "add_repo_notification",
    "delete": "delete_repo_notification",
    "reset": "reset_repo_notification",
}
_OF_NAMESPACE = {
    "create": "create_namespace_notification",
    "delete": "delete_namespace_notification",
    "reset": "reset_namespace_notification",
}


@dataclass(frozen=True)
class _Place:
    """One kind of owner: the end of its rows' names, and what differs between them."""

    variant: str
    argument: str
    noun: str
    right: str
    by: str

    @property
    def event(self) -> str:
        return "repo_push" if self.noun == "repo" else "quota_error"

    @property
    def given(self) -> Request:
        return Request(f"notificationCreate({self.arguments})", keep={"notification": "notification.uuid"})

    @property
    def arguments(self) -> str:
        url = "https://[2606:4700::1111]/hook"
        method = f'method: WEBHOOK, config: {{ url: "{url}" }}, secret: "key", title: "hook"'
        return f"{self.argument}input: {{ event: {self.event.upper()}, {method} }}"

    def entry(self, verb: str) -> Entry:
        metadata: dict[str, Any] = {
            "notification_id": "<notification>",
            "event": self.event,
            "method": "webhook",
        }
        if self.noun == "repo":
            return at_app(_OF_REPOSITORY[verb], **metadata)
        kind = _OF_NAMESPACE[verb]
        return (
            at_acme(kind, namespace="acme", **metadata)
            if self.argument
            else at_own(kind, namespace="owner", **metadata)
        )


_PLACES = (
    _Place("", 'owner: { repository: "acme/app" }, ', "repo", "administer", "keeper"),
    _Place(":of an organization", 'owner: { namespace: "acme" }, ', "namespace", "organization", "org"),
    _Place(":own", "", "namespace", "own robot", "user"),
)

ROWS: tuple[Row, ...] = tuple(
    made
    for place in _PLACES
    for made in (
        row(
            f"notificationCreate{place.variant}",
            place.arguments,
            "own account" if place.variant == ":own" else place.right,
            "+notification +site_setting",
            place.entry("create"),
            by=place.by,
            notification="notification.uuid",
        ),
        row(
            f"notificationDelete{place.variant}",
            f'{place.argument}notification: "<notification>"',
            place.right,
            "+job -notification",
            place.entry("delete"),
            by=place.by,
            given=(place.given,),
        ),
        row(
            f"notificationReset{place.variant}",
            f'{place.argument}notification: "<notification>"',
            place.right,
            "",
            place.entry("reset"),
            by=place.by,
            given=(place.given,),
        ),
        row(
            f"notificationTest{place.variant}",
            f'{place.argument}notification: "<notification>"',
            place.right,
            "+job ~notification +notification_delivery",
            by=place.by,
            given=(place.given,),
        ),
        row(
            f"notificationResend{place.variant}",
            f'{place.argument}notification: "<notification>"',
            place.right,
            "+job ~notification",
            by=place.by,
            given=(place.given,),
        ),
    )
)
