"""`quayside backup` and `quayside restore`: under load, killed, repeated, and where they must refuse."""

import asyncio
import itertools
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import AsyncMock

import asyncpg
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from quayside.app import create_app
from quayside.settings.settings import load_settings
from resolvers.repositories.repository import find
from storage import deletion_hold
from storage.backups.directory import locked
from storage.blobs import open_blob_store
from storage.database import Database
from storage.outage import DatabaseUnavailable
from storage.statements import Row, execute, fetch
from tests.factories import Factory
from tests.functional.collecting import collector
from tests.functional.test_push_faults import Registry, registry
from tests.plugins.databases import TEST_DB
from tests.plugins.s3 import CREDENTIALS
from tests.plugins.scale import SCALE
from tests.process import ROOT, START_TIMEOUT_S, environment, provide_registry, run, run_here, without_load
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER
from tests.quayside.workers.contents import backdate

Content = dict[str, bytes]
"""What a tag names: the manifest by the name of the tag, blobs by their digests."""

HELD = "A backup is running, so that no blobs were deleted; run quayside gc again when it is through.\n"
NO_KEY = "The secret key is not in the backup, since the setting SECRET_KEY has it: keep it as well."

_numbers = itertools.count(1)


@pytest.fixture
async def empty_database_url(tmp_path: Path, postgres_address: str | None) -> Iterator[str]:
    """The URL of a database without tables; a file of SQLite is not there yet."""
    if TEST_DB == "sqlite":
        yield f"sqlite://{tmp_path}/elsewhere/quayside.db"
        return
    assert postgres_address is not None
    # Of a role that may do nothing but own it.
    name = f"plain_{os.getpid()}_{next(_numbers)}"
    server = await asyncpg.connect(postgres_address + "postgres")
    await server.execute(f'CREATE ROLE "{name}" LOGIN')
    await server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 OWNER "{name}"')
    yield postgres_address.replace("quayside@", f"{name}@") + name
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.execute(f'DROP ROLE "{name}"')
    await server.close()


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The settings of a registry with one user, whose deleted tags are gone at once."""
    return make_registry(tmp_path, database_url, f"file://{tmp_path}/data/blobs")


@pytest.fixture
def elsewhere(tmp_path: Path, environ: dict[str, str], empty_database_url: str) -> dict[str, str]:
    """The settings of a place where it is restored."""
    return environ | {
        "QUAYSIDE_DATA_DIR": str(tmp_path / "elsewhere"),
        "QUAYSIDE_DATABASE_URL": empty_database_url,
        "QUAYSIDE_BLOB_URL": f"file://{tmp_path}/elsewhere/blobs",
    }


def make_registry(tmp_path: Path, database_url: str, blob_url: str) -> dict[str, str]:
    values = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "BLOB_URL": blob_url,
        "SECRET_KEY": "k" * 32,
        "PUBLIC_URL": "http://registry.example",
    }
    asyncio.run(people.create_users(load_settings(values, {}), OWNER))
    made = CREDENTIALS | {f"QUAYSIDE_{key}": value for key, value in values.items()}
    statement(made, "UPDATE account SET tag_expiration_s = 0")
    return made


def statement(environ: dict[str, str], *statements: str) -> None:
    """Run statements on the database of a registry, and let all content be old."""

    async def act() -> None:
        database = await Database.connect(environ["QUAYSIDE_DATABASE_URL"])
        with database.current():
            await backdate()
            for one in statements:
                await execute(one)
        await database.close()

    asyncio.run(act())


def rows(environ: dict[str, str], query: str) -> list[Row]:
    """What a query finds in the database of a registry."""

    async def ask() -> list[Row]:
        database = await Database.connect(environ["QUAYSIDE_DATABASE_URL"])
        with database.current():
            found = await fetch(query)
        await database.close()
        return found

    return asyncio.run(ask())


def wait_until_collected(environ: dict[str, str], number: int) -> None:
    """Wait until so many manifests are collected, and the blobs of all of them looked at."""

    async def wait() -> None:
        database = await Database.connect(environ["QUAYSIDE_DATABASE_URL"])
        with database.current():
            for table, condition, expected in (
                ("manifest", "collected_at_ms IS NOT NULL", number),
                ("repository_blob", "created_at_ms = 1", 0),
            ):
                while len(await fetch(f"SELECT id FROM {table} WHERE {condition}")) != expected:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
        await database.close()

    deadline = time.monotonic() + START_TIMEOUT_S
    asyncio.run(wait())


@contextmanager
def registry_here(environ: dict[str, str]) -> Iterator[Registry]:
    """A registry in this process, since a server takes most of its time to start."""
    app = create_app(load_settings({}, environ), jobs=False)

    async def answer(request: httpx.Request) -> httpx.Response:
        found = await httpx.ASGITransport(app).handle_async_request(request)
        return httpx.Response(found.status_code, headers=found.headers, content=await found.aread())

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx.Client(
            transport=httpx.MockTransport(partial(portal.call, answer)),
            base_url=environ["QUAYSIDE_PUBLIC_URL"],
        ) as client,
    ):
        yield Registry(client)


def push(server: Registry, tag: str) -> Content:
    """Push an image with a layer of its own."""
    layer = f"layer of {tag}".encode() * 1000
    body = kit.encode(kit.image_document(layer))
    for blob in (kit.CONFIG, layer):
        assert server.push_blob(blob).status_code == 201
    answer = server.client.put(
        server.url(f"manifests/{tag}"), content=body, headers={"Content-Type": kit.OCI_MANIFEST}
    )
    assert answer.status_code == 201
    return {tag: body} | {kit.digest_of(blob): blob for blob in (kit.CONFIG, layer)}


def pulled(server: Registry, content: Content) -> Content:
    """What the same requests bring."""
    found = {}
    for name in content:
        path = f"blobs/{name}" if ":" in name else f"manifests/{name}"
        answer = server.client.get(server.url(path), headers={"Accept": kit.OCI_MANIFEST})
        found[name] = answer.raise_for_status().content
    return found


def fields(line: str) -> dict[str, str]:
    """The fields of the line that a command prints."""
    assert line.startswith("total\t")
    return dict(field.split("=") for field in line.strip().split("\t")[1:])


def back_up(directory: Path, environ: dict[str, str], *options: str) -> dict[str, int]:
    """Make a backup; the numbers of its line."""
    code, output, errors = run_here(environ, "backup", str(directory), *options)
    assert code == 0, errors
    return {name: int(value) for name, value in fields(output).items()}


def add(environ: dict[str, str], *tags: str) -> list[bytes]:
    """Store an image for each tag, with a layer of its own; their layers."""

    async def store() -> None:
        settings = load_settings({}, environ)
        database, blobs = await Database.connect(settings.database_url), open_blob_store(settings.blob_url)
        with database.current():
            factory = Factory.of(settings, database, blobs)
            if await find("owner/app") is None:
                await factory.repository("owner/app")
            for tag, layer in zip(tags, layers, strict=True):
                await factory.image("owner/app", layer, tag=tag)
        await blobs.close()
        await database.close()

    layers = [f"layer of {tag}".encode() for tag in tags]
    asyncio.run(store())
    return layers


def blobs_of(directory: Path) -> set[bytes]:
    """The contents of all files in a directory of blobs."""
    return {path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@contextmanager
def stopped(tmp_path: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A backup that has copied the database, and goes on at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "quayside", "backup", "backup"],
        cwd=tmp_path,
        env=environment(**environ, QUAYSIDE_FAULT="backup.before_blobs:stop"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)


STORES = ["files", "bucket"]


@pytest.mark.long
# Each case starts three processes: in short one for each store, and all with both databases at length.
@pytest.mark.parametrize("store", STORES if SCALE > 1 else STORES[:1] if TEST_DB == "sqlite" else STORES[1:])
def test_every_tag_of_the_moment_is_restored_though_all_are_deleted_and_collected_meanwhile(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, empty_database_url: str, store: str
) -> None:
    urls = [f"file://{tmp_path}/{name}/blobs" for name in ("data", "elsewhere")]
    if store == "bucket":
        url = request.getfixturevalue("s3_url")
        urls = [url, url.replace("/blobs?", "/restored?")]
    environ = make_registry(tmp_path, database_url, urls[0])
    content: Content = {}
    stop = threading.Event()

    def go_on(server: Registry) -> None:
        for number in itertools.count():
            if stop.wait(0.1):
                return
            push(server, f"new-{number}")
            server.client.delete(server.url(f"manifests/new-{number}")).raise_for_status()

    with collector(environ) as collecting, registry(tmp_path / "a", environ) as server:
        tags = [f"old-{number}" for number in range(4)]
        for tag in tags:
            content |= push(server, tag)
        statement(environ)
        pushing = threading.Thread(target=go_on, args=(server,))
        with stopped(tmp_path, environ) as backup, collecting(0):
            # A busy machine must not outlast the hold, which a backup that is stopped does not extend.
            statement(environ, "UPDATE lease SET expires_at_ms = expires_at_ms + 50000")
            pushing.start()
            for tag in tags:
                server.client.delete(server.url(f"manifests/{tag}")).raise_for_status()
            wait_until_collected(environ, len(tags))
        printed, errors = backup.communicate()
        stop.set()
        pushing.join()
        assert [server.status(f"manifests/{tag}") for tag in tags] == [404] * 4

    assert backup.returncode == 0, errors
    assert without_load(errors).startswith(NO_KEY)
    size = str(sum(len(blob) for name, blob in content.items() if ":" in name))
    assert fields(printed) == {"blobs": "5", "bytes": size, "added": "5", "added_bytes": size, "pruned": "0"}

    elsewhere = environ | {
        "QUAYSIDE_DATA_DIR": str(tmp_path / "elsewhere"),
        "QUAYSIDE_DATABASE_URL": empty_database_url,
        "QUAYSIDE_BLOB_URL": urls[1],
    }
    code, output, errors = run_here(elsewhere, "restore", f"{tmp_path}/backup")
    assert (code, fields(output)["blobs"]) == (0, "5"), errors
    with registry_here(elsewhere) as server:
        assert pulled(server, content) == content
        assert server.status("manifests/new-0") == 404
        # What is pushed now stands beside what was restored.
        after = push(server, "after")
        assert pulled(server, after) == after


def test_the_page_on_backups_says_how(tmp_path: Path) -> None:
    provide_registry(tmp_path)
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    home = {"QUAYSIDE_DATA_DIR": f"{tmp_path}/data"}
    printed = ""
    for line in script.replace("/var/", f"{tmp_path}/var/").splitlines():
        program, *arguments = line.split()
        code, output, errors = run_here(home, *arguments)
        assert (program, code) == ("quayside", 0), errors
        printed += output

    made, restored, *found = printed.splitlines()
    assert fields(made) == dict.fromkeys(("blobs", "bytes", "added", "added_bytes", "pruned"), "0")
    assert fields(restored)["blobs"] == "0"
    assert [line for line in found if not line.startswith("ok ")] == []
    (key,) = (tmp_path / "var" / "backups" / "quayside").glob("secret-*.key")
    copy = tmp_path / "var" / "lib" / "quayside-restored" / "secret.key"
    assert copy.read_bytes() == key.read_bytes() == (tmp_path / "data" / "secret.key").read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (copy, *key.parent.iterdir())} == {0o600}
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700

    # Another key would hide that of the backup, or be lost for it.
    settings = {"QUAYSIDE_DATA_DIR": f"{tmp_path}/third"}
    backup = str(key.parent)
    hidden = f"SECRET_KEY is set to another key than that of the backup; unset it, or add the key in {key}.\n"
    assert run_here(settings | {"QUAYSIDE_SECRET_KEY": "k" * 32}, "restore", backup) == (1, "", hidden)
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "secret.key").write_text("another key that is long enough to be one\n")
    assert run_here(settings, "restore", backup) == (
        1, "", f"{tmp_path}/third/secret.key is another key than that of the backup; remove it first.\n"
    )  # fmt: skip
    keys = f"{'k' * 32},{key.read_text().strip()}"
    (tmp_path / "third" / "secret.key").unlink()
    assert run_here(settings | {"QUAYSIDE_SECRET_KEY": keys}, "restore", backup)[0] == 0
    assert [path.name for path in (tmp_path / "third").iterdir()] == ["quayside.db"]


def test_the_next_backup_adds_what_is_new_and_a_killed_one_leaves_the_former_whole(
    tmp_path: Path, environ: dict[str, str], elsewhere: dict[str, str]
) -> None:
    directory, blobs = tmp_path / "backup", tmp_path / "backup" / "blobs"
    (first,) = add(environ, "first")
    assert back_up(directory, environ)["added"] == 2
    manifest = (directory / "backup.json").read_bytes()
    (second,) = add(environ, "second")

    killed = run(tmp_path, "backup", "backup", **environ, QUAYSIDE_FAULT="backup.before_manifest:kill")

    # The former backup is what is restored.
    assert killed.returncode == -signal.SIGKILL
    assert (directory / "backup.json").read_bytes() == manifest
    assert blobs_of(blobs) == {kit.CONFIG, first, second}
    code, output, errors = run_here(elsewhere, "restore", str(directory))
    assert (code, fields(output)["blobs"]) == (0, "2"), errors
    assert blobs_of(tmp_path / "elsewhere" / "blobs") == {kit.CONFIG, first}
    assert rows(elsewhere, "SELECT name FROM tag") == [{"name": "first"}]
    # What the killed one has copied is not copied again.
    (third,) = add(environ, "third")
    made = back_up(directory, environ)
    assert (made["blobs"], made["added"], made["pruned"]) == (4, 1, 0)

    # For a minute the killed backup holds what the collector would delete.
    statement(environ, "UPDATE tag SET started_at_ms = 1, ended_at_ms = 2 WHERE name <> 'first'")
    code, output, errors = run_here(environ, "gc")
    assert (code, fields(output.splitlines()[-1])["blobs"], errors) == (0, "0", HELD)
    statement(environ, "UPDATE lease SET expires_at_ms = expires_at_ms - 60000")
    code, output, errors = run_here(environ, "gc")
    assert (code, fields(output.splitlines()[-1])["blobs"], errors) == (0, "2", "")

    # What went since stays in the backup until somebody wants it pruned.
    made = back_up(directory, environ)
    assert (made["blobs"], made["added"], made["pruned"]) == (2, 0, 0)
    assert blobs_of(blobs) == {kit.CONFIG, first, second, third}
    # Backups are what read-only mode is for.
    statement(environ, "INSERT INTO site_setting (name, value) VALUES ('read_only', '{\"since_ms\": 1}')")
    assert run_here(environ, "admin", "disable-user", OWNER)[0] == 1
    assert back_up(directory, environ, "--prune")["pruned"] == 2
    assert blobs_of(blobs) == {kit.CONFIG, first}
    assert sorted(path.name.partition("-")[0] for path in directory.iterdir()) == [
        *("backup.json", "backup.lock", "blobs", "blobs", "database")
    ]


@pytest.mark.parametrize("point", ["restore.before_database", "restore.after_database"])
def test_a_killed_restore_is_run_again_and_nothing_else_works_before_its_end(
    tmp_path: Path, environ: dict[str, str], elsewhere: dict[str, str], point: str
) -> None:
    (layer,) = add(environ, "first")
    if TEST_DB == "postgres":
        # As if the other server had counted further than this one.
        statement(environ, "UPDATE event SET transaction_id = transaction_id + 1000000000000")
    back_up(tmp_path / "backup", environ)

    killed = run(tmp_path, "restore", "backup", **elsewhere, QUAYSIDE_FAULT=f"{point}:kill")
    refused = run_here(elsewhere, "migrate")
    code, output, _ = run_here(elsewhere, "restore", str(tmp_path / "backup"))

    assert killed.returncode == -signal.SIGKILL
    sentence = f"A restore was begun in {tmp_path}/elsewhere and has not ended; run quayside restore again.\n"
    assert refused == (1, "", sentence)
    assert (code, fields(output)["blobs"]) == (0, "2")
    assert blobs_of(tmp_path / "elsewhere" / "blobs") == {kit.CONFIG, layer}
    assert rows(elsewhere, "SELECT name FROM tag") == [{"name": "first"}]
    positions = [row["transaction_id"] for row in rows(elsewhere, "SELECT transaction_id FROM event")]
    assert set(positions) == ({0} if TEST_DB == "postgres" else {None})
    assert run_here(elsewhere, "doctor")[1].count("failed") == 0


def test_a_restore_refuses_what_is_not_empty_or_not_whole_and_changes_nothing(
    tmp_path: Path, environ: dict[str, str], elsewhere: dict[str, str]
) -> None:
    directory = tmp_path / "backup"
    add(environ, "first")
    back_up(directory, environ)
    manifest = directory / "backup.json"
    original = json.loads(manifest.read_text())
    blob = next(path for path in (directory / "blobs").rglob("*") if path.is_file())
    at_home = environ["QUAYSIDE_DATABASE_URL"].partition("//")[2].rpartition("@")[2]
    other = "sqlite" if TEST_DB == "postgres" else "postgres"
    before = sorted(path for path in tmp_path.rglob("*") if "elsewhere" in str(path))

    def refusal(values: dict[str, str], **changed: object) -> str:
        manifest.write_text(json.dumps(original | changed))
        code, output, errors = run_here(values, "restore", str(directory))
        assert (code, output) == (1, "")
        left = [path for path in tmp_path.rglob("*") if "elsewhere" in str(path) and path.is_file()]
        assert (before, left) == ([], [])
        return errors.strip().replace(str(tmp_path), "DIR")

    assert refusal(elsewhere | {"QUAYSIDE_DATABASE_URL": environ["QUAYSIDE_DATABASE_URL"]}) == (
        f"The database is not empty ({at_home.replace(str(tmp_path), 'DIR')}): restore into a new one,"
        " or remove this one first."
    )
    assert refusal(elsewhere | {"QUAYSIDE_BLOB_URL": environ["QUAYSIDE_BLOB_URL"]}) == (
        "The blob store is not empty (file://DIR/data/blobs): restore into a new one, or empty it first."
    )
    assert refusal(elsewhere, schema_revision="9999_next", version="99.0") == (
        "The backup in DIR/backup was made by version 99.0, whose database has revision 9999_next; this"
        f" version knows up to {original['schema_revision']}. Use a newer quayside."
    )
    assert refusal(elsewhere, format=2) == (
        f"The backup in DIR/backup was made by version {original['version']}, in a format that this version"
        " does not know; use a newer quayside."
    )
    assert refusal(elsewhere, blobs="many") == "DIR/backup/backup.json is not the manifest of a backup."
    assert refusal(elsewhere, dialect=other) == (
        f"The backup is of a database {other}, and DATABASE_URL names a database {original['dialect']}."
    )
    database = original["database"]
    assert refusal(elsewhere, database=database | {"sha256": "0" * 64}) == (
        f"The backup is damaged: DIR/backup/{database['file']} is not what was written."
    )
    blob.write_bytes(blob.read_bytes()[1:])
    assert refusal(elsewhere) == (
        f"The backup is damaged: the blob sha256:{blob.name} is missing or not whole. Copy the backup again,"
        " or restore everything else by quayside restore --incomplete."
    )
    manifest.rename(tmp_path / "manifest")
    assert run_here(elsewhere, "restore", str(directory)) == (
        1, "", f"{directory} has no backup that is complete: there is no backup.json in it.\n"
    )  # fmt: skip
    # What a damaged backup still has is not lost.
    (tmp_path / "manifest").rename(manifest)
    manifest.write_text(json.dumps(original))
    code, output, errors = run_here(elsewhere, "restore", str(directory), "--incomplete")
    assert (code, fields(output)["blobs"]) == (1, "1")
    lack = "The backup lacks 1 of the blobs that the database names, or has them damaged, such as"
    assert f"{lack} sha256:{blob.name};" in errors
    assert rows(elsewhere, "SELECT name FROM tag") == [{"name": "first"}]


def test_lost_blobs_are_named_and_everything_else_is_copied(
    tmp_path: Path, environ: dict[str, str], elsewhere: dict[str, str]
) -> None:
    *layers, sized = add(environ, "first", "second", "third")
    lost, damaged = (kit.digest_of(layer) for layer in layers)
    # The database may be wrong about a size.
    statement(environ, f"UPDATE blob SET size_bytes = 9 WHERE digest = '{kit.digest_of(sized)}'")
    for path in (tmp_path / "data" / "blobs").rglob("*"):
        if path.name == lost.partition(":")[2]:
            path.unlink()
        elif path.name == damaged.partition(":")[2]:
            path.write_bytes(b"x" * path.stat().st_size)

    made = run_here(environ, "backup", str(tmp_path / "backup"))
    manifest = tmp_path / "backup" / "backup.json"
    manifest.write_text(
        re.sub(r'"schema_revision": "[^"]*"', '"schema_revision": "0044_extra_cas"', manifest.read_text())
    )
    restored = run_here(elsewhere, "restore", str(tmp_path / "backup"))

    for (code, _, errors), where in ((made, "The blob store"), (restored, "The backup")):
        assert code == 1
        assert errors.endswith(
            f"{where} lacks 2 of the blobs that the database names, or has them damaged, such as"
            f" {min(lost, damaged)}; everything else was copied.\n"
        )
    assert fields(restored[1])["blobs"] == "2"
    assert blobs_of(tmp_path / "elsewhere" / "blobs") == {kit.CONFIG, sized}


def test_a_backup_that_stood_still_while_blobs_were_deleted_does_not_replace_the_former(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    add(environ, "first")
    back_up(tmp_path / "backup", environ)
    manifest = (tmp_path / "backup" / "backup.json").read_bytes()
    (tmp_path / "backup" / "blobs").rename(tmp_path / "former")
    with stopped(tmp_path, environ) as backup:
        statement(
            environ,
            "UPDATE lease SET expires_at_ms = expires_at_ms - 60001",
            "UPDATE tag SET started_at_ms = 1, ended_at_ms = 2",
        )
        assert fields(run_here(environ, "gc")[1].splitlines()[-1])["blobs"] == "2"
    _, errors = backup.communicate()

    assert without_load(errors) == (
        "Deletions were not held all the time, since this process stood still or the database did not answer"
        " for a minute. The blob store lacks 2 of the blobs that the copy of the database names, and the"
        " backup was not replaced; run it again.\n"
    )
    assert backup.returncode == 1
    assert (tmp_path / "backup" / "backup.json").read_bytes() == manifest
    assert back_up(tmp_path / "backup", environ)["blobs"] == 0


def test_a_backup_needs_a_directory_of_its_own(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    back_up(tmp_path / "backup", environ)
    manifest = tmp_path / "backup" / "backup.json"
    manifest.write_text(re.sub(r'"registry": "[^"]*"', '"registry": "another"', manifest.read_text()))
    for name, sentence in (
        ("full", "is neither empty nor a backup; name a directory of its own."),
        ("data/backup", f"is inside {tmp_path}/data; a backup needs a directory elsewhere."),
        ("full/file", "cannot be used for a backup: File exists."),
        ("backup", "has the backup of another registry; name another directory."),
    ):
        assert run_here(environ, "backup", f"{tmp_path}/{name}") == (1, "", f"{tmp_path}/{name} {sentence}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deletion_hold, "hold", AsyncMock(side_effect=DatabaseUnavailable))
        sentence = "The database does not answer at present; try again later.\n"
        assert run_here(environ, "backup", f"{tmp_path}/unheld") == (1, "", sentence)
    with locked(tmp_path / "new"):
        assert run_here(environ, "backup", f"{tmp_path}/new") == (
            1, "", f"{tmp_path}/new is in use by another backup or restore; wait for its end.\n"
        )  # fmt: skip


@pytest.mark.skipif(TEST_DB == "sqlite", reason="SQLite is copied without a program")
def test_a_pg_dump_that_is_missing_or_old_is_told_before_anything_is_copied(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (row,) = rows(environ, "SHOW server_version_num")
    install = (
        f"install the client programs of PostgreSQL {int(row['server_version_num']) // 10000} or newer.\n"
    )
    server = install.split()[-3]

    missing = run_here(environ | {"PATH": str(programs)}, "backup", f"{tmp_path}/backup")
    for name in ("pg_dump", "pg_restore"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 9.6.24"\n')
        (programs / name).chmod(0o755)
    too_old = run_here(environ | {"PATH": f"{programs}:{os.environ['PATH']}"}, "backup", f"{tmp_path}/backup")

    assert missing == (1, "", f"pg_dump is missing; {install}")
    assert too_old == (1, "", f"pg_dump is of version 9 and the server of version {server}; {install}")
    assert not (tmp_path / "backup").exists()
