"""Manifests that pull-through caches brought, in the order in which they may go."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0041_organization_mirror")]

    operations = [
        ops.CreateModel(
            name="HeldManifest",
            fields=[
                (
                    "manifest",
                    fields.OneToOneField(
                        "models.Manifest",
                        source_field="manifest_id",
                        primary_key=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("cache_id", fields.BigIntField()),
                ("used_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "held_manifest",
                "app": "models",
                "indexes": [Index(fields=["cache_id", "used_at_ms", "manifest_id"])],
                "pk_attr": "manifest_id",
                "table_description": "A manifest that a pull-through cache brought from its upstream, so that it may go again.",
            },
            bases=["Model"],
        ),
        ops.AlterModelOptions(
            name="HeldManifest",
            options={
                "table": "held_manifest",
                "app": "models",
                "indexes": [Index(fields=["cache_id", "used_at_ms", "manifest_id"])],
                "pk_attr": "manifest_id",
                "table_description": "A manifest that a pull-through cache brought from its upstream, so that it may go again.",
            },
        ),
    ]
