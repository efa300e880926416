"""When a tag would have expired that ended before, so that a rollback gives it back."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0014_popularity")]

    operations = [
        ops.AddField(
            model_name="Tag",
            name="would_expire_at_ms",
            field=fields.BigIntField(null=True),
        ),
    ]
