"""One user for a mailbox: addresses are compared in small letters. Of users that share one, the first has it."""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


async def fill_keys(_: Any, editor: Any) -> None:
    """Give each mailbox to the first of its users, and take the address from accounts that are deleted."""
    client = editor.client
    await client.execute_query("UPDATE account SET email = NULL WHERE deleted_at_ms IS NOT NULL")
    await client.execute_query("UPDATE account SET email_key = LOWER(email) WHERE kind = 'user'")
    taken: set[str] = set()
    for row in await client.execute_query_dict(
        "SELECT id, email, email_key FROM account WHERE kind = 'user' AND email IS NOT NULL ORDER BY id"
    ):
        key: str | None = str(row["email"]).lower()
        if key in taken:
            key = None
        else:
            taken.add(str(key))
        # What the database finds small letters for differs beyond ASCII.
        if key != row["email_key"]:
            quoted = "NULL" if key is None else "'" + key.replace("'", "''") + "'"
            await client.execute_query(f"UPDATE account SET email_key = {quoted} WHERE id = {int(row['id'])}")


class Migration(migrations.Migration):
    dependencies = [("models", "0021_upload_size")]

    operations = [
        ops.AddField(
            model_name="Account",
            name="email_key",
            field=fields.CharField(max_length=508, null=True),
        ),
        ops.RunPython(fill_keys),
        ops.RunSQL(['CREATE UNIQUE INDEX "uid_account_email_key" ON "account" ("email_key")']),
    ]
