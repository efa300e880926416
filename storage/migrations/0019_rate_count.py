from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0018_known_address")]

    operations = [
        ops.CreateModel(
            name="RateCount",
            fields=[
                ("key", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("count", fields.IntField()),
                ("began_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "rate_count",
                "app": "models",
                "pk_attr": "key",
                "table_description": "How often something happened within a window, for what a rate limit counts.",
            },
            bases=["Model"],
        ),
    ]
