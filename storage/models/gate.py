"""Pull policies: which images may be pulled, given what is known of their vulnerabilities."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class PullPolicy(Model):
    """A rule on pulls of images with vulnerabilities of a severity or a worse one.

    Without a repository it holds in the whole namespace; a place has at most one, which writers of it see to
    under a lock. `mode` is audit, warn or enforce, and `severity` the number of the least severity.
    """

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    mode = fields.CharField(max_length=16)
    severity = fields.SmallIntField()
    allows_unfixed = fields.BooleanField(default=False)
    requires_scan = fields.BooleanField(default=False)
    created_at_ms = fields.BigIntField()
    changed_at_ms = fields.BigIntField()

    class Meta:
        table = "pull_policy"
        indexes = (Index(fields=("namespace_id", "repository_id")),)


class PullException(Model):
    """An advisory that a pull policy overlooks for some time, by one of its names."""

    id = fields.BigIntField(primary_key=True)
    policy: Any = fields.ForeignKeyField("models.PullPolicy", related_name=False, on_delete=fields.CASCADE)
    advisory = fields.CharField(max_length=128)
    reason = fields.TextField()
    ends_at_ms = fields.BigIntField()
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "pull_exception"
        unique_together = (("policy", "advisory"),)


class PullPolicyNotice(Model):
    """When an event last told that an image was pulled, or was to be, against a policy in a mode."""

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.ForeignKeyField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    mode = fields.CharField(max_length=16)
    noted_at_ms = fields.BigIntField()

    class Meta:
        table = "pull_policy_notice"
        unique_together = (("manifest", "mode"),)


class FindingsRevision(Model):
    """One row: a number that every change raises which may make a judgement on a pull another one.

    A second row is for counts of vulnerabilities, and leaves out changes of policies.
    """

    id = fields.BigIntField(primary_key=True)
    number = fields.BigIntField()

    class Meta:
        table = "findings_revision"
