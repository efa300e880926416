"""The provenance of builds, and the way from an image back to them."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0049_build")]

    operations = [
        ops.AddField(
            model_name="Build",
            name="provenance_digest",
            field=fields.CharField(null=True, max_length=140),
        ),
        ops.AddIndex(
            model_name="Build",
            index=Index(fields=["repository_id", "digest", "id"]),
        ),
    ]
