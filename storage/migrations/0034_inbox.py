"""Notices of the bell."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0033_tag_order")]

    operations = [
        ops.CreateModel(
            name="InboxNotice",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("kind", fields.CharField(max_length=64)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="team_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "invite",
                    fields.ForeignKeyField(
                        "models.TeamInvite",
                        source_field="invite_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("metadata", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("source", fields.CharField(null=True, unique=True, max_length=64)),
                ("created_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "inbox_notice",
                "app": "models",
                "indexes": [Index(fields=["account_id", "id"]), Index(fields=["team_id", "id"])],
                "pk_attr": "id",
                "table_description": "What a user, the members of a team, or the administrators of an organization are told.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="InboxDismissal",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "notice",
                    fields.ForeignKeyField(
                        "models.InboxNotice",
                        source_field="notice_id",
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
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "inbox_dismissal",
                "app": "models",
                "unique_together": (("notice", "account"),),
                "pk_attr": "id",
                "table_description": "A notice that one of its readers has put away.",
            },
            bases=["Model"],
        ),
    ]
