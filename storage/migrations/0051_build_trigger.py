"""Build triggers, and what builds know of them."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0050_build_provenance")]

    operations = [
        ops.CreateModel(
            name="BuildTrigger",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "repository",
                    fields.ForeignKeyField(
                        "models.Repository",
                        source_field="repository_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "robot",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="robot_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("service", fields.CharField(max_length=16)),
                ("is_enabled", fields.BooleanField(default=True, db_default=True)),
                ("disabled_reason", fields.CharField(null=True, max_length=40)),
                ("build_source", fields.TextField(null=True, unique=False)),
                ("config", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("write_token_encrypted", fields.TextField(null=True, unique=False)),
                ("webhook_secret_encrypted", fields.TextField(null=True, unique=False)),
                ("private_key_encrypted", fields.TextField(null=True, unique=False)),
                ("public_key", fields.TextField(null=True, unique=False)),
                ("known_hosts", fields.TextField(default="", unique=False)),
                ("failure_count", fields.IntField(default=0, db_default=0)),
                ("internal_error_count", fields.IntField(default=0, db_default=0)),
                ("created_at_ms", fields.BigIntField()),
                ("activated_at_ms", fields.BigIntField(null=True)),
                ("deleted_at_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "build_trigger",
                "app": "models",
                "indexes": [Index(fields=["repository_id", "created_at_ms", "id"])],
                "pk_attr": "id",
                "table_description": "What has builds of a repository ordered when somebody pushes to a Git repository.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Build",
            name="git_commit",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Build",
            name="git_ref",
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name="Build",
            name="git_url",
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name="Build",
            name="is_manual",
            field=fields.BooleanField(default=True, db_default=True),
        ),
        ops.AddField(
            model_name="Build",
            name="trigger",
            field=fields.ForeignKeyField(
                "models.BuildTrigger",
                source_field="trigger_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AddField(
            model_name="Build",
            name="trigger_metadata",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddIndex(
            model_name="Build",
            index=Index(fields=["trigger_id", "created_at_ms", "id"]),
        ),
    ]
