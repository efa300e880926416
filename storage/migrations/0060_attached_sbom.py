"""Bills of materials that are attached to images."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0059_severity")]

    operations = [
        ops.CreateModel(
            name="SbomDocument",
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
                (
                    "repository",
                    fields.ForeignKeyField(
                        "models.Repository",
                        source_field="repository_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("subject_digest", fields.CharField(max_length=140)),
                ("pushed_by", fields.CharField(null=True, max_length=255)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.TextField(null=True, unique=False)),
                ("format", fields.CharField(null=True, max_length=16)),
                ("version", fields.CharField(null=True, max_length=16)),
                ("package_count", fields.IntField(default=0)),
            ],
            options={
                "table": "sbom_document",
                "app": "models",
                "indexes": [Index(fields=["repository_id", "subject_digest"])],
                "pk_attr": "id",
                "table_description": "A bill of materials that was attached to an image. `pushed_by` is the name of the account then.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SbomPackage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "document",
                    fields.ForeignKeyField(
                        "models.SbomDocument",
                        source_field="document_id",
                        db_index=True,
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
                ("is_found", fields.BooleanField(default=False)),
            ],
            options={
                "table": "sbom_package",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A package that a bill of materials names. `is_found`: the scan of the image has found it as well.",
            },
            bases=["Model"],
        ),
        # Whether a bill is the registry's own is asked of builds.
        ops.AddIndex(model_name="Build", index=Index(fields=["sbom_digest"], name="idx_build_sbom")),
    ]
