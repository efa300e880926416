from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_identity")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SignInFailure",
            fields=[
                ("key", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("failures", fields.IntField()),
                ("last_failed_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "sign_in_failure",
                "app": "models",
                "pk_attr": "key",
                "table_description": "How often signing in failed of late, for an account, a name that is none, or an address.",
            },
            bases=["Model"],
        ),
    ]
