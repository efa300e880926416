"""Quotas: how many bytes a namespace may store, and at which shares of them what happens."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Quota(Model):
    """How many bytes a namespace may store. What happens when they fill up is said by its limits."""

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.OneToOneField("models.Account", related_name=False, on_delete=fields.CASCADE)
    limit_bytes = fields.BigIntField()
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "quota"


class QuotaLimit(Model):
    """What happens from `percent` of a quota on. `kind` is warning (owners are told) or reject (no push)."""

    id = fields.BigIntField(primary_key=True)
    quota: Any = fields.ForeignKeyField("models.Quota", related_name=False, on_delete=fields.CASCADE)
    kind = fields.CharField(max_length=16)
    percent = fields.IntField()

    class Meta:
        table = "quota_limit"
        unique_together = (("quota", "kind", "percent"),)


class QuotaNotice(Model):
    """When an event told last that a namespace reached a threshold of its quota.

    The row outlives the limit, so that making a limit again does not tell of it twice a day.
    """

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    kind = fields.CharField(max_length=16)
    percent = fields.IntField()
    noted_at_ms = fields.BigIntField()

    class Meta:
        table = "quota_notice"
        unique_together = (("namespace", "kind", "percent"),)
