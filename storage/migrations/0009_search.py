"""What names and descriptions are found by: trigrams of every part, and names in order for their beginnings.

SQLite has them in tables of its own, which triggers keep in step with every writer. PostgreSQL has indexes.
"""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

DESCRIPTION = "substr({row}.description, 1, 2000)"
"""So much of a description is looked at. `storage.search` says the same to PostgreSQL's planner."""

SQLITE = (
    'CREATE INDEX "idx_repository_name" ON "repository" ("name")',
    "CREATE VIRTUAL TABLE repository_search USING fts5(name, description, tokenize='trigram')",
    "CREATE VIRTUAL TABLE account_search USING fts5(name, tokenize='trigram')",
    (
        "INSERT INTO repository_search (rowid, name, description)"
        f" SELECT r.id, r.name, {DESCRIPTION.format(row='r')} FROM repository r WHERE r.deleted_at_ms IS NULL"
    ),
    (
        "INSERT INTO account_search (rowid, name)"
        " SELECT id, name FROM account WHERE kind <> 'robot' AND deleted_at_ms IS NULL"
    ),
    (
        "CREATE TRIGGER repository_search_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL BEGIN"
        " INSERT INTO repository_search (rowid, name, description)"
        f" VALUES (NEW.id, NEW.name, {DESCRIPTION.format(row='NEW')}); END"
    ),
    (
        "CREATE TRIGGER repository_search_update AFTER UPDATE OF name, description, deleted_at_ms ON repository"
        " BEGIN DELETE FROM repository_search WHERE rowid = OLD.id;"
        " INSERT INTO repository_search (rowid, name, description)"
        f" SELECT NEW.id, NEW.name, {DESCRIPTION.format(row='NEW')} WHERE NEW.deleted_at_ms IS NULL; END"
    ),
    (
        "CREATE TRIGGER repository_search_delete AFTER DELETE ON repository"
        " BEGIN DELETE FROM repository_search WHERE rowid = OLD.id; END"
    ),
    (
        "CREATE TRIGGER account_search_insert AFTER INSERT ON account"
        " WHEN NEW.kind <> 'robot' AND NEW.deleted_at_ms IS NULL"
        " BEGIN INSERT INTO account_search (rowid, name) VALUES (NEW.id, NEW.name); END"
    ),
    (
        "CREATE TRIGGER account_search_update AFTER UPDATE OF name, deleted_at_ms ON account"
        " WHEN NEW.kind <> 'robot' BEGIN DELETE FROM account_search WHERE rowid = OLD.id;"
        " INSERT INTO account_search (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL; END"
    ),
    (
        "CREATE TRIGGER account_search_delete AFTER DELETE ON account WHEN OLD.kind <> 'robot'"
        " BEGIN DELETE FROM account_search WHERE rowid = OLD.id; END"
    ),
    'CREATE INDEX "idx_robot_owner" ON "robot" ("owner_id")',
)

# What is new is written into the indexes at once: a list of what is pending would be read by every search.
POSTGRES = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    'CREATE INDEX "idx_repository_name" ON "repository" ("name" COLLATE "C")',
    'CREATE INDEX "idx_account_name" ON "account" ("name" COLLATE "C")',
    (
        'CREATE INDEX "idx_repository_name_trigrams" ON "repository" USING gin ("name" gin_trgm_ops)'
        ' WITH (fastupdate = off) WHERE "deleted_at_ms" IS NULL'
    ),
    (
        'CREATE INDEX "idx_repository_description_trigrams" ON "repository"'
        ' USING gin (substr("description", 1, 2000) gin_trgm_ops) WITH (fastupdate = off)'
        ' WHERE "deleted_at_ms" IS NULL'
    ),
    (
        'CREATE INDEX "idx_account_name_trigrams" ON "account" USING gin ("name" gin_trgm_ops)'
        ' WITH (fastupdate = off) WHERE "kind" <> \'robot\' AND "deleted_at_ms" IS NULL'
    ),
    'CREATE INDEX "idx_robot_owner" ON "robot" ("owner_id")',
)


async def create(_: Any, editor: Any) -> None:
    """Run the statements of the dialect one by one: the editor would part a trigger at its semicolons."""
    for statement in POSTGRES if editor.client.capabilities.dialect == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0008_tag_expiration")]

    operations = [ops.RunPython(create)]
