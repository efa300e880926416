"""The event log: one row per change, written in the transaction of the change."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Event(Model):
    """What happened. Ids are kept without foreign keys, since events outlive what they tell of.

    `transaction_id` is the 64-bit transaction id of PostgreSQL, which gives commit order; null on SQLite,
    where the row id does.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=64)
    namespace_id = fields.BigIntField(null=True)
    repository_id = fields.BigIntField(null=True)
    performer_id = fields.BigIntField(null=True)
    credential_kind = fields.CharField(max_length=16, null=True)
    credential_id = fields.BigIntField(null=True)
    ip = fields.CharField(max_length=64, null=True)
    request_id = fields.CharField(max_length=64, null=True)
    metadata: Any = fields.JSONField(default=dict)
    created_at_ms = fields.BigIntField()
    transaction_id = fields.BigIntField(null=True)

    class Meta:
        table = "event"
        indexes = (
            Index(fields=("namespace_id", "id")),
            Index(fields=("repository_id", "id")),
            Index(fields=("transaction_id", "id")),
        )
