"""An index over the tags of a repository in the order in which they were written."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0032_prune_run")]

    operations = [
        ops.AddIndex(model_name="Tag", index=Index(fields=["repository_id", "id"], name="idx_tag_order")),
    ]
