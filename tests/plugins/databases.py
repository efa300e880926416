"""Fixtures of a fresh database for each test, and of settings for it.

The database is SQLite, or with TEST_DB=postgres a private PostgreSQL. Migrations run once per session, on a
template that is copied for each test.
"""

import fcntl
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from quayside.settings.settings import Settings, load_settings
from tests.plugins import requirements

TEST_DB = os.environ.get("TEST_DB") or "sqlite"
TEMPLATE = "template_of_tests"

_numbers = itertools.count(1)
_used: list[str] = []
"""The database of the last test, if there was one."""


@pytest.fixture(scope="session")
def shared_directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this session see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    shared_directory: Path,
    postgres_address: str | None,
    low_costs: None,
) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    if TEST_DB == "sqlite":
        template = shared_directory / f"{TEMPLATE}.db"
        with _first_comes(shared_directory) as first:
            if first:
                await _migrate(f"sqlite://{template}")
        own = tmp_path / "quayside.db"
        shutil.copyfile(template, own)
        yield f"sqlite://{own}"
        return
    requirements.require(request.node, "postgresql", present=postgres_address is not None)
    assert postgres_address is not None
    with _first_comes(shared_directory) as first:
        if first:
            await _administer(postgres_address, f'CREATE DATABASE "{TEMPLATE}"')
            await _migrate(postgres_address + TEMPLATE)
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _administer(
        postgres_address,
        # The database of the test before goes by the same connection, since to open one takes longer.
        *(f'DROP DATABASE IF EXISTS "{used}" WITH (FORCE)' for used in _used),
        # The default since PostgreSQL 15, WAL_LOG, takes twice as long.
        f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY FILE_COPY',
    )
    _used[:] = [name]
    yield postgres_address + name


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a server with a fresh database, and blobs in memory."""
    return load_settings(
        {
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": database_url,
            "BLOB_URL": "memory:",
            "SECRET_KEY": "k" * 32,
            # `Factory.read_only_superuser` makes the user.
            "GLOBAL_READONLY_SUPER_USERS": "inspector",
        },
        {},
    )


@contextmanager
def _first_comes(directory: Path) -> Iterator[bool]:
    """Whether this is the first worker of the session to enter the block; the others wait for its end."""
    done = directory / f"{TEMPLATE}.done"
    with (directory / f"{TEMPLATE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


async def _migrate(url: str) -> None:
    # Imported late, so that tests of settings and pure functions run without the database layer.
    from storage.database import migrate

    await migrate(url)


async def _administer(address: str, *statements: str) -> None:
    connection = await asyncpg.connect(address + "postgres")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
