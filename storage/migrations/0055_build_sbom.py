"""The bills of materials that built images got."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0054_vulnerability")]

    operations = [
        ops.AddField(
            model_name="Build",
            name="sbom_digest",
            field=fields.CharField(null=True, max_length=140),
        ),
    ]
