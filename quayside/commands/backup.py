"""`quayside backup`: a copy of the whole registry in a directory; servers may be running."""

import argparse
import asyncio
import sys
from pathlib import Path

from quayside.commands import CommandError, settings_of, terminal
from quayside.commands.database import opened, require_exists
from quayside.settings import secret_key
from quayside.settings.secret_key import FILE
from quayside.settings.settings import Settings
from quayside.version import __version__
from storage.backups.backup import BackedUp, Source, back_up
from storage.backups.manifest import BackupError
from storage.blobs import open_blob_store

NO_KEY = (
    "The secret key is not in the backup, since the setting SECRET_KEY has it: keep it as well. Without it a"
    " restored registry can neither sign tokens nor read the credentials of robots, mirrors and caches."
)


def run(arguments: argparse.Namespace) -> int:
    """Print a line with the numbers of blobs; 1 if the blob store lacks some that the database names."""
    settings = settings_of(arguments)
    directory = Path(arguments.directory).absolute()
    _require_apart(directory, settings)
    made = asyncio.run(_back_up(settings, directory, prunes=arguments.prune))
    manifest = made.manifest
    print(
        f"total\tblobs={manifest.blobs}\tbytes={manifest.blob_bytes}\tadded={made.added}"
        f"\tadded_bytes={made.added_bytes}\tpruned={made.pruned}"
    )
    if manifest.key is None:
        print(NO_KEY, file=sys.stderr)
    return lacking(manifest.missing, "The blob store")


def lacking(missing: tuple[str, ...], where: str) -> int:
    """Say which blobs are lost; the exit code."""
    if not missing:
        return 0
    print(
        f"{where} lacks {len(missing)} of the blobs that the database names, or has them damaged, such as "
        f"{missing[0]}; everything else was copied.",
        file=sys.stderr,
    )
    return 1


def require_blobs(settings: Settings) -> None:
    """Raise `CommandError` where blobs are kept nowhere."""
    if settings.blob_url == "memory:":
        raise CommandError(
            "The blobs are in the memory of a server (BLOB_URL is memory:), and cannot be copied."
        )


async def _back_up(settings: Settings, directory: Path, *, prunes: bool) -> BackedUp:
    require_blobs(settings)
    require_exists(settings)
    key = None if settings.secret_key else settings.data_dir / FILE
    secret_key.ensure(settings)
    blobs = open_blob_store(settings.blob_url)
    try:
        async with opened(settings) as database:
            with terminal.bar() as tell:
                source = Source(database, blobs, key, __version__)
                return await back_up(source, directory, tell, prunes=prunes)
    except BackupError as error:
        raise CommandError(str(error)) from error
    finally:
        await blobs.close()


def _require_apart(directory: Path, settings: Settings) -> None:
    """Raise `CommandError` if the backup would be where the registry is, and end with it."""
    for place in filter(None, (settings.data_dir, settings.blob_directory)):
        mine = place.resolve()
        if directory.resolve() == mine or mine in directory.resolve().parents:
            raise CommandError(f"{directory} is inside {place}; a backup needs a directory elsewhere.")
