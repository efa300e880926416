"""A shorter way for the content that enters alone, as with each upload and manifest, on PostgreSQL.

Statements about sets of rows cost a manifest a tenth of its PUT; those about one row a fortieth.
"""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

ARGUMENTS = "repositories bigint[], digests text[], sizes bigint[], manifests boolean"
STATEMENTS = (
    "ALTER FUNCTION content_enters(bigint[], text[], bigint[], boolean) RENAME TO contents_enter",
    f"""
CREATE FUNCTION content_enters({ARGUMENTS}) RETURNS void LANGUAGE plpgsql AS $$
DECLARE place bigint; number bigint;
BEGIN
  IF repositories IS NULL THEN RETURN; END IF;
  IF cardinality(repositories) > 1 THEN
    PERFORM contents_enter(repositories, digests, sizes, manifests);
    RETURN;
  END IF;
  SELECT namespace_id INTO place FROM repository WHERE id = repositories[1];
  PERFORM 1 FROM namespace_size WHERE namespace_id = place FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO namespace_size (namespace_id, stored_bytes) VALUES (place, 0)
      ON CONFLICT (namespace_id) DO UPDATE SET stored_bytes = namespace_size.stored_bytes;
  END IF;
  INSERT INTO namespace_content AS c (namespace_id, digest, is_manifest, size_bytes, holders)
    VALUES (place, digests[1], manifests, sizes[1], 1)
    ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = c.holders + 1
    RETURNING c.holders INTO number;
  IF number = 1 THEN
    UPDATE namespace_size SET stored_bytes = stored_bytes + sizes[1] WHERE namespace_id = place;
  END IF;
  INSERT INTO repository_size AS s (repository_id, namespace_id, stored_bytes)
    VALUES (repositories[1], place, sizes[1])
    ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = s.stored_bytes + excluded.stored_bytes;
END $$
""",
)


async def replace(_: Any, editor: Any) -> None:
    """Run the statements one by one, on PostgreSQL alone."""
    if editor.client.capabilities.dialect == "postgres":
        for statement in STATEMENTS:
            await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0032_prune_run")]

    operations = [ops.RunPython(replace)]
