"""Global messages."""

from tortoise import fields
from tortoise.models import Model


class GlobalMessage(Model):
    """A message that every page shows. `severity` is info, warning or error."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    content = fields.TextField()
    media_type = fields.CharField(max_length=64)
    severity = fields.CharField(max_length=16)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "global_message"
