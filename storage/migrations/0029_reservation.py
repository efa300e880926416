"""What uploads under way have reserved of a quota, and when thresholds of quotas were told of last."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0028_quota")]

    operations = [
        ops.AddField(model_name="Upload", name="namespace_id", field=fields.BigIntField(null=True)),
        ops.AddField(
            model_name="Upload", name="reserved_bytes", field=fields.BigIntField(default=0, db_default=0)
        ),
        ops.RunSQL(
            'CREATE INDEX "idx_upload_reserved" ON "upload" ("namespace_id", "reserved_bytes")'
            ' WHERE "reserved_bytes" > 0'
        ),
        ops.CreateModel(
            name="QuotaNotice",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "namespace",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="namespace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("percent", fields.IntField()),
                ("noted_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "quota_notice",
                "app": "models",
                "unique_together": (("namespace", "kind", "percent"),),
                "pk_attr": "id",
                "table_description": "When an event told last that a namespace reached a threshold of its quota.",
            },
            bases=["Model"],
        ),
    ]
