"""What sign-ins remember of a login at an address: when it last succeeded, and the last mistake."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0017_blob_state")]

    operations = [
        ops.AddField(
            model_name="SignInFailure",
            name="succeeded_at_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="SignInFailure",
            name="fingerprint",
            field=fields.CharField(max_length=64, null=True),
        ),
    ]
