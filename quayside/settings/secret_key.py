"""The key that encrypts stored credentials, kept beside an embedded database.

Whoever has both key and database can read robot tokens and mirror passwords, so only its owner may read it.
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
    """The settings with a secret key in them, making the data directory and the key at the first start.

    Processes that start together end up with the same key. Raises `SettingsError` when the directory cannot
    be written or the file holds no usable key.
    """
    if settings.secret_key:
        return settings
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = _read_or_make(settings.data_dir / FILE)
    except OSError as error:
        raise SettingsError(f"DATA_DIR must be a directory that can be written: {error}.") from error
    except ValueError as error:
        raise SettingsError(f"{settings.data_dir / FILE} must hold {error}.") from error
    return dataclasses.replace(settings, secret_key=keys)


def _read_or_make(path: Path) -> tuple[str, ...]:
    if not path.exists():
        _make(path)
    keys = secret_keys(path.read_text(encoding="utf-8").strip())
    if not keys:
        raise ValueError("a key, but it is empty")
    return keys


def _make(path: Path) -> None:
    # The file appears whole or not at all, and the first of several processes wins: link refuses to replace.
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
