"""What searches look at first: the repositories that are pulled most, in an order that an index holds."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_collection")]

    operations = [
        ops.AddField(
            model_name="Repository",
            name="popularity_level",
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.RunSQL(
            'CREATE INDEX "idx_repository_popularity" ON "repository"'
            ' ("visibility", "popularity_level" DESC, "id" DESC) WHERE "deleted_at_ms" IS NULL'
        ),
    ]
