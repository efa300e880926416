"""Accounts: users, organizations and robots, in one table because they share one namespace of names."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Account(Model):
    """A user, an organization or a robot. `auth_epoch` grows whenever tokens issued earlier must die.

    A deleted account keeps its row as a tombstone (`deleted_at_ms`) until a job has purged what it owns.
    `email_key`, unique, is a user's address in small letters; null where another user had it first.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    kind = fields.CharField(max_length=16)
    name = fields.CharField(max_length=255, unique=True)
    email = fields.CharField(max_length=254, null=True)
    email_key = fields.CharField(max_length=508, null=True)
    password_hash = fields.TextField(null=True)
    is_enabled = fields.BooleanField(default=True)
    is_verified = fields.BooleanField(default=False)
    is_superuser = fields.BooleanField(default=False)
    auth_epoch = fields.BigIntField(default=0)
    tag_expiration_s = fields.BigIntField()
    invoice_email = fields.BooleanField(default=False)
    invoice_email_address = fields.CharField(max_length=254, null=True)
    given_name = fields.CharField(max_length=255, null=True)
    family_name = fields.CharField(max_length=255, null=True)
    company = fields.CharField(max_length=255, null=True)
    location = fields.CharField(max_length=255, null=True)
    created_at_ms = fields.BigIntField()
    last_accessed_at_ms = fields.BigIntField(null=True)
    deleted_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "account"


class Robot(Model):
    """What a robot has beside its account: its owner and its token, encrypted since it is shown again."""

    id = fields.BigIntField(primary_key=True)
    account: Any = fields.OneToOneField("models.Account", related_name=False)
    owner: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.RESTRICT)
    token_encrypted = fields.TextField()
    description = fields.TextField(default="")
    unstructured_metadata: Any = fields.JSONField(default=dict)

    class Meta:
        table = "robot"


class RobotFederation(Model):
    """An identity of an external OIDC issuer that may act as a robot."""

    id = fields.BigIntField(primary_key=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    issuer = fields.CharField(max_length=255)
    subject = fields.CharField(max_length=255)

    class Meta:
        table = "robot_federation"
        unique_together = (("account", "issuer", "subject"),)
