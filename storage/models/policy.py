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


class PrunePolicy(Model):
    """A rule by which tags end: all but the newest `value` of them, or those older than `value`.

    `method` is `number_of_tags` or `creation_date`. It is for tags in whose names `tag_pattern` is found (or
    is not, if `tag_pattern_matches` is false), or for all. Tags that were pulled within
    `kept_if_pulled_within_days` stay. Without a repository it applies to the whole namespace.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    namespace: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    method = fields.CharField(max_length=32)
    value = fields.CharField(max_length=64)
    tag_pattern = fields.CharField(max_length=256, null=True)
    tag_pattern_matches = fields.BooleanField(default=True)
    kept_if_pulled_within_days = fields.IntField(null=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "prune_policy"
