"""Keys and settings of the installation."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class ServiceKey(Model):
    """A signing key of the registry. The private half is encrypted with the secret key of the site.

    Keys of other services are here as well, without private halves. `approval_type` and `approved_at_ms` are
    null while nobody has approved a key, which nothing trusts before. `approver_id` is the account that did.
    `successor_kid` is the key that replaced it, which it may do once.
    """

    id = fields.BigIntField(primary_key=True)
    kid = fields.CharField(max_length=64, unique=True)
    service = fields.CharField(max_length=255)
    private_key_encrypted = fields.TextField(null=True)
    public_key = fields.TextField()
    created_at_ms = fields.BigIntField()
    expires_at_ms = fields.BigIntField(null=True)
    name = fields.CharField(max_length=255, default="", db_default="")
    metadata: Any = fields.JSONField(null=True)
    approval_type = fields.CharField(max_length=16, null=True)
    approver_id = fields.BigIntField(null=True)
    approved_at_ms = fields.BigIntField(null=True)
    approval_notes = fields.TextField(null=True)
    rotation_duration_s = fields.BigIntField(null=True)
    successor_kid = fields.CharField(max_length=64, null=True)
    last_accessed_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "service_key"
        indexes = (Index(fields=("service", "id")),)


class SiteSetting(Model):
    """A fact that the installation remembers about itself."""

    name = fields.CharField(max_length=64, primary_key=True)
    value = fields.TextField()

    class Meta:
        table = "site_setting"
