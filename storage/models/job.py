"""Durable jobs and the leases by which processes agree who does what."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Job(Model):
    """A unit of work. `state` is waiting, running, done or failed, `attempts` counts claims."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=64)
    payload: Any = fields.JSONField(default=dict)
    state = fields.CharField(max_length=16)
    run_at_ms = fields.BigIntField()
    attempts = fields.IntField(default=0)
    lease_holder = fields.CharField(max_length=64, null=True)
    lease_until_ms = fields.BigIntField(null=True)
    error = fields.TextField(null=True)
    created_at_ms = fields.BigIntField()
    finished_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "job"
        indexes = (Index(fields=("state", "run_at_ms")),)


class Lease(Model):
    """A named right that one process holds until `expires_at_ms`."""

    name = fields.CharField(max_length=64, primary_key=True)
    holder = fields.CharField(max_length=64)
    expires_at_ms = fields.BigIntField()

    class Meta:
        table = "lease"
