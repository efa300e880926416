"""Tags with their history."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Tag(Model):
    """One span `[started, ended)` during which a name pointed to a manifest.

    `ended_at_ms` is null without an end. `has_ended` marks an end that has happened, which stays even if the
    clock goes back; without it, the end is an expiration, which comes when the clock says so. `is_reversion`
    marks a span made by a restore, `is_expiration` an end that was set as expiration. `would_expire_at_ms`
    keeps the expiration of a span that ended earlier. History, "as of" and restore all read this table.
    `pusher_id` is the account that pointed it there, which may be gone.

    `confirmed_at_ms` is when the upstream of a pull-through cache was last found to have it so; null for a
    tag that was pushed.

    `life` counts how often the tag was made again after it had ended; the pulls of a life are its own.

    In the order of ids, the spans of a name neither overlap nor run backwards, and only the last goes on.
    """

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=128)
    manifest: Any = fields.ForeignKeyField(
        "models.Manifest", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    started_at_ms = fields.BigIntField()
    ended_at_ms = fields.BigIntField(null=True)
    is_reversion = fields.BooleanField(default=False)
    is_immutable = fields.BooleanField(default=False)
    is_expiration = fields.BooleanField(default=False, db_default=False)
    would_expire_at_ms = fields.BigIntField(null=True)
    has_ended = fields.BooleanField(default=False, db_default=False)
    pusher_id = fields.BigIntField(null=True)
    life = fields.IntField(default=0, db_default=0)
    confirmed_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "tag"
        indexes = (
            Index(fields=("repository_id", "name", "started_at_ms")),
            Index(fields=("repository_id", "started_at_ms", "name")),
            Index(fields=("repository_id", "id"), name="idx_tag_order"),
        )
