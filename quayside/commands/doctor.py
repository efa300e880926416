"""`quayside doctor`: checks everything that the settings name, without changing anything."""

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from quayside.builds.buildah import Buildah
from quayside.builds.id_ranges import first_id
from quayside.commands import CommandError, database, listening, settings_of, state, terminal
from quayside.configuration import checks
from quayside.configuration.checks import (
    NOTHING_YET,
    WITHOUT_DATABASE,
    Check,
    Failed,
    Opened,
    Unusable,
    Warned,
    require_private,
)
from quayside.settings import secret_key
from quayside.settings.settings import Settings, SettingsError
from quayside.workers.mailer import Mailer
from resolvers.mail import MailUndelivered
from storage.blobs import BlobError, open_blob_store
from storage.database import sqlite_path

STYLES = {"ok": "green", "warn": "bold yellow", "failed": "bold red"}


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
                result, finding = "ok", await check.run_check(settings, _opened)
            except Warned as error:
                result, finding = "warn", str(error)
            except (CommandError, Failed, SettingsError) as error:
                result, finding, code = "failed", str(error), 1
            if console is None:
                print(f"{result:<6}  {check.name}: {finding}")
            else:
                table.add_row(terminal.text(result, STYLES[result]), check.name, terminal.text(finding))
    if console is not None:
        console.print(table)
    return code


async def _database(settings: Settings, _: Opened) -> str:
    if not database.exists(settings):
        return f"{sqlite_path(settings.database_url)}, made at the first start"
    finding = f"{await database.check(settings)}, at the schema of this version"
    if settings.is_sqlite:
        require_private(sqlite_path(settings.database_url))
    return finding


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[bool]:
    """The database, current in the block, unless there is none yet. Raises `Unusable`."""
    if not database.exists(settings):
        yield False
        return
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(database.opened(settings))
        except CommandError as error:
            raise Unusable(str(error)) from error
        yield True


async def _in_database(settings: Settings, opened: Opened, look: Callable[[Settings], Awaitable[str]]) -> str:
    """What `look` finds in the database; if that cannot be used, its own check has said why."""
    try:
        async with opened(settings) as is_there:
            return await look(settings) if is_there else NOTHING_YET
    except Unusable:
        return WITHOUT_DATABASE


async def _stored_secrets(settings: Settings) -> str:
    number = await state.check_secrets(secret_key.ensure(settings))
    return f"{number} decrypted" if number else "none yet"


async def _blobs(settings: Settings, _: Opened) -> str:
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


async def _port(settings: Settings, _: Opened) -> str:
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


async def _builds(settings: Settings, opened: Opened) -> str:
    if "BUILD_SUPPORT" not in settings.features:
        return await checks.BUILDS.run_check(settings, opened)
    found = []
    try:
        finding = await checks.BUILDS.run_check(settings, opened)
    except Warned as error:
        finding = ""
        found.append(str(error))
    with tempfile.TemporaryDirectory() as directory:
        trial = Path(directory)
        buildah = Buildah(trial, ids=first_id(trial, "trial"), may_be_root=settings.build_unsafe_root)
        reason = await buildah.why_not()
    if reason is not None:
        found.append(f"Builds wait unless another machine takes them: {reason}")
    if shutil.which("git") is None:
        found.append("The program git is not installed, so that triggers cannot be activated.")
    if found:
        raise Warned(" ".join(found))
    return finding


async def _mail(settings: Settings, _: Opened) -> str:
    mailer = Mailer.of(settings)
    if settings.mail_url is None or mailer is None:
        return "no server is set; mails stay in the outbox, which `quayside mail list` shows"
    try:
        await mailer.check()
    except MailUndelivered as error:
        raise CommandError(f"{settings.mail_url.address} does not take mail: {error}") from error
    return f"{settings.mail_url.address}, from {mailer.sender}"


CHECKS = (
    checks.DATA_DIRECTORY,
    checks.SECRET_KEY,
    Check("database", _database, ("DATABASE_URL",)),
    Check("stored secrets", partial(_in_database, look=_stored_secrets), ("SECRET_KEY",)),
    Check("blob store", _blobs, ("BLOB_URL",)),
    Check("blobs", partial(_in_database, look=_blob_content), ("BLOB_URL",)),
    checks.SPACE,
    checks.SUPERUSERS,
    checks.MAILBOXES,
    Check("port", _port, ("HOST", "PORT")),
    checks.PUBLIC_ADDRESS,
    checks.PROXIES,
    checks.TLS,
    Check("builds", _builds, checks.BUILDS.settings),
    Check("mail", _mail, ("MAIL_URL",)),
)
