"""Plans: dry runs of a change, kept until applied or expired."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Plan(Model):
    """A change that was looked at. `fingerprint` is a hash of what it would do, compared at its end."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    kind = fields.CharField(max_length=64)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    arguments: Any = fields.JSONField()
    fingerprint = fields.CharField(max_length=64)
    expires_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "plan"
