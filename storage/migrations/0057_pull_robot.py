"""Builds and triggers remember that a robot fetches their base images, also when the robot is gone."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0056_pull_policy")]

    operations = [
        *(
            ops.AddField(
                model_name=model, name="has_robot", field=fields.BooleanField(default=False, db_default=False)
            )
            for model in ("Build", "BuildTrigger")
        ),
        ops.RunSQL(
            [
                f"UPDATE {table} SET has_robot = TRUE WHERE robot_id IS NOT NULL"
                for table in ("build", "build_trigger")
            ]
        ),
    ]
