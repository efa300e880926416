"""Builds, their logs, and uploaded contexts."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0048_service_key")]

    operations = [
        ops.CreateModel(
            name="Build",
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
                ("job_id", fields.BigIntField(null=True)),
                ("phase", fields.CharField(max_length=16)),
                ("created_at_ms", fields.BigIntField()),
                ("started_at_ms", fields.BigIntField(null=True)),
                ("ended_at_ms", fields.BigIntField(null=True)),
                ("display_name", fields.CharField(max_length=64)),
                ("archive_url", fields.TextField(null=True, unique=False)),
                ("context_file_id", fields.BigIntField(null=True)),
                ("dockerfile_path", fields.CharField(max_length=512)),
                ("context_path", fields.CharField(max_length=512)),
                ("tags", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("arguments_encrypted", fields.TextField(null=True, unique=False)),
                ("waits_because", fields.CharField(null=True, max_length=500)),
                ("error", fields.TextField(null=True, unique=False)),
                ("counts", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("digest", fields.CharField(null=True, max_length=140)),
            ],
            options={
                "table": "build",
                "app": "models",
                "indexes": [
                    Index(fields=["repository_id", "created_at_ms", "id"]),
                    Index(fields=["phase", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "A build of an image from a Dockerfile: what was ordered, how far it is, and what came of it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BuildLogArchive",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "build",
                    fields.OneToOneField(
                        "models.Build",
                        source_field="build_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("line_count", fields.IntField()),
                ("content", fields.BinaryField()),
            ],
            options={
                "table": "build_log_archive",
                "app": "models",
                "pk_attr": "id",
                "table_description": "All that a build printed that has ended: its lines as JSON, compressed by gzip.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BuildLogLine",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "build",
                    fields.ForeignKeyField(
                        "models.Build",
                        source_field="build_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("kind", fields.CharField(null=True, max_length=8)),
                ("text", fields.TextField(unique=False)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "build_log_line",
                "app": "models",
                "unique_together": (("build", "number"),),
                "pk_attr": "id",
                "table_description": "A line that a build printed, or a phase that it entered.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ContextFile",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at_ms", fields.BigIntField()),
                ("digest", fields.CharField(null=True, max_length=140)),
                ("size_bytes", fields.BigIntField(default=0, db_default=0)),
                ("is_taken", fields.BooleanField(default=False, db_default=False)),
            ],
            options={
                "table": "context_file",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A context that an account uploaded for a build. `uuid` names it until one takes it.",
            },
            bases=["Model"],
        ),
    ]
