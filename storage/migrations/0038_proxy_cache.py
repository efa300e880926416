"""Organizations that are pull-through caches, and when their tags were confirmed."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0037_authorized_email")]

    operations = [
        ops.CreateModel(
            name="ProxyCache",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "organization",
                    fields.OneToOneField(
                        "models.Account",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("upstream_registry", fields.CharField(max_length=512)),
                ("username_encrypted", fields.TextField(null=True)),
                ("password_encrypted", fields.TextField(null=True)),
                ("expiration_s", fields.IntField()),
                ("is_insecure", fields.BooleanField(default=False)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "proxy_cache",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The registry whose content an organization holds a cache of, with the encrypted login there.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Tag",
            name="confirmed_at_ms",
            field=fields.BigIntField(null=True),
        ),
    ]
