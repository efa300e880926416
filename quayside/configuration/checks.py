"""Quick checks of what settings name, which change nothing: for `quayside doctor` and for running servers."""

import asyncio
import glob
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import aiofiles
import aiofiles.os
from rich.filesize import decimal

from quayside.settings import parsers, secret_key
from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from resolvers.accounts.account import sharing_mailboxes, superusers_without_user
from resolvers.site import untrusted_proxy
from storage.clock import now_ms
from storage.database import sqlite_path
from storage.space import Space, free_bytes

NOTHING_YET = "none before the first start"
WITHOUT_DATABASE = "not looked at without the database"
PROXY_SEEN_MS = 86_400_000
"""For how long a proxy that is not trusted is warned of after it was seen last."""
_ALL_ONE = "limits, logs and sign-ins take all its clients for one address"

Opened = Callable[[Settings], AbstractAsyncContextManager[bool]]
"""Makes the database current in a block, which gets false if there is none yet. Raises `Unusable`."""


class Warned(Exception):
    """The registry works, but not as its operator may think. The message says what would mend it."""


class Failed(Exception):
    """Something does not work. The message says what would mend it."""


class Unusable(Failed):
    """The database cannot be used."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check. `run_check` returns a text if all is well, or raises `Warned` or `Failed`."""

    name: str
    run_check: Callable[[Settings, Opened], Awaitable[str]]
    settings: tuple[str, ...]


async def _data_directory(settings: Settings, _: Opened) -> str:
    directory = settings.data_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise Failed(f"{existing} is not a directory that can be written.")
    return str(directory) if existing == directory else f"{directory}, made at the first start"


def require_private(path: Path) -> None:
    """Raise `Warned` if others than the owner can read the files of an SQLite database."""
    if path.parent.stat().st_mode & 0o011 == 0:
        return
    # The database, its -wal and -shm, and the copies before migrations.
    for file in sorted(path.parent.glob(f"{glob.escape(path.name)}*")):
        if file.name == f"{path.name}.migrate":
            # The lock of migrations, which is empty.
            continue
        if (mode := file.stat().st_mode & 0o777) & 0o077:
            raise Warned(
                f"{file} can be read by others than its owner (mode {mode:o} in a directory of mode"
                f" {path.parent.stat().st_mode & 0o777:o}); chmod 600 it."
            )


async def _secret_key(settings: Settings, _: Opened) -> str:
    path = settings.data_dir / secret_key.FILE
    # A server that runs has the key of the file, too, but nobody gave it as a setting.
    if settings.secret_key and ("SECRET_KEY" in settings.sources or not path.exists()):
        return f"{len(settings.secret_key)} set"
    if not path.exists() and secret_key.has_database(settings):
        raise Failed(secret_key.missing(settings))
    if not path.exists():
        return f"{path}, made at the first start"
    try:
        mode = (await aiofiles.os.stat(path)).st_mode & 0o777
        async with aiofiles.open(path, encoding="utf-8") as file:
            parsers.secret_keys((await file.read()).strip())
    except (OSError, ValueError) as error:
        raise Failed(f"{path} holds no usable key: {error}.") from error
    if mode & 0o077:
        raise Failed(f"{path} can be read by others than its owner (mode {mode:o}).")
    return str(path)


async def _space(settings: Settings, _: Opened) -> str:
    """Free space where blobs and SQLite are. Raises `Failed` if uploads are refused."""
    directories = {
        "blobs": settings.blob_directory,
        "database": sqlite_path(settings.database_url) if settings.is_sqlite else None,
    }
    found = {}
    for kept, directory in directories.items():
        if directory is not None:
            free = await asyncio.to_thread(free_bytes, directory)
            found[kept] = Space(free, settings.disk_reserve)
    told = ", ".join(f"{decimal(space.free_bytes)} free for {kept}" for kept, space in found.items())
    if any(space.is_low for space in found.values()):
        raise Failed(
            f"{told}; uploads are refused below {decimal(settings.disk_reserve)} (DISK_RESERVE). "
            "Delete tags, wait for the end of their history, and run quayside gc, or enlarge the disk."
        )
    return told or "kept elsewhere: PostgreSQL and a bucket"


async def _superusers(settings: Settings, opened: Opened) -> str:
    lists = {
        "SUPERUSERS": settings.superusers,
        "GLOBAL_READONLY_SUPER_USERS": settings.global_readonly_super_users,
    }
    named = [(name, names) for name, names in lists.items() if names]
    if not named:
        return "none are named in SUPERUSERS"
    missing = sorted(set().union(*lists.values()))
    async with opened(settings) as is_there:
        if is_there:
            missing = await superusers_without_user(site_of(settings))
    if missing:
        return f"no user has these names yet: {', '.join(missing)}; `quayside admin create-user` makes one"
    return ", ".join(f"{len(names)} named in {name}" for name, names in named)


async def _public_url(settings: Settings, _: Opened) -> str:
    names = ", ".join(sorted(settings.allowed_hosts))
    if not settings.reaches_clients and not names:
        raise Failed(
            f"Clients cannot reach {settings.public_url}; set PUBLIC_URL to what they use, or ALLOWED_HOSTS"
            " to its names."
        )
    return f"{settings.public_url}, or as asked for {names}" if names else settings.public_url


async def _mailboxes(settings: Settings, opened: Opened) -> str:
    try:
        async with opened(settings) as is_there:
            if not is_there:
                return NOTHING_YET
            shared = await sharing_mailboxes()
    except Unusable:
        return WITHOUT_DATABASE
    if shared:
        named = ", ".join(f"{name} ({email})" for name, email in shared[:20])
        more = f" and {len(shared) - 20} more" if len(shared) > 20 else ""
        raise Warned(
            f"these have the mailbox of another user, from an earlier version: {named}{more}; let them choose"
            " another address."
        )
    return "one user each"


async def _proxies(settings: Settings, opened: Opened) -> str:
    ends_tls = urlsplit(settings.public_url).scheme == "https" and settings.tls_cert is None
    if ends_tls and not settings.trusted_proxies:
        raise Warned(
            f"PUBLIC_URL is {settings.public_url} without a TLS_CERT, so that a proxy is in front, but"
            f" TRUSTED_PROXIES names none: {_ALL_ONE}."
        )
    seen = None
    try:
        async with opened(settings) as is_there:
            if is_there:
                seen = await untrusted_proxy()
    except Unusable:
        # The check of the database says so.
        return "not known without the database"
    if seen is not None and now_ms() - seen.seen_at_ms < PROXY_SEEN_MS:
        address = ip_address(seen.address)
        if not any(address in network for network in settings.trusted_proxies):
            raise Warned(f"{address} forwards requests of others, but is not in TRUSTED_PROXIES: {_ALL_ONE}.")
    return "none that is not in TRUSTED_PROXIES was seen of late"


async def _builds(settings: Settings, _: Opened) -> str:
    if "BUILD_SUPPORT" not in settings.features:
        return "off"
    if settings.build_unsafe_root:
        raise Warned(
            "BUILD_UNSAFE_ROOT is on: where user namespaces are missing, whoever may push runs programs as"
            " root of the machine."
        )
    if settings.build_network == "host":
        raise Warned("BUILD_NETWORK is host: RUN of a Dockerfile reaches whatever this machine reaches.")
    return "in a sandbox, without a network"


def require_tls(settings: Settings) -> None:
    """Raise `Failed` unless certificate and key are readable and match."""
    if settings.tls_cert is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.tls_cert, settings.tls_key
        )
    except (ssl.SSLError, OSError) as error:
        raise Failed(f"TLS_CERT and TLS_KEY must hold a certificate and its key: {error}.") from error


async def _database_files(settings: Settings, _: Opened) -> str:
    if settings.is_sqlite:
        require_private(sqlite_path(settings.database_url))
    return "private"


async def _tls(settings: Settings, _: Opened) -> str:
    require_tls(settings)
    if settings.tls_cert is None:
        return "not set; most clients demand HTTPS of any host but this one"
    return f"{Path(settings.tls_cert).name} and its key"


DATA_DIRECTORY = Check("data directory", _data_directory, ("DATA_DIR",))
SECRET_KEY = Check("secret key", _secret_key, ("SECRET_KEY",))
DATABASE_FILES = Check("database", _database_files, ("DATABASE_URL",))
SPACE = Check("space", _space, ("DISK_RESERVE", "BLOB_URL", "DATABASE_URL"))
SUPERUSERS = Check("superusers", _superusers, ("SUPERUSERS", "GLOBAL_READONLY_SUPER_USERS"))
MAILBOXES = Check("mailboxes", _mailboxes, ())
PUBLIC_ADDRESS = Check("public address", _public_url, ("PUBLIC_URL", "ALLOWED_HOSTS"))
PROXIES = Check("proxies", _proxies, ("TRUSTED_PROXIES", "PUBLIC_URL"))
TLS = Check("TLS", _tls, ("TLS_CERT", "TLS_KEY"))
BUILDS = Check("builds", _builds, ("BUILD_UNSAFE_ROOT", "BUILD_NETWORK"))

CHECKS = (
    DATA_DIRECTORY,
    SECRET_KEY,
    DATABASE_FILES,
    SPACE,
    SUPERUSERS,
    MAILBOXES,
    PUBLIC_ADDRESS,
    PROXIES,
    TLS,
    BUILDS,
)
"""Those that a running server can make."""
