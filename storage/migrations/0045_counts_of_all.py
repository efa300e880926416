"""An index over the daily counts of the audit log, for those of the whole registry."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0044_extra_cas")]

    operations = [
        ops.AddIndex(
            model_name="AuditDaily",
            index=Index(fields=["day", "kind", "entries"], name="idx_audit_daily_of_all"),
        ),
    ]
