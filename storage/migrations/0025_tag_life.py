"""Lives of tags: a tag that is made again after it had ended counts its pulls from 0. Counts so far stay."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0024_tag_pusher")]

    operations = [
        ops.AddField(
            model_name="Tag",
            name="life",
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="TagPulls",
            name="life",
            field=fields.IntField(default=0, db_default=0),
        ),
    ]
