"""Fixtures of a registry's state: an open, current database, a blob store, and a factory for content."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quayside.settings.settings import Settings, load_settings

if TYPE_CHECKING:
    from storage.blobs import BlobStore
    from storage.database import Database
    from tests.factories import Factory


@pytest.fixture
def settings_with_files(tmp_path: Path, database_url: str) -> Settings:
    """Settings with blobs in files, so that a factory outside the server can add content."""
    return load_settings(
        {
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": database_url,
            "BLOB_URL": f"file://{tmp_path}/blobs",
            "SECRET_KEY": "k" * 32,
            # `Factory.read_only_superuser` makes the user.
            "GLOBAL_READONLY_SUPER_USERS": "inspector",
        },
        {},
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["Database"]:
    """The test's database, open and current."""
    from storage.database import Database

    opened = await Database.connect(database_url)
    opened.make_current()
    yield opened
    await opened.close()


@pytest.fixture
async def blobs(settings_with_files: Settings) -> AsyncIterator["BlobStore"]:
    """The blob store of `settings_with_files`."""
    from storage.blobs import open_blob_store

    opened = open_blob_store(settings_with_files.blob_url)
    yield opened
    await opened.close()


@pytest.fixture
def factory(settings_with_files: Settings, database: "Database", blobs: "BlobStore") -> "Factory":
    """Makes users, repositories, images and tokens in the test's database."""
    from tests.factories import Factory

    return Factory.of(settings_with_files, database, blobs)
