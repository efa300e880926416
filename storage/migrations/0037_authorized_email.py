"""E-mail addresses that agreed to get notifications."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0036_incoming_upload")]

    operations = [
        ops.CreateModel(
            name="AuthorizedEmail",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "namespace",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="namespace_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "repository",
                    fields.ForeignKeyField(
                        "models.Repository",
                        source_field="repository_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("email", fields.CharField(max_length=254)),
                ("email_key", fields.CharField(max_length=254)),
                ("code_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("asked_at_ms", fields.BigIntField(db_index=True)),
                ("confirmed_at_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "authorized_email",
                "app": "models",
                "unique_together": (("repository", "email_key"),),
                "pk_attr": "id",
                "table_description": "An address that was asked to take notifications of a repository, or of a namespace.",
            },
            bases=["Model"],
        ),
    ]
