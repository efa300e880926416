"""`quayside worker`: runs background jobs in its own process, beside servers started with `--no-jobs`."""

import argparse
import asyncio
import signal

from quayside.commands import CommandError, settings_of
from quayside.commands.database import opened, require_exists
from quayside.commands.state import check_secrets
from quayside.logs import configure
from quayside.settings import secret_key
from quayside.settings.settings import Settings
from quayside.workers.runner import POOL_SIZE, Runner
from quayside.workers.tools import kinds_of
from resolvers.job_kinds import GROUPS
from storage.blobs import open_blob_store
from storage.database import Database


def run(arguments: argparse.Namespace) -> int:
    """Run jobs until SIGTERM or SIGINT; those under way finish within seconds or are given back."""
    settings = settings_of(arguments)
    kinds = kinds_of(settings)
    if arguments.only is not None and not any(kind.is_meant_by(arguments.only) for kind in kinds.values()):
        names = ", ".join([*GROUPS, *kinds])
        raise CommandError(f"There is no kind of job '{arguments.only}'; there are {names}.")
    require_exists(settings)
    configure()
    asyncio.run(_run(secret_key.ensure(settings), arguments.only))
    return 0


async def _run(settings: Settings, only: str | None) -> None:
    async with opened(settings):
        await check_secrets(settings)
    database = await Database.connect(settings.database_url, pool_size=POOL_SIZE)
    blobs = open_blob_store(settings.blob_url, reserve_bytes=settings.disk_reserve)
    try:
        runner = Runner(database, settings, blobs, only=only)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, runner.stop)
        await runner.run()
    finally:
        await blobs.close()
        await database.close()
