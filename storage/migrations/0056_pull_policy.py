"""Pull policies, their exceptions, and what was told of pulls against them."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0055_build_sbom")]

    operations = [
        ops.CreateModel(
            name="FindingsRevision",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("number", fields.BigIntField()),
            ],
            options={
                "table": "findings_revision",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One row: a number that every change raises which may make a judgement on a pull another one.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PullPolicy",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "namespace",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="namespace_id",
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
                ("mode", fields.CharField(max_length=16)),
                ("severity", fields.SmallIntField()),
                ("allows_unfixed", fields.BooleanField(default=False)),
                ("requires_scan", fields.BooleanField(default=False)),
                ("created_at_ms", fields.BigIntField()),
                ("changed_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "pull_policy",
                "app": "models",
                "indexes": [Index(fields=["namespace_id", "repository_id"])],
                "pk_attr": "id",
                "table_description": "A rule on pulls of images with vulnerabilities of a severity or a worse one.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PullException",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "policy",
                    fields.ForeignKeyField(
                        "models.PullPolicy",
                        source_field="policy_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("advisory", fields.CharField(max_length=128)),
                ("reason", fields.TextField(unique=False)),
                ("ends_at_ms", fields.BigIntField()),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "pull_exception",
                "app": "models",
                "unique_together": (("policy", "advisory"),),
                "pk_attr": "id",
                "table_description": "An advisory that a pull policy overlooks for some time, by one of its names.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PullPolicyNotice",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "manifest",
                    fields.ForeignKeyField(
                        "models.Manifest",
                        source_field="manifest_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("mode", fields.CharField(max_length=16)),
                ("noted_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "pull_policy_notice",
                "app": "models",
                "unique_together": (("manifest", "mode"),),
                "pk_attr": "id",
                "table_description": "When an event last told that an image was pulled, or was to be, against a policy in a mode.",
            },
            bases=["Model"],
        ),
    ]
