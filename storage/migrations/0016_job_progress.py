"""What a job is for and how it goes: namespace, progress, result, start, and a request to cancel it."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0015_ended_early")]

    operations = [
        ops.AlterModelOptions(
            name="Job",
            options={
                "table": "job",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A unit of work.",
            },
        ),
        ops.AddField(model_name="Job", name="namespace_id", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="started_at_ms", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="cancel_requested_at_ms", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="progress_done", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="progress_total", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="result", field=fields.TextField(null=True)),
        ops.AddIndex(
            model_name="Job",
            index=Index(fields=["state", "kind", "namespace_id", "run_at_ms", "id"], name="idx_job_due"),
        ),
        ops.AddIndex(model_name="Job", index=Index(fields=["kind", "id"], name="idx_job_kind")),
        ops.AddIndex(
            model_name="Job", index=Index(fields=["namespace_id", "started_at_ms"], name="idx_job_namespace")
        ),
    ]
