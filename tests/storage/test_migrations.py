"""Migrations: additive, complete, the same result from an empty and an old database, refused when newer."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.migrations.autodetector import MigrationAutodetector

from resolvers.accounts.account import by_name
from resolvers.manifests import manifest
from resolvers.repositories import repository
from resolvers.tags import tag
from storage.clock import now_ms
from storage.database import (
    Database,
    DatabaseError,
    _configuration,
    applied_revisions,
    latest_revision,
    migrate,
    refuse_newer,
    require_current,
    revisions,
    sqlite_path,
)
from storage.statements import Row, execute, fetch, is_postgres
from tests.factories import Factory
from tests.process import ROOT, environment
from tests.quotas import stored
from tests.state import counts, dump
from tests.storage import snapshot

BOOKKEEPING = {"tortoise_migrations"}


async def shape() -> dict[str, str]:
    """Every table, column, constraint and index of the current database, as definitions by name."""
    if not is_postgres():
        rows = await fetch("SELECT type || ' ' || name AS name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {row["name"]: " ".join(row["sql"].split()) for row in rows}
    rows = await fetch(
        "SELECT 'index ' || indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public'"
        " UNION ALL SELECT 'column ' || table_name || '.' || column_name,"
        " data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '')"
        " FROM information_schema.columns"
        " WHERE table_schema = 'public' UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    )
    return {row["name"]: row["sql"] for row in rows}


@pytest.fixture
async def fresh_shape(database_url: str) -> dict[str, str]:
    """The shape of a database that was migrated from empty."""
    database = await Database.connect(database_url)
    with database.current():
        found = await shape()
    await database.close()
    return found


@pytest.fixture
async def empty_url(database_url: str, tmp_path: Path, fresh_shape: dict[str, str]) -> str:
    """The URL of a database without anything in it."""
    if database_url.startswith("sqlite"):
        return f"sqlite://{tmp_path}/empty.db"
    database = await Database.connect(database_url)
    with database.current():
        await execute("DROP SCHEMA public CASCADE")
        await execute("CREATE SCHEMA public")
    await database.close()
    return database_url


async def old_database(url: str, revision: str) -> None:
    """Fill an empty database with a snapshot."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        connection.executescript((snapshot.DIRECTORY / f"{revision}.sql").read_text())
        connection.close()
        return
    database = await Database.connect(url)
    await snapshot.migrate_to(database, revision)
    with database.current():
        await snapshot.load_rows(revision)
    await database.close()


async def test_models_and_migrations_define_the_same_schema(database: Database) -> None:
    apps = database._context.apps
    assert apps is not None

    missing = await MigrationAutodetector(apps, _configuration(database.url, 1)["apps"]).changes()

    assert [operation for writer in missing for operation in writer.operations] == []


async def test_migrations_only_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuilt table would lose concurrent writes of other processes, and all foreign keys to it."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)

    assert await migrate(f"sqlite://{tmp_path}/quayside.db") == revisions()

    text = "\n".join(statements).upper()
    assert text.count("CREATE TABLE") > 20
    assert [word for word in ("DROP TABLE", "DROP COLUMN", "NEW__", "RENAME") if word in text] == []


def test_there_is_a_snapshot() -> None:
    assert "0002_partial_indexes" in snapshot.revisions()
    assert set(snapshot.revisions()) <= set(revisions())


@pytest.mark.parametrize("revision", snapshot.revisions())
async def test_an_upgraded_database_equals_a_fresh_one_and_keeps_its_rows(
    revision: str, fresh_shape: dict[str, str], empty_url: str
) -> None:
    await old_database(empty_url, revision)
    database = await Database.connect(empty_url)
    database.make_current()
    before = {table: rows for table, rows in (await dump()).items() if table not in BOOKKEEPING}
    assert sum(map(len, before.values())) > 50

    assert await migrate(empty_url) == revisions()[revisions().index(revision) + 1 :]

    after = await dump()
    upgraded = await shape()
    await require_current(database)
    await database.close()
    assert {table: _with(rows, before[table]) for table, rows in after.items() if table in before} == before
    assert upgraded == fresh_shape


def _with(rows: list[Row], model: list[Row]) -> list[Row]:
    """The rows with only the columns of `model`."""
    columns = model[0].keys() if model else set()
    return sorted(({key: row[key] for key in columns} for row in rows), key=repr)


@pytest.mark.parametrize("revision", snapshot.revisions())
async def test_rows_from_before_an_upgrade_can_be_used_after_it(
    revision: str, empty_url: str, factory: Factory
) -> None:
    await old_database(empty_url, revision)
    await migrate(empty_url)
    database = await Database.connect(empty_url)
    database.make_current()
    found = await repository.find("acme/app")
    assert found is not None
    pointed = await tag.active_tag(found.id, "latest")
    assert pointed is not None

    assert (await manifest.by_ids([pointed.manifest_id]))[pointed.manifest_id].is_index
    digest = await factory.image("acme/app", b"after the upgrade", tag="latest")

    moved = await tag.active_tag(found.id, "latest")
    assert moved is not None
    assert (await manifest.by_ids([moved.manifest_id]))[moved.manifest_id].digest == digest
    assert (await by_name("ada")) is not None
    await factory.user("new")
    await database.close()


async def test_migrating_is_idempotent(database: Database) -> None:
    before = await shape(), await counts()

    assert await migrate(database.url) == []

    assert (await shape(), await counts()) == before


async def test_concurrent_processes_apply_each_migration_once(empty_url: str) -> None:
    async def process() -> bytes:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import asyncio, sys; from storage.database import migrate;"
            "print(*asyncio.run(migrate(sys.argv[1])))",
            empty_url,
            cwd=ROOT,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await started.communicate()
        # A busy machine logs slow statements; only the exit of the process counts.
        assert started.returncode == 0, err
        return out

    ended = await asyncio.gather(*(process() for _ in range(3)))

    assert sorted(out.decode().split() for out in ended) == [[], [], revisions()]


@pytest.fixture
async def plain_url(empty_url: str) -> AsyncIterator[str]:
    """An empty database; on PostgreSQL, of a user who may create tables but no extensions."""
    if empty_url.startswith("sqlite"):
        yield empty_url
        return
    name = f"plain_{os.getpid()}"
    administrator = await asyncpg.connect(empty_url)
    await administrator.execute(f"CREATE ROLE {name} LOGIN; GRANT ALL ON SCHEMA public TO {name}")
    yield empty_url.replace("//quayside@", f"//{name}@")
    await administrator.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
    await administrator.close()


async def test_without_the_privilege_to_create_the_extension_the_error_says_who_has_it(
    plain_url: str, empty_url: str
) -> None:
    if plain_url != empty_url:
        with pytest.raises(DatabaseError) as caught:
            await migrate(plain_url)
        assert str(caught.value) == (
            "The extension pg_trgm is missing and cannot be created (permission denied to create extension"
            ' "pg_trgm"); let an administrator run CREATE EXTENSION pg_trgm in the database, or grant this'
            " user CREATE on it."
        )
        administrator = await asyncpg.connect(empty_url)
        tables = await administrator.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
        await administrator.execute("CREATE EXTENSION pg_trgm")
        await administrator.close()
        assert tables == []

    assert await migrate(plain_url) == revisions()


async def test_a_newer_database_is_refused_with_one_sentence(database: Database) -> None:
    await execute(
        "INSERT INTO tortoise_migrations (app, name, applied_at) SELECT app, '9999_future', applied_at"
        " FROM tortoise_migrations LIMIT 1"
    )

    for refused in (refuse_newer(database), require_current(database), migrate(database.url)):
        with pytest.raises(DatabaseError) as caught:
            await refused
        assert str(caught.value) == (
            "The database is newer than this version: it has revision 9999_future, this version knows up to "
            f"{latest_revision()}; start a newer quayside."
        )


async def test_an_older_database_is_refused_with_what_to_do(database: Database) -> None:
    await execute("DELETE FROM tortoise_migrations WHERE name = ?", latest_revision())

    with pytest.raises(DatabaseError) as caught:
        await require_current(database)

    assert (
        str(caught.value) == f"The database lacks revision {latest_revision()}; run quayside migrate first."
    )
    assert await applied_revisions(database) == revisions()[:-1]


async def test_an_unreachable_database_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "quayside.db").write_bytes(b"no database " * 100)

    with pytest.raises(DatabaseError, match=r"^The database does not answer: "):
        await Database.connect(f"sqlite://{tmp_path}/quayside.db")
    with pytest.raises(
        DatabaseError, match=r"^The database URL scheme 'mysql' is unknown; use sqlite or postgres\.$"
    ):
        await Database.connect("mysql://localhost/quayside")


async def test_two_databases_of_one_process_are_isolated(tmp_path: Path) -> None:
    first, second = [await Database.connect(f"sqlite://{tmp_path}/{name}.db") for name in ("one", "two")]

    with first.current():
        await execute("CREATE TABLE one (value INTEGER)")
        with second.current():
            await execute("CREATE TABLE two (value INTEGER)")
        found = await fetch("SELECT name FROM sqlite_master")

    assert found == [{"name": "one"}]
    await first.close()
    await second.close()


@pytest.mark.parametrize("revision", snapshot.revisions())
async def test_an_upgrade_begins_a_new_grace_period_for_every_blob(revision: str, empty_url: str) -> None:
    """Earlier versions kept the time of the last commit in the file, where no statement finds it."""
    if "0017_blob_state" not in revisions()[revisions().index(revision) + 1 :]:
        pytest.skip("the snapshot has the column")
    await old_database(empty_url, revision)
    database = await Database.connect(empty_url)
    database.make_current()
    before = await fetch("SELECT digest, created_at_ms FROM blob")
    started = now_ms()

    await migrate(empty_url)

    rows = await fetch("SELECT digest, state, committed_at_ms, deleting_until_ms FROM blob")
    uploads = await fetch("SELECT used_at_ms FROM upload")
    await database.close()
    assert {row["digest"] for row in rows} == {row["digest"] for row in before}
    assert {(row["state"], row["deleting_until_ms"]) for row in rows} <= {("stored", None)}
    times = [row["committed_at_ms"] for row in rows] + [row["used_at_ms"] for row in uploads]
    assert [at_ms for at_ms in times if not started <= at_ms <= now_ms()] == []
    assert len(times) > 0 or revision == "0002_partial_indexes"


async def test_an_upgrade_gives_a_shared_mailbox_to_the_first_of_its_users(empty_url: str) -> None:
    await old_database(empty_url, "0017_blob_state")
    database = await Database.connect(empty_url)
    database.make_current()
    (row, *_) = await fetch("SELECT * FROM account WHERE name = 'bob'")
    addresses = ("Jo@x.example", "jo@X.example", "\u00d6@x.example", "\u00f6@x.example", "o'neil@x.example")
    for number, email in enumerate(addresses):
        more = row | {"id": 1000 + number, "uuid": f"u{number}", "name": f"user{number}", "email": email}
        columns = ", ".join(more)
        await execute(
            f"INSERT INTO account ({columns}) VALUES ({', '.join('?' * len(more))})", *more.values()
        )
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'user4'")

    await migrate(empty_url)

    users = await fetch("SELECT email, email_key FROM account WHERE id >= 1000 ORDER BY id")
    await database.close()
    assert [tuple(user.values()) for user in users] == [
        ("Jo@x.example", "jo@x.example"),
        ("jo@X.example", None),
        ("\u00d6@x.example", "\u00f6@x.example"),
        ("\u00f6@x.example", None),
        (None, None),
    ]


SPANS = """
  1 one    1000    2000 no  : a span that was moved
  2 one    2000       - no  : the last of it
  3 back   9000    5000 no  : ended by a clock that was an hour behind
  4 back   5000    7000 no  : and made again before its start
  5 back   6000       - no  : and moved, while that one seemed to go on
  6 coming 1000  future yes : expires
  7 old    1000  future no  : expires, set before that was marked
  8 over   1000    2000 yes : has expired
  9 again  1000  future yes : would have expired, but
 10 again  4000       - no  : was made again when the clock was behind
"""


async def test_an_upgrade_marks_the_ends_that_have_happened_and_puts_spans_in_order(empty_url: str) -> None:
    future = now_ms() + 10**9
    await old_database(empty_url, "0017_blob_state")
    database = await Database.connect(empty_url)
    with database.current():
        (manifest_of,) = await fetch("SELECT id, repository_id FROM manifest ORDER BY id LIMIT 1")
        for line in SPANS.strip().splitlines():
            number, name, start, end, expires = line.partition(":")[0].split()
            ended = None if end == "-" else future if end == "future" else int(end)
            await execute(
                "INSERT INTO tag (id, repository_id, name, manifest_id, started_at_ms, ended_at_ms,"
                " is_reversion, is_immutable, is_expiration)"
                " VALUES (?, ?, ?, ?, ?, CAST(? AS BIGINT), ?, ?, ?)",
                *(1000 + int(number), manifest_of["repository_id"], name, manifest_of["id"], int(start)),
                *(ended, False, False, expires == "yes"),
            )
    await migrate(empty_url)
    with database.current():
        rows = await fetch("SELECT * FROM tag WHERE id > 1000 ORDER BY id")
    await database.close()

    flags = ("is_expiration", "has_ended")
    assert [
        (row["name"], row["started_at_ms"], row["ended_at_ms"], *(bool(row[flag]) for flag in flags))
        for row in rows
    ] == [
        ("one", 1000, 2000, False, True),
        ("one", 2000, None, False, False),
        ("back", 9000, 9000, False, True),
        ("back", 9000, 9000, False, True),
        ("back", 9000, None, False, False),
        ("coming", 1000, future, True, False),
        ("old", 1000, future, True, False),
        ("over", 1000, 2000, True, True),
        ("again", 1000, 4000, False, True),
        ("again", 4000, None, False, False),
    ]
    assert [row["would_expire_at_ms"] for row in rows if row["name"] == "again"] == [future, None]


async def test_an_upgrade_counts_what_an_older_process_is_pushing(empty_url: str) -> None:
    if not empty_url.startswith("postgres"):
        pytest.skip("SQLite has one writer at a time")
    await old_database(empty_url, "0026_event_pushes")
    writer, watcher = await asyncpg.connect(empty_url), await asyncpg.connect(empty_url)
    pushing = writer.transaction()
    await pushing.start()
    await writer.execute(
        "WITH b AS (INSERT INTO blob (digest, size_bytes, created_at_ms) VALUES ('sha256:late', 1000, 1)"
        " RETURNING id) INSERT INTO repository_blob (repository_id, blob_id, created_at_ms)"
        " SELECT (SELECT MIN(id) FROM repository), id, 1 FROM b"
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(migrate(empty_url))
        # The waiting lock of another process tells no event.
        while not await watcher.fetchval("SELECT COUNT(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await pushing.commit()
    for connection in (writer, watcher):
        await connection.close()

    database = await Database.connect(empty_url)
    with database.current():
        (owner,) = await fetch(
            "SELECT n.name FROM account n JOIN repository r ON r.namespace_id = n.id"
            " JOIN repository_blob h ON h.repository_id = r.id JOIN blob b ON b.id = h.blob_id"
            " WHERE b.digest = 'sha256:late'"
        )
        # Equal to a count of what is there.
        assert await stored(owner["name"]) > 1000
    await database.close()


LONG = "x" * 249 + "|v[0-9]"
PATTERNS = {
    "v[0-9]": ".*v[0-9].*",
    "^v": "^v.*",
    "rc$": ".*rc$",
    "^v[0-9]+$": "^v[0-9]+$",
    "^(v|w)$": "^(v|w)$",
    "^v|rc$": ".*(?:^v|rc$).*",
    "latest|tmp": ".*(?:latest|tmp).*",
    LONG: f".*(?:{LONG}).*",
}
"""Patterns that were looked for anywhere, and those that fit the same names as a whole."""


async def test_an_upgrade_lets_policies_lock_the_names_that_they_did(empty_url: str) -> None:
    await old_database(empty_url, "0017_blob_state")
    database = await Database.connect(empty_url)
    with database.current():
        for number, pattern in enumerate((*PATTERNS, "(?:a|b)", "a|b")):
            await execute(
                "INSERT INTO immutability_policy (uuid, namespace_id, tag_pattern, tag_pattern_matches,"
                " created_at_ms) SELECT ?, MIN(id), ?, ?, 0 FROM account",
                *(str(number), pattern, number % 2 == 0),
            )
    await migrate(empty_url)
    with database.current():
        rows = await fetch("SELECT uuid, tag_pattern, tag_pattern_matches FROM immutability_policy")
    await database.close()

    rows.sort(key=lambda row: int(row["uuid"]))
    # The last two are alike now, and both remain.
    assert [row["tag_pattern"] for row in rows] == [*PATTERNS.values(), *[".*(?:a|b).*"] * 2]
    assert [bool(row["tag_pattern_matches"]) for row in rows] == [True, False] * 5
