"""Mirrors of organizations, and the repositories that they found."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0040_expiry_notice")]

    operations = [
        ops.CreateModel(
            name="OrganizationMirror",
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
                ("catalog", fields.CharField(max_length=16)),
                ("registry_url", fields.CharField(max_length=512)),
                ("upstream_namespace", fields.CharField(max_length=255)),
                ("source", fields.CharField(max_length=512)),
                ("username_encrypted", fields.TextField(null=True)),
                ("password_encrypted", fields.TextField(null=True)),
                ("proxy_encrypted", fields.TextField(null=True)),
                ("verifies_tls", fields.BooleanField(default=True)),
                ("accepts_unsigned", fields.BooleanField(default=False)),
                ("repository_patterns", fields.JSONField(default=list)),
                ("visibility", fields.CharField(max_length=16)),
                ("is_enabled", fields.BooleanField(default=True)),
                ("sync_starts_at_ms", fields.BigIntField(null=True)),
                ("sync_interval_s", fields.BigIntField()),
                ("tag_timeout_s", fields.BigIntField()),
                ("status", fields.CharField(max_length=16)),
                ("retries_remaining", fields.IntField()),
                ("job_id", fields.BigIntField(null=True)),
                ("message", fields.TextField(null=True)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "organization_mirror",
                "app": "models",
                "indexes": [Index(fields=["sync_starts_at_ms", "id"])],
                "pk_attr": "id",
                "table_description": "Which repositories of another registry an organization follows, as whom, and when it looks.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DiscoveredRepository",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "organization_mirror",
                    fields.ForeignKeyField(
                        "models.OrganizationMirror",
                        source_field="organization_mirror_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=255)),
                (
                    "mirror",
                    fields.OneToOneField(
                        "models.RepositoryMirror",
                        source_field="mirror_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("discovered_at_ms", fields.BigIntField()),
                ("seen_at_ms", fields.BigIntField()),
                ("problem", fields.TextField(null=True)),
            ],
            options={
                "table": "discovered_repository",
                "app": "models",
                "unique_together": (("organization_mirror", "name"),),
                "pk_attr": "id",
                "table_description": "A repository of another registry that an organization follows, with its mirror.",
            },
            bases=["Model"],
        ),
    ]
