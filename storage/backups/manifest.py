"""The manifest of a backup: what belongs to it, and when and by which version it was made."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import orjson

NAME: Final = "backup.json"
FORMAT: Final = 1
"""Raised when an earlier version could no longer restore what is written."""


class BackupError(Exception):
    """A backup cannot be made or restored; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a backup, beside the manifest."""

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup consists of.

    `registry` is the registry's own mark, which tells backups of two registries apart. `missing` are digests
    that the database names and the blob store did not have, or had damaged. `key` is None where
    a setting has the key.
    """

    format: int
    registry: str
    version: str
    schema_revision: str
    made_at: str
    dialect: str
    database: Part
    blob_list: Part
    blobs: int
    blob_bytes: int
    missing: tuple[str, ...]
    key: Part | None

    @property
    def parts(self) -> list[Part]:
        """All files beside the manifest and the blobs."""
        return [part for part in (self.database, self.blob_list, self.key) if part is not None]


def write(manifest: Manifest) -> bytes:
    """The text of a manifest."""
    return orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(directory: Path) -> Manifest | None:
    """The manifest of a directory, None if it has none. Raises `BackupError` for what is none."""
    path = directory / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = orjson.loads(content)
        if found["format"] > FORMAT:
            raise BackupError(
                f"The backup in {directory} was made by version {found['version']}, in a format that this "
                "version does not know; use a newer quayside."
            )
        return _manifest(found)
    except (ValueError, TypeError, KeyError) as error:
        raise BackupError(f"{path} is not the manifest of a backup.") from error


def _manifest(found: dict[str, Any]) -> Manifest:
    values = {field.name: found[field.name] for field in fields(Manifest)}
    for name in ("database", "blob_list", "key"):
        if name == "key" and values[name] is None:
            continue
        part = Part(**values[name])
        # It is opened and deleted by this name.
        if part.file != Path(part.file).name or not isinstance(part.size_bytes, int):
            raise ValueError(f"{name} is not a file of the backup")
        values[name] = part
    values["missing"] = tuple(map(str, values["missing"]))
    for name in ("format", "blobs", "blob_bytes"):
        if not isinstance(values[name], int):
            raise TypeError(f"{name} is not a number")
    return Manifest(**values)
