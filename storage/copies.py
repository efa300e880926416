"""Copies of an SQLite database, kept before it is migrated, so that there is a way back.

    quayside.db.0017_blob_state.20260102T030405Z

stands beside `quayside.db`, named after the revision that it holds and the time (UTC). It is consistent, with
what the write-ahead log holds, and only its owner may read it. The newest `KEPT` stay.
"""

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from storage.space import free_bytes

KEPT: Final = 3
"""How many copies are kept."""

RESERVE_BYTES: Final = 16 * 1024 * 1024
"""What must stay free beside a copy, in bytes, for the migration itself."""

_NAME: Final = re.compile(r"\.[0-9]{4}_\w+\.[0-9]{8}T[0-9]{6}Z")


class CopyFailed(Exception):
    """No copy was made, and nothing is left of it; the message is a sentence for the operator."""


def copy_path(database: Path, revision: str) -> Path:
    """Where a copy made now is kept."""
    return database.with_name(f"{database.name}.{revision}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")


def copies(database: Path) -> list[Path]:
    """The copies of a database, oldest first."""
    found = database.parent.glob(f"{database.name}.*Z")
    return sorted(
        (path for path in found if _NAME.fullmatch(path.name.removeprefix(database.name))),
        key=lambda path: path.name.rpartition(".")[2],
    )


def make_copy(database: Path, copy: Path) -> None:
    """Copy a database, which others may be writing, then remove the oldest copies. Raises `CopyFailed`."""
    partial = copy.with_name(f"{copy.name}.part")
    try:
        _forget_partial(database)
        with closing(sqlite3.connect(database)) as source:
            _require_room(source, database)
            copy_into(source, partial)
        partial.rename(copy)
        sync(copy.parent)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise CopyFailed(
            f"The database could not be copied to {copy} before migrating, and was not migrated: {error}."
        ) from error
    for old in copies(database)[:-KEPT]:
        old.unlink(missing_ok=True)


def copy_into(source: sqlite3.Connection, partial: Path) -> None:
    """Copy a database as it is at one moment into a new file, for its owner alone, durably."""
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    sync(partial)


def _require_room(source: sqlite3.Connection, database: Path) -> None:
    (pages,), (page_size,) = (
        source.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    free, needed = free_bytes(database.parent), pages * page_size + RESERVE_BYTES
    if free < needed:
        raise CopyFailed(
            f"There is no room to copy the database before migrating: that needs {_mib(needed)} in "
            f"{database.parent}, where {_mib(free)} are free. Make room, or keep a copy elsewhere and run "
            "quayside migrate --no-copy."
        )


def _mib(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


def _forget_partial(database: Path) -> None:
    """Remove what a killed process left. The caller holds the lock of migrations."""
    for path in database.parent.glob(f"{database.name}.*Z.part"):
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the content of a file or directory survives a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
