from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0007_audit_daily")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Tag",
            name="is_expiration",
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
