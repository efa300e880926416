"""What lists and searches of very many repositories are read in the order of, and only as far as they are shown.

The path of a repository is kept beside it by triggers, whoever writes: its own name, or its namespace's.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

DESCRIPTION = "substr({row}.description, 1, 2000)"
"""So much of a description is looked at, as in the index over all repositories."""

FILL = (
    "UPDATE repository SET path ="
    " (SELECT a.name FROM account a WHERE a.id = repository.namespace_id) || '/' || repository.name"
)
ALIVE = 'WHERE "deleted_at_ms" IS NULL'
INDEXES = (
    f'CREATE INDEX "idx_repository_path" ON "repository" ("visibility", "path") {ALIVE}',
    (
        'CREATE INDEX "idx_repository_namespace_listing" ON "repository"'
        f' ("namespace_id", "visibility", "id") {ALIVE}'
    ),
    (
        'CREATE INDEX "idx_repository_namespace_path" ON "repository"'
        f' ("namespace_id", "visibility", "path") {ALIVE}'
    ),
)
PATH_OF_NEW = (
    "UPDATE repository SET path ="
    " (SELECT a.name FROM account a WHERE a.id = NEW.namespace_id) || '/' || NEW.name WHERE id = NEW.id;"
)

SQLITE = (
    FILL,
    *INDEXES,
    f'CREATE INDEX "idx_repository_visible_name" ON "repository" ("visibility", "name") {ALIVE}',
    f"CREATE TRIGGER repository_path_insert AFTER INSERT ON repository BEGIN {PATH_OF_NEW} END",
    (
        "CREATE TRIGGER repository_path_update AFTER UPDATE OF name, namespace_id ON repository"
        f" BEGIN {PATH_OF_NEW} END"
    ),
    (
        "CREATE TRIGGER account_path_update AFTER UPDATE OF name ON account WHEN NEW.kind <> 'robot'"
        " BEGIN UPDATE repository SET path = NEW.name || '/' || name WHERE namespace_id = NEW.id; END"
    ),
    "CREATE VIRTUAL TABLE repository_search_public USING fts5(name, description, tokenize='trigram')",
    (
        "INSERT INTO repository_search_public (rowid, name, description)"
        f" SELECT r.id, r.name, {DESCRIPTION.format(row='r')} FROM repository r"
        " WHERE r.deleted_at_ms IS NULL AND r.visibility = 'public'"
    ),
    (
        "CREATE TRIGGER repository_search_public_insert AFTER INSERT ON repository"
        " WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'"
        " BEGIN INSERT INTO repository_search_public (rowid, name, description)"
        f" VALUES (NEW.id, NEW.name, {DESCRIPTION.format(row='NEW')}); END"
    ),
    (
        "CREATE TRIGGER repository_search_public_update"
        " AFTER UPDATE OF name, description, visibility, deleted_at_ms ON repository"
        " BEGIN DELETE FROM repository_search_public WHERE rowid = OLD.id;"
        " INSERT INTO repository_search_public (rowid, name, description)"
        f" SELECT NEW.id, NEW.name, {DESCRIPTION.format(row='NEW')}"
        " WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'; END"
    ),
    (
        "CREATE TRIGGER repository_search_public_delete AFTER DELETE ON repository"
        " BEGIN DELETE FROM repository_search_public WHERE rowid = OLD.id; END"
    ),
)

PUBLIC = 'WHERE "deleted_at_ms" IS NULL AND "visibility" = \'public\''
POSTGRES = (
    # Paths are listed in the order of their bytes, whatever the language of the database.
    'ALTER TABLE "repository" ALTER COLUMN "path" TYPE varchar(511) COLLATE "C"',
    FILL,
    *INDEXES,
    f'CREATE INDEX "idx_repository_visible_name" ON "repository" ("visibility", "name" COLLATE "C") {ALIVE}',
    # The lock makes whoever creates a repository wait for whoever renames its namespace, and then look again.
    (
        "CREATE FUNCTION repository_path() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " SELECT a.name || '/' || NEW.name INTO NEW.path FROM account a WHERE a.id = NEW.namespace_id"
        " FOR KEY SHARE; RETURN NEW; END $$"
    ),
    (
        "CREATE TRIGGER repository_path BEFORE INSERT OR UPDATE OF name, namespace_id ON repository"
        " FOR EACH ROW EXECUTE FUNCTION repository_path()"
    ),
    (
        "CREATE FUNCTION account_path() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE repository SET path = NEW.name || '/' || name WHERE namespace_id = NEW.id;"
        " RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER account_path AFTER UPDATE OF name ON account FOR EACH ROW"
        " WHEN (NEW.kind <> 'robot' AND NEW.name <> OLD.name) EXECUTE FUNCTION account_path()"
    ),
    (
        'CREATE INDEX "idx_repository_public_name_trigrams" ON "repository" USING gin ("name" gin_trgm_ops)'
        f" WITH (fastupdate = off) {PUBLIC}"
    ),
    (
        'CREATE INDEX "idx_repository_public_description_trigrams" ON "repository"'
        f' USING gin (substr("description", 1, 2000) gin_trgm_ops) WITH (fastupdate = off) {PUBLIC}'
    ),
)


async def create(_: Any, editor: Any) -> None:
    """Run the statements of the dialect one by one: the editor would part a trigger at its semicolons."""
    for statement in POSTGRES if editor.client.capabilities.dialect == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0010_artifact_kind")]

    operations = [
        ops.AddField(model_name="Repository", name="path", field=fields.CharField(max_length=511, null=True)),
        ops.RunPython(create),
    ]
