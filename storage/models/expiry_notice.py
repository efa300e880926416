"""Warnings of expirations: what notifications were told of."""

from tortoise import fields
from tortoise.models import Model


class ExpiryNotice(Model):
    """A tag with an expiration of which a notification was told.

    Ids are kept without foreign keys: one deletion would otherwise remove many rows. A job removes them.
    """

    id = fields.BigIntField(primary_key=True)
    notification_id = fields.BigIntField()
    expires_at_ms = fields.BigIntField(db_index=True)
    tag_id = fields.BigIntField()

    class Meta:
        table = "expiry_notice"
        unique_together = (("notification_id", "expires_at_ms", "tag_id"),)
