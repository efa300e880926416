"""Notifications and their deliveries."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0038_proxy_cache")]

    operations = [
        ops.CreateModel(
            name="Notification",
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
                ("event", fields.CharField(max_length=32)),
                ("method", fields.CharField(max_length=32)),
                ("title", fields.CharField(null=True, max_length=255)),
                ("config", fields.JSONField(default=dict)),
                ("event_config", fields.JSONField(default=dict)),
                ("secret", fields.TextField(null=True)),
                ("number_of_failures", fields.IntField(default=0)),
                ("created_at_ms", fields.BigIntField()),
                ("since_transaction_id", fields.BigIntField(default=0)),
                ("since_event_id", fields.BigIntField(default=0)),
                ("job_id", fields.BigIntField(null=True)),
                ("resend_up_to_id", fields.BigIntField(null=True)),
            ],
            options={
                "table": "notification",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One event of a repository, or of a namespace if it has no repository, that is told to one receiver.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="NotificationDelivery",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("notification_id", fields.BigIntField()),
                ("event_id", fields.CharField(max_length=36)),
                ("is_test", fields.BooleanField(default=False)),
                ("payload", fields.JSONField(default=dict)),
                ("status", fields.CharField(max_length=16)),
                ("attempts", fields.IntField(default=0)),
                ("http_status", fields.IntField(null=True)),
                ("response", fields.TextField(null=True)),
                ("error", fields.TextField(null=True)),
                ("created_at_ms", fields.BigIntField()),
                ("next_attempt_at_ms", fields.BigIntField(null=True)),
                ("last_attempt_at_ms", fields.BigIntField(null=True)),
                ("ended_at_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "notification_delivery",
                "app": "models",
                "indexes": [
                    Index(fields=["notification_id", "id"], name="idx_notification_delivery_of"),
                    Index(fields=["notification_id", "status", "id"], name="idx_notification_delivery_due"),
                    Index(fields=["created_at_ms"], name="idx_notification_delivery_age"),
                ],
                "pk_attr": "id",
                "table_description": "What is, was or is not to be sent for one event to the receiver of one notification.",
            },
            bases=["Model"],
        ),
    ]
