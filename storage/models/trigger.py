"""Build triggers: what has builds ordered when somebody pushes to a Git repository."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class BuildTrigger(Model):
    """What has builds of a repository ordered when somebody pushes to a Git repository.

    `account` connected it, and its builds push with the rights of that account; null once that is gone.
    `robot` fetches base images instead, which `has_robot` still says when it is gone. `config` is what the
    activation gave. The secrets are encrypted: the token and the secret of its webhook, and the key that
    reads the Git repository by SSH. `known_hosts` are the keys of SSH servers that were met. The counts are
    of builds in a row that failed. A deleted one stays until a job has removed its builds.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    robot: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    has_robot = fields.BooleanField(default=False, db_default=False)
    service = fields.CharField(max_length=16)
    is_enabled = fields.BooleanField(default=True, db_default=True)
    disabled_reason = fields.CharField(max_length=40, null=True)
    build_source = fields.TextField(null=True)
    config: Any = fields.JSONField(default=dict)
    write_token_encrypted = fields.TextField(null=True)
    webhook_secret_encrypted = fields.TextField(null=True)
    private_key_encrypted = fields.TextField(null=True)
    public_key = fields.TextField(null=True)
    known_hosts = fields.TextField(default="")
    failure_count = fields.IntField(default=0, db_default=0)
    internal_error_count = fields.IntField(default=0, db_default=0)
    created_at_ms = fields.BigIntField()
    activated_at_ms = fields.BigIntField(null=True)
    deleted_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "build_trigger"
        indexes = (Index(fields=("repository_id", "created_at_ms", "id")),)
