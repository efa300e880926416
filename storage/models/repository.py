"""Repositories."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Repository(Model):
    """A named set of manifests and tags in one namespace.

    A deleted repository keeps its row as a tombstone, with its uuid as name, until a job has purged its
    content: the name is free at once. Triggers maintain `path`, which is `namespace/name`.
    `popularity_level` is a rank of popularity that a job updates with delay.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    namespace: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.RESTRICT)
    name = fields.CharField(max_length=255)
    path = fields.CharField(max_length=511, null=True)
    visibility = fields.CharField(max_length=16)
    state = fields.CharField(max_length=24)
    description = fields.TextField(null=True)
    badge_token = fields.CharField(max_length=64)
    auth_epoch = fields.BigIntField(default=0)
    popularity_level = fields.IntField(default=0, db_default=0)
    created_at_ms = fields.BigIntField()
    deleted_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "repository"
        unique_together = (("namespace", "name"),)
