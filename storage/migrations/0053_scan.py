"""What is in images: layers that were read, their packages and files, and the state of each scan."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0052_advisory")]

    operations = [
        ops.CreateModel(
            name="ManifestScan",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "manifest",
                    fields.OneToOneField(
                        "models.Manifest",
                        source_field="manifest_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.TextField(null=True, unique=False)),
                ("version", fields.IntField()),
                ("scanned_at_ms", fields.BigIntField(null=True)),
                ("due_at_ms", fields.BigIntField(null=True)),
                ("distribution_name", fields.CharField(null=True, max_length=64)),
                ("distribution_version", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "manifest_scan",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What came of the scan of an image. Without a row it was not scanned yet.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Package",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(unique=True, max_length=64)),
                ("ecosystem", fields.CharField(max_length=16)),
                ("distribution_name", fields.CharField(max_length=64)),
                ("distribution_version", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=512)),
                ("version", fields.CharField(max_length=255)),
                ("source_name", fields.CharField(max_length=512)),
                ("source_version", fields.CharField(max_length=255)),
                ("architecture", fields.CharField(max_length=64)),
            ],
            options={
                "table": "package",
                "app": "models",
                "indexes": [Index(fields=["name", "ecosystem"]), Index(fields=["source_name", "ecosystem"])],
                "pk_attr": "id",
                "table_description": "A package, once for all layers that have it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ScannedLayer",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "blob",
                    fields.OneToOneField(
                        "models.Blob",
                        source_field="blob_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("digest", fields.CharField(unique=True, max_length=140)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.TextField(null=True, unique=False)),
                ("version", fields.IntField()),
                ("scanned_at_ms", fields.BigIntField()),
                ("size_bytes", fields.BigIntField(default=0)),
                ("entry_count", fields.BigIntField(default=0)),
                ("distribution_name", fields.CharField(null=True, max_length=64)),
                ("distribution_version", fields.CharField(null=True, max_length=64)),
                ("removals", fields.BinaryField(null=True)),
                ("problems", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "scanned_layer",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A layer that was read for what is in it, once for all images that have it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LayerListing",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "layer",
                    fields.ForeignKeyField(
                        "models.ScannedLayer",
                        source_field="layer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("first_path", fields.TextField(unique=False)),
                ("content", fields.BinaryField()),
            ],
            options={
                "table": "layer_listing",
                "app": "models",
                "unique_together": (("layer", "number"),),
                "pk_attr": "id",
                "table_description": "A part of the files of a layer, sorted by path: lines of JSON, compressed by zlib.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PackageFile",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "layer",
                    fields.ForeignKeyField(
                        "models.ScannedLayer",
                        source_field="layer_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("path", fields.TextField(unique=False)),
                ("parser", fields.CharField(max_length=32)),
            ],
            options={
                "table": "package_file",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A file of a layer in which packages are noted, such as the status of dpkg. It may have none.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FoundPackage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "file",
                    fields.ForeignKeyField(
                        "models.PackageFile",
                        source_field="file_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "package",
                    fields.ForeignKeyField(
                        "models.Package",
                        source_field="package_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "found_package",
                "app": "models",
                "unique_together": (("file", "package"),),
                "pk_attr": "id",
                "table_description": "A package that a file of a layer notes.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HiddenFile",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "manifest",
                    fields.ForeignKeyField(
                        "models.Manifest",
                        source_field="manifest_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "file",
                    fields.ForeignKeyField(
                        "models.PackageFile",
                        source_field="file_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "hidden_file",
                "app": "models",
                "unique_together": (("manifest", "file"),),
                "pk_attr": "id",
                "table_description": "A package file of a layer that is not in an image: a layer above replaces it or takes it away.",
            },
            bases=["Model"],
        ),
    ]
