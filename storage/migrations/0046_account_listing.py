"""What the lists of all organizations, or all users, are read from in order, among many others."""

from tortoise import migrations
from tortoise.migrations import operations as ops

ALIVE = 'WHERE "deleted_at_ms" IS NULL'


class Migration(migrations.Migration):
    dependencies = [("models", "0045_counts_of_all")]

    operations = [
        ops.RunSQL(
            [
                f'CREATE INDEX "idx_account_listing_name" ON "account" ("kind", "name") {ALIVE}',
                f'CREATE INDEX "idx_account_listing_id" ON "account" ("kind", "id") {ALIVE}',
            ]
        ),
    ]
