"""Documents of VEX that are attached to images."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0057_pull_robot")]

    operations = [
        ops.CreateModel(
            name="VexDocument",
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
                ("pushed_by", fields.CharField(null=True, max_length=255)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "vex_document",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A referrer with a document in the OpenVEX format. `pushed_by` is the name of the account then.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="VexStatement",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "document",
                    fields.ForeignKeyField(
                        "models.VexDocument",
                        source_field="document_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("ecosystem", fields.CharField(max_length=16)),
                ("package_name", fields.CharField(max_length=512)),
                ("package_version", fields.CharField(max_length=255)),
                ("status", fields.CharField(max_length=32)),
                ("is_suppressing", fields.BooleanField()),
                ("justification", fields.CharField(null=True, max_length=64)),
                ("impact", fields.TextField(null=True, unique=False)),
                ("stated_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "vex_statement",
                "app": "models",
                "indexes": [Index(fields=["document_id", "name"])],
                "pk_attr": "id",
                "table_description": "What a document states of a vulnerability by one of its names, in the image or in a package of it.",
            },
            bases=["Model"],
        ),
    ]
