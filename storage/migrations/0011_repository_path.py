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
)


def _search(visibility: str, column: str, text: str) -> tuple[str, ...]:
    """The index over one column of public or of private repositories, and what keeps it in step."""
    table = f"repository_search_{visibility}_{column}"
    fits = "{row}.deleted_at_ms IS NULL AND {row}.visibility = '" + visibility + "'"
    insert = f"INSERT INTO {table} (rowid, {column})"
    new, of_new = text.format(row="NEW"), fits.format(row="NEW")
    return (
        f"CREATE VIRTUAL TABLE {table} USING fts5({column}, tokenize='trigram')",
        f"{insert} SELECT r.id, {text.format(row='r')} FROM repository r WHERE {fits.format(row='r')}",
        (
            f"CREATE TRIGGER {table}_insert AFTER INSERT ON repository WHEN {of_new}"
            f" BEGIN {insert} VALUES (NEW.id, {new}); END"
        ),
        (
            f"CREATE TRIGGER {table}_update AFTER UPDATE OF {column}, visibility, deleted_at_ms ON repository"
            f" BEGIN DELETE FROM {table} WHERE rowid = OLD.id;"
            f" {insert} SELECT NEW.id, {new} WHERE {of_new}; END"
        ),
        (
            f"CREATE TRIGGER {table}_delete AFTER DELETE ON repository"
            f" BEGIN DELETE FROM {table} WHERE rowid = OLD.id; END"
        ),
    )


SEARCH = tuple(
    statement
    for visibility in ("public", "private")
    for column, text in (("name", "{row}.name"), ("description", DESCRIPTION))
    for statement in _search(visibility, column, text)
)
"""An index over both columns finds what holds a word in the other one, and one over all what nobody may see.
That of the revision before stays, for processes that still use it."""

TRIGRAMS = tuple(
    f'CREATE INDEX "idx_repository_{visibility}_{column}_trigrams" ON "repository"'
    f" USING gin ({text} gin_trgm_ops) WITH (fastupdate = off)"
    f' WHERE "deleted_at_ms" IS NULL AND "visibility" = \'{visibility}\''
    for visibility in ("public", "private")
    for column, text in (("name", '"name"'), ("description", 'substr("description", 1, 2000)'))
)

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
    'DROP INDEX "idx_repository_name_trigrams"',
    'DROP INDEX "idx_repository_description_trigrams"',
    *TRIGRAMS,
)


async def create(_: Any, editor: Any) -> None:
    """Run the statements of the dialect one by one: the editor would part a trigger at its semicolons."""
    is_postgres = editor.client.capabilities.dialect == "postgres"
    for statement in POSTGRES if is_postgres else (*SQLITE, *SEARCH):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0010_artifact_kind")]

    operations = [
        ops.AddField(model_name="Repository", name="path", field=fields.CharField(max_length=511, null=True)),
        ops.RunPython(create),
    ]
