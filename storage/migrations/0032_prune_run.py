"""What runs of auto-prune policies did."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0031_content_use")]

    operations = [
        ops.CreateModel(
            name="PruneRun",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "policy",
                    fields.ForeignKeyField(
                        "models.PrunePolicy",
                        source_field="policy_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("started_at_ms", fields.BigIntField()),
                ("ended_at_ms", fields.BigIntField(null=True)),
                ("tag_count", fields.BigIntField(default=0)),
                ("tags", fields.JSONField(default=list)),
                ("error", fields.TextField(null=True)),
            ],
            options={
                "table": "prune_run",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What one run deleted by one policy: how many tags, and the first of them.",
            },
            bases=["Model"],
        ),
    ]
