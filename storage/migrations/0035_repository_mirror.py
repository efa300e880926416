"""Mirrors of repositories, and their runs."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0034_inbox")]

    operations = [
        ops.CreateModel(
            name="RepositoryMirror",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "repository",
                    fields.OneToOneField(
                        "models.Repository",
                        source_field="repository_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
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
                ("source", fields.CharField(max_length=512)),
                ("username_encrypted", fields.TextField(null=True)),
                ("password_encrypted", fields.TextField(null=True)),
                ("proxy_encrypted", fields.TextField(null=True)),
                ("verifies_tls", fields.BooleanField(default=True)),
                ("accepts_unsigned", fields.BooleanField(default=False)),
                ("tag_patterns", fields.JSONField(default=list)),
                ("architectures", fields.JSONField(default=list)),
                ("is_enabled", fields.BooleanField(default=True)),
                ("follows_deletions", fields.BooleanField(default=False)),
                ("sync_starts_at_ms", fields.BigIntField(null=True)),
                ("sync_interval_s", fields.BigIntField()),
                ("tag_timeout_s", fields.BigIntField()),
                ("status", fields.CharField(max_length=16)),
                ("retries_remaining", fields.IntField()),
                ("claimed_until_ms", fields.BigIntField(null=True)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "repository_mirror",
                "app": "models",
                "indexes": [Index(fields=["sync_starts_at_ms", "id"])],
                "pk_attr": "id",
                "table_description": "Where the tags of a repository come from, as whom they are fetched, which, and when.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MirrorRun",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "mirror",
                    fields.ForeignKeyField(
                        "models.RepositoryMirror",
                        source_field="mirror_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("job_id", fields.BigIntField(null=True)),
                ("status", fields.CharField(max_length=16)),
                ("started_at_ms", fields.BigIntField()),
                ("ended_at_ms", fields.BigIntField(null=True)),
                ("tag_count", fields.BigIntField(null=True)),
                ("done_count", fields.BigIntField(default=0)),
                ("changed_count", fields.BigIntField(default=0)),
                ("removed_count", fields.BigIntField(default=0)),
                ("failed_count", fields.BigIntField(default=0)),
                ("fetched_bytes", fields.BigIntField(default=0)),
                ("message", fields.TextField(null=True)),
                ("failures", fields.JSONField(default=list)),
            ],
            options={
                "table": "mirror_run",
                "app": "models",
                "indexes": [Index(fields=["mirror_id", "id"])],
                "pk_attr": "id",
                "table_description": "One run of a mirror: how far it has come, what it fetched, and what failed.",
            },
            bases=["Model"],
        ),
    ]
