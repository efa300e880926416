from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0009_search")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Manifest",
            name="artifact_kind",
            field=fields.CharField(max_length=16, null=True),
        ),
    ]
