"""Auto-prune policies."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0029_reservation")]

    operations = [
        ops.CreateModel(
            name="PrunePolicy",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "namespace",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="namespace_id",
                        db_index=True,
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
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("method", fields.CharField(max_length=32)),
                ("value", fields.CharField(max_length=64)),
                ("tag_pattern", fields.CharField(null=True, max_length=256)),
                ("tag_pattern_matches", fields.BooleanField(default=True)),
                ("kept_if_pulled_within_days", fields.IntField(null=True)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "prune_policy",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A rule by which tags end: all but the newest `value` of them, or those older than `value`.",
            },
            bases=["Model"],
        ),
    ]
