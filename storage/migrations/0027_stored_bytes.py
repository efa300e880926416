"""Stored bytes of repositories and namespaces, kept by triggers in the transactions that change them.

Content of a repository is each blob to which it has a right, and the body of each manifest that is not
collected, tombstones included. `repository_size` sums the content of a repository and `namespace_size` that
of a namespace, where what several repositories hold counts once: `namespace_content` counts its holders.

On PostgreSQL content enters and leaves under the lock of the row of its namespace, which is taken before all
other rows of these tables, so that no two writers wait for each other. The triggers fire once for a statement,
since a copy or a collection changes hundreds of rows. SQLite has one writer, and triggers for each row.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

DIGEST = "COALESCE({row}.deleted_digest, {row}.digest)"
"""The digest of a manifest, tombstone or not."""


BLOBS = (
    "SELECT r.namespace_id AS namespace_id, r.id AS repository_id, b.digest AS digest,"
    " b.size_bytes AS size_bytes FROM repository r"
    " JOIN repository_blob l ON l.repository_id = r.id JOIN blob b ON b.id = l.blob_id"
)
MANIFESTS = (
    "SELECT r.namespace_id AS namespace_id, r.id AS repository_id,"
    f" {DIGEST.format(row='m')} AS digest, m.size_bytes AS size_bytes FROM repository r"
    " JOIN manifest m ON m.repository_id = r.id WHERE m.collected_at_ms IS NULL"
)
FILL = (
    *(
        "INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders)"
        f" SELECT namespace_id, digest, {is_manifest}, MAX(size_bytes), COUNT(*) FROM ({content}) c"
        " GROUP BY namespace_id, digest"
        for content, is_manifest in ((BLOBS, "FALSE"), (MANIFESTS, "TRUE"))
    ),
    (
        "INSERT INTO namespace_size (namespace_id, stored_bytes)"
        " SELECT namespace_id, SUM(size_bytes) FROM namespace_content GROUP BY namespace_id"
    ),
    (
        "INSERT INTO repository_size (repository_id, namespace_id, stored_bytes)"
        f" SELECT repository_id, namespace_id, SUM(size_bytes) FROM ({BLOBS} UNION ALL {MANIFESTS}) c"
        " GROUP BY repository_id, namespace_id"
    ),
)


def _sqlite_enters(repository: str, is_manifest: str, digest: str, size: str, when: str = "1") -> str:
    """Statements of a trigger: content enters a repository, if a condition holds."""
    namespace = f"(SELECT namespace_id FROM repository WHERE id = {repository})"
    row = f"namespace_id = {namespace} AND digest = {digest} AND is_manifest = {is_manifest}"
    return (
        f"INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT {namespace}, 0 WHERE {when}"
        " ON CONFLICT (namespace_id) DO NOTHING;"
        f" UPDATE namespace_size SET stored_bytes = stored_bytes + {size} WHERE namespace_id = {namespace}"
        f" AND {when} AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE {row});"
        " INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders)"
        f" SELECT {namespace}, {digest}, {is_manifest}, {size}, 1 WHERE {when}"
        " ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1;"
        " INSERT INTO repository_size (repository_id, namespace_id, stored_bytes)"
        f" SELECT {repository}, {namespace}, {size} WHERE {when}"
        " ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes;"
    )


def _sqlite_leaves(repository: str, is_manifest: str, digest: str, size: str) -> str:
    """Statements of a trigger: content leaves a repository, whose row may be gone already."""
    namespace = f"(SELECT namespace_id FROM repository_size WHERE repository_id = {repository})"
    row = f"namespace_id = {namespace} AND digest = {digest} AND is_manifest = {is_manifest}"
    return (
        f"UPDATE namespace_size SET stored_bytes = stored_bytes - {size} WHERE namespace_id = {namespace}"
        f" AND EXISTS (SELECT 1 FROM namespace_content WHERE {row} AND holders <= 1);"
        f" UPDATE namespace_content SET holders = holders - 1 WHERE {row};"
        f" DELETE FROM namespace_content WHERE {row} AND holders <= 0;"
        f" UPDATE repository_size SET stored_bytes = stored_bytes - {size}"
        f" WHERE repository_id = {repository};"
    )


def _sqlite_blob(row: str) -> tuple[str, str, str, str]:
    blob = f"(SELECT {{}} FROM blob WHERE id = {row}.blob_id)"
    return f"{row}.repository_id", "0", blob.format("digest"), blob.format("size_bytes")


def _sqlite_manifest(row: str) -> tuple[str, str, str, str]:
    return f"{row}.repository_id", "1", DIGEST.format(row=row), f"{row}.size_bytes"


SQLITE = (
    (
        "CREATE TRIGGER repository_blob_enters AFTER INSERT ON repository_blob"
        f" BEGIN {_sqlite_enters(*_sqlite_blob('NEW'))} END"
    ),
    (
        "CREATE TRIGGER repository_blob_leaves AFTER DELETE ON repository_blob"
        f" BEGIN {_sqlite_leaves(*_sqlite_blob('OLD'))} END"
    ),
    (
        "CREATE TRIGGER manifest_enters AFTER INSERT ON manifest WHEN NEW.collected_at_ms IS NULL"
        f" BEGIN {_sqlite_enters(*_sqlite_manifest('NEW'))} END"
    ),
    (
        "CREATE TRIGGER manifest_leaves AFTER DELETE ON manifest WHEN OLD.collected_at_ms IS NULL"
        f" BEGIN {_sqlite_leaves(*_sqlite_manifest('OLD'))} END"
    ),
    (
        "CREATE TRIGGER manifest_collected AFTER UPDATE OF collected_at_ms ON manifest"
        " WHEN OLD.collected_at_ms IS NULL AND NEW.collected_at_ms IS NOT NULL"
        f" BEGIN {_sqlite_leaves(*_sqlite_manifest('OLD'))} END"
    ),
    (
        "CREATE TRIGGER manifest_stored_again AFTER UPDATE OF collected_at_ms ON manifest"
        " WHEN OLD.collected_at_ms IS NOT NULL AND NEW.collected_at_ms IS NULL"
        f" BEGIN {_sqlite_enters(*_sqlite_manifest('NEW'))} END"
    ),
)

_ROWS = "unnest(repositories, digests, sizes) AS x (repository_id, digest, size_bytes)"
_LOCK = (
    "PERFORM 1 FROM namespace_size WHERE namespace_id = ANY(namespaces)"
    " ORDER BY namespace_id FOR NO KEY UPDATE;"
)
_ARGUMENTS = "repositories bigint[], digests text[], sizes bigint[], manifests boolean"
MANY_ENTER = f"""
CREATE FUNCTION contents_enter({_ARGUMENTS}) RETURNS void LANGUAGE plpgsql AS $$
DECLARE namespaces bigint[];
BEGIN
  SELECT array_agg(DISTINCT namespace_id) INTO namespaces FROM repository WHERE id = ANY(repositories);
  INSERT INTO namespace_size (namespace_id, stored_bytes)
    SELECT n, 0 FROM unnest(namespaces) n ORDER BY n ON CONFLICT (namespace_id) DO NOTHING;
  {_LOCK}
  UPDATE namespace_size s SET stored_bytes = s.stored_bytes + e.bytes FROM (
    SELECT d.namespace_id, SUM(d.size_bytes) AS bytes FROM (
      SELECT DISTINCT r.namespace_id, x.digest, x.size_bytes FROM {_ROWS}
        JOIN repository r ON r.id = x.repository_id) d
    WHERE NOT EXISTS (SELECT 1 FROM namespace_content c WHERE c.namespace_id = d.namespace_id
      AND c.digest = d.digest AND c.is_manifest = manifests) GROUP BY d.namespace_id) e
  WHERE s.namespace_id = e.namespace_id;
  INSERT INTO namespace_content AS c (namespace_id, digest, is_manifest, size_bytes, holders)
    SELECT r.namespace_id, x.digest, manifests, MAX(x.size_bytes), COUNT(*) FROM {_ROWS}
      JOIN repository r ON r.id = x.repository_id GROUP BY r.namespace_id, x.digest
    ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = c.holders + excluded.holders;
  INSERT INTO repository_size AS s (repository_id, namespace_id, stored_bytes)
    SELECT r.id, r.namespace_id, SUM(x.size_bytes) FROM {_ROWS}
      JOIN repository r ON r.id = x.repository_id GROUP BY r.id, r.namespace_id
    ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = s.stored_bytes + excluded.stored_bytes;
END $$
"""
ENTERS = f"""
CREATE FUNCTION content_enters({_ARGUMENTS}) RETURNS void LANGUAGE plpgsql AS $$
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
"""
"""Content that enters alone, as with each upload and manifest: statements about sets of rows take four times as
long."""
LEAVES = f"""
CREATE FUNCTION content_leaves({_ARGUMENTS}) RETURNS void LANGUAGE plpgsql AS $$
DECLARE namespaces bigint[];
BEGIN
  IF repositories IS NULL THEN RETURN; END IF;
  SELECT array_agg(DISTINCT namespace_id) INTO namespaces
    FROM repository_size WHERE repository_id = ANY(repositories);
  {_LOCK}
  UPDATE namespace_content c SET holders = c.holders - e.number FROM (
    SELECT s.namespace_id, x.digest, COUNT(*) AS number FROM {_ROWS}
      JOIN repository_size s ON s.repository_id = x.repository_id GROUP BY s.namespace_id, x.digest) e
  WHERE c.namespace_id = e.namespace_id AND c.digest = e.digest AND c.is_manifest = manifests;
  WITH gone AS (
    DELETE FROM namespace_content WHERE namespace_id = ANY(namespaces) AND digest = ANY(digests)
      AND is_manifest = manifests AND holders <= 0 RETURNING namespace_id, size_bytes)
  UPDATE namespace_size s SET stored_bytes = s.stored_bytes - e.bytes FROM (
    SELECT namespace_id, SUM(size_bytes) AS bytes FROM gone GROUP BY namespace_id) e
  WHERE s.namespace_id = e.namespace_id;
  UPDATE repository_size s SET stored_bytes = s.stored_bytes - e.bytes FROM (
    SELECT x.repository_id, SUM(x.size_bytes) AS bytes FROM {_ROWS} GROUP BY x.repository_id) e
  WHERE s.repository_id = e.repository_id;
END $$
"""


def _postgres_trigger(name: str, event: str, table: str, referencing: str, body: str) -> tuple[str, str]:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {referencing}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        ),
    )


def _postgres_calls(function: str, rows: str, is_manifest: str) -> str:
    return (
        f"PERFORM {function}(array_agg(repository_id), array_agg(digest), array_agg(size_bytes), {is_manifest})"
        f" FROM ({rows}) changed;"
    )


_CHANGED_BLOBS = (
    "SELECT c.repository_id, b.digest::text AS digest, b.size_bytes FROM changed_rows c"
    " JOIN blob b ON b.id = c.blob_id"
)
_CHANGED_MANIFESTS = (
    f"SELECT c.repository_id, {DIGEST.format(row='c')}::text AS digest, c.size_bytes FROM {{rows}}"
)
_NEW, _OLD = "NEW TABLE AS changed_rows", "OLD TABLE AS changed_rows"
_STORED = _CHANGED_MANIFESTS.format(rows="changed_rows c WHERE c.collected_at_ms IS NULL")
# An array, since these rows have no statistics: a join might compare each with each, and seldom one turns.
_TURNED = (
    "{rows} c WHERE c.collected_at_ms IS NULL AND c.id = ANY(ARRAY("
    "SELECT o.id FROM {others} o WHERE o.collected_at_ms IS NOT NULL))"
)
POSTGRES = (
    MANY_ENTER,
    ENTERS,
    LEAVES,
    *_postgres_trigger(
        "repository_blob_enters",
        "INSERT",
        "repository_blob",
        _NEW,
        _postgres_calls("content_enters", _CHANGED_BLOBS, "FALSE"),
    ),
    *_postgres_trigger(
        "repository_blob_leaves",
        "DELETE",
        "repository_blob",
        _OLD,
        _postgres_calls("content_leaves", _CHANGED_BLOBS, "FALSE"),
    ),
    *_postgres_trigger(
        "manifest_enters", "INSERT", "manifest", _NEW, _postgres_calls("content_enters", _STORED, "TRUE")
    ),
    *_postgres_trigger(
        "manifest_leaves", "DELETE", "manifest", _OLD, _postgres_calls("content_leaves", _STORED, "TRUE")
    ),
    *_postgres_trigger(
        "manifest_turns",
        "UPDATE",
        "manifest",
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        _postgres_calls(
            "content_leaves",
            _CHANGED_MANIFESTS.format(rows=_TURNED.format(rows="old_rows", others="new_rows")),
            "TRUE",
        )
        + " "
        + _postgres_calls(
            "content_enters",
            _CHANGED_MANIFESTS.format(rows=_TURNED.format(rows="new_rows", others="old_rows")),
            "TRUE",
        ),
    ),
)


WAIT_FOR_WRITERS = "LOCK TABLE repository_blob, manifest IN SHARE ROW EXCLUSIVE MODE"
"""Content that a process of an earlier version is adding is either counted below, or waits for the triggers."""


async def create(_: Any, editor: Any) -> None:
    """Run the statements of the dialect one by one: the editor would part a trigger at its semicolons."""
    is_postgres = editor.client.capabilities.dialect == "postgres"
    statements = (WAIT_FOR_WRITERS, *FILL, *POSTGRES) if is_postgres else (*FILL, *SQLITE)
    for statement in statements:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0026_event_pushes")]

    operations = [
        ops.CreateModel(
            name="NamespaceContent",
            fields=[
                (
                    "id",
                    fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True),
                ),
                ("namespace_id", fields.BigIntField()),
                ("digest", fields.CharField(max_length=140)),
                ("is_manifest", fields.BooleanField()),
                ("size_bytes", fields.BigIntField()),
                ("holders", fields.BigIntField()),
            ],
            options={
                "table": "namespace_content",
                "app": "models",
                "unique_together": (("namespace_id", "digest", "is_manifest"),),
                "indexes": [Index(fields=["namespace_id", "size_bytes", "id"])],
                "pk_attr": "id",
                "table_description": "A blob or the body of a manifest to which repositories of a namespace have a right, each digest once.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="NamespaceSize",
            fields=[
                (
                    "namespace_id",
                    fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True),
                ),
                ("stored_bytes", fields.BigIntField(default=0)),
            ],
            options={
                "table": "namespace_size",
                "app": "models",
                "pk_attr": "namespace_id",
                "table_description": "The stored bytes of a namespace: the sum over its rows of `namespace_content`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RepositorySize",
            fields=[
                (
                    "repository_id",
                    fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True),
                ),
                ("namespace_id", fields.BigIntField()),
                ("stored_bytes", fields.BigIntField(default=0)),
            ],
            options={
                "table": "repository_size",
                "app": "models",
                "indexes": [Index(fields=["namespace_id", "stored_bytes", "repository_id"])],
                "pk_attr": "repository_id",
                "table_description": "The stored bytes of a repository: blobs to which it has a right, and bodies of its manifests.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StorageSample",
            fields=[
                (
                    "id",
                    fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True),
                ),
                ("namespace_id", fields.BigIntField()),
                ("repository_id", fields.BigIntField(default=0)),
                ("day", fields.IntField()),
                ("stored_bytes", fields.BigIntField()),
            ],
            options={
                "table": "storage_sample",
                "app": "models",
                "unique_together": (("namespace_id", "repository_id", "day"),),
                "indexes": [Index(fields=["day"])],
                "pk_attr": "id",
                "table_description": "The stored bytes of a repository at the end of a day (days since the epoch, UTC).",
            },
            bases=["Model"],
        ),
        ops.RunPython(create),
    ]
