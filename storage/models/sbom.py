"""Bills of materials that somebody attached to images, and the packages that they name."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class SbomDocument(Model):
    """A bill of materials that was attached to an image. `pushed_by` is the name of the account then.

    `subject_digest` is that of the image, empty until an attestation without a subject was read. `state` is
    queued, read, failed, or own for a bill that the registry has made itself. `reason` is a sentence where
    there is more to say.
    """

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.OneToOneField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    subject_digest = fields.CharField(max_length=140)
    pushed_by = fields.CharField(max_length=255, null=True)
    state = fields.CharField(max_length=16)
    reason = fields.TextField(null=True)
    format = fields.CharField(max_length=16, null=True)
    version = fields.CharField(max_length=16, null=True)
    package_count = fields.IntField(default=0)

    class Meta:
        table = "sbom_document"
        indexes = (("repository_id", "subject_digest"),)


class SbomPackage(Model):
    """A package that a bill of materials names. `is_found`: the scan of the image has found it as well."""

    id = fields.BigIntField(primary_key=True)
    document: Any = fields.ForeignKeyField(
        "models.SbomDocument", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    package: Any = fields.ForeignKeyField(
        "models.Package", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    is_found = fields.BooleanField(default=False)

    class Meta:
        table = "sbom_package"
