"""Where the filesystem driver keeps its bytes. Nothing else knows this layout.

    <root>/
    ├─ uploads/
    │  └─ <upload id>               bytes received so far; locked while an append or commit is at work
    ├─ blobs/
    │  ├─ sha256/
    │  │  └─ <first 2 hex>/
    │  │     └─ <64 hex>            a verified blob
    │  └─ sha512/
    │     └─ <first 2 hex>/
    │        └─ <128 hex>
    └─ quarantine/                  made when it is first needed
       └─ sha256-<64 hex>.<time>    what was set aside as this blob

Uploads and blobs lie under one root, hence on one file system, so that a rename moves one to the other.
Files have mode 0600 and directories 0700. Names that do not fit the layout are passed over.
"""

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from storage.blobs.base import DigestInvalid, UploadInvalid, require_upload_id
from storage.blobs.digest import ALGORITHMS, parse_digest

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


@dataclass(frozen=True)
class Layout:
    """The paths below one root directory. Paths are computed; only the walks touch the disk."""

    root: Path

    def directories(self) -> list[Path]:
        """The fixed directories below the root, parents first."""
        blobs = self.root / "blobs"
        return [self.root / "uploads", blobs, *(blobs / algorithm for algorithm in ALGORITHMS)]

    def upload(self, upload: str) -> Path:
        """The file of an upload. Raises UploadInvalid."""
        return self.root / "uploads" / require_upload_id(upload)

    def blob(self, digest: str) -> Path:
        """The file of a blob. Raises DigestInvalid."""
        algorithm, hexadecimal = parse_digest(digest)
        return self.root / "blobs" / algorithm / hexadecimal[:2] / hexadecimal

    @property
    def quarantine(self) -> Path:
        """The directory of what was set aside."""
        return self.root / "quarantine"

    def walk_quarantine(self) -> Generator[tuple[str, int], None, None]:
        """Yield (name, size) of everything that was set aside."""
        yield from _files(self.quarantine)

    def walk_uploads(self) -> Generator[str, None, None]:
        """Yield the id of every upload on disk."""
        for name, _ in _files(self.root / "uploads"):
            try:
                yield require_upload_id(name)
            except UploadInvalid:
                continue

    def walk_blobs(self) -> Generator[tuple[str, int], None, None]:
        """Yield (digest, size) of every blob on disk, in order; one of 256 parts of them is in memory."""
        for algorithm in sorted(ALGORITHMS):
            for shard in sorted(_subdirectories(self.root / "blobs" / algorithm)):
                for name, size in sorted(_files(shard)):
                    digest = f"{algorithm}:{name}"
                    try:
                        parse_digest(digest)
                    except DigestInvalid:
                        continue
                    if name[:2] == shard.name:
                        yield digest, size


def _entries(directory: Path) -> Generator[os.DirEntry[str], None, None]:
    """What a directory holds; nothing if there is no such directory."""
    try:
        entries = os.scandir(directory)
    except FileNotFoundError:
        return
    with entries:
        yield from entries


def _subdirectories(directory: Path) -> Generator[Path, None, None]:
    for entry in _entries(directory):
        if entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _files(directory: Path) -> Generator[tuple[str, int], None, None]:
    """The names and sizes of the files in a directory."""
    for entry in _entries(directory):
        try:
            if entry.is_file(follow_symlinks=False):
                yield entry.name, entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            # The entry was committed, cancelled or deleted since the directory was listed.
            continue
