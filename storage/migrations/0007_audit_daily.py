from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0006_content_and_audit")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AuditDaily",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("namespace_id", fields.BigIntField()),
                ("repository_id", fields.BigIntField()),
                ("performer_id", fields.BigIntField()),
                ("kind", fields.CharField(max_length=64)),
                ("day", fields.IntField()),
                ("entries", fields.BigIntField()),
            ],
            options={
                "table": "audit_daily",
                "app": "models",
                "unique_together": (("namespace_id", "day", "repository_id", "performer_id", "kind"),),
                "indexes": [Index(fields=["repository_id", "day"])],
                "pk_attr": "id",
                "table_description": "How many entries there are of one kind on one day (days since the epoch, UTC), rolled up from the log.",
            },
            bases=["Model"],
        ),
    ]
