"""Documents of VEX that are attached to images, and what they state of vulnerabilities."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class VexDocument(Model):
    """A referrer with a document in the OpenVEX format. `pushed_by` is the name of the account then.

    `state` is queued, read or failed, and `reason` a sentence where it failed.
    """

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.OneToOneField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    pushed_by = fields.CharField(max_length=255, null=True)
    state = fields.CharField(max_length=16)
    reason = fields.TextField(null=True)

    class Meta:
        table = "vex_document"


class VexStatement(Model):
    """What a document states of a vulnerability by one of its names, in the image or in a package of it.

    Ecosystem, name and version of the package are empty where all are meant. `is_suppressing`: the image is
    not affected, or it is fixed there.
    """

    id = fields.BigIntField(primary_key=True)
    document: Any = fields.ForeignKeyField("models.VexDocument", related_name=False, on_delete=fields.CASCADE)
    name = fields.CharField(max_length=128)
    ecosystem = fields.CharField(max_length=16)
    package_name = fields.CharField(max_length=512)
    package_version = fields.CharField(max_length=255)
    status = fields.CharField(max_length=32)
    is_suppressing = fields.BooleanField()
    justification = fields.CharField(max_length=64, null=True)
    impact = fields.TextField(null=True)
    stated_at_ms = fields.BigIntField()

    class Meta:
        table = "vex_statement"
        indexes = (("document_id", "name"),)
