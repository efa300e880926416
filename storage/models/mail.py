"""The outbox of mail."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Mail(Model):
    """A message to one address. `sent_at_ms` stays null until a mail server has taken it."""

    id = fields.BigIntField(primary_key=True)
    recipient = fields.CharField(max_length=254)
    subject = fields.CharField(max_length=255)
    body = fields.TextField()
    created_at_ms = fields.BigIntField()
    sent_at_ms = fields.BigIntField(null=True)
    error = fields.TextField(null=True)

    class Meta:
        table = "mail"
        indexes = (Index(fields=("sent_at_ms", "id")),)
