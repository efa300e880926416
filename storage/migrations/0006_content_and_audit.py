from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_token_listing")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("kind", fields.CharField(max_length=64)),
                ("namespace_id", fields.BigIntField(null=True)),
                ("repository_id", fields.BigIntField(null=True)),
                ("performer_id", fields.BigIntField(null=True)),
                ("ip", fields.CharField(null=True, max_length=64)),
                ("metadata", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "audit_log",
                "app": "models",
                "indexes": [
                    Index(fields=["namespace_id", "created_at_ms", "id"]),
                    Index(fields=["repository_id", "created_at_ms", "id"]),
                    Index(fields=["performer_id", "created_at_ms", "id"]),
                    Index(fields=["created_at_ms", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "One entry, derived from an event in its transaction. Like events, entries outlive what they tell of.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DailyActivity",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("repository_id", fields.BigIntField()),
                ("namespace_id", fields.BigIntField()),
                ("day", fields.IntField()),
                ("actor_kind", fields.CharField(max_length=16)),
                ("pulls", fields.BigIntField(default=0)),
                ("checks", fields.BigIntField(default=0)),
                ("pushes", fields.BigIntField(default=0)),
            ],
            options={
                "table": "daily_activity",
                "app": "models",
                "unique_together": (("repository_id", "day", "actor_kind"),),
                "indexes": [Index(fields=["namespace_id", "day"])],
                "pk_attr": "id",
                "table_description": "What happened in a repository on one day (days since the epoch, UTC), by the kind of actor.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GlobalMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("content", fields.TextField(unique=False)),
                ("media_type", fields.CharField(max_length=64)),
                ("severity", fields.CharField(max_length=16)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "global_message",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A message that every page shows. `severity` is info, warning or error.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ImmutabilityPolicy",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
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
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("tag_pattern", fields.CharField(max_length=256)),
                ("tag_pattern_matches", fields.BooleanField(default=True)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "immutability_policy",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Tags whose names fit `tag_pattern` (or do not, if `tag_pattern_matches` is false) are locked.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Label",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "manifest",
                    fields.ForeignKeyField(
                        "models.Manifest",
                        source_field="manifest_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", fields.CharField(max_length=255)),
                ("value", fields.TextField(unique=False)),
                ("media_type", fields.CharField(max_length=64)),
                ("source", fields.CharField(max_length=16)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "label",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A key and value on a manifest. `source` is manifest (from the image itself), api or internal.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ManifestPulls",
            fields=[
                (
                    "manifest_id",
                    fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True),
                ),
                ("pulls", fields.BigIntField(default=0)),
                ("last_pulled_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "manifest_pulls",
                "app": "models",
                "pk_attr": "manifest_id",
                "table_description": "How often a manifest was pulled, and when last.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Plan",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("kind", fields.CharField(max_length=64)),
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
                ("arguments", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("expires_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "plan",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A change that was looked at. `fingerprint` is a hash of what it would do, compared at its end.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Star",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
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
                (
                    "repository",
                    fields.ForeignKeyField(
                        "models.Repository",
                        source_field="repository_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "star",
                "app": "models",
                "unique_together": (("account", "repository"),),
                "pk_attr": "id",
                "table_description": "One user's star on one repository.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TagPulls",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("repository_id", fields.BigIntField()),
                ("name", fields.CharField(max_length=128)),
                ("pulls", fields.BigIntField(default=0)),
                ("last_pulled_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "tag_pulls",
                "app": "models",
                "unique_together": (("repository_id", "name"),),
                "pk_attr": "id",
                "table_description": "How often a tag was pulled by its name, and when last.",
            },
            bases=["Model"],
        ),
    ]
