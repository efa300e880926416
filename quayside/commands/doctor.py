"""`quayside doctor`: checks everything that the settings name, without changing anything."""

import argparse
import asyncio
import glob
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import aiofiles
import aiofiles.os
import httpx
from rich.filesize import decimal

from quayside.commands import CommandError, database, listening, settings_of, state, terminal
from quayside.commands.tls import check_tls
from quayside.settings import parsers, secret_key
from quayside.settings.settings import Settings, SettingsError
from quayside.settings.site import site_of
from quayside.workers.mailer import Mailer
from resolvers.accounts.account import sharing_mailboxes, superusers_without_user
from resolvers.mail import MailUndelivered
from resolvers.site import untrusted_proxy
from storage.blobs import BlobError, open_blob_store
from storage.clock import now_ms
from storage.database import sqlite_path
from storage.space import Space, free_bytes

NOTHING_YET = "none before the first start"
WITHOUT_DATABASE = "not looked at without the database"
STYLES = {"ok": "green", "warn": "bold yellow", "failed": "bold red"}
PROXY_SEEN_MS = 86_400_000
"""For how long a proxy that is not trusted is warned of after it was seen last."""
_ALL_ONE = "limits, logs and sign-ins take all its clients for one address"


class Warned(Exception):
    """The registry works, but not as its operator may think. The message says what would mend it."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check. `run_check` returns a text if all is well, or raises `Warned` or `CommandError`."""

    name: str
    run_check: Callable[[Settings], Awaitable[str]]


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each check, `ok`, `warn` or `failed` first, on a terminal a table; 1 if any failed."""
    return asyncio.run(_run(settings_of(arguments)))


async def _run(settings: Settings) -> int:
    console = terminal.console()
    table = terminal.table("Result", "Check", "Finding")
    code = 0
    with terminal.progress("Checking") as tell:
        for check in CHECKS:
            tell(f"Checking: {check.name}")
            try:
                result, finding = "ok", await check.run_check(settings)
            except Warned as error:
                result, finding = "warn", str(error)
            except (CommandError, SettingsError) as error:
                result, finding, code = "failed", str(error), 1
            if console is None:
                print(f"{result:<6}  {check.name}: {finding}")
            else:
                table.add_row(terminal.text(result, STYLES[result]), check.name, terminal.text(finding))
    if console is not None:
        console.print(table)
    return code


async def _data_directory(settings: Settings) -> str:
    directory = settings.data_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise CommandError(f"{existing} is not a directory that can be written.")
    return str(directory) if existing == directory else f"{directory}, made at the first start"


def _require_private(path: Path) -> None:
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


async def _secret_key(settings: Settings) -> str:
    if settings.secret_key:
        return f"{len(settings.secret_key)} set"
    path = settings.data_dir / secret_key.FILE
    if not path.exists() and secret_key.has_database(settings):
        raise CommandError(secret_key.missing(settings))
    if not path.exists():
        return f"{path}, made at the first start"
    try:
        mode = (await aiofiles.os.stat(path)).st_mode & 0o777
        async with aiofiles.open(path, encoding="utf-8") as file:
            parsers.secret_keys((await file.read()).strip())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} holds no usable key: {error}.") from error
    if mode & 0o077:
        raise CommandError(f"{path} can be read by others than its owner (mode {mode:o}).")
    return str(path)


async def _database(settings: Settings) -> str:
    if not database.exists(settings):
        return f"{sqlite_path(settings.database_url)}, made at the first start"
    finding = f"{await database.check(settings)}, at the schema of this version"
    if settings.is_sqlite:
        _require_private(sqlite_path(settings.database_url))
    return finding


async def _in_database(settings: Settings, look: Callable[[Settings], Awaitable[str]]) -> str:
    """What `look` finds in the database; if that cannot be used, its own check has said why."""
    if not database.exists(settings):
        return NOTHING_YET
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(database.opened(settings))
        except CommandError:
            return WITHOUT_DATABASE
        return await look(settings)


async def _stored_secrets(settings: Settings) -> str:
    number = await state.check_secrets(secret_key.ensure(settings))
    return f"{number} decrypted" if number else "none yet"


async def _blobs(settings: Settings) -> str:
    try:
        blobs = open_blob_store(settings.blob_url)
        try:
            await blobs.check()
        finally:
            await blobs.close()
    except (BlobError, OSError) as error:
        raise CommandError(f"The blob store does not work: {error}.") from error
    return urlsplit(settings.blob_url).scheme


async def _blob_content(settings: Settings) -> str:
    number = await state.check_blobs(settings)
    return f"{number} looked up" if number else "none yet"


async def _space(settings: Settings) -> str:
    """Free space where blobs and SQLite are. Raises `CommandError` if uploads are refused."""
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
        raise CommandError(
            f"{told}; uploads are refused below {decimal(settings.disk_reserve)} (DISK_RESERVE). "
            "Delete tags, wait for the end of their history, and run quayside gc, or enlarge the disk."
        )
    return told or "kept elsewhere: PostgreSQL and a bucket"


async def _superusers(settings: Settings) -> str:
    if not settings.superusers:
        return "none are named in SUPERUSERS"
    missing = sorted(settings.superusers)
    if database.exists(settings):
        async with database.opened(settings):
            missing = await superusers_without_user(site_of(settings))
    if missing:
        return f"no user has these names yet: {', '.join(missing)}; `quayside admin create-user` makes one"
    return f"{len(settings.superusers)} named in SUPERUSERS"


async def _public_url(settings: Settings) -> str:
    names = ", ".join(sorted(settings.allowed_hosts))
    if not settings.reaches_clients and not names:
        raise CommandError(
            f"Clients cannot reach {settings.public_url}; set PUBLIC_URL to what they use, or ALLOWED_HOSTS"
            " to its names."
        )
    return f"{settings.public_url}, or as asked for {names}" if names else settings.public_url


async def _mailboxes(_: Settings) -> str:
    shared = await sharing_mailboxes()
    if shared:
        named = ", ".join(f"{name} ({email})" for name, email in shared[:20])
        more = f" and {len(shared) - 20} more" if len(shared) > 20 else ""
        raise Warned(
            f"these have the mailbox of another user, from an earlier version: {named}{more}; let them choose"
            " another address."
        )
    return "one user each"


async def _port(settings: Settings) -> str:
    try:
        sockets = await asyncio.to_thread(listening.bind, settings)
    except CommandError:
        if await _is_served_by_us(settings):
            return f"{listening.address(settings)}, where a quayside answers"
        raise
    for one in sockets:
        one.close()
    return f"{listening.address(settings)}, free"


async def _is_served_by_us(settings: Settings) -> bool:
    scheme = "https" if settings.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - Compared.
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}/healthz"
    try:
        # Whether its certificate is valid for this name is not the question here.
        async with httpx.AsyncClient(verify=False, timeout=5, trust_env=False) as client:  # noqa: S501
            answer = await client.get(url)
    except (httpx.HTTPError, OSError):
        return False
    return answer.text == "ok\n" and "X-Request-Id" in answer.headers


async def _proxies(settings: Settings) -> str:
    ends_tls = urlsplit(settings.public_url).scheme == "https" and settings.tls_cert is None
    if ends_tls and not settings.trusted_proxies:
        raise Warned(
            f"PUBLIC_URL is {settings.public_url} without a TLS_CERT, so that a proxy is in front, but"
            f" TRUSTED_PROXIES names none: {_ALL_ONE}."
        )
    seen = None
    if database.exists(settings):
        try:
            async with database.opened(settings):
                seen = await untrusted_proxy()
        except CommandError:
            # The check of the database says so.
            return "not known without the database"
    if seen is not None and now_ms() - seen.seen_at_ms < PROXY_SEEN_MS:
        address = ip_address(seen.address)
        if not any(address in network for network in settings.trusted_proxies):
            raise Warned(f"{address} forwards requests of others, but is not in TRUSTED_PROXIES: {_ALL_ONE}.")
    return "none that is not in TRUSTED_PROXIES was seen of late"


async def _tls(settings: Settings) -> str:
    check_tls(settings)
    if settings.tls_cert is None:
        return "not set; most clients demand HTTPS of any host but this one"
    return f"{Path(settings.tls_cert).name} and its key"


async def _mail(settings: Settings) -> str:
    mailer = Mailer.of(settings)
    if settings.mail_url is None or mailer is None:
        return "no server is set; mails stay in the outbox, which `quayside mail list` shows"
    try:
        await mailer.check()
    except MailUndelivered as error:
        raise CommandError(f"{settings.mail_url.address} does not take mail: {error}") from error
    return f"{settings.mail_url.address}, from {mailer.sender}"


CHECKS = (
    Check("data directory", _data_directory),
    Check("secret key", _secret_key),
    Check("database", _database),
    Check("stored secrets", partial(_in_database, look=_stored_secrets)),
    Check("blob store", _blobs),
    Check("blobs", partial(_in_database, look=_blob_content)),
    Check("space", _space),
    Check("superusers", _superusers),
    Check("mailboxes", partial(_in_database, look=_mailboxes)),
    Check("port", _port),
    Check("public address", _public_url),
    Check("proxies", _proxies),
    Check("TLS", _tls),
    Check("mail", _mail),
)
