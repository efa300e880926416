"""Advisories of vulnerabilities, and the packages that they concern."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Advisory(Model):
    """An imported advisory, also one that was withdrawn, since an older copy of it must not come back.

    `osv_id` is its name, `modified_at_ms` orders its revisions. `severity` is the number of the severity, 0
    for the worst, by the first vector that is understood: `vector`, whose score is `score`. `word` is the
    severity by the word of its source. `links` are web addresses.
    """

    id = fields.BigIntField(primary_key=True)
    osv_id = fields.CharField(max_length=128, unique=True)
    summary = fields.CharField(max_length=500)
    details = fields.TextField()
    severity = fields.SmallIntField()
    score = fields.FloatField(null=True)
    vector = fields.CharField(max_length=256, null=True)
    word = fields.CharField(max_length=32, null=True)
    links: Any = fields.JSONField(default=list)
    published_at_ms = fields.BigIntField(null=True)
    modified_at_ms = fields.BigIntField()
    withdrawn_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "advisory"
        indexes = (Index(fields=("withdrawn_at_ms",)),)


class AdvisoryName(Model):
    """Another name of an advisory, such as that of the vulnerability it is about.

    `is_alias` tells an alias from the name of what it was derived from.
    """

    id = fields.BigIntField(primary_key=True)
    advisory: Any = fields.ForeignKeyField("models.Advisory", related_name=False, on_delete=fields.CASCADE)
    name = fields.CharField(max_length=128)
    is_alias = fields.BooleanField()

    class Meta:
        table = "advisory_name"
        unique_together = (("advisory", "name"),)
        indexes = (Index(fields=("name", "advisory_id")),)


class AffectedPackage(Model):
    """A package that an advisory concerns, in one ecosystem or one release of a distribution.

    `spans` are lists of three: the first version affected, that which fixes it, the last version affected.
    `versions` are further ones. `severity` is the number of the severity in this package.
    """

    id = fields.BigIntField(primary_key=True)
    advisory: Any = fields.ForeignKeyField(
        "models.Advisory", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    ecosystem = fields.CharField(max_length=96)
    name = fields.CharField(max_length=512)
    severity = fields.SmallIntField()
    spans: Any = fields.JSONField(default=list)
    versions: Any = fields.JSONField(default=list)

    class Meta:
        table = "affected_package"
        indexes = (Index(fields=("ecosystem", "name")),)
