"""What runs of auto-prune policies did."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class PruneRun(Model):
    """What one run deleted by one policy: how many tags, and the first of them.

    `tags` are lists of repository, name and digest. `ended_at_ms` is null while it runs.
    """

    id = fields.BigIntField(primary_key=True)
    policy: Any = fields.ForeignKeyField(
        "models.PrunePolicy", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    started_at_ms = fields.BigIntField()
    ended_at_ms = fields.BigIntField(null=True)
    tag_count = fields.BigIntField(default=0)
    tags: Any = fields.JSONField(default=list)
    error = fields.TextField(null=True)

    class Meta:
        table = "prune_run"
