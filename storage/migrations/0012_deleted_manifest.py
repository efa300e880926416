"""What a manifest was called before it was deleted, for as long as the history of tags speaks of it."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0011_repository_path")]

    operations = [
        ops.AddField(
            model_name="Manifest",
            name="deleted_digest",
            field=fields.CharField(max_length=140, null=True),
        ),
        ops.AddField(
            model_name="Manifest",
            name="deleted_subject_digest",
            field=fields.CharField(max_length=140, null=True),
        ),
        ops.RunSQL(
            'CREATE INDEX "idx_manifest_deleted" ON "manifest" ("repository_id", "deleted_digest")'
            ' WHERE "deleted_digest" IS NOT NULL'
        ),
    ]
