"""An index on the pushes in the event log, so that the latest of a namespace cost a page, not the whole log."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0025_tag_life")]

    operations = [
        ops.RunSQL(
            'CREATE INDEX "idx_event_pushes" ON "event" ("namespace_id", "id") WHERE "kind" = \'push_repo\''
        )
    ]
