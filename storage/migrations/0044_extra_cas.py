"""Certificates of authorities that mirrors trust beside those of the machine."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0043_notice_repository")]

    operations = [
        ops.AddField(model_name="RepositoryMirror", name="extra_cas", field=fields.TextField(null=True)),
        ops.AddField(model_name="OrganizationMirror", name="extra_cas", field=fields.TextField(null=True)),
    ]
