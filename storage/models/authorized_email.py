"""E-mail addresses that agreed to get notifications."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class AuthorizedEmail(Model):
    """An address that was asked to take notifications of a repository, or of a namespace.

    `email_key` is the address as it is compared. `code_hash` is of the code that was sent there, until it
    comes back.
    """

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, null=True
    )
    email = fields.CharField(max_length=254)
    email_key = fields.CharField(max_length=254)
    code_hash = fields.CharField(max_length=64, null=True, unique=True)
    asked_at_ms = fields.BigIntField(db_index=True)
    confirmed_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "authorized_email"
        unique_together = (("repository", "email_key"),)
