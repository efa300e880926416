"""Repositories."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Repository(Model):
    """A named set of manifests and tags in one namespace.

    A deleted repository keeps its row, under its uuid as name, until the job that removes its content is
    done: the old name is free at once and never leads to the old rows. Triggers keep `path`, its namespace's
    name and its own. `popularity_level` is a class of popularity, which a job keeps roughly in step.
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
