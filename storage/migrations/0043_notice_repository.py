"""The repository that a notice of the bell tells of."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0042_held_manifest")]

    operations = [
        ops.AddField(
            model_name="InboxNotice",
            name="repository_id",
            field=fields.BigIntField(null=True),
        ),
    ]
