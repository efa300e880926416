"""What the collector goes by: when a manifest was pushed last, and when it was given up."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0012_deleted_manifest")]

    operations = [
        ops.AddField(
            model_name="Manifest",
            name="pushed_at_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Manifest",
            name="collected_at_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.RunSQL(
            'CREATE INDEX "idx_manifest_collected" ON "manifest" ("repository_id", "id")'
            ' WHERE "collected_at_ms" IS NOT NULL'
        ),
        # The collector walks a repository in the order of ids, however many others are in between.
        ops.RunSQL('CREATE INDEX "idx_manifest_walk" ON "manifest" ("repository_id", "id")'),
    ]
