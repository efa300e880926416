"""Snapshots: populated databases of earlier revisions, on which every upgrade is tested.

    python -m tests.storage.snapshot

run before a migration is added, writes two files to tests/storage/snapshots: the SQLite database of the
newest revision as SQL text, schema and all, and its rows as JSON, which load into PostgreSQL as well.
"""

import asyncio
import base64
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import orjson
from tortoise.migrations.executor import MigrationTarget

from quayside.settings.settings import load_settings
from resolvers import site
from resolvers.access import limits
from resolvers.access.registry_tokens import load_signer
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.namespace import Owner
from resolvers.oauth import token
from resolvers.pruning import policy
from resolvers.pruning.history import RunLog
from resolvers.pruning.policy import PruneMethod
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from resolvers.tags import tag
from resolvers.tags.tag import TagChanges
from storage.blobs import open_blob_store
from storage.clock import now_ms
from storage.database import Database, _configuration, latest_revision, migrate
from storage.election import hold_lease
from storage.jobs import enqueue
from storage.models.blob import StrayUpload, Upload
from storage.models.quota import QuotaNotice
from storage.models.size import StorageSample
from storage.schema_states import Executor
from storage.statements import Row, execute, fetch, is_postgres
from storage.transactions import transaction
from tests.factories import Factory, image_config
from tests.quayside.registry import kit
from tests.state import dump

DIRECTORY = Path(__file__).parent / "snapshots"
BYTES = "$bytes"
DERIVED = (
    "repository_search",
    *(f"repository_search_{of}" for of in ("public_name", "public_description")),
    *(f"repository_search_{of}" for of in ("private_name", "private_description")),
    "account_search",
)
"""Virtual tables of SQLite, filled by triggers; also the prefixes of their shadow tables' names."""


def revisions() -> list[str]:
    """The revisions that have a snapshot, oldest first."""
    return sorted(path.stem for path in DIRECTORY.glob("*.sql"))


async def populate(factory: Factory) -> None:
    """Put at least one row into every table, through the resolvers."""
    initialized = await site.initialize(
        factory.context(),
        username="ada",
        password="correct-horse",
        email=None,
        code=await site.first_start_code(),
    )
    assert initialized.account.name == "ada"
    await load_signer(factory.secrets, audience="registry.test")
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["bob"])
    await factory.robot("acme+bot", by="ada")
    await factory.token("bob")
    await token.create_app_token(await factory.as_account("bob"), title="laptop")
    for name, visibility in (("app", Visibility.PRIVATE), ("tools/base", Visibility.PUBLIC)):
        await factory.repository(f"acme/{name}", by="ada", visibility=visibility)
    await factory.grant("acme/app", "bob", RepositoryRole.WRITE, by="ada")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.READ, by="ada")
    configs = [image_config("amd64"), image_config("arm64", variant="v8")]
    for config in configs:
        await factory.image("acme/app", b"layer", config=config, tag="latest")
    documents = [kit.encode(kit.image_document(b"layer", config=config)) for config in configs]
    index = await factory.manifest("acme/app", kit.index_document(*documents), tag="latest")
    await factory.manifest("acme/app", kit.index_document(*documents), tag="v1")
    owner = await factory.as_account("ada")
    await tag.update(owner, "acme/app", "v1", TagChanges(is_immutable=True))
    await tag.update(owner, "acme/app", "v2", TagChanges(manifest_digest=index))
    await tag.update(owner, "acme/app", "v2", TagChanges(expires_at_ms=now_ms() + 86_400_000))
    await factory.image("acme/tools/base", b"base", tag="1.0")
    await factory.repository("ada/gone", by="ada")
    await repository.delete(owner, "ada/gone")
    rule = await policy.create(
        owner, Owner(repository="acme/app"), policy.rule_of(PruneMethod.NUMBER_OF_TAGS, 10)
    )
    await RunLog().finish([rule.id])
    found = await repository.find("acme/app")
    assert found is not None
    await Upload.create(
        uuid="11111111-1111-4111-8111-111111111111",
        repository_id=found.id,
        account_id=initialized.account.id,
        created_at_ms=now_ms(),
    )
    await QuotaNotice.create(namespace_id=found.namespace_id, kind="reject", percent=100, noted_at_ms=1)
    await limits.count_mail(owner, "eve@example.com")
    await StrayUpload.create(uuid="22222222-2222-4222-8222-222222222222", found_at_ms=now_ms())
    await StorageSample.create(namespace_id=found.namespace_id, day=20_000, stored_bytes=1)
    await factory.quota("acme", 10**12, (LimitKind.WARNING, 80))
    await enqueue("upload.expire", {})
    await hold_lease("job-runner", "elsewhere:1:1", duration_ms=1)


async def migrate_to(database: Database, revision: str) -> None:
    """Migrate an empty database to a revision. The product itself migrates only to the newest."""
    with database.current():
        connection = database._context.db("default")
        executor = Executor(connection, _configuration(database.url, 1)["apps"])
        await executor.migrate([MigrationTarget("models", revision)], direction="forward")


async def load_rows(revision: str) -> None:
    """Insert the rows of a snapshot into the current database, which is empty and at its revision."""
    tables: dict[str, list[Row]] = orjson.loads((DIRECTORY / f"{revision}.json").read_bytes())
    booleans = await _boolean_columns()
    async with transaction("snapshot.load"):
        # Foreign keys are not checked, as in a restore: tables are in no order of references.
        await execute(
            "SET LOCAL session_replication_role = replica"
            if is_postgres()
            else "PRAGMA defer_foreign_keys = ON"
        )
        for table, rows in tables.items():
            for row in rows:
                columns, marks = ", ".join(row), ", ".join("?" * len(row))
                values = [_decoded(value, (table, column) in booleans) for column, value in row.items()]
                await execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *values)
            if is_postgres() and any("id" in row for row in rows):
                await fetch(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
                )


async def _boolean_columns() -> set[tuple[str, str]]:
    if not is_postgres():
        return set()
    rows = await fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'boolean'"
    )
    return {(row["table_name"], row["column_name"]) for row in rows}


def _decoded(value: Any, is_boolean: bool) -> Any:
    if isinstance(value, dict) and BYTES in value:
        return base64.b64decode(value[BYTES])
    return bool(value) if is_boolean and value is not None else value


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {BYTES: base64.b64encode(value).decode()}
    raise TypeError(type(value))


async def write() -> None:
    """Write both files for a populated database of the newest revision."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "quayside.db"
        url = f"sqlite://{path}"
        settings = load_settings(
            {
                "DATA_DIR": temporary,
                "DATABASE_URL": url,
                "BLOB_URL": "memory:",
                "SECRET_KEY": "k" * 32,
            },
            {},
        )
        await migrate(url)
        database = await Database.connect(url)
        database.make_current()
        await populate(Factory.of(settings, database, open_blob_store("memory:")))
        hidden = ("tortoise_migrations", *DERIVED)
        rows = {table: found for table, found in (await dump()).items() if not table.startswith(hidden)}
        await database.close()
        target = DIRECTORY / latest_revision()
        connection = sqlite3.connect(path)
        # The text has their content already, as rows of their shadow tables.
        twice = tuple(f'INSERT INTO "{table}" ' for table in DERIVED)
        statements = [line for line in connection.iterdump() if not line.startswith(twice)]
        target.with_suffix(".sql").write_text("\n".join(statements) + "\n")
        connection.close()
    target.with_suffix(".json").write_bytes(
        orjson.dumps(rows, default=_encoded, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


if __name__ == "__main__":
    asyncio.run(write())
