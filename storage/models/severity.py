"""How bad vulnerabilities of repositories and namespaces are: their last counts, and a history of these.

What figures are is said in `resolvers/scan/figures.py`.
"""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class RepositorySeverity(Model):
    """The last count of a repository.

    `marker` is a digest of what it was counted of: as long as that is the same, the count holds.
    `counted_at_ms` is when it held last. `advisories` are those of its images, compressed.
    """

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.OneToOneField("models.Repository", related_name=False, on_delete=fields.CASCADE)
    marker = fields.CharField(max_length=64)
    counted_at_ms = fields.BigIntField()
    figures: Any = fields.JSONField()
    advisories = fields.BinaryField()

    class Meta:
        table = "repository_severity"


class NamespaceSeverity(Model):
    """The last count of a namespace: what the counts of its repositories come to, as `marker` tells."""

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.OneToOneField("models.Account", related_name=False, on_delete=fields.CASCADE)
    marker = fields.CharField(max_length=64)
    counted_at_ms = fields.BigIntField()
    figures: Any = fields.JSONField()

    class Meta:
        table = "namespace_severity"


class RepositorySeveritySample(Model):
    """The last count of a repository on a day (days since the epoch, UTC)."""

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    day = fields.IntField()
    counted_at_ms = fields.BigIntField()
    figures: Any = fields.JSONField()

    class Meta:
        table = "repository_severity_sample"
        unique_together = (("repository", "day"),)
        indexes = (Index(fields=("day",)),)


class NamespaceSeveritySample(Model):
    """The last count of a namespace on a day (days since the epoch, UTC)."""

    id = fields.BigIntField(primary_key=True)
    namespace: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    day = fields.IntField()
    counted_at_ms = fields.BigIntField()
    figures: Any = fields.JSONField()

    class Meta:
        table = "namespace_severity_sample"
        unique_together = (("namespace", "day"),)
        indexes = (Index(fields=("day",)),)
