"""Keys and settings of the installation."""

from tortoise import fields
from tortoise.models import Model


class ServiceKey(Model):
    """A signing key of the registry. The private half is encrypted with the secret key of the site."""

    id = fields.BigIntField(primary_key=True)
    kid = fields.CharField(max_length=64, unique=True)
    service = fields.CharField(max_length=255)
    private_key_encrypted = fields.TextField(null=True)
    public_key = fields.TextField()
    created_at_ms = fields.BigIntField()
    expires_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "service_key"


class SiteSetting(Model):
    """A fact that the installation remembers about itself."""

    name = fields.CharField(max_length=64, primary_key=True)
    value = fields.TextField()

    class Meta:
        table = "site_setting"
