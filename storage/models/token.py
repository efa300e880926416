"""Access tokens and application tokens."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class AccessToken(Model):
    """An OAuth access token: looked up by its public prefix, proven by a hash of its secret half."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    prefix = fields.CharField(max_length=20, unique=True)
    secret_hash = fields.CharField(max_length=64)
    title = fields.CharField(max_length=255, default="")
    application: Any = fields.ForeignKeyField(
        "models.Application", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    scopes = fields.CharField(max_length=255)
    created_at_ms = fields.BigIntField()
    expires_at_ms = fields.BigIntField(null=True)
    last_accessed_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "access_token"


class AppToken(Model):
    """An application-specific password of a user, encrypted because its owner may read it again."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    title = fields.CharField(max_length=255)
    prefix = fields.CharField(max_length=60, unique=True)
    secret_encrypted = fields.TextField()
    created_at_ms = fields.BigIntField()
    expires_at_ms = fields.BigIntField(null=True)
    last_accessed_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "app_token"
