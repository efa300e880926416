"""What the lists of all users are read from by their last use, and those of the few: disabled, superusers."""

from tortoise import migrations
from tortoise.migrations import operations as ops

USERS = 'WHERE "kind" = \'user\' AND "deleted_at_ms" IS NULL'
ALIVE = 'WHERE "deleted_at_ms" IS NULL'
USED = 'COALESCE("last_accessed_at_ms", 0)'


class Migration(migrations.Migration):
    dependencies = [("models", "0046_account_listing")]

    operations = [
        ops.RunSQL(
            [
                f'CREATE INDEX "idx_account_listing_used" ON "account" ("kind", {USED}, "id") {ALIVE}',
                'CREATE INDEX "idx_account_disabled" ON "account" ("id") WHERE NOT "is_enabled"',
                'CREATE INDEX "idx_account_superuser" ON "account" ("id") WHERE "is_superuser"',
            ]
        ),
    ]
