"""Direct grants on repositories."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class RepositoryPermission(Model):
    """A role (read, write, admin) on one repository for either one account or one team."""

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    team: Any = fields.ForeignKeyField(
        "models.Team", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    role = fields.CharField(max_length=16)

    class Meta:
        table = "repository_permission"
        unique_together = (("repository", "account"), ("repository", "team"))
