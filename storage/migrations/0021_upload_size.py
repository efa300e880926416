"""How much each open upload holds, so that it can be bounded by account."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0020_span_end")]

    operations = [
        ops.AddField(
            model_name="Upload", name="size_bytes", field=fields.BigIntField(default=0, db_default=0)
        ),
        ops.RunSQL('CREATE INDEX "idx_upload_account" ON "upload" ("account_id")'),
    ]
