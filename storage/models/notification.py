"""Notifications: which events of a repository or a namespace are told to whom, and each delivery."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Notification(Model):
    """One event of a repository, or of a namespace if it has no repository, that is told to one receiver.

    `secret` is encrypted. Events up to the position `since_transaction_id`, `since_event_id` of the log are
    older than it. `job_id` is the job that delivers for it, null while nothing waits. Skipped deliveries up
    to `resend_up_to_id` are about to be sent again.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    namespace: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    event = fields.CharField(max_length=32)
    method = fields.CharField(max_length=32)
    title = fields.CharField(max_length=255, null=True)
    config: Any = fields.JSONField(default=dict)
    event_config: Any = fields.JSONField(default=dict)
    secret = fields.TextField(null=True)
    number_of_failures = fields.IntField(default=0)
    created_at_ms = fields.BigIntField()
    since_transaction_id = fields.BigIntField(default=0)
    since_event_id = fields.BigIntField(default=0)
    job_id = fields.BigIntField(null=True)
    resend_up_to_id = fields.BigIntField(null=True)

    class Meta:
        table = "notification"


class NotificationDelivery(Model):
    """What is, was or is not to be sent for one event to the receiver of one notification.

    `notification_id` is no foreign key, so that a notification with many deliveries is deleted at once; a job
    removes them. `status` is waiting, delivered, failed or skipped. `event_id` is the same at each attempt.
    """

    id = fields.BigIntField(primary_key=True)
    notification_id = fields.BigIntField()
    event_id = fields.CharField(max_length=36)
    is_test = fields.BooleanField(default=False)
    payload: Any = fields.JSONField(default=dict)
    status = fields.CharField(max_length=16)
    attempts = fields.IntField(default=0)
    http_status = fields.IntField(null=True)
    response = fields.TextField(null=True)
    error = fields.TextField(null=True)
    created_at_ms = fields.BigIntField()
    next_attempt_at_ms = fields.BigIntField(null=True)
    last_attempt_at_ms = fields.BigIntField(null=True)
    ended_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "notification_delivery"
        indexes = (
            Index(fields=("notification_id", "id"), name="idx_notification_delivery_of"),
            Index(fields=("notification_id", "status", "id"), name="idx_notification_delivery_due"),
            Index(fields=("created_at_ms",), name="idx_notification_delivery_age"),
        )
