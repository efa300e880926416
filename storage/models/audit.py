"""The audit log, which people read by namespace and by repository, and its daily counts."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class AuditEntry(Model):
    """One entry, derived from an event in its transaction. Like events, entries outlive what they tell of."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=64)
    namespace_id = fields.BigIntField(null=True)
    repository_id = fields.BigIntField(null=True)
    performer_id = fields.BigIntField(null=True)
    ip = fields.CharField(max_length=64, null=True)
    metadata: Any = fields.JSONField(default=dict)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "audit_log"
        indexes = (
            Index(fields=("namespace_id", "created_at_ms", "id")),
            Index(fields=("repository_id", "created_at_ms", "id")),
            Index(fields=("performer_id", "created_at_ms", "id")),
            Index(fields=("created_at_ms", "id")),
        )


class AuditDaily(Model):
    """How many entries there are of one kind on one day (days since the epoch, UTC), rolled up from the log.

    Zero stands for no namespace, repository or performer, since an upsert cannot match NULL.
    """

    id = fields.BigIntField(primary_key=True)
    namespace_id = fields.BigIntField()
    repository_id = fields.BigIntField()
    performer_id = fields.BigIntField()
    kind = fields.CharField(max_length=64)
    day = fields.IntField()
    entries = fields.BigIntField()

    class Meta:
        table = "audit_daily"
        unique_together = (("namespace_id", "day", "repository_id", "performer_id", "kind"),)
        indexes = (
            Index(fields=("repository_id", "day")),
            # The counts of the whole registry are read from this alone.
            Index(fields=("day", "kind", "entries"), name="idx_audit_daily_of_all"),
        )
