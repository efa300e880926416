"""Permissions on repositories, and default permissions of organizations."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
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


class PermissionPrototype(Model):
    """A default permission: what an account or team gets on repositories created in an organization.

    `activating_account` limits it to repositories that this account creates.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    organization: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    activating_account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True
    )
    delegate_account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True
    )
    delegate_team: Any = fields.ForeignKeyField(
        "models.Team", related_name=False, on_delete=fields.CASCADE, null=True
    )
    role = fields.CharField(max_length=16)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "permission_prototype"
        indexes = (Index(fields=("organization_id", "id")),)
