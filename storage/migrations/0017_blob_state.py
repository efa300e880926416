"""What the collector of bytes goes by, in rows: when a blob was committed last, and whether it is being deleted.

Until now these were the modification times of files, which object stores do not have.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.clock import now_ms


async def begin_grace(_: Any, editor: Any) -> None:
    """Let every blob and upload count as used now: a push may be between its bytes and its manifest."""
    for statement in ("UPDATE blob SET committed_at_ms = {}", "UPDATE upload SET used_at_ms = {}"):
        await editor.client.execute_query(statement.format(now_ms()))


class Migration(migrations.Migration):
    dependencies = [("models", "0016_job_progress")]

    operations = [
        ops.AddField(
            model_name="Blob",
            name="committed_at_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Blob",
            name="state",
            field=fields.CharField(max_length=16, default="stored", db_default="stored"),
        ),
        ops.AddField(
            model_name="Blob",
            name="deleting_until_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Upload",
            name="used_at_ms",
            field=fields.BigIntField(null=True),
        ),
        ops.CreateModel(
            name="StrayUpload",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("found_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "stray_upload",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An upload that the blob store holds and no row of `upload` speaks of, and when it was first found.",
            },
            bases=["Model"],
        ),
        ops.RunPython(begin_grace),
    ]
