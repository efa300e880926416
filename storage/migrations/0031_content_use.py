"""Which manifests of a namespace name a digest, so that what they share costs nothing for other namespaces.

The writers set the namespace. Triggers do it for processes of an earlier version, which an upgrade finds
running.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

TABLES = ("manifest_blob", "manifest_child")
NAMESPACE = (
    "(SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id"
    " WHERE m.id = {manifest})"
)


def statements(table: str, *, is_postgres: bool) -> tuple[str, ...]:
    """What fills the column of a table, for the rows that are there and for those to come."""
    fill = f"UPDATE {table} SET namespace_id = {NAMESPACE.format(manifest=f'{table}.manifest_id')}"
    of_new = NAMESPACE.format(manifest="NEW.manifest_id")
    name = f"{table}_namespace"
    if not is_postgres:
        return (
            fill,
            (
                f"CREATE TRIGGER {name} AFTER INSERT ON {table} WHEN NEW.namespace_id IS NULL"
                f" BEGIN UPDATE {table} SET namespace_id = {of_new} WHERE id = NEW.id; END"
            ),
        )
    return (
        fill,
        (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN NEW.namespace_id := {of_new}; RETURN NEW; END $$"
        ),
        (
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW"
            f" WHEN (NEW.namespace_id IS NULL) EXECUTE FUNCTION {name}()"
        ),
    )


async def create(_: Any, editor: Any) -> None:
    """Run the statements of the dialect one by one: the editor would part a trigger at its semicolons."""
    is_postgres = editor.client.capabilities.dialect == "postgres"
    for table in TABLES:
        for statement in statements(table, is_postgres=is_postgres):
            await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0030_prune_policy")]

    operations = [
        ops.AddField(model_name="ManifestBlob", name="namespace_id", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="ManifestChild", name="namespace_id", field=fields.BigIntField(null=True)),
        ops.RunPython(create),
        ops.AddIndex(
            model_name="ManifestBlob", index=Index(fields=["namespace_id", "digest", "manifest_id"])
        ),
        ops.AddIndex(
            model_name="ManifestChild", index=Index(fields=["namespace_id", "digest", "manifest_id"])
        ),
    ]
