"""Constraints and listing orders that the model declarations cannot say: unique only where a row is alive."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RunSQL(
            [
                # One open-ended span per tag name, so that two writers can never both point a tag somewhere.
                'CREATE UNIQUE INDEX "uid_tag_open" ON "tag" ("repository_id", "name") WHERE "ended_at_ms" IS NULL',
                'CREATE UNIQUE INDEX "uid_account_user_email" ON "account" ("email") WHERE "kind" = \'user\'',
                'CREATE INDEX "idx_event_recent" ON "event" ("created_at_ms")',
                'CREATE INDEX "idx_repository_listing" ON "repository" ("visibility", "id")',
                'CREATE INDEX "idx_team_member_listing" ON "team_member" ("account_id", "team_id")',
                'CREATE INDEX "idx_tag_ended" ON "tag" ("repository_id", "ended_at_ms")',
                'CREATE INDEX "idx_upload_age" ON "upload" ("created_at_ms")',
            ]
        ),
    ]
