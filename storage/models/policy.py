"""Policies for tags, of a namespace or a repository."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class ImmutabilityPolicy(Model):
    """Tags whose names fit `tag_pattern` (or do not, if `tag_pattern_matches` is false) are locked.

    Without a repository it applies to the whole namespace.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    namespace: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    tag_pattern = fields.CharField(max_length=266)
    tag_pattern_matches = fields.BooleanField(default=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "immutability_policy"
