"""Advisories of vulnerabilities, and the packages that they concern."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0051_build_trigger")]

    operations = [
        ops.CreateModel(
            name="Advisory",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("osv_id", fields.CharField(unique=True, max_length=128)),
                ("summary", fields.CharField(max_length=500)),
                ("details", fields.TextField(unique=False)),
                ("severity", fields.SmallIntField()),
                ("score", fields.FloatField(null=True)),
                ("vector", fields.CharField(null=True, max_length=256)),
                ("word", fields.CharField(null=True, max_length=32)),
                ("links", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("published_at_ms", fields.BigIntField(null=True)),
                ("modified_at_ms", fields.BigIntField()),
                ("withdrawn_at_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "advisory",
                "app": "models",
                "indexes": [Index(fields=["withdrawn_at_ms"])],
                "pk_attr": "id",
                "table_description": "An imported advisory, also one that was withdrawn, since an older copy of it must not come back.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AdvisoryName",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "advisory",
                    fields.ForeignKeyField(
                        "models.Advisory",
                        source_field="advisory_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("is_alias", fields.BooleanField()),
            ],
            options={
                "table": "advisory_name",
                "app": "models",
                "unique_together": (("advisory", "name"),),
                "indexes": [Index(fields=["name", "advisory_id"])],
                "pk_attr": "id",
                "table_description": "Another name of an advisory, such as that of the vulnerability it is about.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AffectedPackage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "advisory",
                    fields.ForeignKeyField(
                        "models.Advisory",
                        source_field="advisory_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("ecosystem", fields.CharField(max_length=96)),
                ("name", fields.CharField(max_length=512)),
                ("severity", fields.SmallIntField()),
                ("spans", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("versions", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "affected_package",
                "app": "models",
                "indexes": [Index(fields=["ecosystem", "name"])],
                "pk_attr": "id",
                "table_description": "A package that an advisory concerns, in one ecosystem or one release of a distribution.",
            },
            bases=["Model"],
        ),
    ]
