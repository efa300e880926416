"""Durable jobs and the leases by which processes agree who does what."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Job(Model):
    """A unit of work.

    `state` is waiting, running, done, failed or cancelled; `attempts` counts claims. `namespace_id` is the
    account for whose namespace it works, null for the registry itself; it may outlive the account.
    `progress_done` of `progress_total` steps are behind it, as far as it has said. `started_at_ms` is the
    start of the last attempt.
    """

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
    namespace_id = fields.BigIntField(null=True)
    started_at_ms = fields.BigIntField(null=True)
    cancel_requested_at_ms = fields.BigIntField(null=True)
    progress_done = fields.BigIntField(null=True)
    progress_total = fields.BigIntField(null=True)
    result = fields.TextField(null=True)

    class Meta:
        table = "job"
        indexes = (
            Index(fields=("state", "run_at_ms")),
            Index(fields=("state", "kind", "namespace_id", "run_at_ms", "id"), name="idx_job_due"),
            Index(fields=("kind", "id"), name="idx_job_kind"),
            Index(fields=("namespace_id", "started_at_ms"), name="idx_job_namespace"),
        )


class Lease(Model):
    """A named right that one process holds until `expires_at_ms`."""

    name = fields.CharField(max_length=64, primary_key=True)
    holder = fields.CharField(max_length=64)
    expires_at_ms = fields.BigIntField()

    class Meta:
        table = "lease"
