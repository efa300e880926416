"""`quayside restore`: a registry from a backup, where there is none yet."""

import argparse
import asyncio
import sys
from pathlib import Path

from quayside.commands import CommandError, settings_of, terminal
from quayside.commands.backup import lacking, require_blobs
from quayside.settings.parsers import secret_keys
from quayside.settings.secret_key import FILE
from quayside.settings.settings import Settings
from storage.backups.manifest import BackupError, Manifest
from storage.backups.restore import Restored, Target, inspect, restore
from storage.blobs import open_blob_store
from storage.database import latest_revision

NO_KEY = (
    "The secret key is not in the backup: before the registry is started, set SECRET_KEY to the key that it"
    " had, or put it into {}."
)
OLDER = "The database has revision {}: quayside serve migrates it, or quayside migrate on PostgreSQL."
NEXT = "Run quayside doctor before the registry is started."


def run(arguments: argparse.Namespace) -> int:
    """Print a line with the number of blobs; 1 if the backup lacks some that the database names."""
    settings = settings_of(arguments)
    directory = Path(arguments.directory).absolute()
    restored = asyncio.run(_restore(settings, directory, takes_incomplete=arguments.incomplete))
    manifest = restored.manifest
    print(f"total\tblobs={manifest.blobs - len(restored.lost)}\tmade_at={manifest.made_at}")
    key = settings.data_dir / FILE
    if manifest.key is None and not settings.secret_key and not key.exists():
        print(NO_KEY.format(key), file=sys.stderr)
    if manifest.schema_revision != latest_revision():
        print(OLDER.format(manifest.schema_revision), file=sys.stderr)
    print(NEXT, file=sys.stderr)
    return lacking(restored.lost, "The backup")


async def _restore(settings: Settings, directory: Path, *, takes_incomplete: bool) -> Restored:
    require_blobs(settings)
    blobs = open_blob_store(settings.blob_url, reserve_bytes=settings.disk_reserve)
    try:
        if settings.secret_key:
            _require_same_key(settings, directory, await inspect(directory))
        target = Target(
            data_dir=settings.data_dir,
            database_url=settings.database_url,
            blobs=blobs,
            blob_url=settings.blob_url,
            key=None if settings.secret_key else settings.data_dir / FILE,
        )
        with terminal.bar() as tell:
            return await restore(directory, target, tell, takes_incomplete=takes_incomplete)
    except BackupError as error:
        raise CommandError(str(error)) from error
    finally:
        await blobs.close()


def _require_same_key(settings: Settings, directory: Path, manifest: Manifest) -> None:
    """Raise `CommandError` if SECRET_KEY lacks a key of the backup, which it would hide."""
    if manifest.key is None:
        return
    path = directory / manifest.key.file
    try:
        keys = secret_keys(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise CommandError(f"The backup is damaged: {path} is no key: {error}.") from error
    if not set(keys) <= set(settings.secret_key):
        raise CommandError(
            f"SECRET_KEY is set to another key than that of the backup; unset it, or add the key in {path}."
        )
