"""What is known of service keys: names, approvals, when they rotate and what replaced them.

The key that signs registry tokens is approved, as it was before. It rotates from now on.
"""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

APPROVE = (
    "UPDATE service_key SET approval_type = 'automatic', approved_at_ms = created_at_ms,"
    " name = 'Registry tokens', rotation_duration_s = 7776000 WHERE private_key_encrypted IS NOT NULL"
)
INDEX = (
    'CREATE INDEX "idx_inbox_notice_site" ON "inbox_notice" ("id")'
    " WHERE account_id IS NULL AND team_id IS NULL"
)


class Migration(migrations.Migration):
    dependencies = [("models", "0047_user_lists")]

    operations = [
        ops.AddField(
            model_name="ServiceKey",
            name="name",
            field=fields.CharField(max_length=255, default="", db_default=""),
        ),
        ops.AddField(model_name="ServiceKey", name="metadata", field=fields.JSONField(null=True)),
        ops.AddField(
            model_name="ServiceKey", name="approval_type", field=fields.CharField(max_length=16, null=True)
        ),
        ops.AddField(model_name="ServiceKey", name="approver_id", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="ServiceKey", name="approved_at_ms", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="ServiceKey", name="approval_notes", field=fields.TextField(null=True)),
        ops.AddField(
            model_name="ServiceKey", name="rotation_duration_s", field=fields.BigIntField(null=True)
        ),
        ops.AddField(
            model_name="ServiceKey", name="successor_kid", field=fields.CharField(max_length=64, null=True)
        ),
        ops.AddField(
            model_name="ServiceKey", name="last_accessed_at_ms", field=fields.BigIntField(null=True)
        ),
        ops.RunSQL([APPROVE]),
        ops.AddIndex(model_name="ServiceKey", index=Index(fields=["service", "id"])),
        ops.RunSQL([INDEX]),
    ]
