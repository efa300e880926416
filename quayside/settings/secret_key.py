"""The file with the key that encrypts stored credentials, beside a SQLite database.

Key and database together reveal robot tokens and mirror passwords, so only the owner may read the file.
"""

import dataclasses
import os
import secrets
import tempfile
from pathlib import Path

from quayside.settings.parsers import secret_keys
from quayside.settings.settings import Settings, SettingsError

FILE = "secret.key"


def ensure(settings: Settings) -> Settings:
    """The settings with a secret key. Makes the data directory and the key at the first start.

    Processes that start together get the same key. None is made where a database exists: a new one could not
    decrypt what is stored there. Raises `SettingsError` then, if the directory is not writable, or if the
    file has no valid key.
    """
    if settings.secret_key:
        return settings
    # In this order: another process that starts makes the key before the database.
    if has_database(settings) and not (settings.data_dir / FILE).exists():
        raise SettingsError(missing(settings))
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = _read_or_make(settings.data_dir / FILE)
    except OSError as error:
        raise SettingsError(f"DATA_DIR must be a directory that can be written: {error}.") from error
    except ValueError as error:
        raise SettingsError(f"{settings.data_dir / FILE} must hold {error}.") from error
    return dataclasses.replace(settings, secret_key=keys)


def has_database(settings: Settings) -> bool:
    """Whether the file of an SQLite database exists."""
    from storage.database import sqlite_path

    return settings.is_sqlite and sqlite_path(settings.database_url).exists()


def missing(settings: Settings) -> str:
    """The sentence for a key that is lost."""
    return (
        f"The secret key is missing: there is a database, but no {settings.data_dir / FILE}. Bring the file "
        "back from a backup, or set SECRET_KEY to the key; another one cannot read what is stored."
    )


def _read_or_make(path: Path) -> tuple[str, ...]:
    if not path.exists():
        _make(path)
    keys = secret_keys(path.read_text(encoding="utf-8").strip())
    if not keys:
        raise ValueError("a key, but it is empty")
    return keys


def _make(path: Path) -> None:
    # Atomic: link makes the complete file appear, and fails if another process was first.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
