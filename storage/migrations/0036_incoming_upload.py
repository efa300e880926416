"""Uploads that the registry itself fills from an upstream: of which blob, and which process does so."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0035_repository_mirror")]

    operations = [
        ops.AddField(model_name="Upload", name="digest", field=fields.CharField(max_length=140, null=True)),
        ops.AddField(model_name="Upload", name="holder", field=fields.CharField(max_length=36, null=True)),
        ops.AddField(model_name="Upload", name="held_until_ms", field=fields.BigIntField(null=True)),
        ops.RunSQL(['CREATE UNIQUE INDEX "uid_upload_digest" ON "upload" ("repository_id", "digest")']),
    ]
