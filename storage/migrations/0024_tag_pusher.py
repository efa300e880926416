"""Who let a tag point where it does; null for what was written before, and for what nobody known did."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0023_whole_patterns")]

    operations = [ops.AddField(model_name="Tag", name="pusher_id", field=fields.BigIntField(null=True))]
