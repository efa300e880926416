"""What the listing of somebody's tokens, and the deletion of their account, find the rows by."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0004_sign_in_failure")]

    operations = [
        ops.RunSQL(
            [
                'CREATE INDEX "idx_access_token_listing" ON "access_token" ("account_id", "id")',
                'CREATE INDEX "idx_app_token_listing" ON "app_token" ("account_id", "id")',
            ]
        ),
    ]
