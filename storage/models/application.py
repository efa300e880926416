"""OAuth applications, authorization codes and token assignments."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Application(Model):
    """A client of the authorization server, owned by an organization. Its encrypted secret is shown again."""

    id = fields.BigIntField(primary_key=True)
    organization: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    client_id = fields.CharField(max_length=32, unique=True)
    client_secret_encrypted = fields.TextField()
    name = fields.CharField(max_length=255)
    description = fields.TextField(default="")
    application_uri = fields.CharField(max_length=2000, default="")
    redirect_uri = fields.CharField(max_length=2000, default="")
    avatar_email = fields.CharField(max_length=254, null=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "application"


class AuthorizationCode(Model):
    """A code that a client exchanges for a token, once, within minutes, and bound to its PKCE challenge."""

    id = fields.BigIntField(primary_key=True)
    code_hash = fields.CharField(max_length=64, unique=True)
    application: Any = fields.ForeignKeyField(
        "models.Application", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    scopes = fields.CharField(max_length=255)
    redirect_uri = fields.CharField(max_length=2000)
    code_challenge = fields.CharField(max_length=128, null=True)
    code_challenge_method = fields.CharField(max_length=8, null=True)
    expires_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "authorization_code"


class TokenAssignment(Model):
    """A token that an administrator offers to another user, who has to accept it."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    application: Any = fields.ForeignKeyField(
        "models.Application", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    response_type = fields.CharField(max_length=16)
    redirect_uri = fields.CharField(max_length=2000)
    scopes = fields.CharField(max_length=255)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "token_assignment"
