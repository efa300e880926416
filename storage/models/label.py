"""Labels of manifests."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Label(Model):
    """A key and value on a manifest. `source` is manifest (from the image itself), api or internal."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    manifest: Any = fields.ForeignKeyField(
        "models.Manifest", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    key = fields.CharField(max_length=255)
    value = fields.TextField()
    media_type = fields.CharField(max_length=64)
    source = fields.CharField(max_length=16)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "label"
