"""Makes a backup of a registry, beside running servers.

No bytes are deleted from before the copy of the database until the last blob that it names is copied. The
manifest comes last.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from storage import deletion_hold
from storage.backups import manifest as manifests
from storage.backups.copiers import copier_of
from storage.backups.databases import REGISTRY, Copier
from storage.backups.directory import (
    PARTIAL,
    blob_store,
    create,
    describe,
    listed,
    locked,
    publish,
    put,
    tidy,
)
from storage.backups.manifest import FORMAT, NAME, BackupError, Manifest, Part
from storage.backups.transfer import Transfer
from storage.blobs import BlobError, BlobStore, StorageFull
from storage.database import Database
from storage.faults import fault
from storage.outage import DatabaseUnavailable
from storage.scratch import Tally
from storage.site_settings import site_setting
from storage.statements import execute, in_batches

logger = logging.getLogger("quayside.backup")

EXTEND_S: Final = deletion_hold.HOLD_MS / 4000
BATCH: Final = 500

_RAN_OUT: Final = (
    "Deletions were not held all the time, since this process stood still or the database did not answer for"
    " a minute. The blob store lacks {} of the blobs that the copy of the database names, and the backup was"
    " not replaced; run it again."
)

Tell = Callable[[str, int, int], None]
"""Hears what is being done, and how many bytes of how many are done, 0 of 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What came of a backup: its manifest, and how many blobs and bytes were added and blobs removed."""

    manifest: Manifest
    added: int
    added_bytes: int
    pruned: int


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up: a database, which is current, its blob store, and its key if that is in a file."""

    database: Database
    blobs: BlobStore
    key: Path | None
    version: str


async def back_up(source: Source, directory: Path, tell: Tell, *, prunes: bool = False) -> BackedUp:
    """Back a registry up into a directory, or bring the backup that is there up to date.

    Raises `BackupError`; what was the backup until then still is. With `prunes`, blobs that only former
    backups named are removed at the end.
    """
    copier = copier_of(source.database.url)
    await copier.prepare()
    with locked(directory):
        former = manifests.read(directory)
        registry = await _mark()
        if former is not None and former.registry != registry:
            raise BackupError(f"{directory} has the backup of another registry; name another directory.")
        store = blob_store(directory)
        try:
            tidy(directory, former)
            async with _held() as hold:
                made = await _make(source, directory, copier, store, tell)
                manifest = replace(made.manifest, registry=registry)
                if manifest.missing and not await hold.lasted():
                    raise BackupError(_RAN_OUT.format(len(manifest.missing)))
                fault("backup.before_manifest")
                await asyncio.to_thread(put, directory / NAME, manifests.write(manifest))
            tidy(directory, manifest)
            pruned = await _prune(store, directory / manifest.blob_list.file) if prunes else 0
            return replace(made, manifest=manifest, pruned=pruned)
        except StorageFull as error:
            # Nothing else is written to.
            raise BackupError(f"{directory} is full; make room there and run the backup again.") from error
        except BlobError as error:
            raise BackupError(f"The blobs could not be copied: {error}. Run the backup again.") from error
        except OSError as error:
            raise BackupError(f"{directory} cannot be written: {error.strerror}.") from error
        finally:
            await store.close()


async def _make(source: Source, directory: Path, copier: Copier, store: BlobStore, tell: Tell) -> BackedUp:
    """Copy everything but the manifest."""
    made_at = datetime.now(UTC)
    stamp = f"{made_at:%Y%m%dT%H%M%S.%fZ}"
    database, listing = directory / f"database-{stamp}{copier.suffix}", directory / f"blobs-{stamp}.txt"
    tell("Copying the database", 0, 0)
    partial, partial_list = (path.with_name(path.name + PARTIAL) for path in (database, listing))
    with os.fdopen(create(partial_list), "w", encoding="ascii") as file:
        copied = await copier.copy(partial, file)
    for part, whole in ((partial, database), (partial_list, listing)):
        await asyncio.to_thread(publish, part, whole)
    key = None
    if source.key is not None:
        copy = directory / f"secret-{stamp}.key"
        put(copy, source.key.read_bytes())
        key = describe(copy, copy.name)
    fault("backup.before_blobs")
    done = 0

    def note(size: int) -> None:
        nonlocal done
        done += size
        tell("Copying blobs", done, copied.blob_bytes)

    transfer = Transfer(source.blobs, store, note)
    await transfer.run(listed(listing))
    manifest = Manifest(
        format=FORMAT,
        registry="",
        version=source.version,
        schema_revision=copied.schema_revision,
        made_at=made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        dialect=source.database.dialect,
        database=await _part(database),
        blob_list=await _part(listing),
        blobs=copied.blobs,
        blob_bytes=copied.blob_bytes,
        missing=tuple(sorted(transfer.lost)),
        key=key,
    )
    return BackedUp(manifest, transfer.added, transfer.added_bytes, 0)


async def _part(path: Path) -> Part:
    return await asyncio.to_thread(describe, path, path.name)


async def _mark() -> str:
    """The registry's own mark, which it gets with its first backup."""
    await execute(
        "INSERT INTO site_setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        *(REGISTRY, str(uuid.uuid4())),
    )
    found = await site_setting(REGISTRY)
    assert found is not None
    return found


class _Hold:
    """The hold on the deletion of bytes, extended again and again until it is ended."""

    def __init__(self) -> None:
        self._holder = f"backup {uuid.uuid4().hex}"
        self._has_run_out = False

    async def keep(self) -> None:
        """Extend the hold for ever."""
        while True:
            await asyncio.sleep(EXTEND_S)
            await self._extend()

    async def lasted(self) -> bool:
        """Whether bytes were certainly held from its begin until now."""
        return await self._extend() and not self._has_run_out

    async def begin(self) -> None:
        """Hold the deletion of bytes."""
        await deletion_hold.hold(self._holder)

    async def end(self) -> None:
        """Let go. It ends by itself where the database does not answer."""
        with suppress(DatabaseUnavailable):
            await deletion_hold.release(self._holder)

    async def _extend(self) -> bool:
        """Go on with the hold; whether the database answered."""
        try:
            if not await deletion_hold.extend(self._holder):
                self._has_run_out = True
                await deletion_hold.hold(self._holder)
        except DatabaseUnavailable:
            logger.warning("the hold on deletions could not be extended")
            return False
        return True


@asynccontextmanager
async def _held() -> AsyncIterator[_Hold]:
    """Hold the deletion of bytes during the block."""
    hold = _Hold()
    await hold.begin()
    task = asyncio.create_task(hold.keep())
    try:
        yield hold
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await hold.end()


async def _prune(store: BlobStore, listing: Path) -> int:
    """Remove blobs that a backup does not name."""
    pruned = 0
    with Tally() as named:
        names = (digest for digest, _ in listed(listing))
        while batch := list(islice(names, BATCH)):
            await named.add(batch)
        async for found in in_batches(store.digests(), BATCH):
            digests = [digest for digest, _ in found]
            kept = await named.counts(digests)
            for digest in digests:
                if digest not in kept:
                    pruned += await store.delete(digest)
    return pruned
