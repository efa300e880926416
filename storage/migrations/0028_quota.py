from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0027_stored_bytes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Quota",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "namespace",
                    fields.OneToOneField(
                        "models.Account",
                        source_field="namespace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("limit_bytes", fields.BigIntField()),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "quota",
                "app": "models",
                "pk_attr": "id",
                "table_description": "How many bytes a namespace may store. What happens when they fill up is said by its limits.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="QuotaLimit",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "quota",
                    fields.ForeignKeyField(
                        "models.Quota",
                        source_field="quota_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("percent", fields.IntField()),
            ],
            options={
                "table": "quota_limit",
                "app": "models",
                "unique_together": (("quota", "kind", "percent"),),
                "pk_attr": "id",
                "table_description": "What happens from `percent` of a quota on. `kind` is warning (owners are told) or reject (no push).",
            },
            bases=["Model"],
        ),
    ]
