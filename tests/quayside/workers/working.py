"""A process that runs jobs of `tests.quayside.workers.kinds` until SIGTERM.

python -m tests.quayside.workers.working

Its times are shorter than those of a server, in the same proportions, since tests wait for them.
"""

import asyncio
import os
import signal
import sys

from quayside import logs
from quayside.settings.settings import load_settings
from quayside.workers import execution
from quayside.workers import runner as running
from quayside.workers.runner import Runner
from resolvers.job_kinds import KINDS
from storage import jobs
from storage.blobs import open_blob_store
from storage.database import Database
from tests.quayside.workers import kinds
from tests.quayside.workers.times import LEASE_MS


async def main() -> None:
    jobs.LEASE_MS = LEASE_MS
    running.HEARTBEAT_S = 0.7
    running.STOP_GRACE_S = 5.0
    execution.GRACE_S = 2.0
    logs.configure()
    settings = load_settings({}, os.environ)
    database = await Database.connect(settings.database_url)
    blobs = open_blob_store(settings.blob_url)
    made = {name: kind for name, kind in KINDS.items() if kind.handler.__module__ == kinds.__name__}
    runner = Runner(database, settings, blobs, kinds=made)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runner.stop)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        await runner.run()
    finally:
        await blobs.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
