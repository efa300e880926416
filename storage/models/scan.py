"""What scanners found in layers: package files, packages, listings; and what came of the scan of an image."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class ScannedLayer(Model):
    """A layer that was read for what is in it, once for all images that have it.

    `state` is scanned, unsupported, failed or too_large, and `reason` a sentence where it is not scanned.
    `version` is that of the scanner. Name and version of a distribution are what its `os-release` says.
    `removals` is JSON, compressed by zlib: the paths and the directories that it takes away. `problems`
    are files that could not be read, with a sentence for each.
    """

    id = fields.BigIntField(primary_key=True)
    blob: Any = fields.OneToOneField("models.Blob", related_name=False, on_delete=fields.CASCADE)
    digest = fields.CharField(max_length=140, unique=True)
    state = fields.CharField(max_length=16)
    reason = fields.TextField(null=True)
    version = fields.IntField()
    scanned_at_ms = fields.BigIntField()
    size_bytes = fields.BigIntField(default=0)
    entry_count = fields.BigIntField(default=0)
    distribution_name = fields.CharField(max_length=64, null=True)
    distribution_version = fields.CharField(max_length=64, null=True)
    removals = fields.BinaryField(null=True)
    problems: Any = fields.JSONField(default=list)

    class Meta:
        table = "scanned_layer"


class LayerListing(Model):
    """A part of the files of a layer, sorted by path: lines of JSON, compressed by zlib."""

    id = fields.BigIntField(primary_key=True)
    layer: Any = fields.ForeignKeyField("models.ScannedLayer", related_name=False, on_delete=fields.CASCADE)
    number = fields.IntField()
    first_path = fields.TextField()
    content = fields.BinaryField()

    class Meta:
        table = "layer_listing"
        unique_together = (("layer", "number"),)


class Package(Model):
    """A package, once for all layers that have it.

    `key` is a digest of the other columns, and unique. The distribution is empty where versions mean the same
    everywhere, or where none is known. Source and architecture are empty where there is none.
    """

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=64, unique=True)
    ecosystem = fields.CharField(max_length=16)
    distribution_name = fields.CharField(max_length=64)
    distribution_version = fields.CharField(max_length=64)
    name = fields.CharField(max_length=512)
    version = fields.CharField(max_length=255)
    source_name = fields.CharField(max_length=512)
    source_version = fields.CharField(max_length=255)
    architecture = fields.CharField(max_length=64)

    class Meta:
        table = "package"
        indexes = (
            Index(fields=("name", "ecosystem")),
            Index(fields=("source_name", "ecosystem")),
        )


class PackageFile(Model):
    """A file of a layer in which packages are noted, such as the status of dpkg. It may have none."""

    id = fields.BigIntField(primary_key=True)
    layer: Any = fields.ForeignKeyField(
        "models.ScannedLayer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    path = fields.TextField()
    parser = fields.CharField(max_length=32)

    class Meta:
        table = "package_file"


class FoundPackage(Model):
    """A package that a file of a layer notes."""

    id = fields.BigIntField(primary_key=True)
    file: Any = fields.ForeignKeyField("models.PackageFile", related_name=False, on_delete=fields.CASCADE)
    package: Any = fields.ForeignKeyField(
        "models.Package", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )

    class Meta:
        table = "found_package"
        unique_together = (("file", "package"),)


class ManifestScan(Model):
    """What came of the scan of an image. Without a row it was not scanned yet.

    `state` is queued, scanned, unsupported, failed or too_large. One that is queued has a `reason` to wait,
    and is looked at again at `due_at_ms`.
    """

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.OneToOneField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    state = fields.CharField(max_length=16)
    reason = fields.TextField(null=True)
    version = fields.IntField()
    scanned_at_ms = fields.BigIntField(null=True)
    due_at_ms = fields.BigIntField(null=True)
    distribution_name = fields.CharField(max_length=64, null=True)
    distribution_version = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "manifest_scan"


class HiddenFile(Model):
    """A package file of a layer that is not in an image: a layer above replaces it or takes it away."""

    id = fields.BigIntField(primary_key=True)
    manifest: Any = fields.ForeignKeyField("models.Manifest", related_name=False, on_delete=fields.CASCADE)
    file: Any = fields.ForeignKeyField(
        "models.PackageFile", related_name=False, on_delete=fields.CASCADE, db_index=True
    )

    class Meta:
        table = "hidden_file"
        unique_together = (("manifest", "file"),)
