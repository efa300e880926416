"""Which commands make a registry, which migrate one, and what is kept before."""

import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from quayside.cli import COMMANDS
from storage import copies
from storage.copies import CopyFailed, copy_path, make_copy
from storage.database import latest_revision, revisions
from tests.process import log_of, serving
from tests.quayside.commands.conftest import Call
from tests.storage import snapshot

OLD = snapshot.revisions()[0]
"""The revision of the old database."""

MAKING = {"serve", "migrate"}
"""Commands that make and migrate registries."""

NEITHER = {"schema", "doctor", "restore"}
"""Commands that do without a registry."""

ARGUMENTS = {
    "admin create-user": ("admin", "create-user", "bea", "--email", "bea@example.com"),
    "admin create-token": ("admin", "create-token", "ada", "--scopes", "repo:read"),
    "admin set-password": ("admin", "set-password", "ada"),
    "admin disable-user": ("admin", "disable-user", "ada"),
    "admin enable-user": ("admin", "enable-user", "ada"),
    "admin grant-superuser": ("admin", "grant-superuser", "ada"),
    "admin revoke-superuser": ("admin", "revoke-superuser", "ada"),
    "admin list-tokens": ("admin", "list-tokens", "ada"),
    "admin revoke-token": ("admin", "revoke-token", "ada", "--all"),
    "advisories import": ("advisories", "import", "."),
    "backup": ("backup", "backup"),
    "gc": ("gc", "--dry-run"),
    "prune": ("prune", "--dry-run"),
}
"""What is called, where it is more than the words of the command."""

CODES = {("storage", "fsck"): 2}
"""The exit codes of commands that could not run, where it is not 1."""

USING = [
    ARGUMENTS.get(row.name, tuple(row.name.split())) for row in COMMANDS if row.name not in MAKING | NEITHER
]


def old_registry(directory: Path) -> Path:
    """A registry as an earlier version left it, with entries in the write-ahead log; its database."""
    data = directory / "data"
    data.mkdir()
    (data / "secret.key").write_text("k" * 32)
    (data / "secret.key").chmod(0o600)
    path = data / "quayside.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((snapshot.DIRECTORY / f"{OLD}.sql").read_text())
    return path


def revision_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (name,) = connection.execute("SELECT max(name) FROM tortoise_migrations").fetchone()
    return str(name)


def kept(directory: Path) -> list[Path]:
    return copies.copies(directory / "data" / "quayside.db")


@pytest.mark.parametrize("arguments", [*USING, ("gc",)], ids=" ".join)
def test_no_other_command_makes_a_registry(tmp_path: Path, arguments: tuple[str, ...], call: Call) -> None:
    sentence = (
        f"There is no registry in {tmp_path}/data: quayside.db does not exist. Name the directory of the "
        "registry with --data, or make a new one with quayside serve or quayside migrate.\n"
    )

    assert call(*arguments) == (CODES.get(arguments, 1), "", sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [*USING, ("gc",), (*ARGUMENTS["admin create-user"], "--data", "data")], ids=" ".join
)
def test_no_other_command_migrates(tmp_path: Path, arguments: tuple[str, ...], call: Call) -> None:
    path = old_registry(tmp_path)

    sentence = f"The database lacks revision {latest_revision()}; run quayside migrate first.\n"
    assert call(*arguments) == (CODES.get(arguments, 1), "", sentence)
    assert revision_of(path) == OLD
    assert kept(tmp_path) == []


def test_a_user_may_be_the_first_thing_in_a_directory_that_is_named(tmp_path: Path, call: Call) -> None:
    code, _, says = call(*ARGUMENTS["admin create-user"], "--data", "new")

    assert (code, says) == (0, f"A new registry was made in {tmp_path}/new.\nThe user bea was created.\n")
    assert call("admin", "create-token", "bea", "--scopes", "repo:read", "--data", "new")[0] == 0


def test_a_registry_that_migrate_makes_has_its_key(tmp_path: Path, call: Call) -> None:
    assert call("migrate")[0] == 0

    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600
    assert kept(tmp_path) == []


def test_serve_says_that_it_makes_a_registry(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-jobs", makes_registry=True):
        pass

    (made,) = [line for line in log_of(tmp_path) if line["message"] == "making a new registry"]
    assert made["data_dir"] == f"{tmp_path}/data"
    assert kept(tmp_path) == []


def test_serve_keeps_a_copy_of_the_database_as_it_was(tmp_path: Path) -> None:
    # Given an old registry, a row of which is only in the write-ahead log
    path = old_registry(tmp_path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("UPDATE account SET company = 'in the log' WHERE name = 'ada'")
        writer.commit()
        assert path.with_name("quayside.db-wal").stat().st_size > 0

        # When this version serves it
        with serving(tmp_path, "--no-jobs"):
            pass

    # Then the log says so, and the copy is what was there, for the owner's eyes
    (line,) = [line for line in log_of(tmp_path) if str(line["message"]).startswith("migrating the database")]
    (copy,) = kept(tmp_path)
    assert (line["from"], line["to"], line["copy"]) == (OLD, latest_revision(), str(copy))
    assert copy.name.startswith(f"quayside.db.{OLD}.")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert (revision_of(copy), revision_of(path)) == (OLD, latest_revision())
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT company FROM account WHERE name = 'ada'").fetchall() == [
            ("in the log",)
        ]


def test_migrate_names_the_copy_and_makes_none_if_told(tmp_path: Path, call: Call) -> None:
    old_registry(tmp_path)
    shutil.copytree(tmp_path / "data", tmp_path / "other")

    plain = call("migrate")
    without = call("migrate", "--no-copy", "--data", "other")

    (copy,) = kept(tmp_path)
    steps = "".join(f"{name}\n" for name in revisions() if name > OLD)
    assert plain == (0, steps, f"Keeping a copy of the database as it is: {copy}\n")
    assert without == (0, steps, "")
    assert copies.copies(tmp_path / "other" / "quayside.db") == []


def test_the_newest_copies_stay(tmp_path: Path) -> None:
    database = old_registry(tmp_path)
    old = [
        database.with_name(f"quayside.db.{revision}.{time}")
        for revision, time in (
            ("0009_b", "20240101T000000Z"),
            ("0002_a", "20250101T000000Z"),
            ("0003_c", "20260101T000000Z"),
        )
    ]
    bystanders = [database.with_name(name) for name in ("quayside.db.mine", "quayside.db.0001_x.Z")]
    for path in (*old, *bystanders):
        path.touch()
    database.with_name("quayside.db.0002_a.20230101T000000Z.part").touch()

    new = copy_path(database, OLD)
    make_copy(database, new)

    assert kept(tmp_path) == [*old[1:], new]
    assert all(path.exists() for path in bystanders)
    assert list(database.parent.glob("*.part")) == []


def test_without_room_nothing_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = old_registry(tmp_path)
    monkeypatch.setattr(copies, "free_bytes", lambda _: copies.RESERVE_BYTES)

    with pytest.raises(
        CopyFailed, match=r"^There is no room to copy the database before migrating: that needs 1[67] MiB"
    ):
        make_copy(database, copy_path(database, OLD))

    assert kept(tmp_path) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system of 2 MiB."""
    directory = tmp_path / "full"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", directory], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def test_a_disk_that_fills_up_leaves_no_half_of_a_copy(
    full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = old_registry(full_disk)
    (full_disk / "ballast").write_bytes(bytes(shutil.disk_usage(full_disk).free - 65_536))
    monkeypatch.setattr(copies, "RESERVE_BYTES", -(2**40))

    with pytest.raises(CopyFailed, match=r"could not be copied to .*, and was not migrated: .*disk is full"):
        make_copy(database, copy_path(database, OLD))

    assert sorted(path.name for path in database.parent.iterdir()) == ["quayside.db", "secret.key"]


def test_a_database_that_another_writes_is_copied_whole(tmp_path: Path) -> None:
    database = old_registry(tmp_path)
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("UPDATE account SET company = 'half'")
        make_copy(database, copy := copy_path(database, OLD))
        writer.rollback()

    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM account WHERE company = 'half'").fetchone() == (0,)
    assert copy.stat().st_size > 0
