"""Manifests and what they refer to. Bodies live apart, so that listing never reads them."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Manifest(Model):
    """A manifest or index of one repository.

    `layers_size_bytes` is the sum of the compressed layers, zero for an index. Platform and creation date
    come from the image configuration, null where there is none. `artifact_kind` is signature, attestation or
    sbom, null for anything else. One that was deleted, but stands in the history of tags, has its digests in
    `deleted_digest` and `deleted_subject_digest` instead, so that no search for a digest finds it. So has one
    that was collected, whose body is gone for good. `pushed_at_ms` is null for what was pushed once.
    """

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    digest = fields.CharField(max_length=140)
    media_type = fields.CharField(max_length=255)
    artifact_type = fields.CharField(max_length=255, null=True)
    artifact_kind = fields.CharField(max_length=16, null=True)
    size_bytes = fields.BigIntField()
    layers_size_bytes = fields.BigIntField()
    is_index = fields.BooleanField()
    config_digest = fields.CharField(max_length=140, null=True)
    config_media_type = fields.CharField(max_length=255, null=True)
    subject_digest = fields.CharField(max_length=140, null=True)
    annotations: Any = fields.JSONField(null=True)
    os = fields.CharField(max_length=64, null=True)
    architecture = fields.CharField(max_length=64, null=True)
    variant = fields.CharField(max_length=64, null=True)
    created_at_ms = fields.BigIntField()
    deleted_digest = fields.CharField(max_length=140, null=True)
    deleted_subject_digest = fields.CharField(max_length=140, null=True)
    pushed_at_ms = fields.BigIntField(null=True)
    collected_at_ms = fields.BigIntField(null=True)

    class Meta:
        table = "manifest"
        unique_together = (("repository", "digest"),)
        indexes = (Index(fields=("repository_id", "subject_digest")),)


class ManifestBody(Model):
    """The bytes of a manifest, exactly as pushed."""

    manifest: Any = fields.OneToOneField(
        "models.Manifest", related_name=False, on_delete=fields.CASCADE, primary_key=True
    )
    body = fields.BinaryField()

    class Meta:
        table = "manifest_body"


class ManifestChild(Model):
    """An entry of an index. The child itself may not be present."""

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.ForeignKeyField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    position = fields.IntField()
    digest = fields.CharField(max_length=140)
    media_type = fields.CharField(max_length=255)
    artifact_type = fields.CharField(max_length=255, null=True)
    size_bytes = fields.BigIntField()
    os = fields.CharField(max_length=64, null=True)
    architecture = fields.CharField(max_length=64, null=True)
    variant = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "manifest_child"
        unique_together = (("manifest", "position"),)
        indexes = (Index(fields=("digest",)),)


class ManifestBlob(Model):
    """A blob that a manifest names: its configuration (`config`) or a layer (`layer`), in order."""

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.ForeignKeyField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    position = fields.IntField()
    role = fields.CharField(max_length=16)
    digest = fields.CharField(max_length=140)
    media_type = fields.CharField(max_length=255)
    size_bytes = fields.BigIntField()
    is_distributable = fields.BooleanField()

    class Meta:
        table = "manifest_blob"
        unique_together = (("manifest", "position"),)
        indexes = (Index(fields=("digest",)),)
