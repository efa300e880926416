"""Stars: bookmarks of users on repositories."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Star(Model):
    """One user's star on one repository."""

    id = fields.BigIntField(primary_key=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "star"
        unique_together = (("account", "repository"),)
