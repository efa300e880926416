"""Copies of a database for backups: what both databases have in common.

A copy is of one moment, and so is the list of blobs that it names: those to which a repository has a right.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

from storage.backups.manifest import BackupError

NAMED_BLOBS: Final = (
    "SELECT digest, size_bytes FROM blob b"
    " WHERE EXISTS (SELECT 1 FROM repository_blob r WHERE r.blob_id = b.id) ORDER BY id"
)
REVISION: Final = "SELECT MAX(name) FROM tortoise_migrations"
REGISTRY: Final = "registry_id"
"""The site setting with the registry's own mark."""


@dataclass(slots=True)
class Copied:
    """What a copy of a database says: its schema, and how many blobs it names, with their bytes."""

    schema_revision: str
    blobs: int = 0
    blob_bytes: int = 0


class Copier(Protocol):
    """How the copy of a database is made, and put in place of a database without tables."""

    suffix: str

    async def prepare(self) -> None:
        """Raise `BackupError` if copies cannot be made or restored here, before anything is written."""

    async def copy(self, path: Path, blob_list: TextIO) -> Copied:
        """Write a copy into a new file, and the list of blobs that it names. Raises `BackupError`."""

    async def check(self, path: Path) -> None:
        """Raise `BackupError` if the copy at `path` cannot be restored here."""

    async def registry(self) -> str | None:
        """The mark of the registry that is there; None if there are no tables. Raises `BackupError`."""

    async def restore(self, path: Path) -> None:
        """Put the copy at `path` in place, all of it or nothing. Raises `BackupError`."""

    async def finish(self) -> None:
        """Set right what the copy says of another server. It may be repeated. Raises `BackupError`."""


def write_row(file: TextIO, copied: Copied, digest: str, size: int) -> None:
    """Add a blob to the list and to the numbers. Raises `BackupError`."""
    try:
        file.write(f"{digest} {size}\n")
    except OSError as error:
        # Not for the database, whose errors are of the same kind.
        raise BackupError(f"{file.name} could not be written: {error.strerror}.") from error
    copied.blobs += 1
    copied.blob_bytes += size
