"""What notifications were told of expirations."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0039_notification")]

    operations = [
        ops.CreateModel(
            name="ExpiryNotice",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("notification_id", fields.BigIntField()),
                ("expires_at_ms", fields.BigIntField(db_index=True)),
                ("tag_id", fields.BigIntField()),
            ],
            options={
                "table": "expiry_notice",
                "app": "models",
                "unique_together": (("notification_id", "expires_at_ms", "tag_id"),),
                "pk_attr": "id",
                "table_description": "A tag with an expiration of which a notification was told.",
            },
            bases=["Model"],
        ),
    ]
