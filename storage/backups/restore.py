"""Restores a registry from a backup, where there is none yet: blobs first, the database last.

A marker in the data directory says that what is there comes from an unfinished restore, so that a killed one
can be run again, and no server starts on it.
"""

import fcntl
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from storage.backups import manifest as manifests
from storage.backups.backup import Tell
from storage.backups.copiers import copier_of
from storage.backups.databases import Copier
from storage.backups.directory import blob_store, listed, locked, put, require_whole
from storage.backups.manifest import BackupError, Manifest
from storage.backups.marker import MARKER
from storage.backups.transfer import Transfer, is_whole
from storage.blobs import BlobError, BlobStore
from storage.blobs.files import sync_directory
from storage.database import dialect_of, latest_revision, revisions, sqlite_path
from storage.faults import fault


@dataclass(frozen=True, slots=True)
class Target:
    """Where a registry is restored: its data directory, database and blob store, and the file for its key.

    `blob_url` names the store for the marker. `key` is None where a setting has the key, or the backup none.
    """

    data_dir: Path
    database_url: str
    blobs: BlobStore
    blob_url: str
    key: Path | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore: the manifest of the backup, and the blobs that it lacks."""

    manifest: Manifest
    lost: tuple[str, ...]


async def inspect(directory: Path) -> Manifest:
    """The manifest of a backup that this version can restore. Raises `BackupError`."""
    manifest = manifests.read(directory)
    if manifest is None:
        raise BackupError(f"{directory} has no backup that is complete: there is no {manifests.NAME} in it.")
    if manifest.schema_revision not in revisions():
        raise BackupError(
            f"The backup in {directory} was made by version {manifest.version}, whose database has revision "
            f"{manifest.schema_revision}; this version knows up to {latest_revision()}. Use a newer quayside."
        )
    return manifest


async def restore(directory: Path, target: Target, tell: Tell, *, takes_incomplete: bool = False) -> Restored:
    """Restore a backup, if it is whole, or with `takes_incomplete` what it has of its blobs.

    Raises `BackupError`; as a rule before anything is written.
    """
    with locked(directory, is_restored=True):
        manifest = await inspect(directory)
        copier = copier_of(target.database_url)
        await _check(directory, manifest, copier, dialect_of(target.database_url), tell)
        if not takes_incomplete:
            await _require_blobs(directory, manifest)
        try:
            with _alone(target.data_dir):
                return await _restore(directory, manifest, target, copier, tell)
        except BlobError as error:
            raise BackupError(f"The blobs could not be copied: {error}. Run the restore again.") from error
        except OSError as error:
            raise BackupError(f"{target.data_dir} cannot be written: {error.strerror}.") from error


async def _check(directory: Path, manifest: Manifest, copier: Copier, dialect: str, tell: Tell) -> None:
    """Raise `BackupError` unless the backup is for this kind of database and its files are whole."""
    if manifest.dialect != dialect:
        raise BackupError(
            f"The backup is of a database {manifest.dialect}, and DATABASE_URL names a database {dialect}."
        )
    await copier.prepare()
    tell("Reading the backup", 0, 0)
    await require_whole(directory, manifest)
    await copier.check(directory / manifest.database.file)


async def _require_blobs(directory: Path, manifest: Manifest) -> None:
    """Raise `BackupError` unless the backup has the blobs that it names."""
    store = blob_store(directory)
    try:
        missing = set(manifest.missing)
        for digest, size in listed(directory / manifest.blob_list.file):
            if digest in missing:
                continue
            present = await store.stat(digest)
            if present is None or not await is_whole(store, digest, present, size):
                raise BackupError(
                    f"The backup is damaged: the blob {digest} is missing or not whole. Copy the backup"
                    " again, or restore everything else by quayside restore --incomplete."
                )
    finally:
        await store.close()


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Keep other restores out of a data directory, which is made if it is not there."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(data_dir, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BackupError(f"Another restore is at work in {data_dir}.") from error
    finally:
        os.close(descriptor)


async def _restore(
    directory: Path, manifest: Manifest, target: Target, copier: Copier, tell: Tell
) -> Restored:
    marker = target.data_dir / MARKER
    mark = orjson.dumps(
        {"backup": manifest.database.sha256, "blobs": target.blob_url, "database": _place(target)}
    )
    is_ours = marker.exists()
    if is_ours and marker.read_bytes() != mark:
        raise BackupError(
            f"A restore of another backup, or to another place, was begun in {target.data_dir} and has not"
            " ended; empty the data directory, the database and the blob store first."
        )
    is_there = await _require_empty(directory, manifest, target, copier, is_ours=is_ours)
    if not is_ours:
        put(marker, mark)
    lost = await _restore_blobs(directory, manifest, target.blobs, tell)
    if manifest.key is not None and target.key is not None:
        put(target.key, (directory / manifest.key.file).read_bytes())
    fault("restore.before_database")
    tell("Restoring the database", 0, 0)
    if not is_there:
        await copier.restore(directory / manifest.database.file)
    fault("restore.after_database")
    await copier.finish()
    marker.unlink()
    sync_directory(target.data_dir)
    return Restored(manifest, lost)


async def _require_empty(
    directory: Path, manifest: Manifest, target: Target, copier: Copier, *, is_ours: bool
) -> bool:
    """Raise `BackupError` if something else is there; whether the database is restored already."""
    registry = await copier.registry()
    if registry is not None and not (is_ours and registry == manifest.registry):
        raise BackupError(
            f"The database is not empty ({_place(target)}): restore into a new one, or remove this one first."
        )
    if not is_ours and await _has_content(target.blobs):
        raise BackupError(
            f"The blob store is not empty ({target.blob_url}): restore into a new one, or empty it first."
        )
    if manifest.key is not None and target.key is not None and target.key.exists():
        key = (directory / manifest.key.file).read_bytes()
        if target.key.read_bytes() != key:
            raise BackupError(f"{target.key} is another key than that of the backup; remove it first.")
    return registry is not None


async def _has_content(blobs: BlobStore) -> bool:
    async for _ in blobs.digests():
        return True
    async for _ in blobs.uploads():
        return True
    return False


async def _restore_blobs(
    directory: Path, manifest: Manifest, blobs: BlobStore, tell: Tell
) -> tuple[str, ...]:
    """Copy the blobs; those that the backup lacks, or has damaged."""
    done, missing = 0, set(manifest.missing)

    def note(size: int) -> None:
        nonlocal done
        done += size
        tell("Copying blobs", done, manifest.blob_bytes)

    source = blob_store(directory)
    try:
        transfer = Transfer(source, blobs, note)
        await transfer.run(
            row for row in listed(directory / manifest.blob_list.file) if row[0] not in missing
        )
    finally:
        await source.close()
    return tuple(sorted({*missing, *transfer.lost}))


def _place(target: Target) -> str:
    """The address of the database, without credentials."""
    if dialect_of(target.database_url) == "sqlite":
        return str(sqlite_path(target.database_url))
    parts = urllib.parse.urlsplit(target.database_url)
    host = dict(urllib.parse.parse_qsl(parts.query)).get("host", parts.hostname)
    return f"{host}:{parts.port or 5432}{parts.path}"
