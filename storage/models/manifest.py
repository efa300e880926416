"""Manifests and what they refer to. Bodies are in a table of their own, so that lists never read them."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Manifest(Model):
    """A manifest or index of one repository.

    `layers_size_bytes` is the sum of the compressed layers, zero for an index. Platform and creation date
    come from the image configuration, null without one. `artifact_kind` is signature, attestation or sbom,
    else null. `pushed_at_ms` is null until a second push; read COALESCE(pushed_at_ms, created_at_ms).

    A tombstone is a deleted manifest that the history of tags still refers to: its digests are in
    `deleted_digest` and `deleted_subject_digest`, so that no lookup by digest finds it. `collected_at_ms` is
    when garbage collection removed its body for good.
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
    """An entry of an index. The child itself may not be present.

    `namespace_id` is that of the repository, so that uses of a digest are looked up within a namespace.
    """

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
    namespace_id = fields.BigIntField(null=True)

    class Meta:
        table = "manifest_child"
        unique_together = (("manifest", "position"),)
        indexes = (
            Index(fields=("digest",)),
            Index(fields=("namespace_id", "digest", "manifest_id")),
        )


class ManifestBlob(Model):
    """A blob that a manifest names: its configuration (`config`) or a layer (`layer`), in order.

    `namespace_id` is that of the repository, so that uses of a digest are looked up within a namespace.
    """

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.ForeignKeyField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    position = fields.IntField()
    role = fields.CharField(max_length=16)
    digest = fields.CharField(max_length=140)
    media_type = fields.CharField(max_length=255)
    size_bytes = fields.BigIntField()
    is_distributable = fields.BooleanField()
    namespace_id = fields.BigIntField(null=True)

    class Meta:
        table = "manifest_blob"
        unique_together = (("manifest", "position"),)
        indexes = (
            Index(fields=("digest",)),
            Index(fields=("namespace_id", "digest", "manifest_id")),
        )
