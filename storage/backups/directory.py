"""The directory of a backup: who may write to it, and files that appear in it whole or not at all."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from storage.backups.manifest import NAME, BackupError, Manifest, Part
from storage.blobs import CHUNK_SIZE, FilesystemBlobStore
from storage.blobs.files import sync_directory
from storage.copies import sync

LOCK: Final = "backup.lock"
PARTIAL: Final = ".part"
"""The end of the names of files that are not whole."""

BLOBS: Final = "blobs"


@contextmanager
def locked(directory: Path, *, is_restored: bool = False) -> Iterator[None]:
    """The directory for one backup alone, or for as many that restore it.

    It is made if it is not there, for its owner alone. Raises `BackupError` while another process has it, and
    if it holds something else.
    """
    path = directory / LOCK
    try:
        if not is_restored:
            _make(directory)
            path.touch(mode=0o600)
        # What is restored may be on a medium that cannot be written.
        descriptor = os.open(path if path.exists() else directory, os.O_RDONLY)
    except OSError as error:
        raise BackupError(f"{directory} cannot be used for a backup: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if is_restored else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(
                f"{directory} is in use by another backup or restore; wait for its end."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _make(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {path.name for path in directory.iterdir()}
    if names and not names & {LOCK, NAME}:
        raise BackupError(f"{directory} is neither empty nor a backup; name a directory of its own.")
    directory.chmod(0o700)


def blob_store(directory: Path) -> FilesystemBlobStore:
    """The blobs of a backup."""
    return FilesystemBlobStore(directory / BLOBS)


def create(path: Path) -> int:
    """Make an empty file for its owner alone, in the place of what a killed process left; a descriptor."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)


def put(path: Path, content: bytes) -> None:
    """Put a file in place in one step, durably; only its owner may read it."""
    partial = path.with_name(path.name + PARTIAL)
    with os.fdopen(create(partial), "wb") as file:
        file.write(content)
    publish(partial, path)


def publish(partial: Path, path: Path) -> None:
    """Give a whole file its name, durably."""
    sync(partial)
    partial.rename(path)
    sync_directory(path.parent)


def describe(path: Path, name: str) -> Part:
    """The row of the manifest for a file. Blocks for as long as it takes to read it."""
    hasher = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_SIZE):
            hasher.update(chunk)
            size += len(chunk)
    return Part(name, size, hasher.hexdigest())


async def require_whole(directory: Path, manifest: Manifest) -> None:
    """Raise `BackupError` unless the files that the manifest names are there as they were written."""
    for part in manifest.parts:
        path = directory / part.file
        try:
            found = await asyncio.to_thread(describe, path, part.file)
        except OSError as error:
            raise BackupError(f"The backup is damaged: {path} cannot be read: {error.strerror}.") from error
        if found != part:
            raise BackupError(f"The backup is damaged: {path} is not what was written.")


def tidy(directory: Path, manifest: Manifest | None) -> None:
    """Remove the files of former and of killed backups, all but those that the manifest names."""
    kept = {part.file for part in manifest.parts} if manifest is not None else set()
    for pattern in ("database-*", "blobs-*", "secret-*", f"{NAME}{PARTIAL}"):
        for path in directory.glob(pattern):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def listed(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the digests and sizes of a list of blobs."""
    with path.open(encoding="ascii") as file:
        for line in file:
            digest, _, size = line.partition(" ")
            yield digest, int(size)
